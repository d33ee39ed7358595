"""Spans of motion tokens: where the segments of a motion begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Spans:
    """Segments of a batch of motions, in temporal order.

    Attributes:
        start: (B, S) first token of each segment.
        end: (B, S) token after its last; equal to `start` where there is no segment.
    """

    start: Tensor
    end: Tensor

    @classmethod
    def of_counts(cls, counts: Tensor) -> Spans:
        """Segments that follow one another, of counts (B, S) tokens."""
        end = counts.cumsum(1)
        return cls(end - counts, end)

    @property
    def present(self) -> Tensor:
        """(B, S) True where there is a segment."""
        return self.end > self.start

    def members(self, length: int) -> Tensor:
        """(B, S, L) True for the tokens of each segment, of sequences of L tokens."""
        step = torch.arange(length, device=self.start.device)
        return (step >= self.start[..., None]) & (step < self.end[..., None])


def uniform_spans(lengths: Tensor, present: Tensor) -> Spans:
    """Motions of lengths (B,) tokens cut evenly into as many segments as present (B, S) has; S may exceed them.

    What is left over goes to the first segments, a token each, as in the published data loader. A motion with
    fewer tokens than segments leaves the last ones empty.
    """
    count = present.sum(1, keepdim=True)
    place = torch.arange(present.shape[1], device=lengths.device)
    share = lengths[:, None].div(count.clamp(min=1), rounding_mode="floor")
    rest = lengths[:, None] - share * count
    return Spans.of_counts(((share + (place < rest).long()) * (place < count)).long())
