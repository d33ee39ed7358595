"""From the tokens of a motion segment to its one vector (SegMo, Eq. 6 and Fig. 7)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from kinelex.alignment.spans import Spans

AGGREGATIONS = ("mean_max", "mean", "max", "query", "cls")


class MeanMax(nn.Module):
    """Mean and maximum over a segment's tokens, or one of the two, through a linear layer.

    Args:
        width: C of the token vectors.
        parts: "mean", "max" or both.
    """

    def __init__(self, width: int, parts: tuple[str, ...] = ("mean", "max")) -> None:
        super().__init__()
        self.parts = parts
        self.projection = nn.Linear(width * len(parts), width)

    def forward(self, tokens: Tensor, spans: Spans, phrases: Tensor) -> Tensor:
        """(B, S, C) segment vectors of tokens (B, L, C); the phrases' vectors (B, S, C) are not looked at."""
        members = spans.members(tokens.shape[1])
        found = {"mean": segment_mean, "max": segment_max}
        return self.projection(torch.cat([found[part](tokens, members) for part in self.parts], dim=-1))


class QueryAttention(nn.Module):
    """The phrase attends to the tokens of its segment."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tensor, spans: Spans, phrases: Tensor) -> Tensor:
        """(B, S, C) segment vectors of tokens (B, L, C), asked for by the phrases' vectors (B, S, C)."""
        members = spans.members(tokens.shape[1])
        forbidden = (~members).masked_fill(~spans.present[..., None], False)
        mask = forbidden.repeat_interleave(self.attention.num_heads, dim=0)
        mixed, _ = self.attention(phrases, tokens, tokens, attn_mask=mask, need_weights=False)
        return self.projection(mixed)


class ClassToken(nn.Module):
    """A learned token and the segment's own attend to one another; the learned one becomes the vector."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(width).normal_(std=0.02))
        self.layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True
        )
        self.projection = nn.Linear(width, width)

    def forward(self, tokens: Tensor, spans: Spans, phrases: Tensor) -> Tensor:
        """(B, S, C) segment vectors of tokens (B, L, C); the phrases' vectors (B, S, C) are not looked at."""
        batch, length, width = tokens.shape
        members = spans.members(length)
        count = members.shape[1]
        rows = tokens[:, None].expand(batch, count, length, width).flatten(0, 1)
        rows = torch.cat((self.token.to(rows).expand(len(rows), 1, width), rows), dim=1)
        padding = functional.pad(~members.flatten(0, 1), (1, 0), value=False)
        mixed = self.layer(rows, src_key_padding_mask=padding)[:, 0]
        return self.projection(mixed).unflatten(0, (batch, count))


def build_aggregation(name: str, width: int, heads: int) -> nn.Module:
    """The aggregation of that name, one of `AGGREGATIONS`, for token vectors of `width`."""
    if name in ("mean", "max"):
        return MeanMax(width, (name,))
    return {
        "mean_max": lambda: MeanMax(width),
        "query": lambda: QueryAttention(width, heads),
        "cls": lambda: ClassToken(width, heads),
    }[name]()


def segment_mean(tokens: Tensor, members: Tensor) -> Tensor:
    """(B, S, C) mean of the tokens (B, L, C) of each segment (B, S, L); zero for an empty one."""
    weights = members.to(tokens.dtype)
    return weights @ tokens / weights.sum(-1, keepdim=True).clamp(min=1)


def segment_max(tokens: Tensor, members: Tensor) -> Tensor:
    """(B, S, C) maximum of the tokens (B, L, C) of each segment (B, S, L); zero for an empty one."""
    highest = tokens[:, None].masked_fill(~members[..., None], -torch.inf).amax(2)
    return highest.masked_fill(~members.any(-1, keepdim=True), 0.0)
