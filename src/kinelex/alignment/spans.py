"""Spans of motion tokens: where the segments of a motion begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
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

    def cropped(self, first: Tensor, lengths: Tensor) -> Spans:
        """What lies within the tokens first (B,) .. first + lengths (B,) - 1, counted from there."""
        low, high = first[:, None], (first + lengths)[:, None]
        return Spans(self.start.clamp(low, high) - low, self.end.clamp(low, high) - low)

    def joined(self, other: Spans) -> Spans:
        """The batch, then another one."""
        return Spans(torch.cat([self.start, other.start]), torch.cat([self.end, other.end]))

    def where(self, kept: Tensor) -> Spans:
        """The segments of the samples that are kept (B,); those of the others become empty."""
        return Spans(self.start * kept[:, None], self.end * kept[:, None])

    def slots(self, index: Tensor) -> Spans:
        """Only the segments that are numbered or marked by index (S,)."""
        return Spans(self.start[:, index], self.end[:, index])

    def __getitem__(self, index: Tensor | slice) -> Spans:
        return Spans(self.start[index], self.end[index])

    def to(self, device: torch.device | str) -> Spans:
        """The same on another device."""
        return Spans(self.start.to(device), self.end.to(device))


def uniform_spans(lengths: Tensor, present: Tensor) -> Spans:
    """Motions of lengths (B,) tokens cut evenly into as many segments as present (B, S) has; S may exceed them.

    What is left over goes to the first segments, a token each, as in the published data loader. A motion with
    fewer tokens than segments leaves the last ones empty.
    """
    count = present.sum(1, keepdim=True)
    place = present.long().cumsum(1) - 1
    share = lengths[:, None].div(count.clamp(min=1), rounding_mode="floor")
    rest = lengths[:, None] - share * count
    return Spans.of_counts(((share + (place < rest).long()) * present).long())


def shared_spans(lengths: Tensor, shares: Tensor) -> Spans:
    """Motions of lengths (B,) tokens cut in proportion to shares (B, S), which are 0 where there is no segment.

    Boundaries go to the nearest token, but every segment gets at least one; where there are too few, the
    last segments are empty.
    """
    behind = (shares > 0).long().cumsum(1)
    ideal = shares.cumsum(1) / shares.sum(1, keepdim=True).clamp(min=1e-9) * lengths[:, None]
    # The k-th boundary is at least k tokens from the start and leaves a token for each segment after it.
    least = behind.minimum(lengths[:, None])
    most = (lengths[:, None] - (behind[:, -1:] - behind)).maximum(least)
    end = ideal.round().long().maximum(least)
    # Of boundaries that came too close to one another, the later move on.
    end = ((end - behind).cummax(1).values + behind).minimum(most)
    return Spans(F.pad(end[:, :-1], (1, 0)), end)
