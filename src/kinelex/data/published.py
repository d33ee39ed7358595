"""Arrays as HumanML3D and KIT-ML folders hold them, as features that are stored as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.errors import KinelexError
from kinelex.motion.features import process_joints
from kinelex.motion.formats.array_file import read_array, real_numbers
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.skeleton import SKELETONS, Skeleton


@dataclass(frozen=True)
class PublishedClip:
    """Features (T, D) in the unit of the data set, and their skeleton."""

    features: NDArray[np.float32]
    skeleton: Skeleton


def read_published(path: Path) -> PublishedClip:
    """Read features (T, D), or joints (T, J, 3), whose features are computed.

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
            return PublishedClip(values, skeleton)
        if values.shape[1:] == (len(skeleton), 3) and len(values) > 1:
            features = process_joints(torch.from_numpy(values), skeleton).float().numpy()
            return PublishedClip(features, skeleton)
    raise KinelexError(
        f"{path} has shape {values.shape}; give features (T, 263 or 251) or joints (T, 22 or 21, 3)"
    )
