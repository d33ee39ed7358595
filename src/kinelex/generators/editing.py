"""Editing by tokens: open a span of a motion for regeneration, and slide windows over long motions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from kinelex.alignment.spans import uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.tokenizer.rvqvae import TokenizedMotion, length_mask

WINDOW_TOKENS = 49  # the longest motion of the training data: 196 frames
WINDOW_OVERLAP = 13  # tokens of context that a window takes over from the one before
CPU_GROUP = 16  # samples of one pass on a CPU: enough for its matrix units, small enough for its caches


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

    def __getitem__(self, index: Tensor) -> Window:
        return Window(self.rows[index], self.starts[index], self.lengths[index])

    def cells(self, size: int) -> Cells:
        """Where its tokens are in a batch of motions of `size` tokens."""
        inside = length_mask(self.lengths, int(self.lengths.max()))
        steps = torch.arange(inside.shape[1], device=self.starts.device)
        columns = (self.starts[:, None] + steps).clamp(max=size - 1)
        return Cells(self.rows[:, None].expand_as(columns), columns, inside)


@dataclass(frozen=True)
class Cells:
    """Places of a window's tokens, all (R, W): sample, token, and whether it is one (a window may be padded)."""

    rows: Tensor
    columns: Tensor
    inside: Tensor

    def read(self, values: Tensor, padding: float) -> Tensor:
        """(R, W, C) of values (B, L, C)."""
        return values[self.rows, self.columns].masked_fill(~self.inside[..., None], padding)

    def write(self, values: Tensor, new: Tensor) -> None:
        """Put new values (R, W, C) into values (B, L, C)."""
        values[self.rows[self.inside], self.columns[self.inside]] = new[self.inside]


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


def passes(
    condition: TextCondition, lengths: Tensor, width: int = WINDOW_TOKENS
) -> Iterator[tuple[Window, TextCondition]]:
    """What is drawn together, in order: samples of similar length in the same window, and what they are told.

    Args:
        condition: of the whole batch; phrases without spans share the motion evenly.
        lengths: (B,) tokens.
        width: tokens of a window.
    """
    if condition.spans is None:
        condition = condition.at(uniform_spans(lengths, condition.segment_mask))
    for window in sliding_windows(lengths, width):
        text = window_condition(condition, window)
        for group in _groups(window.lengths):
            yield window[group], text[group].trimmed()


def _groups(lengths: Tensor) -> list[Tensor]:
    """Indices of samples that share a pass: of similar length on a CPU, where padding costs time."""
    order = lengths.argsort(descending=True, stable=True)
    return list(order.split(CPU_GROUP if lengths.device.type == "cpu" else len(lengths)))


def check_sizes(condition: TextCondition, lengths: Tensor, seeds: Sequence[int], known: Tensor | None) -> int:
    """Tokens of the longest sample.

    Raises:
        KinelexError: the arguments' sizes differ, or a length is below 1.
    """
    if not len(condition) == len(lengths) == len(seeds) or len(seeds) == 0:
        raise KinelexError(
            f"{len(condition)} texts, {len(lengths)} lengths and {len(seeds)} seeds; give one each per motion"
        )
    if int(lengths.min()) < 1:
        raise KinelexError(
            f"a motion of {int(lengths.min())} tokens cannot be drawn; ask for at least one token"
        )
    size = int(lengths.max())
    if known is not None and known.shape[:2] != (len(lengths), size):
        raise KinelexError(
            f"tokens to keep have shape {tuple(known.shape)}; they need {len(lengths)} x {size} tokens"
        )
    return size


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
