"""Joints to HumanML3D (263) or KIT (251) features, and back by two routes.

Agrees with the published processing, its oddities included (see `heading` and `chain_ik`): numbers from here
can be compared with, and models trained here exchanged with, those of the literature.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.errors import KinelexError
from kinelex.motion.canonical import canonical_joints, flat_clips, frame_mask
from kinelex.motion.chain_ik import (
    bones_of,
    chain_rotations,
    heading_rotation,
    joints_of,
    shortest_rotations,
    unit_bones,
    world_rotations,
)
from kinelex.motion.heading import from_heading, half_turns, heading_of_half_turns, smooth_facing, to_heading
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.mirror import mirror_features, mirror_joints
from kinelex.motion.skeleton import Skeleton

__all__ = [
    "FeatureLayout",
    "canonical_joints",
    "features_from_joints",
    "joints_from_features",
    "mirror_features",
    "mirror_joints",
    "process_joints",
]


def process_joints(
    positions: Tensor, skeleton: Skeleton, lengths: Tensor | None = None, offsets: Tensor | None = None
) -> Tensor:
    """Features of raw joints: `canonical_joints`, then `features_from_joints`, whose arguments these are."""
    return features_from_joints(canonical_joints(positions, skeleton, lengths, offsets), skeleton, lengths)


def features_from_joints(positions: Tensor, skeleton: Skeleton, lengths: Tensor | None = None) -> Tensor:
    """Features of canonical joints; see `FeatureLayout` for what they are.

    Contacts compare with the skeleton's threshold as published: metres for HumanML3D, millimetres for KIT.

    Args:
        positions: (..., T, J, 3) joints, at the skeleton's frame rate.
        lengths: (...) frames of each clip; all T when not given. Later frames are ignored.

    Returns:
        (..., T - 1, D): one frame less than the joints, since velocities look one frame ahead. Frames from
        lengths - 1 on are zero.

    Raises:
        KinelexError: wrong shapes.
    """
    clips, frames_of = flat_clips(positions, skeleton, lengths)
    layout = FeatureLayout.of(skeleton)
    heading = smooth_facing(clips, skeleton, frames_of)
    here, ahead = heading[:, :-1], heading[:, 1:]
    joints, step = clips[:, :-1], clips[:, 1:] - clips[:, :-1]
    root = joints[:, :, :1]
    features = clips.new_empty(len(clips), clips.shape[1] - 1, layout.size)

    half = half_turns(heading)
    # asin of sin, not the plain difference: where the heading crosses -Z the published one changes sign.
    features[..., layout.root_angular_velocity] = torch.asin(torch.sin(half.diff(dim=1))).unsqueeze(-1)
    features[..., layout.root_linear_velocity] = to_heading(step[:, :, :1], ahead)[..., 0, ::2]
    features[..., layout.root_height] = root[..., 0, 1:2]
    around_root = joints[:, :, 1:] - root * root.new_tensor((1.0, 0.0, 1.0))
    features[..., layout.positions] = to_heading(around_root, here).flatten(-2)
    features[..., layout.rotations] = _rotations_6d(joints, here, skeleton)
    features[..., layout.velocities] = to_heading(step, here).flatten(-2)
    features[..., layout.contacts] = _contacts(step, skeleton)
    features.masked_fill_(~frame_mask(frames_of - 1, features.shape[1]).unsqueeze(-1), 0.0)
    return features.view(*positions.shape[:-3], *features.shape[1:])


def _rotations_6d(joints: Tensor, heading: Tensor, skeleton: Skeleton) -> Tensor:
    """(B, T, 6 (J - 1)) first, then second column of every joint's rotation relative to its chain parent."""
    rest = skeleton.direction_tensor().to(joints)[1:]
    world = shortest_rotations(unit_bones(bones_of(joints, skeleton), skeleton), rest)
    columns = chain_rotations(world, heading_rotation(heading.to(joints.dtype)), skeleton)
    return columns.transpose(-2, -1).flatten(-3)


def _contacts(step: Tensor, skeleton: Skeleton) -> Tensor:
    """(B, T, 4) 1 where an ankle or toe moves less than the threshold, whatever its height."""
    feet = step[:, :, [*skeleton.left_foot, *skeleton.right_foot]]
    square = feet[..., 0] ** 2 + feet[..., 1] ** 2 + feet[..., 2] ** 2
    # The published threshold is a float64: compare there, so that no value between the two roundings differs.
    return (square.double() < skeleton.contact_threshold).to(step.dtype)


def joints_from_features(
    features: Tensor,
    skeleton: Skeleton,
    route: Literal["positions", "rotations"] = "positions",
    offsets: Tensor | None = None,
) -> Tensor:
    """World joints of (un-normalised) features: starts at x = z = 0, facing +Z.

    Args:
        features: (..., T, D).
        route: "positions" reads the joint positions; "rotations" runs forward kinematics over the rotations,
            so that bone lengths are those of the offsets.
        offsets: (J, 3) bone offsets for the rotations; the skeleton's own when not given.

    Returns:
        (..., T, J, 3).

    Raises:
        KinelexError: D is not the skeleton's, or an unknown route.
    """
    layout = FeatureLayout.of(skeleton)
    if features.ndim < 2 or features.shape[-1] != layout.size:
        raise KinelexError(
            f"features have shape {tuple(features.shape)}; "
            f"skeleton {skeleton.name} needs (..., frames, {layout.size})"
        )
    root, heading = _root_path(features, layout)
    if route == "positions":
        local = features[..., layout.positions].unflatten(-1, (-1, 3))
        ground = root * root.new_tensor((1.0, 0.0, 1.0))
        return torch.cat((root.unsqueeze(-2), from_heading(local, heading) + ground.unsqueeze(-2)), dim=-2)
    if route == "rotations":
        offsets = (skeleton.offset_tensor() if offsets is None else offsets).to(features)
        columns = features[..., layout.rotations].unflatten(-1, (-1, 2, 3)).transpose(-2, -1)
        world = world_rotations(columns, heading_rotation(heading), skeleton)
        return joints_of(root, (world @ offsets[1:].unsqueeze(-1)).squeeze(-1), skeleton)
    raise KinelexError(f"unknown route {route!r}; choose positions or rotations")


def _root_path(features: Tensor, layout: FeatureLayout) -> tuple[Tensor, Tensor]:
    """World root (..., T, 3) and heading (..., T, 2) by adding up the steps."""
    turns = features[..., layout.root_angular_velocity].squeeze(-1)
    heading = heading_of_half_turns(functional.pad(turns, (1, 0))[..., :-1].cumsum(-1))
    velocity = features[..., layout.root_linear_velocity]
    moved = torch.stack((velocity[..., 0], torch.zeros_like(turns), velocity[..., 1]), dim=-1)
    # The step into frame t is stored with frame t - 1, but in the heading of frame t.
    arrived = functional.pad(moved, (0, 0, 1, 0))[..., :-1, :]
    path = from_heading(arrived.unsqueeze(-2), heading).squeeze(-2).cumsum(-2)
    path[..., 1] = features[..., layout.root_height].squeeze(-1)
    return path, heading
