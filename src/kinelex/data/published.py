"""Arrays as HumanML3D and KIT-ML folders hold them, as features that are stored as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.chain_ik import bones_of
from kinelex.motion.features import mirror_features, mirror_joints, process_joints
from kinelex.motion.formats.array_file import read_array, real_numbers
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import KIT, SKELETONS, Skeleton

# Of a frame of features, or of joints.
_SHAPES = {(FeatureLayout.of(skeleton).size,) for skeleton in SKELETONS.values()} | {
    (len(skeleton), 3) for skeleton in SKELETONS.values()
}


@dataclass(frozen=True)
class PublishedClip:
    """Features (T, D) in the unit of the data set, and their skeleton."""

    features: NDArray[np.float32]
    skeleton: Skeleton


def read_published(path: Path, mirrored: bool = False) -> PublishedClip:
    """Read features (T, D), or joints (T, J, 3), whose features are computed.

    KIT-ML publishes joints in millimetres that have the bones of its target skeleton already: they keep them.

    Args:
        path: a .npy file.
        mirrored: exchange left and right, of joints before features are computed.

    Raises:
        KinelexError: the file is missing or broken, or of no known shape, or has NaN or infinite values.
    """
    try:
        with path.open("rb") as stream:
            values = real_numbers(read_array(stream, path.stat().st_size, str(path)), str(path))
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    if not np.isfinite(values).all():
        raise KinelexError(f"{path} has NaN or infinite values; repair or leave out the clip")
    for skeleton in SKELETONS.values():
        if values.shape[1:] == (FeatureLayout.of(skeleton).size,) and len(values):
            features = torch.from_numpy(values)
            features = mirror_features(features, skeleton) if mirrored else features
            return PublishedClip(features.numpy(), skeleton)
        if values.shape[1:] == (len(skeleton), 3) and len(values) > 1:
            joints = torch.from_numpy(values)
            offsets = _own_offsets(joints) if skeleton is KIT else None
            joints = mirror_joints(joints, skeleton) if mirrored else joints
            features = process_joints(joints, skeleton, offsets=offsets).float().numpy()
            return PublishedClip(features, skeleton)
    if values.shape[1:] in _SHAPES:
        frames = "one frame" if len(values) else "no frame"
        raise KinelexError(f"{path} has {frames}, and motion needs two or more; leave out the clip")
    raise KinelexError(
        f"{path} has shape {values.shape}; give features (T, 263 or 251) or joints (T, 22 or 21, 3)"
    )


def _own_offsets(joints: Tensor) -> Tensor:
    """(J, 3) bones of the first frame, from parent to joint; the root has none."""
    return torch.cat((torch.zeros(1, 3), bones_of(joints[0], KIT)))
