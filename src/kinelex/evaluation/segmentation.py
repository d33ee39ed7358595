"""Segment measures on motion with known boundaries: how far cuts are off, and whether phrases are found in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

from kinelex.alignment.motion_segments import MotionSegmenter
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import UNIT_FRAMES
from kinelex.progress import track

IOU_THRESHOLDS = (0.3, 0.5, 0.7)
Span = tuple[float, float]


class Grounder(Protocol):
    """Finds phrases in a motion."""

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> Sequence[Span]:
        """Start and end frame of each phrase in features (T, D)."""
        ...


@dataclass(frozen=True)
class LabelledMotion:
    """A motion of consecutive segments.

    Attributes:
        name: of the clip.
        features: (T, D) un-normalised.
        phrases: what happens in each of the S segments.
        bounds: S + 1 ascending frames, from 0 to T.
        fps: frames a second.
    """

    name: str
    features: Tensor
    phrases: tuple[str, ...]
    bounds: tuple[float, ...]
    fps: float

    @property
    def spans(self) -> tuple[Span, ...]:
        """Start and end frame of each segment."""
        return tuple(pairwise(self.bounds))


@dataclass(frozen=True)
class SegmentScores:
    """How well a segmenter or grounder does; a token is 4 frames.

    Attributes:
        error_s, error_std_s: mean and deviation of |found - true| of the inner boundaries in seconds.
        error_tokens, error_std_tokens: the same in motion tokens.
        recall: share of phrases whose found span overlaps the true one by an IoU of at least the key.
        iou: mean over phrases.
        boundaries, phrases, clips: how many were measured.
    """

    error_s: float
    error_std_s: float
    error_tokens: float
    error_std_tokens: float
    recall: dict[float, float]
    iou: float
    boundaries: int
    phrases: int
    clips: int


def composed_motions(store: Store, split: str = "test") -> list[LabelledMotion]:
    """Clips of a store that kinelex prepare compose made.

    Raises:
        KinelexError: no clip of the split has two or more segments.
    """
    motions: list[LabelledMotion] = []
    for index in store.indices(split):
        clip = store[index]
        if len(clip.segments) < 2:
            continue
        ends = [part.end * store.skeleton.fps for part in clip.segments]
        features = torch.from_numpy(clip.features.copy())
        bounds = (0.0, *ends[:-1], float(len(features)))
        phrases = tuple(part.text for part in clip.segments)
        motions.append(LabelledMotion(clip.id, features, phrases, bounds, store.skeleton.fps))
    if not motions:
        raise KinelexError(
            f"no clip in the {split} split of {', '.join(map(str, store.folders))} has two or more segments; "
            "make a store of such clips with kinelex prepare compose"
        )
    return motions


def iou(first: Span, second: Span) -> float:
    """Intersection over union of two spans; 0 where both are empty."""
    together = max(first[1], second[1]) - min(first[0], second[0])
    shared = max(0.0, min(first[1], second[1]) - max(first[0], second[0]))
    apart = max(0.0, max(first[0], second[0]) - min(first[1], second[1]))
    return shared / (together - apart) if together > apart else 0.0


def grounding_recall(found: Sequence[Span], true: Sequence[Span]) -> dict[float, float]:
    """Share of phrases found with an IoU of at least .3, .5, .7: one span a phrase, in the same order.

    Raises:
        KinelexError: there are no phrases, or not one span for each.
    """
    overlaps = _overlaps(found, true)
    return {least: sum(each >= least for each in overlaps) / len(overlaps) for least in IOU_THRESHOLDS}


def _overlaps(found: Sequence[Span], true: Sequence[Span]) -> list[float]:
    if len(found) != len(true) or not true:
        raise KinelexError(f"{len(found)} spans were found for {len(true)} phrases; give one for each")
    return [iou(*both) for both in zip(found, true, strict=True)]


def measure_segmenter(segmenter: MotionSegmenter, motions: Sequence[LabelledMotion]) -> SegmentScores:
    """Cut each motion into as many segments as it has; the k-th segment found is taken for the k-th phrase.

    Raises:
        KinelexError: there are no motions, or the segmenter gives another number of cuts.
    """
    found: list[tuple[Span, ...]] = []
    for motion in track(motions, "cutting motions"):
        cuts = segmenter(motion.features, motion.phrases)
        if len(cuts) != len(motion.phrases) - 1:
            raise KinelexError(
                f"a segmenter made {len(cuts)} cuts in {motion.name}, which has {len(motion.phrases)} segments"
            )
        found.append(tuple(pairwise((0.0, *map(float, cuts), motion.bounds[-1]))))
    return _scores(found, motions)


def measure_grounder(grounder: Grounder, motions: Sequence[LabelledMotion]) -> SegmentScores:
    """Ask for every phrase; a found start of any phrase but the first counts as its boundary.

    Raises:
        KinelexError: there are no motions, or not one span for each phrase.
    """
    found = [
        tuple(grounder(motion.features, motion.phrases)) for motion in track(motions, "looking for phrases")
    ]
    for spans, motion in zip(found, motions, strict=True):
        _overlaps(spans, motion.spans)
    return _scores(found, motions)


def _scores(found: Sequence[Sequence[Span]], motions: Sequence[LabelledMotion]) -> SegmentScores:
    if not motions:
        raise KinelexError("there are no motions with known segments to measure on; give at least one")
    spans = [span for own in found for span in own]
    true = [span for motion in motions for span in motion.spans]
    overlaps = _overlaps(spans, true)
    frames: list[float] = []
    seconds: list[float] = []
    for own, motion in zip(found, motions, strict=True):
        off = [abs(start - bound) for (start, _), bound in zip(own[1:], motion.bounds[1:-1], strict=True)]
        frames += off
        seconds += [each / motion.fps for each in off]
    in_seconds, in_tokens = torch.tensor(seconds).double(), torch.tensor(frames).double() / UNIT_FRAMES
    return SegmentScores(
        error_s=float(in_seconds.mean()),
        error_std_s=float(in_seconds.std(correction=0)),
        error_tokens=float(in_tokens.mean()),
        error_std_tokens=float(in_tokens.std(correction=0)),
        recall=grounding_recall(spans, true),
        iou=sum(overlaps) / len(overlaps),
        boundaries=len(frames),
        phrases=len(overlaps),
        clips=len(motions),
    )


def segment_table(scores: dict[str, SegmentScores]) -> str:
    """Markdown: a row for each segmenter."""
    columns = (
        "",
        "boundary error, s",
        "boundary error, tokens",
        *(f"recall at IoU {t:g}" for t in IOU_THRESHOLDS),
    )
    rows = [f"| {' | '.join(columns)} | mean IoU |", "|" + "---|" * (len(columns) + 1)]
    for name, score in scores.items():
        recall = " | ".join(f"{score.recall[threshold]:.3f}" for threshold in IOU_THRESHOLDS)
        rows.append(
            f"| {name} | {score.error_s:.3f} (std {score.error_std_s:.3f}) | {score.error_tokens:.2f} "
            f"(std {score.error_std_tokens:.2f}) | {recall} | {score.iou:.3f} |"
        )
    one = next(iter(scores.values()))
    return "\n".join([*rows, "", f"{one.clips} clips, {one.boundaries} boundaries, {one.phrases} phrases."])
