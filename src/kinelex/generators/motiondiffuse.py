"""MotionDiffuse: linear attention with stylisation (Zhang et al., "MotionDiffuse", TPAMI 2024)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.generators.base import TextCondition, words_of
from kinelex.generators.diffusion.denoiser import Denoiser, EncodedText
from kinelex.generators.transformer import Encoder, TransformerConfig, check_heads
from kinelex.tokenizer.rvqvae import length_mask

_HIDDEN = -1e6  # added to the keys of what must not be seen
_EMBEDDING = 4  # times the latent width: the vector of step and sentence


@dataclass(frozen=True)
class MotionDiffuseConfig:
    """Architecture of MotionDiffuse; the defaults are the published ones.

    Attributes:
        features: width of a frame.
        text_width: of a word's state.
        transformer: sizes of the motion side.
        text: sizes of the trained transformer on top of the language model.
        condition_dropout: probability that a training sample loses its text; published without, and so without
            guidance.
        max_frames: longest motion; it has learned positions.
    """

    features: int = 263
    text_width: int = 512
    transformer: TransformerConfig = field(default_factory=lambda: TransformerConfig(512, 8, 8, 1024, 0.0))
    text: TransformerConfig = field(default_factory=lambda: TransformerConfig(256, 4, 4, 2048, 0.0))
    condition_dropout: float = 0.0
    max_frames: int = 196

    def __post_init__(self) -> None:
        check_heads("transformer", self.transformer)
        check_heads("text", self.text)

    @property
    def mask_frames(self) -> bool:
        """Frames past the end are never seen."""
        return True

    @property
    def reads_words(self) -> bool:
        """It reads every word."""
        return True


class Stylization(nn.Module):
    """Scales and shifts normalised features by what step and sentence say, then mixes them."""

    def __init__(self, latent: int, dropout: float) -> None:
        super().__init__()
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(_EMBEDDING * latent, 2 * latent))
        self.norm = nn.LayerNorm(latent)
        self.out_layers = nn.Sequential(nn.SiLU(), nn.Dropout(dropout), nn.Linear(latent, latent))
        _start_at_zero(self.out_layers[2])

    def forward(self, hidden: Tensor, style: Tensor) -> Tensor:
        """(B, T, C) with style (B, 4 C) to (B, T, C)."""
        scale, shift = self.emb_layers(style)[:, None].chunk(2, dim=-1)
        return self.out_layers(self.norm(hidden) * (1 + scale) + shift)


class LinearAttention(nn.Module):
    """Attention in linear time: keys are softmaxed over the sequence, queries over the channels of a head.

    Args:
        sizes: of the motion side.
        memory: width of what is attended to; None for the motion itself.
    """

    def __init__(self, sizes: TransformerConfig, memory: int | None = None) -> None:
        super().__init__()
        self.heads = sizes.heads
        width = sizes.latent if memory is None else memory
        self.norm = nn.LayerNorm(sizes.latent)
        if memory is not None:
            self.text_norm = nn.LayerNorm(memory)
        self.query = nn.Linear(sizes.latent, sizes.latent)
        self.key = nn.Linear(width, sizes.latent)
        self.value = nn.Linear(width, sizes.latent)
        self.dropout = nn.Dropout(sizes.dropout)
        self.proj_out = Stylization(sizes.latent, sizes.dropout)

    def forward(self, hidden: Tensor, style: Tensor, mask: Tensor, memory: Tensor | None = None) -> Tensor:
        """(B, T, C) to (B, T, C), attending to itself or to a memory (B, L, M) where mask (B, L) is True."""
        own = self.norm(hidden)
        seen = own if memory is None else self.text_norm(memory)
        query = self._heads(self.query(own)).softmax(-1)
        key = self._heads(self.key(seen) + (~mask[..., None]) * _HIDDEN).softmax(1)
        value = self._heads(self.value(seen) * mask[..., None])
        context = torch.einsum("blhd,blhe->bhde", self.dropout(key), value)
        mixed = torch.einsum("bthd,bhde->bthe", query, context).flatten(2)
        return hidden + self.proj_out(mixed, style)

    def _heads(self, projected: Tensor) -> Tensor:
        """(B, L, C) to (B, L, heads, C / heads)."""
        return projected.unflatten(-1, (self.heads, -1))


class FeedForward(nn.Module):
    """Linear - GELU - linear, stylised."""

    def __init__(self, sizes: TransformerConfig) -> None:
        super().__init__()
        self.linear1 = nn.Linear(sizes.latent, sizes.feedforward)
        self.linear2 = nn.Linear(sizes.feedforward, sizes.latent)
        self.dropout = nn.Dropout(sizes.dropout)
        self.proj_out = Stylization(sizes.latent, sizes.dropout)
        _start_at_zero(self.linear2)

    def forward(self, hidden: Tensor, style: Tensor) -> Tensor:
        """(B, T, C) with style (B, 4 C) to (B, T, C)."""
        inner = self.linear2(self.dropout(F.gelu(self.linear1(hidden))))
        return hidden + self.proj_out(inner, style)


class Block(nn.Module):
    """Attention to the motion, attention to the words, feed-forward."""

    def __init__(self, config: MotionDiffuseConfig) -> None:
        super().__init__()
        self.sa_block = LinearAttention(config.transformer)
        self.ca_block = LinearAttention(config.transformer, config.text.latent)
        self.ffn = FeedForward(config.transformer)

    def forward(
        self, hidden: Tensor, style: Tensor, inside: Tensor, words: Tensor, word_mask: Tensor
    ) -> Tensor:
        """(B, T, C) to (B, T, C)."""
        hidden = self.sa_block(hidden, style, inside)
        hidden = self.ca_block(hidden, style, word_mask, words)
        return self.ffn(hidden, style)


class MotionDiffuse(Denoiser):
    """Predicts the noise in a motion from all words and a sentence vector that it makes of them itself."""

    def __init__(self, config: MotionDiffuseConfig) -> None:
        super().__init__()
        self.config: MotionDiffuseConfig = config
        latent = config.transformer.latent
        style = _EMBEDDING * latent
        self.frame_positions = nn.Parameter(torch.randn(config.max_frames, latent))
        self.text_projection = nn.Linear(config.text_width, config.text.latent)
        self.text_encoder = Encoder(config.text)
        self.text_norm = nn.LayerNorm(config.text.latent)
        self.sentence_projection = nn.Linear(config.text.latent, style)
        self.time = nn.Sequential(nn.Linear(latent, style), nn.SiLU(), nn.Linear(style, style))
        self.frame_projection = nn.Linear(config.features, latent)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.transformer.layers))
        self.output = nn.Linear(latent, config.features)
        _start_at_zero(self.output)

    def read(self, condition: TextCondition) -> EncodedText:
        """Words after the trained text transformer; the sentence vector is that of the end-of-text token."""
        given = words_of(condition)
        words = self.text_norm(self.text_encoder(self.text_projection(given.states), given.mask))
        end = words[torch.arange(len(words), device=words.device), given.last]
        return EncodedText(self.sentence_projection(end), words, given.mask)

    def forward(self, noised: Tensor, times: Tensor, text: EncodedText, lengths: Tensor) -> Tensor:
        """(B, T, D) noise in a motion (B, T, D) at steps times (B,), of lengths (B,) frames."""
        assert text.vector is not None
        style = self.time(waves(times, self.config.transformer.latent)) + text.vector
        hidden = self.frame_projection(noised) + self.frame_positions[: noised.shape[1]]
        inside = length_mask(lengths, noised.shape[1])
        for block in self.blocks:
            hidden = block(hidden, style, inside, text.words, text.mask)
        return self.output(hidden)


def waves(times: Tensor, width: int) -> Tensor:
    """(B, width) sinusoids of diffusion steps (B,): all cosines, then all sines."""
    half = width // 2
    rates = torch.exp(torch.arange(half, device=times.device) * (-math.log(10000.0) / half))
    angles = times[:, None].float() * rates
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _start_at_zero(layer: nn.Module) -> None:
    """As published, what is added to the residual stream begins as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
