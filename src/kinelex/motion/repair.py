"""Undo what the conversions of the CMU mocap to BVH did to the skeleton."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import roma
import torch
from torch import Tensor

from kinelex.motion.animation import Animation
from kinelex.motion.kinematics import forward_kinematics

# Joints whose OFFSET lost a bone: which bone of the ASF file it was, and what estimates it, a joint whose own
# offset resembles it and the ratio of the lengths.
_THORAX_BY_FLAVOUR: Mapping[str, Mapping[str, tuple[str, str, float]]] = {
    "bvh-mb": {
        "Neck": ("thorax", "Spine1", 1.0), "LeftShoulder": ("thorax", "Spine1", 1.0),
        "RightShoulder": ("thorax", "Spine1", 1.0),
        "LeftFingerBase": ("lwrist", "LeftHand", 0.5), "LThumb": ("lwrist", "LeftHand", 0.5),
        "RightFingerBase": ("rwrist", "RightHand", 0.5), "RThumb": ("rwrist", "RightHand", 0.5),
    },
    "bvh-max": {
        "lowerneck": ("thorax", "Chest2", 1.0), "LeftCollar": ("thorax", "Chest2", 1.0),
        "RightCollar": ("thorax", "Chest2", 1.0),
        "lhand": ("lwrist", "LeftWrist", 0.5), "LThumb": ("lwrist", "LeftWrist", 0.5),
        "rhand": ("rwrist", "RightWrist", 0.5), "RThumb": ("rwrist", "RightWrist", 0.5),
    },
}  # fmt: skip

# Row 0 of a bvh-daz file is a T-pose that differs from the zero pose by at most 10 degrees a channel; a first
# row that differs by more is no T-pose, so the file was cut.
_LARGEST_T_POSE_TURN = 0.35


def repair_thorax(animation: Animation, bones: Mapping[str, Tensor] | None = None) -> Animation:
    """Give back the thorax and wrist bones, which the bvh-mb and bvh-max conversions left without length.

    `bones` are the subject's ASF vectors (direction * length, metres) by bone name; with them the result
    equals the AMC's kinematics. Without, the thorax is taken to be as the upper back and the wrist bone half
    as long as the radius: over 28 subjects the thorax is then at most 4 % too short or long, the wrist bone
    right. Joints that have an offset stay as they are, and so do other flavours.
    """
    offsets, translations = animation.offsets.clone(), animation.translations.clone()
    for joint, (bone, like, ratio) in _THORAX_BY_FLAVOUR.get(animation.flavour, {}).items():
        index = animation.index(joint)
        if offsets[index].abs().max() > 1e-6:
            continue
        # bvh-max has its arms down in the zero pose, so its wrist is always along its own forearm.
        known = bones is not None and (bone == "thorax" or animation.flavour == "bvh-mb")
        estimate = animation.offsets[animation.index(like)] * ratio
        offsets[index] = bones[bone].to(offsets) if known and bones is not None else estimate
        translations[:, index] = offsets[index]
    return replace(animation, offsets=offsets, translations=translations)


def rebase_on_first_frame(animation: Animation) -> Animation:
    """Make the T-pose in frame 0 the rest pose, so that rotations say how far a joint is from the T-pose.

    The joints stay where they are in every frame. When frame 0 is no T-pose (the file was cut), the zero pose
    of the skeleton stands for it, which differs by at most 10 degrees.
    """
    turns = roma.unitquat_to_rotvec(animation.rotations[0]).norm(dim=-1)
    if turns.max() > _LARGEST_T_POSE_TURN:
        return animation
    first = animation.rotations[:1]
    pose = forward_kinematics(first, first.new_zeros(1, 3), animation.offsets, animation.parents).rotations[0]
    above = pose[list(animation.parents)]
    above[0] = torch.tensor([0.0, 0.0, 0.0, 1.0])
    # G'(t) = G(t) * inverse(G(0)), so a local rotation L becomes A * L * inverse(G(0)), A the parent's G(0).
    rotations = roma.quat_product(above.expand_as(animation.rotations), animation.rotations)
    rotations = roma.quat_product(rotations, roma.quat_conjugation(pose).expand_as(rotations))
    moved = roma.quat_action(above.expand_as(rotations), animation.translations)
    moved[:, 0] = animation.translations[:, 0]
    offsets = roma.quat_action(above, animation.offsets)
    return replace(animation, offsets=offsets, rotations=rotations, translations=moved)
