"""The transformer of both token generators: post-norm encoder over [condition tokens, motion tokens]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators.dropout import Dropout
from kinelex.inference.packed_linear import PackedLinear, can_be_packed, linear_gelu

MAX_POSITIONS = 5000
_FEW = 4  # samples that the fused attention kernel is the quickest for, in bf16 on processors


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a token transformer; the defaults are the paper's.

    Attributes:
        latent: width of the residual stream.
        layers: encoder layers.
        heads: attention heads.
        feedforward: hidden width of the feed-forward blocks.
        dropout: in training.
    """

    latent: int = 384
    layers: int = 8
    heads: int = 6
    feedforward: int = 1024
    dropout: float = 0.2


def check_heads(name: str, sizes: TransformerConfig) -> None:
    """Refuse widths that the heads cannot share, or that sinusoids cannot fill.

    Raises:
        KinelexError: the width is no even multiple of the heads.
    """
    if sizes.latent % sizes.heads or sizes.latent // sizes.heads % 2:
        raise KinelexError(
            f"{name}.latent is {sizes.latent}; it must be an even multiple of heads ({sizes.heads})"
        )


class Attention(nn.Module):
    """Multi-head self-attention with one fused input projection."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, self.dropout = config.heads, config.dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * config.latent, config.latent))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * config.latent))
        self.out_proj = nn.Linear(config.latent, config.latent)
        self._packed: dict[tuple[int, int], PackedLinear] | None = None
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def prepare(self) -> None:
        """Compute with packed weights from now on, where that can be; later changes of the plain ones are not seen."""
        if can_be_packed(self.in_proj_weight):
            self._packed = {}

    def forward(self, hidden: Tensor, keys: Tensor | None, queries: Tensor | None = None) -> Tensor:
        """(B, N, C) to (B, P, C): queries (B, P, C) attend to hidden (B, N, C); without queries, P = N.

        keys (B, 1, 1, N) is True where a position may be attended to.
        """
        if queries is None:
            return self.attend(self._project(hidden, 0, 3), keys)
        (query,) = self._heads(self._project(queries, 0, 1), 1)
        key, value = self._heads(self._project(hidden, 1, 3), 2)
        return self._mixed(query, key, value, keys)

    def attend(self, projected: Tensor, keys: Tensor | None) -> Tensor:
        """(B, N, C) of queries, keys and values side by side (B, N, 3C); keys as in `forward`."""
        query, key, value = self._heads(projected, 3)
        return self._mixed(query, key, value, keys)

    def _mixed(self, query: Tensor, key: Tensor, value: Tensor, keys: Tensor | None) -> Tensor:
        """(B, P, C) of heads (B, heads, P, C / heads)."""
        return self.out_proj(self._mix(query, key, value, keys).transpose(1, 2).flatten(2))

    def _mix(self, query: Tensor, key: Tensor, value: Tensor, keys: Tensor | None) -> Tensor:
        """(B, heads, P, C / heads) values mixed by attention."""
        plain = not self.training and query.dtype == torch.bfloat16 and query.device.type == "cpu"
        if plain and len(query) > _FEW:
            return plain_attention(query, key, value, keys)
        dropout = self.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(query, key, value, attn_mask=keys, dropout_p=dropout)

    def _heads(self, projected: Tensor, parts: int) -> Tensor:
        """(B, N, parts * C) to (parts, B, heads, N, C / heads)."""
        return projected.unflatten(-1, (parts, self.heads, -1)).permute(2, 0, 3, 1, 4)

    def _project(self, inputs: Tensor, first: int, last: int) -> Tensor:
        """(B, N, C) to (B, N, (last - first) * C): of query 0, key 1 and value 2."""
        width = inputs.shape[-1]
        rows = slice(first * width, last * width)
        weight, bias = self.in_proj_weight[rows], self.in_proj_bias[rows]
        if self._packed is None:
            return F.linear(inputs, weight, bias)
        if (first, last) not in self._packed:
            self._packed[first, last] = PackedLinear(weight, bias)
        return self._packed[first, last](inputs)


def plain_attention(query: Tensor, key: Tensor, value: Tensor, keys: Tensor | None) -> Tensor:
    """(B, heads, P, D) of query (B, heads, P, D), key and value (B, heads, N, D), by three plain products.

    Motions have at most 49 tokens: in bf16 on processors this takes two thirds of the fused kernel's time for a batch.
    keys (B, 1, 1, N) is True where a position may be attended to, None for all.
    """
    rows, columns, values = (part.flatten(0, 1) for part in (query, key, value))
    if keys is None:
        hidden = rows.new_zeros(())
    else:
        hidden = torch.zeros_like(keys, dtype=rows.dtype).masked_fill_(~keys, -torch.inf)
        hidden = hidden.expand(-1, query.shape[1], -1, -1).flatten(0, 1)
    scores = torch.baddbmm(
        hidden,
        rows,
        columns.transpose(-1, -2),
        beta=0 if keys is None else 1,
        alpha=query.shape[-1] ** -0.5,
    )
    # In bf16 itself the softmax of rows that fill no registers takes twice as long as with both conversions.
    weights = scores.float().softmax(-1).to(values.dtype)
    return (weights @ values).unflatten(0, query.shape[:2])


class Layer(nn.Module):
    """Post-norm encoder layer with exact GELU."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.linear1 = nn.Linear(config.latent, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.latent)
        self.norm1 = nn.LayerNorm(config.latent)
        self.norm2 = nn.LayerNorm(config.latent)
        self.dropout = Dropout(config.dropout)

    def forward(self, hidden: Tensor, keys: Tensor | None, wanted: Tensor | None = None) -> Tensor:
        """(B, N, C) to (B, N, C), or to (B, P, C) at the wanted positions (B, P) alone."""
        if wanted is None:
            return self.after_attention(hidden, self.self_attn(hidden, keys))
        queries = at_positions(hidden, wanted)
        return self.after_attention(queries, self.self_attn(hidden, keys, queries))

    def after_attention(self, hidden: Tensor, attended: Tensor) -> Tensor:
        """(B, N, C) of the layer's inputs and of what its attention makes of them, both (B, N, C)."""
        hidden = self.norm1(hidden + self.dropout(attended))
        inner = self.dropout(linear_gelu(self.linear1, hidden))
        return self.norm2(hidden + self.dropout(self.linear2(inner)))


