"""Clips of any frame rate as the features that models read."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.features import process_joints
from kinelex.motion.motion import Motion
from kinelex.motion.resample import resample_joints
from kinelex.motion.skeleton import Skeleton


def motion_features(motion: Motion, skeleton: Skeleton, shortest: int = 1) -> Tensor:
    """(T, D) un-normalised features of a clip at the skeleton's frame rate.

    Args:
        motion: any clip on the skeleton.
        skeleton: the model's.
        shortest: frames of features that the model needs.

    Raises:
        KinelexError: another skeleton, or a clip that is too short.
    """
    if motion.skeleton != skeleton:
        raise KinelexError(
            f"the clip has the skeleton {motion.skeleton.name}, the model knows {skeleton.name}; "
            "convert the clip or use another model"
        )
    joints = torch.from_numpy(motion.positions)
    if motion.fps != skeleton.fps:
        joints = resample_joints(joints, motion.fps, skeleton.fps)
    if len(joints) <= shortest:
        raise KinelexError(
            f"the clip has {len(joints)} frames at {skeleton.fps:g} fps; give more than {shortest}"
        )
    return process_joints(joints, skeleton)
