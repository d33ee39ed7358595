"""Captions and the motion they describe, as tensors: what the evaluator learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.data.captions import Caption, mirror_text
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.words import CaptionWords, WordVectorizer
from kinelex.motion.layout import FeatureLayout
from kinelex.progress import track


@dataclass(frozen=True)
class DescribedMotion:
    """Pieces of motion, each with the captions that describe all of it.

    Attributes:
        features: (F, D) un-normalised, the clips one after the other.
        starts: (N,) first frame of each piece; pieces of one clip may overlap.
        lengths: (N,) frames of each.
        captions: of each piece, at least one.
    """

    features: Tensor
    starts: Tensor
    lengths: Tensor
    captions: tuple[tuple[Caption, ...], ...]

    def padded(self, rows: Tensor, starts: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D) features of pieces `rows`, from `starts` frames within them, other frames behind them."""
        steps = torch.arange(int(lengths.max()), device=self.features.device)
        return self.features[
            (self.starts[rows, None] + starts[:, None] + steps).clamp(max=len(self.features) - 1)
        ]

    def to(self, device: torch.device | str) -> DescribedMotion:
        """The same on another device."""
        features, starts, lengths = (x.to(device) for x in (self.features, self.starts, self.lengths))
        return DescribedMotion(features, starts, lengths, self.captions)


def read_pieces(store: Store, split: str, min_frames: int, max_frames: int) -> DescribedMotion:
    """Every captioned piece of a split that has `min_frames` to `max_frames` frames.

    A caption about a part of a clip makes a piece of its own. What is too long is left out rather than cut: a
    cut piece would no longer do all that its caption says.

    Raises:
        KinelexError: nothing is left.
    """
    indices = store.indices(split)
    clip_lengths = [len(store.features(index)) for index in indices]
    features = torch.empty(sum(clip_lengths), FeatureLayout.of(store.skeleton).size)
    said: dict[tuple[int, int], list[Caption]] = {}
    first = 0
    for index in track(indices, f"reading the {split} split"):
        clip = store[index]
        total = len(clip.features)
        features[first : first + total] = torch.from_numpy(clip.features.copy())
        for caption in clip.captions:
            start, stop = (0, total) if caption.whole else _frames(caption, store.skeleton.fps, total)
            if min_frames <= stop - start <= max_frames:
                said.setdefault((first + start, stop - start), []).append(caption)
        first += total
    if not said:
        raise KinelexError(
            f"the {split} split of {', '.join(map(str, store.folders))} has no captioned motion of "
            f"{min_frames} to {max_frames} frames; add captions, or change data.min_frames"
        )
    starts, lengths = torch.tensor(list(said)).unbind(1)
    return DescribedMotion(features, starts, lengths, tuple(tuple(captions) for captions in said.values()))


def _frames(caption: Caption, fps: float, total: int) -> tuple[int, int]:
    return round(caption.start * fps), min(round(caption.end * fps), total)


@dataclass(frozen=True)
class CaptionTable:
    """The captions of N pieces as numbers.

    Attributes:
        words: of all captions, those of a piece one after the other.
        sentence: (C,) the same number for captions of the same text.
        first: (N,) row of a piece's first caption.
        count: (N,) how many it has.
    """

    words: CaptionWords
    sentence: Tensor
    first: Tensor
    count: Tensor

    @classmethod
    def of(cls, captions: Sequence[Sequence[Caption]], vectorizer: WordVectorizer) -> CaptionTable:
        """Read the captions of each piece."""
        flat = [caption for own in captions for caption in own]
        numbers: dict[str, int] = {}
        sentence = torch.tensor([numbers.setdefault(caption.text, len(numbers)) for caption in flat])
        count = torch.tensor([len(own) for own in captions])
        return cls(vectorizer.encode(flat), sentence, count.cumsum(0) - count, count)

    def draw(self, rows: Tensor, place: Tensor) -> Tensor:
        """Caption rows of pieces `rows`, chosen by `place` in [0, 1)."""
        return self.first[rows] + (place * self.count[rows]).long().clamp(max=self.count[rows] - 1)

    def to(self, device: torch.device | str) -> CaptionTable:
        """The same on another device."""
        sentence, first, count = (x.to(device) for x in (self.sentence, self.first, self.count))
        return CaptionTable(self.words.to(device), sentence, first, count)


def mirrored_captions(captions: Sequence[Sequence[Caption]]) -> list[list[Caption]]:
    """The captions of the mirrored pieces; a text in which left and right change places is tagged anew."""
    known: dict[str, Caption] = {}

    def mirrored(caption: Caption) -> Caption:
        text = mirror_text(caption.text)
        if text == caption.text:
            return caption
        if text not in known:
            known[text] = Caption.of(text)
        return known[text]

    return [[mirrored(caption) for caption in own] for own in captions]
