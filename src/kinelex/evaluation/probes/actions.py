"""In which frames a body does a thing: kicks, jumps, squats, waves ...

A detector maps a `Body` to (T,) bool. What it calls a kick is written out here in angles, heights and speeds; how
often that agrees with people's labels is measured by `validation`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from kinelex.evaluation.probes.body import SIDES, Body
from kinelex.motion.contacts import run_ids, runs_with
from kinelex.motion.heading import to_heading

Detector = Callable[[Body], Tensor]

_RAISED = -0.12  # leg lengths of the wrist above the shoulder; a hanging hand is at -0.6
_NEAR_HIGHEST = 0.25
_KICK_HEIGHT, _KICK_KNEE = 0.3, 120.0  # leg lengths; degrees. A runner's heel comes as high with a bent knee
_KICK_BEHIND = -0.1  # leg lengths of the foot ahead of its hip; a runner's rear leg is as high and straight
_FLIGHT = 0.03  # metres under both feet
_JUMP_SECONDS, _LEAP_SECONDS = 0.22, 0.28  # with the feet together, and apart; a runner flies for 0.1 to 0.25
_JUMP_HEIGHT = 0.08  # metres under the lower foot at the top
_FEET_TOGETHER = 0.42  # leg lengths between the ankles
_LOW_PELVIS = 0.8  # leg lengths
_UPRIGHT, _FLAT = 0.5, 0.5  # cosines to up
# Of who sits: leg lengths of the pelvis (less is the floor), metres a second of it, degrees of both knees, leg lengths
# of the joints' middle behind the ankles, where who squats would fall over, and seconds that this lasts.
_SEAT, _SEATED_SPEED, _SEATED_KNEE, _UNBALANCED, _SEATED_SECONDS = (0.4, 0.9), 0.2, 130.0, 0.15, 0.6
_WALK_SPEED = 0.25  # metres a second
_WAVE_TURNS = ((3, 0.05), (5, 0.015))  # at least so many turns with so many leg lengths between; or so


def hand_raised(body: Body, side: int) -> Tensor:
    """The wrist is at the height of the shoulder or above."""
    return body.hand_height[:, side] > _RAISED


def raises(body: Body) -> Tensor:
    """A hand is up, at shoulder height or above, and near the highest that a hand gets in the clip."""
    highest = body.hand_height.amax(-1)
    return (highest > _RAISED) & (highest > highest.max() - _NEAR_HIGHEST)


def waves(body: Body) -> Tensor:
    """A raised hand goes to and fro: it turns back a few times, or gently more often, before it is lowered."""
    found = torch.zeros(len(body.positions), dtype=torch.bool)
    for side in range(2):
        run = run_ids(hand_raised(body, side))
        hand = hand_path(body, side)
        for number in range(1, int(run.max()) + 1):
            frames = torch.nonzero(run == number).flatten()
            found[frames] |= any(swings(hand[frames], swing) >= turns for turns, swing in _WAVE_TURNS)
    return found


def swings(hand: Tensor, swing: float) -> int:
    """How often a hand (T, 3) turns back after at least `swing`, along the axis on which it does so most."""
    return max(int(turning_points(path, swing).sum()) for path in hand.T)


def kicks(body: Body, side: int | None = None) -> Tensor:
    """A foot is high on a leg that is nearly straight and not behind, the other foot near the ground.

    Args:
        side: 0 for the left leg, 1 for the right, None for either.
    """
    legs = [body.joint(f"{name}_ankle") - body.joint(f"{name}_hip") for name in SIDES]
    ahead = torch.stack([(leg[:, [0, 2]] * body.heading).sum(-1) for leg in legs], dim=-1) / body.leg
    high = (body.ankle_height > _KICK_HEIGHT) & (body.knee_angle > _KICK_KNEE) & (ahead > _KICK_BEHIND)
    stands = (body.ankle_height.flip(-1) < _KICK_HEIGHT / 2) & (body.pelvis_height > _LOW_PELVIS).unsqueeze(
        -1
    )
    kick = high & stands
    return kick.any(-1) if side is None else kick[:, side]


def jumps(body: Body) -> Tensor:
    """Both feet are off the ground: side by side, or for longer than in running."""
    lower = body.clearance.amin(-1)
    flight = (lower > _FLIGHT) & (body.pelvis_height > _LOW_PELVIS)
    apart = (body.joint("left_ankle") - body.joint("right_ankle")).norm(dim=-1) / body.leg
    found, run = torch.zeros_like(flight), run_ids(flight)
    for number in range(1, int(run.max()) + 1):
        frames = run == number
        together = bool(apart[frames].mean() < _FEET_TOGETHER)
        long = float(frames.sum()) / body.fps > (_JUMP_SECONDS if together else _LEAP_SECONDS)
        found |= frames & (long and float(lower[frames].max()) > _JUMP_HEIGHT)
    return found


def squats(body: Body) -> Tensor:
    """The pelvis is low over the feet, knees bent, trunk not lying."""
    low = body.pelvis_height < _LOW_PELVIS
    bent = (body.knee_angle < 110.0).all(-1)
    return low & bent & (body.uprightness > _FLAT)


def sits(body: Body) -> Tensor:
    """The pelvis rests at a seat's height over bent knees, so far behind the feet that something else holds it."""
    ankles = (body.joint("left_ankle") + body.joint("right_ankle")) / 2
    ahead = ((body.positions.mean(1) - ankles)[:, [0, 2]] * body.heading).sum(-1) / body.leg
    height, (lowest, highest) = body.pelvis_height, _SEAT
    low = (height > lowest) & (height < highest) & (body.uprightness > _UPRIGHT)
    bent = (body.knee_angle < _SEATED_KNEE).all(-1)
    still = body.velocity.norm(dim=-1) < _SEATED_SPEED
    seated = low & bent & still & (ahead < -_UNBALANCED)
    return runs_with(seated, seated, max(1, round(_SEATED_SECONDS * body.fps)))


