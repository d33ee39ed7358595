"""Steps on the spot, made by geometry from a body that walks or runs straight ahead.

The averaged path of the pelvis and the turns of the body are taken out. Both feet come down beneath the hips: of how
far an ankle gets ahead or behind a small share is left. A foot lifts while it swung, its toe hanging, and is flat where
it stood. Legs follow their feet by inverse kinematics. Arms and trunk do what they did, but for the lean into a run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.heading import facing, from_heading, to_heading
from kinelex.motion.leg_ik import FootPaths, Leg, legs_of, place_feet, rotated, turn_between
from kinelex.motion.skeleton import Skeleton

_STRIDE = 1.0  # seconds over which path and heading are averaged
_SHORT = 0.1  # seconds over which swings are averaged
_BLEND = 0.2  # seconds over which the pelvis follows its legs
_AHEAD, _SWAY = 0.06, 0.4  # shares that are left of how far ankle and pelvis get ahead of the path
_APART = 0.06  # metres of each ankle, at least, to its side of the path
_LEAN = 0.05  # radians that the trunk leans on average, at most
# Metres of lift in a fast swing; metres a second at which it is half of that; metres that all lifts approach.
_SWING_LIFT, _HALF_SWING, _HIGHEST = 0.18, 1.5, 0.5
_HANG, _HANGING = 3.0, 0.6  # radians a metre of lift by which the toe sinks, and at most
_PLANTED = 0.02  # metres of lift at which a foot carries less
_DOWN = 0.015  # metres of lift below which it is held in place


@dataclass(frozen=True)
class _Step:
    """Where a foot goes, ankle (T, 3) and joints below (T, F, 3); how high (T,) in metres above where it stands."""

    ankle: Tensor
    foot: Tensor
    lift: Tensor


def step_in_place(positions: Tensor, fps: float, skeleton: Skeleton) -> Tensor:
    """The same body stepping on the spot where it began, facing where it faced on average.

    Args:
        positions: (T, J, 3) joints in metres, Y up, floor at y = 0, of a body that walks or runs straight ahead.
        fps: frames a second.
        skeleton: what the joints are.

    Returns:
        (T, J, 3); every bone keeps its length, feet that stand stay where they are.
    """
    joints = positions.double()
    path = _averaged(joints[:, 0] * joints.new_tensor((1.0, 0.0, 1.0)), _STRIDE, fps)
    yaw = _averaged(_yaw(joints, skeleton), _STRIDE, fps)
    heading = torch.cat((yaw.sin(), yaw.cos()), dim=-1)
    local = to_heading(joints - path.unsqueeze(-2), heading)
    forward = _forward(to_heading(_speed(path, fps).unsqueeze(-2), heading)[:, 0])

    steps = _steps(local, forward, fps, skeleton)
    body = _upright(local, forward, skeleton)
    body = body - (1 - _SWAY) * (body[:, :1] @ forward).unsqueeze(-1) * forward
    body = body + _rise(local, body, steps, fps, skeleton).unsqueeze(-2)
    left, right = steps
    paths = FootPaths(torch.stack((left.ankle, right.ankle)), torch.stack((left.foot, right.foot)))
    body = place_feet(body, paths, max(1, round(_BLEND * fps)), skeleton)

    mean = functional.normalize(heading.mean(0), dim=-1).expand_as(heading)
    down = torch.stack([step.lift < _DOWN for step in steps], dim=-1).repeat_interleave(2, dim=-1)
    return lock_feet(from_heading(body, mean) + path[:1], fps, skeleton, down).to(positions.dtype)


def _yaw(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(T, 1) radians from +Z towards +X that a body faces, without jumps of whole turns."""
    heading = facing(joints, skeleton)
    angle = torch.atan2(heading[:, :1], heading[:, 1:])
    steps = torch.remainder(angle.diff(dim=0) + math.pi, 2 * math.pi) - math.pi
    return torch.cat((angle[:1], angle[:1] + steps.cumsum(0)))


def _averaged(values: Tensor, seconds: float, fps: float) -> Tensor:
    """Moving average of (T, C) that keeps first and last: beyond them the values go on as their image in that point."""
    half = min(round(seconds * fps / 2), len(values) - 1)
    if half == 0:
        return values
    before = 2 * values[:1] - values[1 : half + 1].flip(0)
    after = 2 * values[-1:] - values[-half - 1 : -1].flip(0)
    rows = torch.cat((before, values, after)).T.unsqueeze(0)
    return functional.avg_pool1d(rows, 2 * half + 1, stride=1)[0].T


def _speed(values: Tensor, fps: float) -> Tensor:
    """(T, C) change a second of values (T, C)."""
    return torch.gradient(values, dim=0)[0] * fps if len(values) > 1 else torch.zeros_like(values)


