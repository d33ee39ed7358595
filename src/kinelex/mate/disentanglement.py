"""What of a motion is one word's doing: attention from the word to the frames (MATE, Eq. 2 and 3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WordAttention(nn.Module):
    """Multi-head attention with words as queries and frames as keys and values.

    A prior raises the keys of the frames where the word's phrase happens: (1 + strength * prior) * F^m.
    """

    def __init__(self, width: int, heads: int, strength: float) -> None:
        """
        Args:
            width: D of words and frames.
            heads: of attention; D must be a multiple.
            strength: lambda, how much the prior raises a key.
        """
        super().__init__()
        self.heads, self.strength = heads, strength
        self.query = nn.Linear(width, width)
        # Without a bias, to raise a key is to raise its score, and keys are projected once for all words.
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, words: Tensor, frames: Tensor, mask: Tensor, prior: Tensor | None = None) -> Tensor:
        """(B, W, D) what W words make of each motion.

        Args:
            words: (B, W, D) queries.
            frames: (B, L, D) keys and values.
            mask: (B, L) True at motion.
            prior: (B, W, L) how likely a word happens at a frame, 0 .. 1; None raises no key.
        """
        query, key, value = (
            projection(given).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, given in ((self.query, words), (self.key, frames), (self.value, frames))
        )
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        if prior is not None:
            scores = scores * (1 + self.strength * prior[:, None])
        weights = scores.masked_fill(~mask[:, None, None], -torch.inf).softmax(-1)
        return self.output((weights @ value).transpose(1, 2).flatten(2))


def all_pairs(attention: WordAttention, words: Tensor, frames: Tensor, mask: Tensor) -> Tensor:
    """(B, B, D) what word j makes of motion i, for words (B, D) and frames (B, L, D), without a prior."""
    return attention(words.expand(len(words), -1, -1), frames, mask)


def cosine(left: Tensor, right: Tensor) -> Tensor:
    """(N, M) cosines of rows (N, D) and (M, D)."""
    return F.normalize(left, dim=-1) @ F.normalize(right, dim=-1).T
