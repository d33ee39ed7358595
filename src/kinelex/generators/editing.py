"""Editing by tokens: open a span of a motion for regeneration, and slide windows over long motions."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.tokenizer.rvqvae import TokenizedMotion

WINDOW_TOKENS = 49  # the longest motion of the training data: 196 frames
WINDOW_OVERLAP = 13  # tokens of context that a window takes over from the one before


def open_span(tokens: TokenizedMotion, start: int, end: int, size: int | None = None) -> TokenizedMotion:
    """Replace tokens start..end-1 by `size` tokens to draw (as many as before when not given).

    In-between: 0 < start < end < length. New prefix: start = end = 0. New suffix: start = end = length.
    One phrase: the span of its tokens. Pass the result's ids as `known`, and its lengths, to
    `MoMask.generate`.

    Raises:
        KinelexError: the span is not inside every motion of the batch, or nothing would be left.
    """
    shortest = int(tokens.lengths.min())
    if not 0 <= start <= end <= shortest:
        raise KinelexError(
            f"tokens {start} to {end} are not inside a motion of {shortest} tokens; choose a span inside it"
        )
    size = end - start if size is None else size
    if size < 0 or shortest + size - (end - start) < 1:
        raise KinelexError(
            f"replacing tokens {start} to {end} by {size} leaves no motion; keep at least one token"
        )
    room = tokens.ids.new_full((tokens.ids.shape[0], size, tokens.ids.shape[2]), -1)
    ids = torch.cat([tokens.ids[:, :start], room, tokens.ids[:, end:]], dim=1)
    return TokenizedMotion(ids, tokens.lengths + size - (end - start))


def context_around(before: int, size: int, after: int) -> tuple[int, int]:
    """How many of the tokens before and after a gap of `size` tokens the generator should see.

    As many as fill a window, evenly; where the gap itself fills it, the overlap of two windows on each side.
    """
    room = max(WINDOW_TOKENS - size, 2 * WINDOW_OVERLAP)
    lead = min(before, max(room // 2, room - after))
    return lead, min(after, room - lead)


@dataclass(frozen=True)
class Window:
    """One position of the sliding window.

    Attributes:
        rows: (R,) samples that it covers.
        starts: (R,) its first token in each of them.
        lengths: (R,) its tokens in each of them.
    """

    rows: Tensor
    starts: Tensor
    lengths: Tensor


def sliding_windows(
    lengths: Tensor, width: int = WINDOW_TOKENS, overlap: int = WINDOW_OVERLAP
) -> list[Window]:
    """Windows that cover motions of `lengths` (B,) tokens; the last of a motion moves back to be full.

    Motions of at most `width` tokens need the first window alone.
    """
    windows, stride, index = [], width - overlap, 0
    rows = torch.arange(len(lengths), device=lengths.device)
    while len(rows):
        starts = (lengths[rows] - width).clamp(min=0, max=index * stride)
        windows.append(Window(rows, starts, lengths[rows].clamp(max=width)))
        rows = rows[starts + width < lengths[rows]]
        index += 1
    return windows


def window_condition(condition: TextCondition, window: Window) -> TextCondition:
    """The condition of a window's samples (R,): of their phrases only those that it touches.

    Args:
        condition: of the whole batch (B,), with the spans of its phrases in the whole motions.
        window: which tokens are drawn.
    """
    part = condition[window.rows]
    if part.spans is None:
        return part
    spans = part.spans.cropped(window.starts, window.lengths)
    return replace(part, segment_mask=part.segment_mask & spans.present, spans=spans)
