"""Legs that follow their feet: hip, knee and ankle by two-bone inverse kinematics, the pelvis giving way."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.chain_ik import shortest_rotations
from kinelex.motion.heading import facing
from kinelex.motion.skeleton import Skeleton

_STRAIGHT = 0.999  # a leg is not stretched further than this share of its length, or than it already was
_PELVIS_ROUNDS = 4
_SMALL = 1e-9  # metres, below which a vector has no direction


@dataclass(frozen=True)
class Leg:
    """Joint indices of a leg: `heel` and `toe` are the contact joints, `foot` all joints below the ankle."""

    hip: int
    knee: int
    ankle: int
    heel: int
    toe: int
    foot: tuple[int, ...]

    @staticmethod
    def ending_in(contact: tuple[int, int], skeleton: Skeleton) -> Leg:
        chain = next(chain for chain in skeleton.chains if contact[1] in chain)
        return Leg(chain[1], chain[2], chain[3], contact[0], contact[1], chain[4:])


@dataclass(frozen=True)
class FootPaths:
    """Where the left and the right foot should go: ankles (..., 2, T, 3), the joints below (..., 2, T, F, 3)."""

    ankle: Tensor
    foot: Tensor


@dataclass(frozen=True)
class LegsBeside:
    """Joints of the left and the right leg, (..., 2, T, 3) each; all of the foot (..., 2, T, F, 3)."""

    hip: Tensor
    knee: Tensor
    ankle: Tensor
    heel: Tensor
    toe: Tensor
    foot: Tensor


def legs_of(skeleton: Skeleton) -> tuple[Leg, Leg]:
    """The left and the right leg."""
    return Leg.ending_in(skeleton.left_foot, skeleton), Leg.ending_in(skeleton.right_foot, skeleton)


def legs_beside(joints: Tensor, legs: tuple[Leg, Leg]) -> LegsBeside:
    """The legs of joints (..., T, J, 3), one beside the other, so that what is done to both is done once."""
    single = ("hip", "knee", "ankle", "heel", "toe")
    places = {name: [getattr(leg, name) for leg in legs] for name in single}
    feet = torch.stack([joints[..., list(leg.foot), :] for leg in legs], dim=-4)
    return LegsBeside(
        **{name: joints[..., both, :].movedim(-2, -3) for name, both in places.items()}, foot=feet
    )


def place_feet(joints: Tensor, feet: FootPaths, window: int, skeleton: Skeleton) -> Tensor:
    """Joints whose feet go along given paths; every bone keeps its length.

    Args:
        joints: (..., T, J, 3) in metres, Y up.
        feet: where the feet should go.
        window: frames over which the pelvis gives way to a foot out of reach.

    Returns:
        (..., T, J, 3); joints above the hips move only with the pelvis, knees bend the way they did.
    """
    legs = legs_of(skeleton)
    beside = legs_beside(joints, legs)
    reach = _reach(beside)
    shift = _pelvis_shift(beside.hip, feet.ankle, reach, window)
    moved = joints + shift.unsqueeze(-2)
    heading = facing(joints, skeleton)
    forward = torch.stack((heading[..., 0], torch.zeros_like(heading[..., 0]), heading[..., 1]), dim=-1)
    placed = _placed(beside, beside.hip + shift.unsqueeze(-3), feet, reach, forward.unsqueeze(-3))
    for side, leg in enumerate(legs):
        moved[..., [leg.knee, leg.ankle, *leg.foot], :] = placed[..., side, :, :, :]
    return moved


def _pelvis_shift(hip: Tensor, ankle: Tensor, reach: Tensor, window: int) -> Tensor:
    """(..., T, 3) the least shift that brings every ankle target within reach, eased in and out over time."""
    frames = hip.shape[-2]
    shift = _within_reach(torch.zeros_like(hip[..., 0, :, :]), hip, ankle, reach)
    rows = shift.transpose(-2, -1).reshape(-1, 1, frames)
    half = window // 2
    eased = functional.avg_pool1d(functional.pad(rows, (half, half), "replicate"), 2 * half + 1, stride=1)
    eased = eased.view(*shift.shape[:-2], 3, frames).transpose(-2, -1)
    return _within_reach(eased, hip, ankle, reach)


def _within_reach(shift: Tensor, hip: Tensor, ankle: Tensor, reach: Tensor) -> Tensor:
    """Project the pelvis' shift (..., T, 3) onto both legs' spheres of reach (..., 2, T, 1) in turn."""
    sides = list(zip((ankle - hip).unbind(-3), reach.unbind(-3), strict=True))
    for _ in range(_PELVIS_ROUNDS):
        for way, length in sides:
            gap = way - shift
            distance = gap.norm(dim=-1, keepdim=True)
            missing = (distance - length).clamp(min=0)
            shift = shift + gap / distance.clamp(min=_SMALL) * missing
    return shift


def _reach(legs: LegsBeside) -> Tensor:
    """(..., 2, T, 1) the longest distances from hip to ankle that the legs may take."""
    whole = (legs.knee - legs.hip).norm(dim=-1, keepdim=True)
    whole = whole + (legs.ankle - legs.knee).norm(dim=-1, keepdim=True)
    return (_STRAIGHT * whole).maximum((legs.ankle - legs.hip).norm(dim=-1, keepdim=True))


def _placed(legs: LegsBeside, hip: Tensor, feet: FootPaths, reach: Tensor, forward: Tensor) -> Tensor:
    """(..., 2, T, 2 + F, 3) knees, ankles and feet of legs whose hips are in place (..., 2, T, 3)."""
    thigh = (legs.knee - legs.hip).norm(dim=-1, keepdim=True)
    shin = (legs.ankle - legs.knee).norm(dim=-1, keepdim=True)
    gap = feet.ankle - hip
    old_distance = (legs.ankle - legs.hip).norm(dim=-1, keepdim=True)
    distance = gap.norm(dim=-1, keepdim=True).minimum(reach).maximum((thigh - shin).abs())
    axis = _unit(gap)
    ankle = hip + axis * distance

    turn = turn_between(legs.ankle - legs.hip, gap)
    swung = rotated(turn, (legs.knee - legs.hip).unsqueeze(-2)).squeeze(-2)
    # A leg that was straight has no bend to keep: as far as it must bend now, it does so forwards.
    hint = 0.02 * thigh * ((distance - old_distance).abs() / 0.01).clamp(max=1.0)
    bend = _unit(_across(swung, axis) + hint * _across(forward, axis))
    along = (thigh**2 - shin**2 + distance**2) / (2 * distance.clamp(min=_SMALL))
    knee = hip + along * axis + (thigh**2 - along**2).clamp(min=0).sqrt() * bend
    # Where the ankle could not get there, the foot turns about it so that the toe still points at its place.
    toe = feet.foot[..., -1, :]
    rolled = rotated(turn_between(toe - feet.ankle, toe - ankle), feet.foot - feet.ankle.unsqueeze(-2))
    return torch.cat([knee.unsqueeze(-2), ankle.unsqueeze(-2), ankle.unsqueeze(-2) + rolled], dim=-2)


def _across(vectors: Tensor, axis: Tensor) -> Tensor:
    return vectors - (vectors * axis).sum(-1, keepdim=True) * axis


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors, dim=-1, eps=_SMALL)


def turn_between(source: Tensor, target: Tensor) -> Tensor:
    """(..., 3, 3) shortest rotations between the directions of two vectors."""
    return shortest_rotations(_unit(target), _unit(source))


def rotated(rotation: Tensor, vectors: Tensor) -> Tensor:
    """Rotate vectors (..., N, 3) by rotations (..., 3, 3)."""
    return vectors @ rotation.transpose(-2, -1)
