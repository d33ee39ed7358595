"""What a page needs to show a clip: a skinned body, its bones in every frame, and which feet are planted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.motion.contacts import floor_height, foot_contacts
from kinelex.motion.kinematics import animation_pose
from kinelex.motion.mannequin import Mannequin, mannequin
from kinelex.motion.motion import Motion
from kinelex.motion.rig import rig_from_motion
from kinelex.studio.view import View

Floats = NDArray[np.float32]
_BETWEEN = 1.3  # metres from one take to the next where they start


@dataclass(frozen=True)
class Puppet:
    """A clip made ready for drawing; metres, Y up.

    Attributes:
        body: the mesh in the T-pose.
        rest: (J, 3) joints of the T-pose.
        bones: (T, J, 3) joints.
        turns: (T, J, 4) unit quaternions wxyz of the bones.
        planted: (T, 4) bool: left ankle, left toe, right ankle, right toe.
        soles: (T, 4, 3) where these joints touch the floor.
        fps: frames a second.
        head: index of the joint that a label stands above.
    """

    body: Mannequin
    rest: Floats
    bones: Floats
    turns: Floats
    planted: NDArray[np.bool_]
    soles: Floats
    fps: float
    head: int

    def __len__(self) -> int:
        return len(self.bones)

    @property
    def skin_weights(self) -> Floats:
        """(V, J) share of each bone in each vertex."""
        weights = np.zeros((len(self.body.vertices), len(self.rest)), dtype=np.float32)
        rows = np.arange(len(weights))[:, None]
        np.add.at(weights, (rows, self.body.joints), self.body.weights.astype(np.float32))
        return weights


def puppet(motion: Motion, view: View) -> Puppet:
    """A take as the switches want it, with the contacts that its feet have in the room.

    Raises:
        KinelexError: the clip is no body of a size that can be drawn.
    """
    grounded = torch.from_numpy(view.grounded(motion).positions)
    planted = foot_contacts(grounded, motion.fps, motion.skeleton)
    shown = view.of(motion)
    rig = rig_from_motion(shown)
    pose = animation_pose(rig.animation)
    bones = pose.positions.float().numpy()
    skeleton = motion.skeleton
    soles = bones[:, [*skeleton.left_foot, *skeleton.right_foot]].copy()
    soles[..., 1] = float(floor_height(grounded, skeleton))
    return Puppet(
        mannequin(rig),
        rig.rest().float().numpy(),
        bones,
        pose.rotations[..., [3, 0, 1, 2]].float().numpy(),
        planted.numpy(),
        soles,
        motion.fps,
        skeleton.index("head"),
    )


def in_a_row(count: int) -> list[float]:
    """How far to move each of so many takes along x: they start in a row whose middle is at 0."""
    return [_BETWEEN * (slot - (count - 1) / 2) for slot in range(count)]
