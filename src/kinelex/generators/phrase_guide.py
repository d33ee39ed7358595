"""Tells motion tokens which phrase they are to do: the order of a sentence's actions.

Published SegMo puts phrases in front of the motion without positions, so that a generator reads a set of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kinelex.alignment.spans import Spans
from kinelex.generators.base import TextCondition

_PROGRESS = 2  # how far into its segment a token is, and how far from the segment's end


class PhraseGuide(nn.Module):
    """Adds to every motion token the phrase of the segment that it is in, and its place in that segment.

    A token outside all segments gets nothing, and so does one whose phrase is all zeros: one that was dropped. Nor does
    a sample with a single phrase: sentence and phrase token say it all, and guidance would count it twice.
    """

    def __init__(self, text_width: int, latent: int) -> None:
        super().__init__()
        self.phrase = nn.Linear(text_width, latent, bias=False)
        self.place = nn.Linear(_PROGRESS, latent, bias=False)

    def forward(self, condition: TextCondition, length: int) -> Tensor | None:
        """(B, L, C) for sequences of L tokens, or None where the condition says nothing about spans."""
        spans = condition.spans
        if spans is None or not condition.segments.shape[1]:
            return None
        dtype = self.phrase.weight.dtype
        told = condition.segment_mask & (condition.segments != 0).any(-1)
        told = told & (told.sum(1, keepdim=True) > 1)
        inside = (spans.members(length) & told[..., None]).to(dtype)
        said = inside.transpose(1, 2) @ self.phrase(condition.segments.to(dtype))
        return said + self.place(segment_progress(spans, inside).to(dtype))


def segment_progress(spans: Spans, inside: Tensor) -> Tensor:
    """(B, L, 2) the share of its segment before and after the middle of each token; 0 outside of segments.

    Args:
        spans: (B, S).
        inside: (B, S, L) 1 for the tokens of each segment, else 0.
    """
    middle = torch.arange(inside.shape[-1], device=inside.device) + 0.5
    size = (spans.end - spans.start).clamp(min=1)[..., None]
    before = (middle - spans.start[..., None]) / size
    after = (spans.end[..., None] - middle) / size
    return torch.stack([(share * inside).sum(1) for share in (before, after)], dim=-1)
