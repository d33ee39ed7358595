"""Forward kinematics: local rotations on a hierarchy to joint positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from kinelex.motion.animation import Animation


@dataclass(frozen=True)
class KinematicPose:
    """Where the joints are.

    Attributes:
        positions: (..., T, J, 3) in the unit of the offsets.
        rotations: (..., T, J, 4) global unit quaternions xyzw.
    """

    positions: Tensor
    rotations: Tensor


def _levels(parents: Sequence[int]) -> list[list[int]]:
    """Joints grouped by their depth, so that a whole level moves in one operation."""
    depth: list[int] = []
    for parent in parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return [[joint for joint, at in enumerate(depth) if at == level] for level in range(max(depth) + 1)]


def forward_kinematics(
    local_rotations: Tensor, root: Tensor, offsets: Tensor, parents: Sequence[int]
) -> KinematicPose:
    """Joint positions and global rotations; differentiable.

    Args:
        local_rotations: (..., T, J, 4) unit quaternions xyzw, joint relative to parent.
        root: (..., T, 3) position of the root, joint 0.
        offsets: (J, 3), or (..., T, J, 3) when they move; the root's own row is not used.
        parents: J indices, -1 for joint 0, every parent before its children.
    """
    offsets = offsets.expand(*local_rotations.shape[:-1], 3)
    rotations, positions = [local_rotations[..., :1, :]], [root[..., None, :]]
    order = [0]
    above = [0]
    for level in _levels(parents)[1:]:
        slot = [above.index(parents[joint]) for joint in level]
        parent_rotation = rotations[-1][..., slot, :]
        moved = roma.quat_action(parent_rotation, offsets[..., level, :], is_normalized=True)
        positions.append(positions[-1][..., slot, :] + moved)
        rotations.append(roma.quat_product(parent_rotation, local_rotations[..., level, :]))
        order += level
        above = level
    back = torch.argsort(torch.tensor(order, device=root.device))
    return KinematicPose(
        torch.cat(positions, dim=-2).index_select(-2, back),
        torch.cat(rotations, dim=-2).index_select(-2, back),
    )


def animation_pose(animation: Animation) -> KinematicPose:
    """Positions (T, J, 3) and global rotations (T, J, 4) of every frame of an animation."""
    return forward_kinematics(
        animation.rotations, animation.translations[:, 0], animation.translations, animation.parents
    )
