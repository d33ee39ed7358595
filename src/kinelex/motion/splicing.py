"""Put new frames into a recorded clip: what is kept stays as recorded, the new frames are led up to it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.chain_ik import bones_of, joints_of, unit_bones
from kinelex.motion.easing import smooth_step
from kinelex.motion.heading import facing, from_heading, to_heading
from kinelex.motion.seam_smoothing import smoothed_seams
from kinelex.motion.skeleton import Skeleton

_FADE_SECONDS = 0.5


def splice(
    recorded: Tensor, drawn: Tensor, start: int, end: int, lead: int, size: int, skeleton: Skeleton
) -> Tensor:
    """Replace frames start..end-1 of a recorded clip by frames lead..lead+size-1 of a drawn one, without a jump.

    Kept frames are the recorded ones exactly: those before in place, those after moved over the floor as a
    whole to where the new frames lead. The drawn clip repeats the recorded frames around the gap, but not
    quite; that difference fades over half a second of new frames. Where velocities still jump more than recorded
    bodies do, the new frames next to the seam are bent. Bones keep the recorded lengths.

    Args:
        recorded: (T, J, 3) joints, floor at y = 0.
        drawn: (D, J, 3) joints; frames before `lead` repeat the end of recorded[:start], and frames from
            lead + size on the beginning of recorded[end:]. At least one frame each, where there is one to
            repeat.

    Returns:
        (start + size + T - end, J, 3).
    """
    before, after = recorded[:start], recorded[end:]
    if start:
        drawn = moved_onto(drawn, drawn[lead - 1 : lead], before[-1:], skeleton)
    new = drawn[lead : lead + size]
    if start:
        new = new + _fading(before[-2:] - drawn[lead - 2 : lead], size, skeleton.fps)
    if len(after):
        goal = drawn[lead + size : lead + size + 2]
        after = moved_onto(after, after[:1], goal[:1], skeleton)
        new = new + _fading((after[:2] - goal).flip(0), size, skeleton.fps).flip(0)
    joined = torch.cat((before, _with_bones(new, _bone_lengths(recorded, skeleton), skeleton), after))
    seams = [seam for seam in (start, start + size) if 2 <= seam <= len(joined) - 2]
    smooth = smoothed_seams(joined, seams, range(start, start + size), skeleton.fps)[start : start + size]
    return torch.cat((before, _with_bones(smooth, _bone_lengths(recorded, skeleton), skeleton), after))


def resized(joints: Tensor, like: Tensor, skeleton: Skeleton) -> Tensor:
    """Joints (T, J, 3) with the bone lengths of another clip, stepping as far as its legs are long."""
    lengths, own = _bone_lengths(like, skeleton), _bone_lengths(joints, skeleton)
    one_leg = skeleton.lower_legs
    legs = [joint - 1 for joint in (*one_leg, *(skeleton.mirror[joint] for joint in one_leg))]
    return _with_bones(joints * (lengths[legs].sum() / own[legs].sum()), lengths, skeleton)


def moved_onto(clip: Tensor, own: Tensor, wanted: Tensor, skeleton: Skeleton) -> Tensor:
    """The clip (T, J, 3) moved over the floor as `own` must be to lie on `wanted`, both (N, J, 3).

    Mean heading falls on mean heading (the shoulders of a walking body swing around it), and root on root in
    the middle frame.
    """
    own_heading, wanted_heading = (_mean_heading(part, skeleton) for part in (own, wanted))
    middle = len(wanted) // 2
    turned = from_heading(to_heading(own[middle, :1], own_heading), wanted_heading)
    shift = (wanted[middle, 0] - turned[0]) * turned.new_tensor((1.0, 0.0, 1.0))
    return from_heading(to_heading(clip, own_heading), wanted_heading) + shift


def _mean_heading(joints: Tensor, skeleton: Skeleton) -> Tensor:
    return functional.normalize(facing(joints, skeleton).mean(dim=0), dim=-1)


def _fading(apart: Tensor, size: int, fps: float) -> Tensor:
    """(size, J, 3) a difference that goes on as in the two frames (2, J, 3) before, and fades."""
    frames = min(size, round(_FADE_SECONDS * fps))
    frame = torch.arange(1, size + 1).to(apart).view(-1, 1, 1)
    fade = 1 - smooth_step(frame / (frames + 1))
    drift = apart[1] - apart[0]
    return fade * (apart[1] + frame * fade * drift)


def _bone_lengths(joints: Tensor, skeleton: Skeleton) -> Tensor:
    """(J - 1,) median length of every bone of a clip (T, J, 3)."""
    return bones_of(joints, skeleton).norm(dim=-1).median(dim=0).values


def _with_bones(joints: Tensor, lengths: Tensor, skeleton: Skeleton) -> Tensor:
    """The same root path and bone directions with other bone lengths (J - 1,)."""
    bones = unit_bones(bones_of(joints, skeleton), skeleton) * lengths.unsqueeze(-1)
    return joints_of(joints[:, 0], bones, skeleton)
