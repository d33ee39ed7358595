"""When in a motion does it happen, and which of these sentences says what happens then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError
from kinelex.generators.model import MoMaskModel, MotionModel
from kinelex.motion.motion import Motion
from kinelex.search.embedding import aligned_model, compared, feature_tokens, motion_tokens

SHORTEST_SECONDS = 0.6
_GROWTH = 1.5  # from one window size to the next
_SAME = 0.5  # windows that overlap by more than this share of their union are one finding


@dataclass(frozen=True)
class Finding:
    """A part of a motion that fits a query.

    Attributes:
        start, end: seconds.
        score: cosine in the space of the alignment; higher fits better.
    """

    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Grounding:
    """Where a query happens in a motion. A notebook shows it as a curve over time.

    Attributes:
        query: the text.
        findings: the best windows, best first; no two are mostly the same.
        times: (L,) seconds of the middle of every token.
        similarity: (L,) best score of any window that holds the token.
    """

    query: str
    findings: tuple[Finding, ...]
    times: Tensor = field(repr=False)
    similarity: Tensor = field(repr=False)

    def _repr_png_(self) -> bytes:
        """What notebooks show."""
        from kinelex.search.picture import similarity_png

        return similarity_png(self)


def ground(model: MotionModel, motion: Motion, query: str, top: int = 3) -> Grounding:
    """Find where a motion does what a sentence says.

    Sliding windows of several lengths are compared with the query (SegMo, section 4.4).

    Args:
        model: trained with segment alignment.
        motion: a clip on the model's skeleton.
        query: a phrase of one action.
        top: findings at most.

    Raises:
        KinelexError: the model has no alignment, the clip does not fit it, or the query is empty.
    """
    if not any(character.isalnum() for character in query):
        raise KinelexError("the query is empty; say what to look for, as in 'sits down'")
    if top < 1:
        raise KinelexError(f"top is {top}; ask for at least one window")
    model = aligned_model(model)
    seen = motion_tokens(model, motion)
    seconds = model.seconds_per_token
    length = seen.length
    spans = sliding_spans(length, max(1, round(SHORTEST_SECONDS / seconds)))
    scores = compared(model, seen, [query], spans)[0]
    members = spans.members(length)[0]
    similarity = scores[:, None].expand_as(members).masked_fill(~members, -1.0).amax(0)
    findings = [
        Finding(
            float(spans.start[0, place]) * seconds, float(spans.end[0, place]) * seconds, float(scores[place])
        )
        for place in _distinct(spans, scores, top)
    ]
    return Grounding(query, tuple(findings), (torch.arange(length) + 0.5) * seconds, similarity)


@dataclass(frozen=True)
class ModelGrounder:
    """Finds each phrase on its own, as `ground` does, in features: what `measure_grounder` asks.

    Attributes:
        model: trained with segment alignment.
    """

    model: MoMaskModel

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> list[tuple[float, float]]:
        """First frame and end of the best window for each phrase in un-normalised features (T, D)."""
        seen = feature_tokens(self.model, features)
        frames = self.model.frames_per_token
        seconds = self.model.seconds_per_token
        spans = sliding_spans(seen.length, max(1, round(SHORTEST_SECONDS / seconds)))
        best = compared(self.model, seen, phrases, spans).argmax(1)
        return [
            (float(start * frames), float(end * frames))
            for start, end in zip(spans.start[0, best].tolist(), spans.end[0, best].tolist(), strict=True)
        ]


def describe(
    model: MotionModel,
    motion: Motion,
    candidates: Sequence[str],
    start: float = 0.0,
    end: float | None = None,
) -> list[tuple[str, float]]:
    """Rank sentences by how well they say what a part of a motion does; (sentence, score), best first.

    Args:
        model: trained with segment alignment.
        motion: a clip on the model's skeleton.
        candidates: sentences.
        start, end: the part in seconds; the whole clip when not given.

    Raises:
        KinelexError: the model has no alignment, the clip does not fit it, the part is empty, or there are no
            candidates.
    """
    if not candidates:
        raise KinelexError("there are no sentences to choose from; give at least one")
    model = aligned_model(model)
    seen = motion_tokens(model, motion)
    seconds = model.seconds_per_token
    length = seen.length
    first = round(start / seconds)
    last = length if end is None else min(round(end / seconds), length)
    if not 0 <= first < last:
        raise KinelexError(
            f"the part from {start:g} s to {'the end' if end is None else f'{end:g} s'} holds no motion; "
            f"the clip has {motion.seconds:.2f} s"
        )
    spans = Spans(torch.tensor([[first]]), torch.tensor([[last]]))
    scores = compared(model, seen, candidates, spans)[:, 0].tolist()
    return sorted(zip(candidates, scores, strict=True), key=lambda pair: -pair[1])


def sliding_spans(length: int, shortest: int) -> Spans:
    """(1, W) windows over `length` tokens: sizes grow by a half from `shortest` to the whole, steps of a fifth."""
    windows = {(0, length)}
    size = float(min(shortest, length))
    while size < length:
        width = round(size)
        step = max(1, width // 5)
        windows |= {(first, first + width) for first in [*range(0, length - width, step), length - width]}
        size *= _GROWTH
    start, end = torch.tensor(sorted(windows)).T
    return Spans(start[None], end[None])


def _distinct(spans: Spans, scores: Tensor, top: int) -> list[int]:
    """Numbers of the best windows, skipping those that are mostly a better one."""
    chosen: list[int] = []
    for place in scores.argsort(descending=True, stable=True).tolist():
        if all(_overlap(spans, place, other) <= _SAME for other in chosen):
            chosen.append(place)
        if len(chosen) == top:
            break
    return chosen


def _overlap(spans: Spans, one: int, other: int) -> float:
    """Intersection over union of two windows."""
    start, end = spans.start[0], spans.end[0]
    shared = int(torch.minimum(end[one], end[other]) - torch.maximum(start[one], start[other]))
    if shared <= 0:
        return 0.0
    return shared / int(end[one] - start[one] + end[other] - start[other] - shared)
