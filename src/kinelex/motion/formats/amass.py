"""AMASS recordings (Mahmood et al., ICCV 2019): SMPL-H pose parameters in .npz files, the variant "SMPL+H G"."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinelex.errors import KinelexError
from kinelex.motion.formats.array_file import one_number, read_archive, real_numbers
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_rate
from kinelex.motion.smplh import SMPLH_JOINTS

_ARRAYS = ("poses", "trans", "betas", "gender", "mocap_framerate")


@dataclass(frozen=True)
class AmassRecording:
    """The parameters of one recording, Z up, at the rate of its capture system.

    Attributes:
        poses: (T, 156) float32 rotation vectors of the 52 joints.
        translations: (T, 3) float32 metres.
        betas: (B,) float32 body shape.
        gender: of the body model.
        fps: frames a second.
    """

    poses: NDArray[np.float32]
    translations: NDArray[np.float32]
    betas: NDArray[np.float32]
    gender: str
    fps: float

    def every(self, step: int) -> AmassRecording:
        """Every `step`-th frame from the first on."""
        return AmassRecording(
            self.poses[::step], self.translations[::step], self.betas, self.gender, self.fps / step
        )


def read_amass(path: Path) -> AmassRecording:
    """Read a recording; NaN poses are kept.

    Raises:
        KinelexError: damaged, arrays are missing or misshapen, a rate that no recording has, or poses of another body
            model.
    """
    arrays = read_archive(path, _ARRAYS)
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise KinelexError(f"{path} has no {', '.join(missing)}; get the SMPL+H G variant of AMASS")
    poses, translations, betas = (real_numbers(arrays[name], f"{path}: {name}") for name in _ARRAYS[:3])
    if poses.ndim != 2 or poses.shape[1] != 3 * SMPLH_JOINTS:
        raise KinelexError(
            f"{path} has poses of shape {poses.shape}, not (frames, {3 * SMPLH_JOINTS}); "
            "get the SMPL+H G variant of AMASS"
        )
    if translations.shape != (len(poses), 3) or betas.ndim != 1:
        raise KinelexError(
            f"{path} has {len(poses)} poses, but trans of shape {translations.shape} and betas of shape "
            f"{betas.shape}; get the file again"
        )
    fps = one_number(arrays["mocap_framerate"], f"{path}: mocap_framerate")
    if not is_frame_rate(fps):
        raise KinelexError(
            f"{path} says {fps:g} frames a second, which is no recording's rate ({SLOWEST:g} to {FASTEST:g}); "
            "get the file again"
        )
    return AmassRecording(poses, translations, betas, _gender(arrays["gender"], path), fps)


def _gender(values: NDArray[Any], path: Path) -> str:
    if values.size != 1 or values.dtype.kind not in "US":
        raise KinelexError(f"{path}: gender has shape {values.shape} and type {values.dtype}; give one word")
    word = values.reshape(())[()]
    return word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
