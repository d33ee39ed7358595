"""The stages that learn how long things take: the length estimator and the durations of phrases."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from kinelex.alignment.spans import Spans, shared_spans, uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.durations import (
    LengthEstimator,
    PhraseDurations,
    durations_training_loss,
    length_training_loss,
)
from kinelex.training.cache import Sequences
from kinelex.training.sampler import Rows
from kinelex.training.stages import condition_of, sentence_of

SHARED_AT_ONCE = 4096


class LengthStage:
    """Length estimator: whitened sentence vectors to token counts."""

    name = "length"
    criterion = "loss"

    def __init__(
        self,
        model: LengthEstimator,
        train: Sequences,
        val: Sequences,
        data_hash: str,
        *,
        max_tokens: int,
        device: torch.device,
    ) -> None:
        self.model, self.data_hash, self.device = model.to(device), data_hash, device
        self.train, self.val, self.max_tokens = train.to(device), val.to(device), max_tokens
        # Batches need not be sorted by length: nothing is padded.
        self.lengths = torch.ones(len(train.lengths), dtype=torch.long)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy of the token counts."""
        drawn = torch.rand(len(rows.index), generator=generator, device=self.device)
        said = sentence_of(self.train, rows.index, drawn)
        sentence = self.train.vectors[self.train.sentences[said, 0]]
        result = length_training_loss(self.model, sentence, self._tokens(self.train)[rows.index])
        return {"loss": result.loss, "accuracy": result.accuracy}

    def validate(self) -> dict[str, float]:
        """Cross-entropy, accuracy and median absolute error in tokens over all sentences of the split."""
        count = self.val.sentence_count
        owner = torch.arange(len(count), device=self.device).repeat_interleave(count)
        sentence = self.val.vectors[self.val.sentences[:, 0]]
        tokens = self._tokens(self.val)[owner]
        result = length_training_loss(self.model, sentence, tokens)
        error = (self.model.median_tokens(sentence) - tokens).abs().float().median()
        return {"loss": float(result.loss), "accuracy": float(result.accuracy), "error_tokens": float(error)}

    def compile(self) -> None:
        """Too small to gain from it."""

    def _tokens(self, data: Sequences) -> Tensor:
        return data.lengths[:, 0].clamp(max=self.max_tokens)


class DurationsStage:
    """Durations of phrases: whitened phrase vectors to the token counts of their segments, where the data knows them.

    A sample is a captioned part of the data with known segments: a clip of one phrase, or a sequence composed of
    clips. Mirror images take as long as what they mirror, but their words differ.
    """

    name = "durations"
    criterion = "loss"

    def __init__(
        self,
        model: PhraseDurations,
        train: Sequences,
        val: Sequences,
        data_hash: str,
        *,
        device: torch.device,
    ) -> None:
        self.model, self.data_hash, self.device = model.to(device), data_hash, device
        self.train, self.val = train.to(device), val.to(device)
        self.known, self.validation = (_known_sentences(data) for data in (self.train, self.val))
        self.lengths = torch.ones(len(self.known), dtype=torch.long)

    def losses(self, rows: Rows, generator: torch.Generator) -> dict[str, Tensor]:
        """Cross-entropy of the token counts."""
        phrases, present, tokens = _phrases(self.train, self.known[rows.index])
        result = durations_training_loss(self.model, phrases, present, tokens)
        return {"loss": result.loss, "accuracy": result.accuracy}

    def validate(self) -> dict[str, float]:
        """Cross-entropy and accuracy; median error of a phrase in tokens; mean error of a boundary in tokens.

        For the boundaries the whole length is given, and shared out by prediction or evenly.
        """
        phrases, present, tokens = _phrases(self.val, self.validation)
        result = durations_training_loss(self.model, phrases, present, tokens)
        predicted = self.model.median_tokens(phrases, present)
        error = (predicted - tokens)[present].abs().float().median()
        lengths, true = tokens.sum(1), Spans.of_counts(tokens)
        inner = present[:, 1:]
        shared, even = shared_spans(lengths, predicted.float()), uniform_spans(lengths, present)
        found = {"loss": result.loss, "accuracy": result.accuracy, "error_tokens": error}
        if bool(inner.any()):
            found |= {
                name: (spans.start - true.start)[:, 1:][inner].abs().float().mean()
                for name, spans in (("boundary_tokens", shared), ("even_boundary_tokens", even))
            }
        return {name: float(value) for name, value in found.items()}

    def compile(self) -> None:
        """Too small to gain from it."""


def located(data: Sequences, model: PhraseDurations) -> Sequences:
    """The same sequences; those whose segments the data does not know are shared out among their phrases.

    A model that is told at generation where phrases are done must have been told so of every sentence of several
    phrases that it learnt from, or those are foreign to it.

    Args:
        data: sequences of the segments that the data knows.
        model: predicts how long each phrase takes, and with that its share.
    """
    count = data.sentence_count
    owner = torch.arange(len(count), device=count.device).repeat_interleave(count)
    known = data.known.clone()
    unknown = (known.sum(1) == 0).nonzero()[:, 0]
    if not len(unknown):
        return data
    for said in unknown.split(SHARED_AT_ONCE):
        condition = condition_of(data, said, None)
        with torch.no_grad():
            tokens = model.median_tokens(condition.segments, condition.segment_mask)
        spans = shared_spans(data.lengths[owner[said], 0], tokens.float())
        known[said, : tokens.shape[1]] = spans.end - spans.start
    return replace(data, known=known)


def _known_sentences(data: Sequences) -> Tensor:
    """(K,) sentences all of whose segments are known."""
    known = (data.known.sum(1) > 0).nonzero()[:, 0]
    if not len(known):
        raise KinelexError(
            "no caption is a single phrase and no clip says where its phrases are: there are no durations to learn; "
            "set durations: null in the recipe"
        )
    return known


def _phrases(data: Sequences, said: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Vectors (B, S, D), presence (B, S) and tokens (B, S) of the phrases of sentences said (B,)."""
    condition = condition_of(data, said, None)
    tokens = data.known[said, : condition.segments.shape[1]]
    return condition.segments, condition.segment_mask, tokens
