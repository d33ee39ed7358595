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
class FootPath:
    """Where the foot should go: ankle (..., T, 3), and the joints below it (..., T, F, 3)."""

    ankle: Tensor
    foot: Tensor


def legs_of(skeleton: Skeleton) -> tuple[Leg, Leg]:
    """The left and the right leg."""
    return Leg.ending_in(skeleton.left_foot, skeleton), Leg.ending_in(skeleton.right_foot, skeleton)


def place_feet(joints: Tensor, feet: tuple[FootPath, FootPath], window: int, skeleton: Skeleton) -> Tensor:
    """Joints whose feet go along given paths; every bone keeps its length.

    Args:
        joints: (..., T, J, 3) in metres, Y up.
        feet: where the left and the right foot should go.
        window: frames over which the pelvis gives way to a foot out of reach.

    Returns:
        (..., T, J, 3); joints above the hips move only with the pelvis, knees bend the way they did.
    """
    legs = legs_of(skeleton)
    moved = joints + _pelvis_shift(joints, legs, feet, window).unsqueeze(-2)
    heading = facing(joints, skeleton)
    forward = torch.stack((heading[..., 0], torch.zeros_like(heading[..., 0]), heading[..., 1]), dim=-1)
    for leg, foot in zip(legs, feet, strict=True):
        _place_leg(moved, joints, leg, foot, forward)
    return moved


def _pelvis_shift(
    joints: Tensor, legs: tuple[Leg, Leg], feet: tuple[FootPath, FootPath], window: int
) -> Tensor:
    """(..., T, 3) the least shift that brings every ankle target within reach, eased in and out over time."""
    frames = joints.shape[-3]
    shift = _within_reach(torch.zeros_like(joints[..., 0, :]), joints, legs, feet)
    rows = shift.transpose(-2, -1).reshape(-1, 1, frames)
    half = window // 2
    eased = functional.avg_pool1d(functional.pad(rows, (half, half), "replicate"), 2 * half + 1, stride=1)
    eased = eased.view(*shift.shape[:-2], 3, frames).transpose(-2, -1)
    return _within_reach(eased, joints, legs, feet)


def _within_reach(
    shift: Tensor, joints: Tensor, legs: tuple[Leg, Leg], feet: tuple[FootPath, FootPath]
) -> Tensor:
    """Project the pelvis' shift onto both legs' spheres of reach in turn."""
    for _ in range(_PELVIS_ROUNDS):
        for leg, foot in zip(legs, feet, strict=True):
            gap = foot.ankle - joints[..., leg.hip, :] - shift
            distance = gap.norm(dim=-1, keepdim=True)
            missing = (distance - _reach(joints, leg)).clamp(min=0)
            shift = shift + gap / distance.clamp(min=_SMALL) * missing
    return shift


def _reach(joints: Tensor, leg: Leg) -> Tensor:
    """(..., T, 1) the longest distance from hip to ankle that a leg may take."""
    hip, knee, ankle = (joints[..., joint, :] for joint in (leg.hip, leg.knee, leg.ankle))
    whole = (knee - hip).norm(dim=-1, keepdim=True) + (ankle - knee).norm(dim=-1, keepdim=True)
    return (_STRAIGHT * whole).maximum((ankle - hip).norm(dim=-1, keepdim=True))


def _place_leg(moved: Tensor, joints: Tensor, leg: Leg, foot: FootPath, forward: Tensor) -> None:
    """Write knee, ankle and foot of one leg into `moved`, whose hip is already in place."""
    old_hip, old_knee, old_ankle = (joints[..., joint, :] for joint in (leg.hip, leg.knee, leg.ankle))
    hip = moved[..., leg.hip, :].clone()
    thigh = (old_knee - old_hip).norm(dim=-1, keepdim=True)
    shin = (old_ankle - old_knee).norm(dim=-1, keepdim=True)
    gap = foot.ankle - hip
    old_distance = (old_ankle - old_hip).norm(dim=-1, keepdim=True)
    distance = gap.norm(dim=-1, keepdim=True).minimum(_reach(joints, leg)).maximum((thigh - shin).abs())
    axis = _unit(gap)
    ankle = hip + axis * distance

    swung = rotated(turn_between(old_ankle - old_hip, gap), (old_knee - old_hip).unsqueeze(-2)).squeeze(-2)
    # A leg that was straight has no bend to keep: as far as it must bend now, it does so forwards.
    hint = 0.02 * thigh * ((distance - old_distance).abs() / 0.01).clamp(max=1.0)
    bend = _unit(_across(swung, axis) + hint * _across(forward, axis))
    along = (thigh**2 - shin**2 + distance**2) / (2 * distance.clamp(min=_SMALL))
    moved[..., leg.knee, :] = hip + along * axis + (thigh**2 - along**2).clamp(min=0).sqrt() * bend
    moved[..., leg.ankle, :] = ankle
    # Where the ankle could not get there, the foot turns about it so that the toe still points at its place.
    toe = foot.foot[..., -1, :]
    rolled = rotated(turn_between(toe - foot.ankle, toe - ankle), foot.foot - foot.ankle.unsqueeze(-2))
    moved[..., list(leg.foot), :] = ankle.unsqueeze(-2) + rolled


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
