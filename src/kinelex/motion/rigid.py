"""Make a generated body one that bones could have: constant lengths, a rigid pelvis and a rigid chest."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.motion.rig_rest import bundle_rotations, bundles_of, rest_offsets
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
    turned = _turned_bundles(joints, offsets, skeleton)
    lengths = offsets.norm(dim=-1)[..., None, None].unbind(-3)
    ends, placed = joints.unbind(-2), {0: joints[..., 0, :]}
    for joint, children in enumerate(skeleton.children):
        if len(children) > 1:
            placed |= {child: placed[joint] + turned[child] for child in children}
        elif children:
            (child,) = children
            aim = torch.nn.functional.normalize(ends[child] - placed[joint], dim=-1)
            placed[child] = placed[joint] + aim * lengths[child]
    return torch.stack([placed[joint] for joint in range(len(skeleton))], dim=-2).to(positions.dtype)


def _turned_bundles(joints: Tensor, offsets: Tensor, skeleton: Skeleton) -> dict[int, Tensor]:
    """(..., T, 3) where the bones point that leave a joint with others, by the joints at their ends."""
    turned: dict[int, Tensor] = {}
    for bundles in bundles_of(skeleton):
        rest = bundles.members(offsets)
        turns = bundle_rotations(bundles.bones(joints), rest, bundles.weights)
        bones = (rest.unsqueeze(-3) @ turns.mT).movedim(-2, -3).flatten(-4, -3).unbind(-3)
        turned |= dict(zip(bundles.ends, bones, strict=True))
    return turned
