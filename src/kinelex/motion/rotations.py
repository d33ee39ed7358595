"""Rotations as unit quaternions in xyzw order: what roma lacks for reading and comparing animation files."""

from __future__ import annotations

import math

import roma
import torch
from torch import Tensor

_AXES = {"x": 0, "y": 1, "z": 2}


def axis_rotation(angles: Tensor, axis: str) -> Tensor:
    """(...,) angles in radians about a coordinate axis ("x", "y" or "z") -> (..., 4) quaternions."""
    quaternions = angles.new_zeros(*angles.shape, 4)
    quaternions[..., _AXES[axis]] = torch.sin(angles / 2)
    quaternions[..., 3] = torch.cos(angles / 2)
    return quaternions


def euler_rotation(degrees: Tensor, axes: str) -> Tensor:
    """Compose rotations about coordinate axes in the order written, as BVH channels do.

    Args:
        degrees: (..., N) angles, one per letter of `axes`; any size, also beyond a full turn.
        axes: N letters of x, y, z; "zyx" gives Rz * Ry * Rx. Fewer than three, or repeated ones, are fine.

    Returns:
        (..., 4) unit quaternions; the identity when `axes` is empty.
    """
    radians = degrees * (math.pi / 180.0)
    quaternions = roma.identity_quat(degrees.shape[:-1], dtype=degrees.dtype, device=degrees.device)
    for position, axis in enumerate(axes):
        turn = axis_rotation(radians[..., position], axis)
        quaternions = turn if position == 0 else roma.quat_product(quaternions, turn)
    return quaternions