def _forward(velocity: Tensor) -> Tensor:
    """(3,) the direction in which a body goes, on average; where it does not, where it faces.

    Who walks straight on may face a little to the side.
    """
    return functional.normalize(velocity.mean(0) + 1e-6 * _axis(velocity, 2), dim=-1)


def _axis(like: Tensor, axis: int) -> Tensor:
    """(3,) unit vector along x, y or z."""
    return torch.eye(3, dtype=like.dtype, device=like.device)[axis]


def _upright(local: Tensor, forward: Tensor, skeleton: Skeleton) -> Tensor:
    """The body turned about its pelvis, by the same angle in every frame, such that it hardly leans ahead."""
    up = _axis(local, 1)
    trunk = (local[:, skeleton.index("neck")] - local[:, 0]).mean(0)
    lean = torch.atan2(trunk @ forward, trunk @ up)
    less = lean.clamp(-_LEAN, _LEAN)
    turn = turn_between(lean.sin() * forward + lean.cos() * up, less.sin() * forward + less.cos() * up)
    return local[:, :1] + rotated(turn, local - local[:, :1])


def _steps(local: Tensor, forward: Tensor, fps: float, skeleton: Skeleton) -> tuple[_Step, _Step]:
    """What the left and the right foot do."""
    left, right = legs_of(skeleton)
    apart = (local[:, left.ankle] - local[:, right.ankle]) @ forward
    # While one foot stands, this is the speed at which the other swings; while both stand, it is zero.
    swing = _averaged(_speed(apart.unsqueeze(-1), fps), _SHORT, fps)[:, 0]
    leftward = torch.linalg.cross(_axis(local, 1), forward, dim=-1)
    return (
        _step(local, left, swing.clamp(min=0), forward, leftward),
        _step(local, right, (-swing).clamp(min=0), forward, -leftward),
    )


def _step(local: Tensor, leg: Leg, swing: Tensor, forward: Tensor, outward: Tensor) -> _Step:
    """What a foot does that swung ahead at (T,) metres a second."""
    up = _axis(local, 1)
    ankle, toe = local[:, leg.ankle], local[:, leg.toe]
    height, toe_height = torch.quantile(torch.stack((ankle[:, 1], toe[:, 1])), 0.1, dim=-1)
    off_ground = torch.minimum(ankle[:, 1] - height, toe[:, 1] - toe_height).clamp(min=0)
    lift = off_ground + _SWING_LIFT * swing.square() / (swing.square() + _HALF_SWING**2)
    lift = lift / (1 + lift / _HIGHEST)

    # One way for all frames: a foot in the air may point straight down.
    planted = (-lift / _PLANTED).exp().unsqueeze(-1)
    along = functional.normalize((planted * (toe - ankle) * (1 - up)).sum(0), dim=-1)
    length = (toe - ankle).norm(dim=-1)
    flat = torch.asin(((height - toe_height) / length).clamp(-1, 1))
    pitch = flat + (_HANG * lift).clamp(max=_HANGING)
    turn = turn_between(toe - ankle, pitch.cos().unsqueeze(-1) * along - pitch.sin().unsqueeze(-1) * up)

    place = (_AHEAD * (ankle @ forward)).unsqueeze(-1) * forward
    place = (
        place
        + (ankle @ outward).clamp(min=_APART).unsqueeze(-1) * outward
        + (height + lift).unsqueeze(-1) * up
    )
    # The heel leaves the ground first: the ankle goes ahead over the toe.
    place = place + (length * (flat.cos() - pitch.cos())).unsqueeze(-1) * along
    below = rotated(turn, local[:, list(leg.foot)] - ankle.unsqueeze(-2))
    return _Step(place, place.unsqueeze(-2) + below, lift)


def _rise(local: Tensor, body: Tensor, steps: tuple[_Step, _Step], fps: float, skeleton: Skeleton) -> Tensor:
    """(T, 3) upwards, such that a leg that stands beneath the hips is as straight as it was ahead of or behind them."""
    sums = torch.zeros_like(local[:, 0, :2])
    for leg, step in zip(legs_of(skeleton), steps, strict=True):
        gap = body[:, leg.hip] - step.ankle
        length = (local[:, leg.hip] - local[:, leg.ankle]).norm(dim=-1)
        straight = (length.square() - gap[:, [0, 2]].square().sum(-1)).clamp(min=0).sqrt()
        carries = (-step.lift / _PLANTED).exp()
        sums = sums + torch.stack((carries * (straight - gap[:, 1]), carries), dim=-1)
    rise, carried = _averaged(sums, _BLEND, fps).unbind(-1)
    return (rise / carried.clamp(min=0.05)).unsqueeze(-1) * _axis(local, 1)
