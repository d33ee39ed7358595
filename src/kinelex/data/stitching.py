"""Join recorded clips in time: the next clip goes on where, and facing as, the last one ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.motion.easing import smooth_step
from kinelex.motion.skeleton import Skeleton
from kinelex.motion.splicing import moved_onto


@dataclass(frozen=True)
class Stitched:
    """Joints (T, J, 3) of the whole, and the N + 1 frames where its parts begin and the last one ends."""

    joints: Tensor
    bounds: tuple[int, ...]


def stitch(clips: Sequence[Tensor], overlap: int, skeleton: Skeleton) -> Stitched:
    """Join clips (T_i, J, 3), floor at y = 0, blending `overlap` frames of neighbours into each other.

    In an overlap the two clips are laid over each other, root on root and heading on heading in its middle,
    and the joints go from one to the other along a smooth step; the boundary is the middle. Bones come out a
    little short there, which the features' processing makes good.
    """
    joints, bounds = clips[0], [0]
    weight = smooth_step(torch.arange(1, overlap + 1) / (overlap + 1)).to(joints).view(-1, 1, 1)
    for clip in clips[1:]:
        tail, placed = joints[-overlap:], moved_onto(clip, clip[:overlap], joints[-overlap:], skeleton)
        blended = torch.lerp(tail, placed[:overlap], weight)
        bounds.append(len(joints) - overlap + overlap // 2)
        joints = torch.cat((joints[:-overlap], blended, placed[overlap:]))
    return Stitched(joints, (*bounds, len(joints)))
