"""What a model is tested on: captioned clips of a split, and which caption and which noise each repeat takes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinelex.data.captions import Caption
from kinelex.data.store import Store, StoredClip
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import UNIT_FRAMES

# Frames of a clip that counts, as published: two seconds to ten.
_SHORTEST, _LONGEST = {"humanml3d": 40, "kit": 24}, 199
NO_CAPTION, TOO_SHORT, TOO_LONG = "without a caption", "too short", "too long"


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on nothing but the parts: the same in every process, batch and order."""
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Sample:
    """A clip, or the part of one that captions describe.

    Attributes:
        key: id of the clip and its first frame.
        clip: index in the store.
        start: first frame.
        frames: a multiple of 4.
        captions: at least one.
    """

    key: str
    clip: int
    start: int
    frames: int
    captions: tuple[Caption, ...]

    def caption(self, seed: int, repeat: int) -> Caption:
        """The caption that a repeat takes."""
        return self.captions[seed_of(seed, repeat, self.key, "caption") % len(self.captions)]


@dataclass(frozen=True)
class SampleSet:
    """The samples of a split, and how many captioned or bare stretches were left out, by reason."""

    samples: tuple[Sample, ...]
    left_out: Mapping[str, int]


def read_samples(store: Store, split: str = "test", limit: int | None = None) -> SampleSet:
    """Captioned stretches of 40 to 199 frames (24 for KIT), cut to whole units of 4 frames.

    As in the published loader, a caption with times makes a sample of its own. Not as there: a clip is neither
    shortened by a further unit nor started later at random, so that every repeat sees the same motion.

    Args:
        store: prepared data.
        split: "train", "val", "test" or "all".
        limit: at most so many, chosen by a hash of their names: from all over the store, and a smaller limit
            takes a part of what a larger one takes.

    Raises:
        KinelexError: nothing in the split can be used, or the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise KinelexError(f"a limit of {limit} leaves nothing to evaluate; give 1 or more")
    left_out: Counter[str] = Counter()
    samples: list[Sample] = []
    indices = store.indices(split)
    for index in indices:
        for sample in _stretches(store[index], index, store.skeleton.fps):
            reason = _reason(sample, store)
            if reason is None:
                samples.append(replace(sample, frames=sample.frames // UNIT_FRAMES * UNIT_FRAMES))
            else:
                left_out[reason] += 1
    if not samples:
        found = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "it is empty"
        raise KinelexError(
            f"the {split} split of {', '.join(map(str, store.folders))} has no captioned clip of 2 to 10 "
            f"seconds ({found}); give a store whose {split} split has some, or choose another --split"
        )
    if limit is not None and limit < len(samples):
        chosen = {sample.key for sample in sorted(samples, key=lambda each: seed_of(each.key))[:limit]}
        samples = [sample for sample in samples if sample.key in chosen]
    return SampleSet(tuple(samples), dict(sorted(left_out.items())))


def _stretches(clip: StoredClip, index: int, fps: float) -> Iterator[Sample]:
    """A stretch of frames for every different span of time that captions describe."""
    total = len(clip.features)
    said: dict[tuple[int, int], list[Caption]] = {}
    for caption in clip.captions:
        first, last = (0, total) if caption.whole else (round(caption.start * fps), round(caption.end * fps))
        said.setdefault((first, min(last, total)), []).append(caption)
    for (first, last), captions in (said or {(0, total): []}).items():
        yield Sample(f"{clip.id}@{first}", index, first, last - first, tuple(captions))


def _reason(sample: Sample, store: Store) -> str | None:
    """Why a stretch is left out."""
    if not sample.captions:
        return NO_CAPTION
    if sample.frames < _SHORTEST.get(store.skeleton.name, UNIT_FRAMES):
        return TOO_SHORT
    return TOO_LONG if sample.frames > _LONGEST else None


def real_motion(samples: Sequence[Sample], store: Store) -> tuple[Tensor, Tensor]:
    """Recorded features (N, T, F) of samples, zero beyond their lengths (N,) in frames."""
    pieces = [
        torch.from_numpy(store.features(sample.clip)[sample.start : sample.start + sample.frames].copy())
        for sample in samples
    ]
    lengths = torch.tensor([len(piece) for piece in pieces])
    return torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True), lengths
