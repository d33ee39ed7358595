"""Where a motion changes from one action to the next, when it is known what is done in it (SegMo, section B).

A segmenter maps features (T, D) and N phrases to the N - 1 frames at which segments after the first begin. Those of
this module only count the phrases; a retrieval model reads them (`kinelex.retrieval.localisation`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError

WINDOW, STRIDE = 16, 4
_SMALLEST = 2  # windows in a segment
_CLIPPED = 5.0  # standard deviations


class MotionSegmenter(Protocol):
    """Cuts a motion into the segments of its phrases."""

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        """The frames (N - 1, ascending, within the clip) at which segments of features (T, D) for N phrases begin."""
        ...


def uniform_cuts(features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
    """Segments of equal length; what is left over goes to the first ones. See `MotionSegmenter`.

    Raises:
        KinelexError: the clip has fewer frames than segments.
    """
    frames, count = len(features), len(phrases)
    _check(frames, count)
    share, rest = divmod(frames, count)
    return tuple(share * place + min(place, rest) for place in range(1, count))


@dataclass(frozen=True)
class Scale:
    """What windows of features are made comparable with.

    Attributes:
        mean, deviation: (D,) of the corpus.
    """

    mean: Tensor
    deviation: Tensor

    def windows(self, features: Tensor) -> NDArray[np.float64]:
        """(N, 2 D) mean and spread of standardised features (T, D) in windows of 16 frames, every 4 frames."""
        standard = ((features - self.mean) / self.deviation.clamp(min=1e-4)).clamp(-_CLIPPED, _CLIPPED)
        short = max(0, WINDOW - len(standard))
        if short:
            standard = torch.cat((standard, standard[-1:].expand(short, -1)))
        parts = standard.unfold(0, WINDOW, STRIDE)
        return torch.cat((parts.mean(-1), parts.std(-1)), dim=-1).double().numpy()


@dataclass(frozen=True)
class ChangePoints:
    """Kernel change-point detection with a Gaussian kernel on windows of the motion.

    C. Truong, L. Oudre, N. Vayatis, "Selective review of offline change point detection methods", Signal
    Processing 167, 2020, as in the package ruptures; the kernel's width is the median heuristic.
    """

    scale: Scale

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        """See `MotionSegmenter`; clips too short for so many windows are cut evenly.

        Raises:
            KinelexError: the clip has fewer frames than segments.
        """
        count = len(phrases)
        _check(len(features), count)
        windows = self.scale.windows(features)
        if count == 1 or len(windows) < _SMALLEST * count:
            return uniform_cuts(features, phrases)
        # Imported here: it takes seconds, for which nothing else need wait.
        import ruptures

        search = ruptures.KernelCPD(kernel="rbf", min_size=_SMALLEST).fit(windows)
        places = search.predict(n_bkps=count - 1)
        assert places is not None
        return tuple(_frame(place) for place in places[:-1])


@dataclass(frozen=True)
class MotionPrimitives:
    """K-means primitives of a corpus; a motion is cut such that each segment stays close to one primitive.

    Attributes:
        scale: of the windows.
        centres: (K, 2 D) primitives.
    """

    scale: Scale
    centres: Tensor

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        """See `MotionSegmenter`; clips too short for so many windows are cut evenly.

        Raises:
            KinelexError: the clip has fewer frames than segments.
        """
        count = len(phrases)
        _check(len(features), count)
        windows = torch.from_numpy(self.scale.windows(features))
        if count == 1 or len(windows) < _SMALLEST * count:
            return uniform_cuts(features, phrases)
        costs = torch.cdist(windows, self.centres.double()).numpy()
        return tuple(_frame(place) for place in cheapest_cuts(costs, count, _SMALLEST))

    @classmethod
    def fit(cls, clips: Iterable[Tensor], scale: Scale, count: int = 64, seed: int = 0) -> MotionPrimitives:
        """Primitives of clips, each (T, D) features.

        Raises:
            KinelexError: the clips have fewer windows than primitives are wanted.
        """
        windows = np.concatenate([scale.windows(clip) for clip in clips])
        if len(windows) < count:
            raise KinelexError(
                f"{len(windows)} windows of motion cannot make {count} primitives; give more clips"
            )
        # Imported here for the same reason as ruptures.
        from sklearn.cluster import KMeans

        found = KMeans(count, random_state=seed).fit(windows)
        return cls(scale, torch.from_numpy(found.cluster_centers_).float())

    def save(self, path: Path) -> None:
        """Write the primitives as safetensors."""
        tensors = {"centres": self.centres, "mean": self.scale.mean, "deviation": self.scale.deviation}
        with atomic_path(path) as partial:
            save_file(tensors, partial)

    @classmethod
    def load(cls, path: Path) -> MotionPrimitives:
        """Read what `save` wrote.

        Raises:
            KinelexError: the file is missing or broken.
        """
        try:
            tensors = load_file(path)
            return cls(Scale(tensors["mean"], tensors["deviation"]), tensors["centres"])
        except (OSError, SafetensorError, KeyError) as error:
            raise KinelexError(
                f"cannot read the motion primitives {path}: {error}; fit them again"
            ) from error


def cheapest_cuts(costs: NDArray[np.float64], count: int, smallest: int = 1) -> tuple[int, ...]:
    """Where to cut N windows into segments of one primitive each, at the least total cost.

    Dynamic programming over the last cut: best[n][j] = min over i of best[n - 1][i] + cost of windows i to j,
    the cost of a segment being that of its cheapest primitive.

    Args:
        costs: (N, K) cost of each window under each primitive.
        count: segments.
        smallest: windows that a segment has at least; count * smallest must not exceed N.

    Returns:
        count - 1 window numbers at which segments after the first begin.
    """
    windows = len(costs)
    totals = np.concatenate((np.zeros((1, costs.shape[1])), costs.cumsum(0)))
    segment = (totals[None] - totals[:, None]).min(-1)
    start, end = np.indices((windows + 1, windows + 1))
    segment[end - start < smallest] = np.inf
    best, origins = segment[0], []
    for _ in range(count - 1):
        reached = best[:, None] + segment
        origins.append(reached.argmin(0))
        best = reached.min(0)
    cuts, place = [], windows
    for origin in reversed(origins):
        place = int(origin[place])
        cuts.append(place)
    return tuple(reversed(cuts))


def token_counts(cuts: Sequence[int], frames: int, downsampling: int) -> tuple[int, ...]:
    """Tokens of each segment, from the frames of the cuts; every boundary goes to the nearest token."""
    total = frames // downsampling
    places = [0, *(min(round(cut / downsampling), total) for cut in cuts), total]
    return tuple(int(size) for size in np.diff(places))


def _frame(window: int) -> int:
    """The frame in the middle between the centres of a window and the one before it."""
    return window * STRIDE + (WINDOW - STRIDE) // 2


def _check(frames: int, count: int) -> None:
    if not 1 <= count <= frames:
        raise KinelexError(f"a motion of {frames} frames cannot be cut into {count} segments; give fewer")
