"""Which way a body faces, and turning vectors into and out of that heading, about +Y only.

A heading is a unit vector (..., 2) of the x and z components of the forward direction; (0, 1) is +Z.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.skeleton import Skeleton

_SMOOTHING_SIGMA = 20.0
_SMOOTHING_RADIUS = 80


def facing(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., 2) heading of joints (..., J, 3): +Y times the axis from left to right of hips plus shoulders."""
    hips = positions[..., skeleton.right_hip, :] - positions[..., skeleton.left_hip, :]
    shoulders = positions[..., skeleton.right_shoulder, :] - positions[..., skeleton.left_shoulder, :]
    return _unit_heading(_forward(hips + shoulders))


def smooth_facing(positions: Tensor, skeleton: Skeleton, lengths: Tensor) -> Tensor:
    """Heading of every frame as the published features define it: smoothed, and +Z at frame 0.

    The published inverse kinematics swaps the two hips, so its axis is shoulders MINUS hips; the forward
    direction (not its angle) is smoothed over time by a Gaussian of 20 frames that repeats the clip's first
    and last frame; the heading of frame 0 is then overwritten.

    Args:
        positions: (B, T, J, 3) joints.
        lengths: (B,) frames of each clip; later frames are never looked at.

    Returns:
        (B, T, 2) float64 headings.
    """
    hips = positions[..., skeleton.right_hip, :] - positions[..., skeleton.left_hip, :]
    shoulders = positions[..., skeleton.right_shoulder, :] - positions[..., skeleton.left_shoulder, :]
    forward = _smooth(_forward(shoulders - hips).double(), lengths)
    heading = _unit_heading(forward)
    heading[:, 0] = heading.new_tensor((0.0, 1.0))
    return heading


def to_heading(vectors: Tensor, heading: Tensor) -> Tensor:
    """Turn vectors (..., N, 3) about +Y so that `heading` (..., 2) becomes +Z."""
    x, y, z = vectors.unbind(-1)
    sine, cosine = heading.to(vectors.dtype).unsqueeze(-2).unbind(-1)
    return torch.stack((cosine * x - sine * z, y, sine * x + cosine * z), dim=-1)


def from_heading(vectors: Tensor, heading: Tensor) -> Tensor:
    """Turn vectors (..., N, 3) about +Y so that +Z becomes `heading` (..., 2): undoes `to_heading`."""
    return to_heading(vectors, heading * heading.new_tensor((-1.0, 1.0)))


def half_turns(heading: Tensor) -> Tensor:
    """(...,) half the angle in (-pi, pi] about +Y that turns a heading (..., 2) to +Z."""
    x, z = heading.unbind(-1)
    return 0.5 * torch.atan2(-x, z)


def heading_of_half_turns(half: Tensor) -> Tensor:
    """(..., 2) the heading that twice the angle `half` (...) turns to +Z: undoes `half_turns`."""
    return torch.stack((-torch.sin(2 * half), torch.cos(2 * half)), dim=-1)


def _forward(across: Tensor) -> Tensor:
    """x and z of +Y times the unit vector of `across` (..., 3)."""
    across = functional.normalize(across, dim=-1, eps=torch.finfo(across.dtype).tiny)
    return torch.stack((across[..., 2], -across[..., 0]), dim=-1)


def _unit_heading(forward: Tensor) -> Tensor:
    """Unit vectors; a body whose left-right axis is upright has no heading and counts as facing +Z."""
    norm = forward.norm(dim=-1, keepdim=True)
    none = norm <= torch.finfo(forward.dtype).tiny
    return torch.where(none, forward.new_tensor((0.0, 1.0)), forward / norm.masked_fill(none, 1.0))


def _smooth(values: Tensor, lengths: Tensor) -> Tensor:
    """Gaussian over the frames of (B, T, C), each clip extended by its own first and last frame."""
    frames, channels = values.shape[1:]
    steps = torch.arange(-_SMOOTHING_RADIUS, _SMOOTHING_RADIUS + 1, device=values.device, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (steps / _SMOOTHING_SIGMA) ** 2)
    kernel = kernel / kernel.sum()
    wanted = torch.arange(-_SMOOTHING_RADIUS, frames + _SMOOTHING_RADIUS, device=values.device)
    source = wanted.clamp(min=0).unsqueeze(0).minimum(lengths.unsqueeze(1) - 1)
    extended = values.gather(1, source.unsqueeze(-1).expand(-1, -1, channels))
    rows = extended.transpose(1, 2).reshape(-1, 1, extended.shape[1])
    return functional.conv1d(rows, kernel.view(1, 1, -1)).view(-1, channels, frames).transpose(1, 2)
