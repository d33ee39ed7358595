"""What training reads from a store: windows of motion, and clips with their captions.

Both are map-style datasets whose items depend on the index alone; order, batches and their resumption are the
business of a sampler (`kinelex.training.sampler`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from kinelex.data.captions import mirror_text
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.mirror import mirror_features
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import Skeleton

Normalizer = Callable[[Tensor], Tensor]


class MotionWindows(Dataset[Tensor]):
    """Every window of `window` frames of every clip, and its mirror image.

    A clip that is shorter stands still in its first pose before and its last pose after, at every possible
    place, so that short actions are trained on too.

    Args:
        store: where the clips are.
        split: "train", "val", "test" or "all".
        window: frames of an item.
        mirror: whether the second half of the items are mirror images of the first.
        normalizer: applied to an item's features (T, D), after mirroring; none leaves them raw.
        min_frames: clips with fewer frames are left out.

    Raises:
        KinelexError: no clip is left.
    """

    def __init__(
        self, store: Store, split: str = "train", window: int = 64, mirror: bool = True,
        normalizer: Normalizer | None = None, min_frames: int = 16,
    ) -> None:  # fmt: skip
        self.store, self.window, self.mirror, self.normalizer = store, window, mirror, normalizer
        frames = store.column("frames")
        self.clips = np.array([index for index in store.indices(split) if frames[index] >= min_frames])
        if not len(self.clips):
            raise KinelexError(
                f"split {split} of {store.folders[0]} has no clip of {min_frames} frames; add clips"
            )
        self._frames = np.array(frames)[self.clips]
        self._ends = np.cumsum(np.abs(self._frames - window) + 1)

    def __len__(self) -> int:
        return int(self._ends[-1]) * (2 if self.mirror else 1)

    def clip_of(self, index: int) -> int:
        """Number in the store of the clip that an item is from."""
        return int(self.clips[self._place(index)[0]])

    def _place(self, index: int) -> tuple[int, int]:
        plain = index % int(self._ends[-1])
        clip = int(np.searchsorted(self._ends, plain, side="right"))
        return clip, plain - (int(self._ends[clip - 1]) if clip else 0)

    def __getitem__(self, index: int) -> Tensor:
        """(window, D) features."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> Tensor:
        """(B, window, D) features of several items at once, which a data loader asks for."""
        batch = torch.stack([self._window(*self._place(index)) for index in indices])
        mirrored = torch.tensor([index >= int(self._ends[-1]) for index in indices])
        if mirrored.any():
            batch[mirrored] = mirror_features(batch[mirrored], self.store.skeleton)
        return batch if self.normalizer is None else self.normalizer(batch)

    def _window(self, clip: int, place: int) -> Tensor:
        features = self.store.features(int(self.clips[clip]))
        short = self.window - len(features)
        if short <= 0:
            return torch.from_numpy(np.array(features[place : place + self.window]))
        return hold_still(torch.from_numpy(np.array(features)), place, short - place, self.store.skeleton)


def hold_still(features: Tensor, before: int, after: int, skeleton: Skeleton) -> Tensor:
    """(before + T + after, D): features (T, D) with the first and last pose held, feet planted."""
    layout = FeatureLayout.of(skeleton)
    first, last = features[:1].clone(), features[-1:].clone()
    for pose in (first, last):
        for moving in (layout.root_angular_velocity, layout.root_linear_velocity, layout.velocities):
            pose[:, moving] = 0.0
        pose[:, layout.contacts] = 1.0
    return torch.cat((first.expand(before, -1), features, last.expand(after, -1)))


@dataclass(frozen=True)
class CaptionedItem:
    """A clip, or the part of it that a caption is about, with that caption.

    Attributes:
        features: (T, D), normalised if the dataset has a normaliser.
        text: the caption; mirrored if the motion is.
        segments: phrases with their times within `features`.
        clip: number of the clip in the store.
        mirrored: whether this is the mirror image.
    """

    features: Tensor
    text: str
    segments: tuple[Segment, ...]
    clip: int
    mirrored: bool


