"""Mean and deviation of features, and how the statistics of several stores combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.motion.layout import FeatureLayout
from kinelex.motion.mirror import mirror_features
from kinelex.motion.skeleton import Skeleton


@dataclass(frozen=True)
class FeatureStatistics:
    """Statistics of feature frames.

    Attributes:
        frames: how many frames were seen.
        mean: (D,) float64.
        variance: (D,) float64, of each dimension by itself.
    """

    frames: int
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    def normalization(self, skeleton: Skeleton) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation (D,), the deviation averaged over every field of the layout.

        One deviation a field (Guo et al. 2022, published Std.npy) keeps the ratios of its dimensions, so that
        a joint that hardly moves is not blown up to the size of one that moves a lot.
        """
        layout = FeatureLayout.of(skeleton)
        deviation = np.sqrt(self.variance)
        fields = (
            layout.root_angular_velocity, layout.root_linear_velocity, layout.root_height, layout.positions,
            layout.rotations, layout.velocities, layout.contacts,
        )  # fmt: skip
        for part in fields:
            deviation[part] = deviation[part].mean()
        return self.mean.astype(np.float32), np.maximum(deviation, 1e-6).astype(np.float32)


class StatisticsSum:
    """Adds up clips in double precision; each clip counts together with its mirror image."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        size = FeatureLayout.of(skeleton).size
        self._frames = 0
        self._sum = np.zeros(size)
        self._squares = np.zeros(size)

    def add(self, features: NDArray[np.float32]) -> None:
        """Count the frames of a clip (T, D)."""
        original = torch.from_numpy(np.array(features, dtype=np.float32))
        for clip in (original, mirror_features(original, self._skeleton)):
            frames = clip.double().numpy()
            self._frames += len(frames)
            self._sum += frames.sum(axis=0)
            self._squares += (frames * frames).sum(axis=0)

    def result(self) -> FeatureStatistics:
        """Statistics of what was added; mean 0 and variance 1 when nothing was."""
        if not self._frames:
            return FeatureStatistics(0, np.zeros_like(self._sum), np.ones_like(self._sum))
        mean = self._sum / self._frames
        return FeatureStatistics(self._frames, mean, np.maximum(self._squares / self._frames - mean**2, 0.0))


def combined(parts: Iterable[FeatureStatistics]) -> FeatureStatistics:
    """Statistics of all frames of several stores together."""
    seen = list(parts)
    frames = sum(part.frames for part in seen)
    if not frames:
        return seen[0]
    mean = sum(part.frames * part.mean for part in seen) / frames
    square = sum(part.frames * (part.variance + part.mean**2) for part in seen) / frames
    return FeatureStatistics(frames, np.asarray(mean), np.maximum(square - np.asarray(mean) ** 2, 0.0))
