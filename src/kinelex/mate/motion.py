"""MATE's motion side: an encoder that gives a motion as a whole and frame by frame, and the decoder of its whole."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kinelex.generators.transformer import Encoder, Positions, TransformerConfig, initialize
from kinelex.tokenizer.rvqvae import length_mask


@dataclass(frozen=True)
class MotionSideConfig:
    """Architecture of encoder and decoder.

    Attributes:
        features: F of a frame.
        stride: frames that become one vector; the paper keeps every frame, and four are a quarter of the work.
        transformer: sizes of each; its `latent` is D.
    """

    features: int = 263
    stride: int = 4
    transformer: TransformerConfig = field(
        default_factory=lambda: TransformerConfig(256, 4, 4, 1024, dropout=0.1)
    )


@dataclass(frozen=True)
class MotionFeatures:
    """What the encoder says about B motions.

    Attributes:
        whole: (B, D), f^m.
        frames: (B, L, D), F^m; a vector stands for `stride` frames.
        lengths: (B,) vectors that are not padding.
    """

    whole: Tensor
    frames: Tensor
    lengths: Tensor

    @property
    def mask(self) -> Tensor:
        """(B, L) True where there is motion."""
        return length_mask(self.lengths, self.frames.shape[1])


class MotionEncoder(nn.Module):
    """Transformer over a learned token, whose output is f^m, and the frames, whose outputs are F^m."""

    def __init__(self, config: MotionSideConfig) -> None:
        super().__init__()
        self.config = config
        width = config.transformer.latent
        self.projection = nn.Linear(config.stride * config.features, width)
        self.token = nn.Parameter(torch.zeros(width))
        self.positions = Positions(width, config.transformer.dropout)
        self.encoder = Encoder(config.transformer)
        initialize(self)
        nn.init.normal_(self.token, std=0.02)

    def forward(self, motions: Tensor, lengths: Tensor) -> MotionFeatures:
        """Encode normalised features (B, T, F) of lengths (B,) frames, at least `stride` each."""
        stride = self.config.stride
        steps = motions[:, : motions.shape[1] // stride * stride].unflatten(1, (-1, stride)).flatten(2)
        frames = self.positions(self.projection(steps))
        token = self.token.expand(len(frames), 1, -1)
        strides = lengths // stride
        mask = nn.functional.pad(length_mask(strides, frames.shape[1]), (1, 0), value=True)
        hidden = self.encoder(torch.cat([token, frames], dim=1), mask)
        return MotionFeatures(hidden[:, 0], hidden[:, 1:], strides)


class MotionDecoder(nn.Module):
    """Transformer that says a whole motion again from f^m and the places in time."""

    def __init__(self, config: MotionSideConfig) -> None:
        super().__init__()
        self.config = config
        width = config.transformer.latent
        self.condition = nn.Linear(width, width)
        self.positions = Positions(width, config.transformer.dropout)
        self.encoder = Encoder(config.transformer)
        self.output = nn.Linear(width, config.stride * config.features)
        initialize(self)

    def forward(self, whole: Tensor, lengths: Tensor) -> Tensor:
        """(B, L * stride, F) normalised features from f^m (B, D), for lengths (B,) vectors; L is the longest."""
        size = int(lengths.max())
        places = self.positions(self.condition(whole)[:, None].expand(-1, size, -1))
        hidden = self.encoder(places, length_mask(lengths, size))
        return self.output(hidden).unflatten(-1, (self.config.stride, -1)).flatten(1, 2)
