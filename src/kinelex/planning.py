"""From prompts to what a generator needs: text vectors, lengths, and which tokens do which phrase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans, shared_spans, uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.model import MotionModel
from kinelex.motion.motion import Segment
from kinelex.prompts import MIN_SECONDS, Prompt


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
        KinelexError: a clip is too short for its phrases.
    """
    phrases = [prompt.phrases for prompt in prompts]
    sentences = [prompt.text or "" for prompt in prompts]
    condition = model.read(sentences, phrases).condition(sentences, phrases)
    lengths = _lengths(model, prompts, condition)
    spans = _spans(model, prompts, condition, lengths)
    timelines = tuple(
        _timeline(parts, ends, model.seconds_per_token)
        for parts, ends in zip(phrases, spans.end.tolist(), strict=True)
    )
    return Plan(condition.at(spans), lengths, timelines)


def _lengths(model: MotionModel, prompts: Sequence[Prompt], condition: TextCondition) -> Tensor:
    """(B,) tokens of the clips: as asked for, else as estimated."""
    unit = model.seconds_per_token
    shortest = max(1, round(MIN_SECONDS / unit))
    asked = all(prompt.seconds is not None for prompt in prompts)
    estimated = [0] * len(prompts) if asked else model.total_tokens(condition).clamp(min=shortest).tolist()
    tokens = [
        max(min(own, int(prompt.longest / unit)), len(prompt.phrases))
        if prompt.seconds is None
        else max(1, round(prompt.seconds / unit))
        for prompt, own in zip(prompts, estimated, strict=True)
    ]
    for prompt, length in zip(prompts, tokens, strict=True):
        if length < len(prompt.phrases):
            raise KinelexError(
                f"{prompt.seconds:g} s is too short for {len(prompt.phrases)} phrases; give more time or fewer phrases"
            )
    return torch.tensor(tokens, device=condition.sentence.device)


def _spans(model: MotionModel, prompts: Sequence[Prompt], condition: TextCondition, lengths: Tensor) -> Spans:
    """The tokens of each phrase."""
    shares = model.phrase_tokens(condition).float()
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