class Encoder(nn.Module):
    """A stack of layers without a final norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))

    @property
    def first_attention(self) -> Attention:
        """Of the first layer."""
        return self._layers[0].self_attn

    @property
    def _layers(self) -> list[Layer]:
        return [cast(Layer, layer) for layer in self.layers]

    def forward(
        self,
        hidden: Tensor,
        keys: Tensor | None,
        wanted: Tensor | None = None,
        projected: Tensor | None = None,
    ) -> Tensor:
        """(B, N, C) to (B, N, C), or to (B, P, C): the last layer then computes the wanted positions alone.

        Args:
            hidden: (B, N, C).
            keys: (B, N) True where a position may be attended to, None for all.
            wanted: (B, P) positions, None for all.
            projected: (B, N, 3C) the first layer's queries, keys and values, where they are known.
        """
        mask = None if keys is None else keys[:, None, None, :]
        *layers, last = self._layers
        if layers and projected is not None:
            first, *layers = layers
            hidden = first.after_attention(hidden, first.self_attn.attend(projected, mask))
        for layer in layers:
            hidden = layer(hidden, mask)
        return last(hidden, mask, wanted)


class DecoderLayer(nn.Module):
    """Post-norm decoder layer with exact GELU: attention to the sequence itself, then to a memory."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attn = Attention(config)
        self.multihead_attn = Attention(config)
        self.linear1 = nn.Linear(config.latent, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, config.latent)
        self.norm1 = nn.LayerNorm(config.latent)
        self.norm2 = nn.LayerNorm(config.latent)
        self.norm3 = nn.LayerNorm(config.latent)
        self.dropout = Dropout(config.dropout)

    def forward(
        self, hidden: Tensor, keys: Tensor | None, memory: Tensor, memory_keys: Tensor | None = None
    ) -> Tensor:
        """(B, N, C) with memory (B, M, C) to (B, N, C).

        keys (B, 1, 1, N) and memory_keys (B, 1, 1, M) are True where a position may be attended to, None for all.
        """
        hidden = self.norm1(hidden + self.dropout(self.self_attn(hidden, keys)))
        hidden = self.norm2(hidden + self.dropout(self.multihead_attn(memory, memory_keys, hidden)))
        inner = self.dropout(linear_gelu(self.linear1, hidden))
        return self.norm3(hidden + self.dropout(self.linear2(inner)))


class Positions(nn.Module):
    """Sinusoidal positions, added to the motion tokens only; computed, not stored with the weights."""

    table: Tensor

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        steps = torch.arange(MAX_POSITIONS, dtype=torch.float32)[:, None]
        rates = torch.exp(torch.arange(0, width, 2).float() * (-math.log(10000.0) / width))
        table = torch.zeros(MAX_POSITIONS, width)
        table[:, 0::2] = torch.sin(steps * rates)
        table[:, 1::2] = torch.cos(steps * rates)
        self.register_buffer("table", table, persistent=False)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, L, C) to (B, L, C)."""
        return self.dropout(tokens + self.table[: tokens.shape[1]])


class OutputHead(nn.Module):
    """linear - GELU - LayerNorm - linear."""

    def __init__(self, latent: int, outputs: int) -> None:
        super().__init__()
        self.dense = nn.Linear(latent, latent)
        self.norm = nn.LayerNorm(latent, eps=1e-12)
        self.final = nn.Linear(latent, outputs)

    def forward(self, hidden: Tensor) -> Tensor:
        """(..., C) to (..., outputs)."""
        return self.final(self.norm(linear_gelu(self.dense, hidden)))


def at_positions(sequence: Tensor, positions: Tensor) -> Tensor:
    """(B, P, C) the vectors of a sequence (B, N, C) at positions (B, P)."""
    return sequence.gather(1, positions[..., None].expand(-1, -1, sequence.shape[-1]))


def key_mask(condition: Tensor, motion: Tensor) -> Tensor | None:
    """(B, S + L) keys that may be attended to, or None when all may: an unmasked attention is faster.

    On an accelerator the mask always stays, as looking at its values would wait for the device.
    """
    keys = torch.cat([condition, motion], dim=1)
    return None if keys.device.type == "cpu" and bool(keys.all()) else keys


def initialize(module: nn.Module) -> None:
    """Normal(0, 0.02) for linear and embedding weights, zero biases, as the published models start."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.Embedding)):
            nn.init.normal_(part.weight, std=0.02)
            if isinstance(part, nn.Linear) and part.bias is not None:
                nn.init.zeros_(part.bias)
