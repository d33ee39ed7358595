"""Rig a clip: joint positions to rotations on a T-pose skeleton, as BVH and glTF carry them."""

from __future__ import annotations

from dataclasses import dataclass

import roma
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.kinematics import animation_pose
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.rig_names import NAME_PRESETS, bone_names
from kinelex.motion.rig_pose import global_rotations
from kinelex.motion.rig_rest import rest_joints, rest_offsets, tip_offsets
from kinelex.motion.skeleton import Skeleton

__all__ = ["NAME_PRESETS", "Rig", "bone_names", "check_body", "rig_from_motion"]

_SMALLEST = 0.01  # metres of stature


@dataclass(frozen=True)
class Rig:
    """A clip on a skeleton of fixed bones that rests in a T-pose facing +Z.

    Attributes:
        animation: rest offsets, local rotations (signs continuous over time) and the root's path, in metres.
        skeleton: what the J joints are.
        segments: the clip's phrases.
        error: (T, J) metres between the rig's joints and the clip's. Rounding only for a clip of constant
            bone lengths and rigid pelvis and chest; more when these vary, which no such rig can follow.
    """

    animation: Animation
    skeleton: Skeleton
    segments: tuple[Segment, ...]
    error: Tensor

    def rest(self) -> Tensor:
        """(J, 3) joints of the T-pose in metres: lowest joint at y = 0, root at x = z = 0."""
        return rest_joints(self.animation.offsets, self.skeleton.parents)

    def tips(self) -> dict[int, Tensor]:
        """For each joint without children, the (3,) offset in metres to crown, finger tips or toe tips."""
        return tip_offsets(self.animation.offsets, self.skeleton)

    def stature(self) -> float:
        """Metres from the lowest joint of the T-pose to the crown."""
        head = self.skeleton.index("head")
        return float(self.rest()[head, 1]) + float(self.tips()[head][1])


def check_body(rig: Rig) -> None:
    """Refuse the rig of a clip whose joints are not those of a body, such as joints that all lie in one place.

    Raises:
        KinelexError: its T-pose is not upright, or too small to show.
    """
    heights = rig.rest()[:, 1]
    hip, shoulder = (heights[rig.skeleton.index(f"left_{joint}")] for joint in ("hip", "shoulder"))
    if rig.stature() < _SMALLEST or not hip < shoulder:
        raise KinelexError(
            f"the T-pose of the clip is {rig.stature():.2g} m tall, which is no body; "
            "give joints in metres that lie apart, the hips below the shoulders"
        )


def rig_from_motion(motion: Motion, names: str = "smpl") -> Rig:
    """Rotations that make a T-pose skeleton follow a clip, with as little roll about the bones as it needs.

    See `rig_pose` for how the roll is chosen. Joints without children (head, wrists, toes) do not turn
    relative to their parents: positions say nothing about them.

    Args:
        names: joint-name preset, a key of `NAME_PRESETS`.

    Raises:
        KinelexError: there is no such preset.
    """
    skeleton = motion.skeleton
    bones = bone_names(skeleton, names)
    positions = torch.from_numpy(motion.positions).double()
    offsets = rest_offsets(positions, skeleton)
    world = global_rotations(positions, offsets, skeleton, motion.fps)
    above = world[:, [max(parent, 0) for parent in skeleton.parents]]
    local = torch.cat((world[:, :1], above[:, 1:].mT @ world[:, 1:]), dim=1)
    translations = offsets.repeat(len(motion), 1, 1)
    translations[:, 0] = positions[:, 0]
    animation = Animation(
        bones,
        skeleton.parents,
        offsets.float(),
        continuous_signs(roma.rotmat_to_unitquat(local)).float(),
        translations.float(),
        motion.fps,
        "kinelex",
    )
    error = (animation_pose(animation).positions - positions).norm(dim=-1)
    return Rig(animation, skeleton, motion.segments, error.float())


def continuous_signs(quaternions: Tensor) -> Tensor:
    """Quaternions (T, ..., 4) with signs such that neighbours in time are less than a half turn apart in 4D.

    Players interpolate between keys; between q and the same rotation written -q they would spin.
    """
    flips = torch.where((quaternions[1:] * quaternions[:-1]).sum(-1) < 0, -1.0, 1.0)
    first = torch.where(quaternions[:1, ..., 3] < 0, -1.0, 1.0)
    signs = torch.cat((first, flips)).cumprod(dim=0)
    return quaternions * signs.unsqueeze(-1).to(quaternions.dtype)
