"""Join recorded clips in time: the next clip goes on where, and facing as, the last one ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.heading import facing, from_heading, to_heading
from kinelex.motion.skeleton import Skeleton


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
    for clip in clips[1:]:
        tail, placed = joints[-overlap:], _placed(clip, joints[-overlap:], skeleton)
        weight = _smooth_step(overlap).to(joints).view(-1, 1, 1)
        blended = torch.lerp(tail, placed[:overlap], weight)
        bounds.append(len(joints) - overlap + overlap // 2)
        joints = torch.cat((joints[:-overlap], blended, placed[overlap:]))
    return Stitched(joints, (*bounds, len(joints)))


def _placed(clip: Tensor, tail: Tensor, skeleton: Skeleton) -> Tensor:
    """The clip moved over the floor so that its beginning lies on `tail`."""
    overlap = len(tail)
    own, wanted = (_mean_heading(part, skeleton) for part in (clip[:overlap], tail))
    turned = from_heading(to_heading(clip, own), wanted)
    middle = overlap // 2
    shift = (tail[middle, 0] - turned[middle, 0]) * turned.new_tensor((1.0, 0.0, 1.0))
    return turned + shift


def _mean_heading(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(2,) mean heading: the shoulders of a walking body swing around it."""
    return functional.normalize(facing(joints, skeleton).mean(dim=0), dim=-1)


def _smooth_step(count: int) -> Tensor:
    place = torch.arange(1, count + 1) / (count + 1)
    return place * place * (3 - 2 * place)
