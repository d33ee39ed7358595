"""The inverse and forward kinematics of the HumanML3D features: bones, chains, 6D rotations.

A joint's world rotation is the shortest one from the bone's rest direction to the bone. The published code
expresses it relative to the previous joint OF ITS CHAIN, and starts every chain, also those of the arms that
begin at the chest, from the heading of the root.
"""

from __future__ import annotations

from functools import lru_cache

import roma
import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.skeleton import Skeleton


@lru_cache
def chain_parents(skeleton: Skeleton) -> tuple[int, ...]:
    """J indices: the joint that each rotation is relative to; 0 where a chain starts, -1 for the root."""
    parents = [-1] * len(skeleton)
    for chain in skeleton.chains:
        for start, joint in enumerate(chain[1:]):
            parents[joint] = chain[start] if start > 0 else 0
    return tuple(parents)


@lru_cache
def _chain_levels(skeleton: Skeleton) -> tuple[tuple[int, ...], ...]:
    """Joints by their place in a chain: all first bones, all second bones, ..."""
    deepest = max(len(chain) for chain in skeleton.chains)
    return tuple(
        tuple(chain[depth] for chain in skeleton.chains if depth < len(chain)) for depth in range(1, deepest)
    )


def bones_of(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., J - 1, 3) vectors from parent to joint of joints (..., J, 3), root left out."""
    return positions[..., 1:, :] - positions[..., list(skeleton.parents[1:]), :]


def joints_of(root: Tensor, bones: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., J, 3) joints of a root (..., 3) and bones (..., J - 1, 3): undoes `bones_of`."""
    ancestry = torch.tensor(_ancestry(skeleton), dtype=bones.dtype, device=bones.device)
    return torch.cat((root.unsqueeze(-2), root.unsqueeze(-2) + ancestry @ bones), dim=-2)


@lru_cache
def _ancestry(skeleton: Skeleton) -> tuple[tuple[float, ...], ...]:
    """(J - 1, J - 1): 1 where the column's bone lies between the root and the row's joint."""
    rows: list[list[float]] = []
    for joint, parent in enumerate(skeleton.parents[1:], start=1):
        row = list(rows[parent - 1]) if parent > 0 else [0.0] * (len(skeleton) - 1)
        row[joint - 1] = 1.0
        rows.append(row)
    return tuple(tuple(row) for row in rows)


def unit_bones(bones: Tensor, skeleton: Skeleton) -> Tensor:
    """Directions of bones (..., J - 1, 3); a bone without length keeps its rest direction."""
    norm = bones.norm(dim=-1, keepdim=True)
    none = norm <= torch.finfo(bones.dtype).tiny
    rest = skeleton.direction_tensor().to(bones)[1:]
    return torch.where(none, rest, bones / norm.masked_fill(none, 1.0))


def shortest_rotations(directions: Tensor, rest: Tensor) -> Tensor:
    """(..., N, 3, 3) shortest rotations that take unit vectors `rest` (N, 3) to `directions` (..., N, 3).

    With d their cosine and p the part of v = `directions` across r = `rest`, the rotation is
    I + (v - r) r' - r p' - p p' / (1 + d). Written so, and with 1 / (1 + d) = (1 - d) / |p|^2 beyond a right
    angle, it stays exact next to a half turn, where the usual quaternion (1 + d, r x v) loses its digits.
    The half turn itself has no shortest way; it goes about one fixed axis instead of giving NaN.
    """
    cosine = (directions * rest).sum(-1, keepdim=True)
    across = directions - cosine * rest
    square = across.square().sum(-1, keepdim=True)
    half_turn = (cosine < 0) & (square <= torch.finfo(across.dtype).tiny)
    bend = torch.where(half_turn, _some_normal(rest), across)
    square = square.masked_fill(half_turn, 1.0)
    factor = torch.where(cosine < 0, (1 - cosine) / square, 1 / (1 + cosine.clamp(min=0)))
    matrix = (directions - rest).unsqueeze(-1) * rest.unsqueeze(-2)
    matrix -= rest.unsqueeze(-1) * across.unsqueeze(-2)
    matrix -= (factor * bend).unsqueeze(-1) * bend.unsqueeze(-2)
    matrix.diagonal(dim1=-2, dim2=-1).add_(1.0)
    return matrix


def _some_normal(vectors: Tensor) -> Tensor:
    """A unit vector across each unit vector (..., 3), always the same one."""
    shortest = functional.one_hot(vectors.abs().argmin(-1), 3).to(vectors.dtype)
    return functional.normalize(torch.linalg.cross(vectors, shortest, dim=-1), dim=-1)


def chain_rotations(world: Tensor, root: Tensor, skeleton: Skeleton) -> Tensor:
    """First two columns of each joint's rotation relative to its chain parent.

    Args:
        world: (..., J - 1, 3, 3) world rotations of joints 1 to J - 1.
        root: (..., 3, 3) rotation of the root.

    Returns:
        (..., J - 1, 3, 2).
    """
    known = torch.cat((root.unsqueeze(-3), world), dim=-3)
    parents = known[..., list(chain_parents(skeleton)[1:]), :, :]
    return (parents.unsqueeze(-1) * world[..., :2].unsqueeze(-2)).sum(-3)


def world_rotations(local: Tensor, root: Tensor, skeleton: Skeleton) -> Tensor:
    """(..., J - 1, 3, 3) world rotations from rotations relative to chain parents: undoes `chain_rotations`.

    Args:
        local: (..., J - 1, 3, 2) first two columns of each rotation, made orthonormal by Gram-Schmidt (Zhou
            et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, eq. 15).
        root: (..., 3, 3) rotation of the root.
    """
    local = roma.special_gramschmidt(local)
    parents = chain_parents(skeleton)
    world = torch.cat((root.unsqueeze(-3), torch.empty_like(local)), dim=-3)
    for level in _chain_levels(skeleton):
        rows = list(level)
        above = world[..., [parents[joint] for joint in rows], :, :]
        world[..., rows, :, :] = above @ local[..., [joint - 1 for joint in rows], :, :]
    return world[..., 1:, :, :]


def heading_rotation(heading: Tensor) -> Tensor:
    """(..., 3, 3) rotation about +Y that takes a heading (..., 2) to +Z."""
    sine, cosine = heading.unbind(-1)
    zero, one = torch.zeros_like(sine), torch.ones_like(sine)
    rows = (cosine, zero, -sine, zero, one, zero, sine, zero, cosine)
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))
