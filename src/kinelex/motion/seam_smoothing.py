"""Frames beside a seam, bent as little as it takes for the seam not to stand out among what bodies do anyway."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinelex.motion.easing import smooth_step
from kinelex.motion.seams import jumps_at

# Of recordings' velocity changes between frames at 20 fps, 99 % are below .47 m/s (root) and 3.4 m/s (any joint);
# benchmarks/editing.py measures both.
ROOT_JUMP, JOINT_JUMP = 0.42, 3.1
STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_REACH_SECONDS = 0.5


def smoothed_seams(joints: Tensor, seams: Sequence[int], new: range, fps: float) -> Tensor:
    """Bend new frames near the seams until no seam jumps, each by the weakest of `STRENGTHS` that is enough.

    The bent frames minimise their squared distance to what they were plus the squared second differences around the
    seam (Whittaker 1923; Eilers 2003), which fade with the distance from it. Kept frames do not move.

    Args:
        joints: (T, J, 3) in metres.
        seams: first frame after each seam, from 2 to T - 2.
        new: the frames that may move.
        fps: frames a second.

    Returns:
        (T, J, 3); a seam that jumps even at the greatest strength keeps that.
    """
    for seam in seams:
        joints = _smoothed(joints, seam, new, fps)
    return joints


def _smoothed(joints: Tensor, seam: int, new: range, fps: float) -> Tensor:
    bent = joints
    for strength in STRENGTHS:
        if not _jumps(bent, seam, fps):
            break
        bent = _bent(joints, seam, new, strength, round(_REACH_SECONDS * fps))
    return bent


def _jumps(joints: Tensor, seam: int, fps: float) -> bool:
    jumps = jumps_at(joints, fps, [seam])
    return bool((jumps.root > ROOT_JUMP) | (jumps.joints > JOINT_JUMP))


def _bent(joints: Tensor, seam: int, new: range, strength: float, reach: int) -> Tensor:
    """The least-squares solution over the frames of `new` that are within `reach` of the seam."""
    first, last = max(seam - reach, new.start), min(seam + reach, new.stop)
    around = slice(max(first - 2, 0), min(last + 2, len(joints)))
    window = joints[around].flatten(1).double()
    count = len(window)
    frame = torch.arange(around.start, around.stop)
    moves = (frame >= first) & (frame < last)
    second = torch.eye(count, dtype=torch.double).diff(n=2, dim=0)
    distance = (frame[1:-1] - (seam - 0.5)).abs() / (reach + 1)
    weights = strength * (1 - smooth_step(distance.clamp(max=1))).double()
    bending = second.T @ (weights[:, None] * second)
    right = window[moves] - bending[moves][:, ~moves] @ window[~moves]
    left = torch.eye(int(moves.sum()), dtype=torch.double) + bending[moves][:, moves]
    result = joints.clone()
    result[first:last] = torch.linalg.solve(left, right).to(joints).view(-1, *joints.shape[1:])
    return result
