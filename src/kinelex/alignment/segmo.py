"""Segment alignment inside the mask transformer (SegMo, section 3.5): its settings, its layers, its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from kinelex.alignment.aggregation import build_aggregation
from kinelex.alignment.losses import batch_loss, consistency, global_loss, segment_loss, token_align_loss
from kinelex.alignment.spans import Spans
from kinelex.errors import KinelexError


@dataclass(frozen=True)
class AlignmentConfig:
    """How phrases and motion segments are drawn together; the defaults are the paper's for HumanML3D.

    Attributes:
        kind: what is compared: segments within a sample, segments of the batch, whole sentences with whole
            motions, or tokens with phrases.
        aggregation: how a segment's tokens become one vector.
        temperature: of the softmax.
        weight: of the loss beside the masked cross-entropy; the paper's for KIT is 0.1.
        segments: how motions are cut for training: evenly, at change points, by motion primitives, where a
            retrieval model finds the phrases, or at the boundaries that the data knows (composed sequences) and
            evenly elsewhere.
    """

    kind: Literal["segment", "batch", "global", "token"] = "segment"
    aggregation: Literal["mean_max", "mean", "max", "query", "cls"] = "mean_max"
    temperature: float = 0.1
    weight: float = 1.0
    segments: Literal["uniform", "cpd", "cluster", "retrieval", "known"] = "uniform"

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise KinelexError(f"temperature is {self.temperature}; give more than 0")
        if not self.weight >= 0:
            raise KinelexError(f"weight is {self.weight}; give 0 or more")


@dataclass(frozen=True)
class Outputs:
    """What the mask transformer made of a batch, by kind of position.

    Attributes:
        sentence: (B, C).
        phrases: (B, S, C).
        tokens: (B, L, C).
    """

    sentence: Tensor
    phrases: Tensor
    tokens: Tensor

    @classmethod
    def of_hidden(cls, hidden: Tensor, phrases: int) -> Outputs:
        """Outputs (B, 1 + S + L, C) of a condition with S phrases."""
        return cls(hidden[:, 0], hidden[:, 1 : 1 + phrases], hidden[:, 1 + phrases :])


class SegmentAlignment(nn.Module):
    """The layers that exist for alignment alone, and the loss; generation does not need it.

    Args:
        config: see there.
        width: C of the transformer.
        heads: of attention, where the aggregation has any.
    """

    def __init__(self, config: AlignmentConfig, width: int, heads: int) -> None:
        super().__init__()
        self.config = config
        self.aggregation = build_aggregation(config.aggregation, width, heads)

    def embed(self, outputs: Outputs, spans: Spans) -> Tensor:
        """(B, S, C) vectors of motion segments, to be compared with `outputs.phrases`."""
        return self.aggregation(outputs.tokens, spans, outputs.phrases)

    def whole(self, outputs: Outputs, lengths: Tensor) -> Tensor:
        """(B, C) vectors of whole motions of lengths (B,) tokens, to be compared with `outputs.sentence`."""
        everything = Spans(lengths.new_zeros(len(lengths), 1), lengths[:, None])
        return self.aggregation(outputs.tokens, everything, outputs.sentence[:, None])[:, 0]

    def loss(self, outputs: Outputs, spans: Spans, lengths: Tensor, present: Tensor) -> Tensor:
        """The loss of the configured kind, unweighted.

        Args:
            outputs: of the transformer.
            spans: motion segments, one a phrase.
            lengths: (B,) motion tokens.
            present: (B, S) phrases that count; a sample without text has none.
        """
        temperature, present = self.config.temperature, present & spans.present
        if self.config.kind == "token":
            members = spans.members(outputs.tokens.shape[1])
            return token_align_loss(outputs.phrases, outputs.tokens, members, present, temperature)
        if self.config.kind == "global":
            told = present.any(1)
            return global_loss(outputs.sentence[told], self.whole(outputs, lengths)[told], temperature)
        compare = segment_loss if self.config.kind == "segment" else batch_loss
        return compare(outputs.phrases, self.embed(outputs, spans), present, temperature)

    def consistency(self, outputs: Outputs, spans: Spans, present: Tensor) -> Tensor:
        """ISC of the pairs that are present (B, S): a scalar in -1 .. 1."""
        return consistency(outputs.phrases, self.embed(outputs, spans), present & spans.present)
