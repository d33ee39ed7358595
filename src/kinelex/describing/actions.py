"""Actions with a beginning and an end: kicks, jumps, squats, raised and waving hands, sitting and lying down."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from kinelex.describing.episode import Episode
from kinelex.evaluation.probes.actions import (
    hand_path,
    hand_raised,
    jumps,
    kicks,
    lies,
    sits,
    squats,
    swings,
)
from kinelex.evaluation.probes.body import SIDES, Body
from kinelex.evaluation.probes.questions import episodes
from kinelex.motion.contacts import runs_with
from kinelex.motion.flight import fall

_FOOT_UP = 0.06  # leg lengths; a kick lasts as long as its foot is higher
# Leg lengths of a wrist above its lowest, and from its shoulder; an arm that goes up is above both.
_HAND_UP, _HANGING = 0.1, -0.5
_RISE, _RAISED_SECONDS = 0.45, 0.4  # leg lengths of the wrist; at the top
# A hand that waves turns back at least so often after so many leg lengths; a quiet one at most so often.
_WAVES, _WAVE_SWING = 3, 0.05
_QUIET, _QUIET_SWING = 2, 0.02
# Of a jumping jack, leg lengths: of both wrists above their shoulders, between the ankles then, and before and after.
_HIGH, _PARTED, _CLOSED = 0.2, 0.55, 0.4
_TOGETHER = 0.6  # share of their time that two raised hands have in common when both are meant
_LOW, _RISEN = 1.02, 0.95  # leg lengths of the pelvis, about 1.15 when standing; before and after a squat
_SETTLES, _STAYS = 0.5, 0.6  # seconds of a seat that belong to sitting down; and after which one stays
_LEVEL, _FORWARD = 0.12, 0.3  # metres between the floors of start and landing; metres that a jump goes ahead
# Metres a second squared: gravity, less what counts as flight while a foot still pushes.
_FALL = 5.0
_AROUND_FLIGHT = 0.4  # seconds in which a jump starts and lands
_UPRIGHT = 0.85  # cosine of the trunk to up
_STANDING = 0.25  # metres a second of the pelvis, below which what the hands do is what is happening


def actions(body: Body) -> list[Episode]:
    """What happens, in order, none while another does.

    What the legs do counts before what the hands do, as in a squat with the arms held out; of two other things at once
    neither has a name.
    """
    legs = _in_turn((*_kicks(body), *_jumps(body), *_low(body)))
    free = torch.ones(len(body.positions), dtype=torch.bool)
    for leg in legs:
        free[leg.start : leg.stop] = False
    return _in_turn((*legs, *_hands(body, free)))


def _in_turn(found: Iterable[Episode]) -> list[Episode]:
    """Actions in order; of two that overlap a little each gets half, two at once are one without a name."""
    kept: list[Episode] = []
    for action in sorted(found, key=lambda each: each.start):
        overlap = _overlap(kept[-1], action) if kept else 0
        if overlap <= 0:
            kept.append(action)
        elif overlap > min(kept[-1].frames, action.frames) / 3:
            before = kept.pop()
            kept.append(Episode("", "", before.start, max(before.stop, action.stop)))
        else:
            before, middle = kept.pop(), action.start + overlap // 2
            kept += [replace(before, stop=middle), replace(action, start=middle)]
    return kept


def _overlap(one: Episode, other: Episode) -> int:
    """Frames that two actions have in common; not positive where there are none."""
    return min(one.stop, other.stop) - max(one.start, other.start)


def _kicks(body: Body) -> Iterator[Episode]:
    for side, name in enumerate(SIDES):
        up = body.ankle_height[:, side] > _FOOT_UP
        for start, stop in _spans(up, kicks(body, side), body.fps):
            yield Episode("kick", name, start, stop)


def _jumps(body: Body) -> Iterator[Episode]:
    """Each flight with the time that it takes to start and to land; of two close ones up to the middle between."""
    reach = round(_AROUND_FLIGHT * body.fps)
    flights = episodes(jumps(body), body.fps)
    for place, (first, last) in enumerate(flights):
        start, stop = max(0, first - reach), min(len(body.positions), last + 1 + reach)
        if place and flights[place - 1][1] + reach > start:
            start = max(start, (flights[place - 1][1] + first + 1) // 2)
        if place + 1 < len(flights) and flights[place + 1][0] - reach < stop:
            stop = min(stop, (last + flights[place + 1][0] + 1) // 2)
        yield Episode(_jump(body, start, stop) if _falls(body, first, last) else "", "", start, stop)


def _jump(body: Body, start: int, stop: int) -> str:
    """What a jump is called; nothing for one onto something or down from it."""
    lower = body.clearance[[start, stop - 1]].amin(-1)
    if float((lower[1] - lower[0]).abs()) > _LEVEL:
        return ""
    path = body.joint("pelvis")[start:stop, [0, 2]]
    ahead = float(((path[-1] - path[0]) * body.heading[start]).sum())
    return "jump forward" if ahead > _FORWARD else "jump"


def _falls(body: Body, first: int, last: int) -> bool:
    """Whether the pelvis falls freely meanwhile: on a stair or a rock both feet may be far above the ground, too."""
    return fall(body.joint("pelvis")[max(0, first - 1) : last + 2, 1], body.fps) > _FALL


def _low(body: Body) -> Iterator[Episode]:
    """Squats, seats, and getting down to lie; anything else that is low has no name."""
    lying, squatting, seated = lies(body), squats(body), sits(body)
    low = (body.pelvis_height < _LOW) | lying
    for start, stop in _spans(low, body.pelvis_height < 0.8, body.fps):
        whole = slice(start, stop)
        ends = stop == len(low)
        risen = body.pelvis_height[[start, stop - 1]] > _RISEN
        if lying[whole].any():
            yield Episode("lie down" if ends and lying[-1] and not lying[start] else "", "", start, stop)
        elif seated[whole].any():
            yield from _seat(seated, risen.tolist(), start, stop, body.fps)
        else:
            yield Episode("squat" if squatting[whole].any() and risen.all() else "", "", start, stop)


def _seat(seated: Tensor, risen: list[bool], start: int, stop: int, fps: float) -> Iterator[Episode]:
    """Sitting down, staying seated and standing up, as much of it as there is.

    Args:
        risen: whether the body stands in the first and in the last frame.
    """
    frames = start + torch.nonzero(seated[start:stop])
    first, last = int(frames[0]), int(frames[-1]) + 1
    came, goes = risen
    settled = first + round(_SETTLES * fps) if came else first
    if last - settled < _STAYS * fps:
        settled = last
    parts = (("sit down" if came else "", start, settled), ("sit", settled, last))
    for kind, begin, end in (*parts, ("stand up" if goes else "", last, stop)):
        if begin < end:
            yield Episode(kind, "", begin, end)


def _hands(body: Body, free: Tensor) -> list[Episode]:
    """Raised hands of a body that stays where it is, in frames in which the legs do nothing else."""
    each = [list(_raised(body, side, free)) for side in range(2)]
    joined: list[Episode] = []
    for left in each[0]:
        partner = next((right for right in each[1] if _at_once(left, right)), None)
        if partner is None:
            joined.append(left)
            continue
        each[1].remove(partner)
        span = min(left.start, partner.start), max(left.stop, partner.stop)
        if _feet_part(body, *span):
            joined.append(Episode("jumping jack", "", *span))
        else:
            kind = left.kind if left.kind == partner.kind else ""
            joined.append(Episode(kind, "both" if kind else "", *span))
    return [*joined, *each[1]]


def _feet_part(body: Body, start: int, stop: int) -> bool:
    """Whether the feet are apart while both hands are high, and together before and after."""
    apart = (body.joint("left_ankle") - body.joint("right_ankle")).norm(dim=-1)[start:stop] / body.leg
    high = torch.nonzero(body.hand_height[start:stop].amin(-1) > _HIGH).flatten()
    if not len(high):
        return False
    before, during, after = apart[: high[0] + 1], apart[high], apart[high[-1] :]
    return float(during.max()) > _PARTED and max(float(before.min()), float(after.min())) < _CLOSED


def _at_once(one: Episode, other: Episode) -> bool:
    return _overlap(one, other) > _TOGETHER * max(one.frames, other.frames)


def _raised(body: Body, side: int, free: Tensor) -> Iterator[Episode]:
    height = body.hand_height[:, side]
    lowest = float(height.min())
    up = hand_raised(body, side)
    lifted = height > max(lowest + _HAND_UP, _HANGING)
    shortest = round(_RAISED_SECONDS * body.fps)
    for start, stop in _spans(lifted & free, up, body.fps):
        whole = slice(start, stop)
        # Bending down brings hands to the height of the shoulders; walking swings them.
        if float(body.velocity[whole].norm(dim=-1).mean()) > _STANDING:
            continue
        if float(body.uprightness[whole].min()) < _UPRIGHT:
            yield Episode("", "", start, stop)
            continue
        top = height[whole].max()
        if int(up[whole].sum()) < shortest or float(top) - lowest < _RISE:
            yield Episode("", "", start, stop)
        else:
            kind = _gesture(body, side, whole)
            yield Episode(kind, SIDES[side] if kind else "", start, stop)


def _gesture(body: Body, side: int, whole: slice) -> str:
    """wave for a raised hand that clearly goes to and fro, raise for one that does not; empty between."""
    hand = hand_path(body, side)[whole][hand_raised(body, side)[whole]]
    if swings(hand, _WAVE_SWING) >= _WAVES:
        return "wave"
    return "raise" if swings(hand, _QUIET_SWING) <= _QUIET else ""


def _spans(around: Tensor, core: Tensor, fps: float) -> Iterator[tuple[int, int]]:
    """First frame and the frame after the last of the runs of `around` in which `core` is reached."""
    runs = runs_with(around, around & core, 1)
    yield from ((first, last + 1) for first, last in episodes(runs, fps))