def lies(body: Body) -> Tensor:
    """The trunk is level and close to the ground."""
    return (body.uprightness < _FLAT) & (body.pelvis_height < 0.4)


def walks(body: Body) -> Tensor:
    """The pelvis travels, smoothed over a step."""
    return body.smooth(body.velocity, 0.5).norm(dim=-1) > _WALK_SPEED


def turns(body: Body, direction: int | None = None) -> Tensor:
    """The body turns by more than 30 degrees a second.

    Args:
        direction: 1 to its left, -1 to its right, None for either.
    """
    rate = body.speed(body.smooth(body.yaw, 0.5))
    limit = torch.pi / 6
    return rate.abs() > limit if direction is None else direction * rate > limit


def hand_path(body: Body, side: int) -> Tensor:
    """(T, 3) leg lengths of the wrist from its shoulder: to the left, up and ahead as the body faces."""
    wrist = body.smooth(body.joint(f"{SIDES[side]}_wrist") - body.joint(f"{SIDES[side]}_shoulder"))
    return to_heading(wrist.unsqueeze(1), body.heading).squeeze(1) / body.leg


def turning_points(path: Tensor, swing: float) -> Tensor:
    """(T,) bool: where a path (T,) turns back after at least `swing`, and goes back by as much.

    Found from the path's extremes by removing, smallest first, neighbouring ones that are less than `swing` apart.
    """
    slope = torch.sign(path.diff())
    corners = torch.nonzero(slope[1:] * slope[:-1] < 0).flatten() + 1
    places = [0, *corners.tolist(), len(path) - 1]
    values = path[places].tolist()
    while len(places) > 2:
        gaps = [abs(b - a) for a, b in pairwise(values)]
        smallest = min(range(len(gaps)), key=gaps.__getitem__)
        if gaps[smallest] >= swing:
            break
        drop = _dropped(smallest, len(places))
        places = [place for index, place in enumerate(places) if index not in drop]
        values = [value for index, value in enumerate(values) if index not in drop]
    marks = torch.zeros(len(path), dtype=torch.bool)
    marks[places[1:-1]] = True
    return marks


def _dropped(gap: int, count: int) -> set[int]:
    """Which of the two ends of a gap go: both inner ones, but never the first or last of the path."""
    if gap == 0:
        return {1}
    return {gap} if gap == count - 2 else {gap, gap + 1}
