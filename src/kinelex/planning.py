"""From prompts to what a generator needs: text vectors, lengths, and which tokens do which phrase."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans, shared_spans, uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS, TextCondition
from kinelex.generators.model import MotionModel
from kinelex.motion.motion import Segment
from kinelex.prompts import MIN_SECONDS, Prompt
from kinelex.text.repetition import Repeated

# Seconds by which an action in a row of them takes longer than a clip of it: to get to it and back.
BETWEEN_REPETITIONS = 0.2
# Seconds that a repetition takes at most: of actions that it never saw the length estimator may say anything.
LONGEST_REPETITION = 5.0


@dataclass(frozen=True)
class Plan:
    """Prompts made ready for the generator.

    Attributes:
        condition: whitened text vectors of the B prompts, with the spans of their phrases.
        lengths: (B,) motion tokens.
        segments: each prompt's phrases with their spans in seconds.
    """

    condition: TextCondition
    lengths: Tensor
    segments: tuple[tuple[Segment, ...], ...]


def make_plan(model: MotionModel, prompts: Sequence[Prompt]) -> Plan:
    """Encode every distinct text once, and settle how long the clips and their phrases take.

    Raises:
        KinelexError: a clip is too short for its phrases, or has more than a generator reads at once.
    """
    phrases = [prompt.phrases for prompt in prompts]
    most = max(map(len, phrases), default=0)
    if most > MAX_SEGMENTS:
        raise KinelexError(
            f"{most} phrases are too many for one timeline; give {MAX_SEGMENTS}, and let the clip go on with the others"
        )
    sentences = [prompt.sentence for prompt in prompts]
    condition = model.read(sentences, phrases).condition(sentences, phrases)
    again, named = _repetitions(prompts, condition), _named_tokens(model, prompts, condition)
    shares = torch.where(named > 0, named, _phrase_tokens(model, condition, again))
    by_phrases = (again | (named > 0)).any(1)
    lengths = _lengths(model, prompts, condition, torch.where(by_phrases, shares.sum(1).round().long(), -1))
    spans = _spans(prompts, condition, lengths, shares)
    timelines = tuple(
        _timeline(parts, ends, model.seconds_per_token)
        for parts, ends in zip(phrases, spans.end.tolist(), strict=True)
    )
    return Plan(condition.at(spans), lengths, timelines)


def _repetitions(prompts: Sequence[Prompt], condition: TextCondition) -> Tensor:
    """(B, S) which phrases are there because the sentence counts them."""
    return _of_phrases(prompts, condition, lambda action: action.count > 1).bool()


def _named_tokens(model: MotionModel, prompts: Sequence[Prompt], condition: TextCondition) -> Tensor:
    """(B, S) tokens of the phrases that name their seconds; 0 of the others."""
    unit = model.seconds_per_token
    return _of_phrases(prompts, condition, lambda action: (action.seconds or 0.0) / action.count / unit)


def _of_phrases(
    prompts: Sequence[Prompt], condition: TextCondition, value: Callable[[Repeated], float]
) -> Tensor:
    """(B, S) a value of the action of every phrase; 0 where there is no phrase."""
    values = [[value(action) for action in prompt.actions for _ in range(action.count)] for prompt in prompts]
    most = condition.segment_mask.shape[1]
    rows = [row + [0.0] * (most - len(row)) for row in values]
    return torch.tensor(rows, dtype=torch.float, device=condition.sentence.device).view(len(prompts), most)


def _phrase_tokens(model: MotionModel, condition: TextCondition, again: Tensor) -> Tensor:
    """(B, S) tokens that the phrases would take; a repetition as long as a clip of it, and the way to the next."""
    tokens = model.phrase_tokens(condition)
    if model.length is not None and again.any():
        alone = model.length.median_tokens(condition.segments)
        unit = model.seconds_per_token
        once = (alone + round(BETWEEN_REPETITIONS / unit)).clamp(max=round(LONGEST_REPETITION / unit))
        tokens = torch.where(again, once, tokens)
    return tokens.float()


def _lengths(
    model: MotionModel, prompts: Sequence[Prompt], condition: TextCondition, by_phrases: Tensor
) -> Tensor:
    """(B,) tokens of the clips: as asked for; as `by_phrases` says, where that is not negative; else as estimated."""
    unit = model.seconds_per_token
    shortest = max(1, round(MIN_SECONDS / unit))
    asked = all(prompt.seconds is not None for prompt in prompts)
    estimated = [0] * len(prompts)
    if not asked:
        whole = model.total_tokens(condition)
        estimated = by_phrases.where(by_phrases >= 0, whole).clamp(min=shortest).tolist()
    tokens = [
        max(min(own, int(prompt.longest / unit)), len(prompt.phrases))
        if prompt.seconds is None
        else max(1, int(round(prompt.seconds / unit, 6) + 0.5))
        for prompt, own in zip(prompts, estimated, strict=True)
    ]
    for prompt, length in zip(prompts, tokens, strict=True):
        if length < len(prompt.phrases):
            raise KinelexError(
                f"{prompt.seconds:g} s is too short for the {len(prompt.phrases)} phrases of {prompt.sentence[:60]!r}; "
                "give more time or fewer phrases"
            )
    return torch.tensor(tokens, device=condition.sentence.device)


def _spans(prompts: Sequence[Prompt], condition: TextCondition, lengths: Tensor, shares: Tensor) -> Spans:
    """The tokens of each phrase, shared out as `shares` (B, S) says, as the prompt says, or evenly."""
    shares = shares.clone()
    for row, prompt in enumerate(prompts):
        if prompt.durations is not None:
            shares[row, : len(prompt.durations)] = torch.tensor(prompt.durations)
    spans, even = shared_spans(lengths, shares), uniform_spans(lengths, condition.segment_mask)
    evenly = torch.tensor(
        [[prompt.timing == "even" and prompt.durations is None] for prompt in prompts], device=lengths.device
    )
    return Spans(even.start.where(evenly, spans.start), even.end.where(evenly, spans.end))


def _timeline(phrases: Sequence[str], ends: Sequence[int], unit: float) -> tuple[Segment, ...]:
    """The phrases one after the other, up to their last tokens."""
    starts = [0, *ends]
    return tuple(
        Segment(phrase, starts[place] * unit, ends[place] * unit) for place, phrase in enumerate(phrases)
    )
