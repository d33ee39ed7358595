"""Make a generated body one that bones could have: constant lengths, a rigid pelvis and a rigid chest."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.motion.rig_rest import bundle_rotations, bundle_weights, rest_offsets
from kinelex.motion.skeleton import Skeleton


def rigid_joints(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """Clips on bones of constant length, as near to them as such bones come; a rig follows them exactly.

    A decoder predicts every joint by itself, so its bones stretch by some millimetres. Lengths, and the angles
    between the bones that leave pelvis and chest, are each clip's own medians. Every other bone points from where
    its start has come to lie to where the clip has its end, so that differences do not add up along a limb.

    Args:
        positions: (..., T, J, 3) joints in metres.

    Returns:
        (..., T, J, 3); the root stays where it is.
    """
    joints = positions.double()
    offsets = rest_offsets(joints, skeleton)
    placed: dict[int, Tensor] = {0: joints[..., 0, :]}
    for joint, children in enumerate(skeleton.children):
        if len(children) > 1:
            bones = joints[..., list(children), :] - joints[..., joint, None, :]
            rest = offsets[..., list(children), :]
            turn = bundle_rotations(bones, rest, bundle_weights(skeleton, children))
            ends = placed[joint].unsqueeze(-2) + rest.unsqueeze(-3) @ turn.mT
            placed |= {child: ends[..., place, :] for place, child in enumerate(children)}
        elif children:
            (child,) = children
            aim = torch.nn.functional.normalize(joints[..., child, :] - placed[joint], dim=-1)
            placed[child] = placed[joint] + aim * offsets[..., child, :].norm(dim=-1)[..., None, None]
    return torch.stack([placed[joint] for joint in range(len(skeleton))], dim=-2).to(positions.dtype)
