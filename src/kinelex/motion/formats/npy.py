"""Bare NumPy arrays as HumanML3D and KIT-ML publish them: joints (T, J, 3) or features (T, D)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.features import FeatureLayout, joints_from_features
from kinelex.motion.formats.array_file import read_array, real_numbers
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import SKELETONS, Skeleton

# KIT-ML publishes millimetres. A person's head is a few metres at most from the pelvis, so the size tells.
_LARGEST_BODY = 20.0
_METRES_PER_MILLIMETRE = 0.001


def write_npy(motion: Motion, path: str | os.PathLike[str]) -> None:
    """Write the joints (T, J, 3) float32 in metres. Frame rate and phrases are not kept: npz has them.

    Raises:
        KinelexError: the file cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, motion.positions, allow_pickle=False)


def read_npy(path: str | os.PathLike[str]) -> Motion:
    """Read joints or un-normalised features; the shape says which, and of which skeleton.

    The frame rate is the skeleton's (HumanML3D 20, KIT 12.5 a second), since the file has none.
    Millimetres become metres.

    Raises:
        KinelexError: not an array of numbers of a known shape, no frames, or NaN or infinite values.
    """
    path = Path(path)
    with path.open("rb") as stream:
        values = read_array(stream, path.stat().st_size, str(path))
    try:
        skeleton = _skeleton_of(values)
        numbers = real_numbers(values, "the array")
        if len(numbers) == 0:
            raise KinelexError("the array has no frames; give at least one")
        if numbers.ndim == 2:
            numbers = joints_from_features(torch.from_numpy(numbers), skeleton).numpy()
        return Motion(_in_metres(numbers), fps=skeleton.fps, skeleton=skeleton).within_reach()
    except KinelexError as error:
        raise KinelexError(f"{path}: {error}") from error


def _skeleton_of(values: NDArray[Any]) -> Skeleton:
    shapes = {(len(skeleton), 3): skeleton for skeleton in SKELETONS.values()}
    shapes |= {(FeatureLayout.of(skeleton).size,): skeleton for skeleton in SKELETONS.values()}
    if values.shape[1:] not in shapes:
        known = " ".join(f"(frames, {', '.join(map(str, shape))})" for shape in shapes)
        raise KinelexError(f"the array has shape {values.shape}; give joints or features of shape {known}")
    return shapes[values.shape[1:]]


def _in_metres(joints: NDArray[np.float32]) -> NDArray[np.float32]:
    reach = np.abs(joints - joints[:, :1]).max(initial=0.0)
    return joints * np.float32(_METRES_PER_MILLIMETRE) if reach > _LARGEST_BODY else joints