@dataclass(frozen=True)
class _Pair:
    """Frames [start, stop) of a clip, and one of its captions."""

    clip: int
    caption: int
    start: int
    stop: int


class CaptionedClips(Dataset[CaptionedItem]):
    """Every caption of every clip with its motion, and the mirror image of both.

    A caption about a part of a clip comes with that part. Longer motion than `max_frames` is cut to its first
    `max_frames` frames, and so are its segments.

    Args:
        store: where the clips are.
        split: "train", "val", "test" or "all".
        mirror: whether the second half of the items are mirror images of the first.
        normalizer: applied to an item's features (T, D), after mirroring; none leaves them raw.
        min_frames: shorter motion is left out.
        max_frames: longer motion is cut.

    Raises:
        KinelexError: no captioned clip is left.
    """

    def __init__(
        self, store: Store, split: str = "train", mirror: bool = True, normalizer: Normalizer | None = None,
        min_frames: int = 16, max_frames: int = 196,
    ) -> None:  # fmt: skip
        self.store, self.mirror, self.normalizer, self.max_frames = store, mirror, normalizer, max_frames
        frames, captions = store.column("frames"), store.column("captions")
        self._pairs = [
            pair
            for clip in store.indices(split)
            for number, caption in enumerate(captions[clip])
            if (pair := self._pair(clip, number, caption, frames[clip])).stop - pair.start >= min_frames
        ]
        if not self._pairs:
            raise KinelexError(
                f"split {split} of {store.folders[0]} has no captioned clip of {min_frames} frames"
            )

    def _pair(self, clip: int, number: int, caption: dict[str, float], frames: int) -> _Pair:
        fps = self.store.skeleton.fps
        whole = caption["start"] == caption["end"] == 0
        start = 0 if whole else round(caption["start"] * fps)
        stop = frames if whole else min(round(caption["end"] * fps), frames)
        return _Pair(clip, number, start, min(stop, start + self.max_frames))

    def __len__(self) -> int:
        return len(self._pairs) * (2 if self.mirror else 1)

    @property
    def lengths(self) -> Tensor:
        """(N,) frames of every item, read from the index alone: for batches of similar length."""
        once = torch.tensor([pair.stop - pair.start for pair in self._pairs])
        return once.repeat(2) if self.mirror else once

    @property
    def clips(self) -> Tensor:
        """(N,) number in the store of every item's clip; items of a clip share its motion."""
        once = torch.tensor([pair.clip for pair in self._pairs])
        return once.repeat(2) if self.mirror else once

    def __getitem__(self, index: int) -> CaptionedItem:
        if not 0 <= index < len(self):
            raise IndexError(f"item {index} of {len(self)}")
        mirrored = index >= len(self._pairs)
        pair = self._pairs[index % len(self._pairs)]
        clip = self.store[pair.clip]
        features = torch.from_numpy(np.array(clip.features[pair.start : pair.stop]))
        text, segments = clip.captions[pair.caption].text, self._segments(clip.segments, pair)
        if mirrored:
            features = mirror_features(features, self.store.skeleton)
            text = mirror_text(text)
            segments = tuple(Segment(mirror_text(part.text), part.start, part.end) for part in segments)
        if self.normalizer is not None:
            features = self.normalizer(features)
        return CaptionedItem(features, text, segments, pair.clip, mirrored)

    def _segments(self, segments: Sequence[Segment], pair: _Pair) -> tuple[Segment, ...]:
        """Segments by the clock of the part, without those that lie outside it."""
        fps = self.store.skeleton.fps
        first, last = pair.start / fps, pair.stop / fps
        return tuple(
            Segment(part.text, max(part.start, first) - first, min(part.end, last) - first)
            for part in segments
            if min(part.end, last) > max(part.start, first)
        )
