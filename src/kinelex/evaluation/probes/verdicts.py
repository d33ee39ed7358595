"""What a clip shows, one word a question: which way it turns, which hand is up, walk or run, how often ...

A verdict maps a `Body` to one of a few words. None of them was learned; the limits were set on the training split
of labelled recordings and are measured on others by `validation`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.evaluation.probes.actions import kicks, sits, squats
from kinelex.evaluation.probes.body import SIDES, Body, unwrapped
from kinelex.motion.contacts import run_ids

_TURNED = torch.pi / 5  # radians; walking straight ends within 0.4 of where it began
TRAVELLED = 0.6  # metres; a step to kick or throw stays below
_MOVING = 0.25  # metres a second
_SIDEWAYS, _BACKWARDS = torch.pi / 11, 0.6 * torch.pi  # radians from straight ahead
_RUN_SPEED, _RUN_FLIGHT, _RUN_STRIDES = (
    1.9,
    0.1,
    2.5,
)  # metres a second; share of frames; half strides a second
_FOOT_OFF = 0.015  # metres under both feet
_RAISED, _RISE, _RAISED_SECONDS = -0.12, 0.45, 0.5  # leg lengths from the shoulder; from the hand's lowest
_BOTH = 0.2  # leg lengths by which one hand may stay below the other
_STILL, _STILL_SECONDS = 0.25, 0.4  # metres a second of the pelvis; at the end of the clip


def turn(body: Body) -> str:
    """left, right or straight: to which side the heading first leaves where it was.

    Not the net turn: recordings go on after what their label says, at times with a turn back.
    """
    yaw = body.smooth(body.yaw, 0.5)
    away = torch.nonzero(yaw.abs() > _TURNED).flatten()
    return _signed(float(yaw[away[0]]) if len(away) else 0.0, "left", "right", "straight")


def winding(body: Body) -> str:
    """counterclockwise, clockwise or straight, seen from above: the turn of the path, or of the body in place."""
    if travel(body) == "in place":
        turned = body.yaw[-1]
    else:
        path = body.smooth(body.joint("pelvis")[:, [0, 2]], 0.5)
        steps = body.speed(path)
        moving = steps.norm(dim=-1) > _MOVING
        turned = unwrapped(steps[moving])[-1] if moving.any() else body.yaw[-1]
    return _signed(float(turned), "counterclockwise", "clockwise", "straight")


def travel(body: Body) -> str:
    """in place or travelling: how far the pelvis gets from where it began."""
    path = body.joint("pelvis")[:, [0, 2]]
    return "travelling" if float((path - path[0]).norm(dim=-1).max()) > TRAVELLED else "in place"


def direction(body: Body) -> str:
    """forward, backward, left or right, as the body faces while it moves; none in place."""
    moving = body.velocity.norm(dim=-1) > _MOVING
    if travel(body) == "in place" or not moving.any():
        return "none"
    forward, left = body.velocity[moving].mean(0).tolist()
    angle = float(torch.atan2(torch.tensor(left), torch.tensor(forward)))
    if abs(angle) < _SIDEWAYS:
        return "forward"
    if abs(angle) > _BACKWARDS:
        return "backward"
    return "left" if angle > 0 else "right"


def gait(body: Body) -> str:
    """walk or run, by speed, flight and rhythm; none in place."""
    if travel(body) == "in place":
        return "none"
    speed = body.velocity.norm(dim=-1)
    moving = speed > _MOVING
    if not moving.any():
        return "none"
    runs = (
        float(speed[moving].mean()) > _RUN_SPEED
        or float(flight(body)[moving].mean()) > _RUN_FLIGHT
        or strides(body) > _RUN_STRIDES
    )
    return "run" if runs else "walk"


def flight(body: Body) -> Tensor:
    """(T,) 1 where both feet are off the ground, else 0."""
    return (body.clearance.amin(-1) > _FOOT_OFF).double()


def strides(body: Body) -> float:
    """How often a second one ankle rises above the other."""
    difference = body.smooth(body.ankle_height[:, 0] - body.ankle_height[:, 1], 0.1)
    return float((difference[1:] * difference[:-1] < 0).sum()) / (len(difference) / body.fps)


def hand(body: Body) -> str:
    """left, right or both: which hand goes up; none when neither does."""
    reach = torch.quantile(body.hand_height, 0.95, dim=0)
    rise = reach - body.hand_height.amin(0)
    up = (reach > _RAISED) & (rise > _RISE)
    if not up.any():
        return "none"
    if float((reach - reach.flip(0))[0].abs()) < _BOTH:
        return "both"
    return SIDES[int(reach.argmax())]


def raised(body: Body) -> str:
    """yes or no: a hand goes up to the shoulder or beyond and stays for a moment."""
    for side in range(2):
        height = body.hand_height[:, side]
        up = (height > _RAISED) & (float(height.max() - height.min()) > _RISE)
        if longest(up) / body.fps >= _RAISED_SECONDS:
            return "yes"
    return "no"


def foot(body: Body) -> str:
    """left or right: which leg kicks more; none without a kick."""
    frames = [int(kicks(body, side).sum()) for side in range(2)]
    return "none" if max(frames) == 0 else SIDES[int(frames[1] > frames[0])]


def stops(body: Body) -> str:
    """still or moving: whether the pelvis travels at the end of the clip."""
    tail = max(2, round(_STILL_SECONDS * body.fps))
    return "still" if float(body.velocity[-tail:].norm(dim=-1).mean()) < _STILL else "moving"


def squat(body: Body) -> str:
    """yes or no: the pelvis goes down over bent knees and comes up again, without lying down."""
    down = squats(body)
    if not down.any() or float(body.uprightness.min()) < 0.2:
        return "no"
    last = int(torch.nonzero(down)[-1])
    return "yes" if last < len(down) - 1 and float(body.pelvis_height[last:].max()) > 0.85 else "no"


def sit(body: Body) -> str:
    """yes or no: a seat holds the body for a while, or it ends upright with the pelvis that low or on the ground."""
    if sits(body).any():
        return "yes"
    tail = max(1, round(_STILL_SECONDS * body.fps))
    low = float(body.pelvis_height[-tail:].mean()) < 0.85
    return "yes" if low and float(body.uprightness[-tail:].mean()) > 0.6 else "no"


def pace(body: Body) -> float:
    """Metres a second: of the pelvis in travelling, else of the hands and feet while they move."""
    if travel(body) == "travelling":
        speed = body.velocity.norm(dim=-1)
    else:
        tips = [body.joint(f"{side}_{part}") for side in SIDES for part in ("wrist", "foot")]
        speed = torch.stack([body.speed(body.smooth(tip)).norm(dim=-1) for tip in tips]).amax(0)
    moving = speed > _MOVING
    return float(speed[moving].mean()) if moving.any() else 0.0


def longest(mask: Tensor) -> int:
    """Frames of the longest run of True in (T,)."""
    return int(torch.bincount(run_ids(mask))[1:].max()) if mask.any() else 0


def _signed(turned: float, left: str, right: str, neither: str) -> str:
    if abs(turned) < _TURNED:
        return neither
    return left if turned > 0 else right
