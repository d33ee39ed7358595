"""The published processing before features: one body for all clips, on the floor, at x = z = 0, facing +Z."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.chain_ik import bones_of, joints_of, unit_bones
from kinelex.motion.heading import facing, to_heading
from kinelex.motion.skeleton import Skeleton


def canonical_joints(
    positions: Tensor, skeleton: Skeleton, lengths: Tensor | None = None, offsets: Tensor | None = None
) -> Tensor:
    """Give clips the target's bone lengths, put them on the floor, start them at x = z = 0, facing +Z.

    Bones keep their directions; the root's path is scaled by the ratio of leg lengths, measured on frame 0;
    the lowest joint of the whole clip touches y = 0. (HumanML3D's processing, Guo et al. 2022: inverse
    kinematics followed by forward kinematics on the target skeleton comes to exactly this.)

    Args:
        positions: (..., T, J, 3) joints, any unit, Y up.
        lengths: (...) frames of each clip; all T when not given. Later frames are ignored, and zero on
            return.
        offsets: (J, 3) bone offsets of the target skeleton, of which the lengths count; the skeleton's own
            when not given. The result has their unit.

    Returns:
        (..., T, J, 3) joints.

    Raises:
        KinelexError: wrong shapes, or a clip whose legs have no length in its first frame.
    """
    clips, frames_of = flat_clips(positions, skeleton, lengths)
    offsets = (skeleton.offset_tensor() if offsets is None else offsets).to(clips)
    if offsets.shape != (len(skeleton), 3):
        raise KinelexError(
            f"offsets have shape {tuple(offsets.shape)}; skeleton {skeleton.name} needs ({len(skeleton)}, 3)"
        )
    target = offsets.norm(dim=-1)[1:]
    bones = bones_of(clips, skeleton)
    scale = _leg_ratio(bones[:, 0].norm(dim=-1), target, skeleton)
    # Relative to the first root before anything else: far from the origin float32 has few digits for a body.
    root = (clips[:, :, 0] - clips[:, :1, 0]) * scale.view(-1, 1, 1)
    joints = joints_of(root, unit_bones(bones, skeleton) * target.unsqueeze(-1), skeleton)
    joints = to_heading(joints, facing(joints[:, 0], skeleton).unsqueeze(1))
    inside = frame_mask(frames_of, joints.shape[1])[:, :, None]
    floor = joints[..., 1].masked_fill(~inside, torch.inf).amin(dim=(1, 2))
    joints[..., 1] -= floor.view(-1, 1, 1)
    return joints.masked_fill_(~inside.unsqueeze(-1), 0.0).view(positions.shape)


def _leg_ratio(source: Tensor, target: Tensor, skeleton: Skeleton) -> Tensor:
    """(B,) target leg length over the clips' own, from bone lengths (B, J - 1) and (J - 1,)."""
    legs = [joint - 1 for joint in skeleton.lower_legs]
    lengths = source[:, legs].sum(-1)
    if not (lengths > 0).all():
        clip = int((~(lengths > 0)).nonzero()[0])
        which = f"clip {clip} of the {len(lengths)}" if len(lengths) > 1 else "the clip"
        raise KinelexError(
            f"{which} shows no body: its legs have length {float(lengths[clip]):g} in its first frame; "
            "give joints with hips, knees and ankles apart from each other"
        )
    return target[legs].sum() / lengths


def flat_clips(positions: Tensor, skeleton: Skeleton, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
    """Joints as (B, T, J, 3) floating point and clip lengths as (B,), checked.

    Raises:
        KinelexError: joints not of shape (..., T >= 1, J, 3), or lengths outside 1..T or not one a clip.
    """
    if positions.ndim < 3 or positions.shape[-2:] != (len(skeleton), 3) or positions.shape[-3] == 0:
        raise KinelexError(
            f"joints have shape {tuple(positions.shape)}; "
            f"skeleton {skeleton.name} needs (..., frames >= 1, {len(skeleton)}, 3)"
        )
    if positions.dtype not in (torch.float32, torch.float64):
        positions = positions.float()
    clips = positions.reshape(-1, *positions.shape[-3:])
    batch, frames = clips.shape[:2]
    if lengths is None:
        return clips, torch.full((batch,), frames, device=clips.device)
    lengths = lengths.to(device=clips.device, dtype=torch.long).reshape(-1)
    if len(lengths) != batch or bool(((lengths < 1) | (lengths > frames)).any()):
        raise KinelexError(f"lengths {lengths.tolist()} do not fit {batch} clips of at most {frames} frames")
    return clips, lengths


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B, frames) True in the first lengths[b] frames of clip b."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)
