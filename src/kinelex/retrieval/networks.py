"""Networks of text-motion retrieval: two encoders into one space, and a decoder of motion from it.

M. Petrovich, M. J. Black, G. Varol, "TMR: Text-to-Motion Retrieval Using Contrastive 3D Human Motion Synthesis", ICCV
2023, section 3, with the encoders and the decoder of ACTOR and TEMOS.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from kinelex.errors import KinelexError
from kinelex.generators.transformer import (
    DecoderLayer,
    Encoder,
    Positions,
    TransformerConfig,
    check_heads,
)

_MU, _LOGVAR = 0, 1


@dataclass(frozen=True)
class RetrievalConfig:
    """Sizes of the three networks; the defaults are the published ones for HumanML3D.

    Attributes:
        features: of a frame.
        text_width: of the language model's token features.
        transformer: of each of the three networks; its `latent` is the width of the common space.
        decoder_layers: of the motion decoder, which only training needs.
    """

    features: int = 263
    text_width: int = 768
    transformer: TransformerConfig = field(default_factory=lambda: TransformerConfig(256, 6, 4, 1024, 0.1))
    decoder_layers: int = 6

    def __post_init__(self) -> None:
        sizes = self.transformer
        for name, value in (*vars(self).items(), *vars(sizes).items()):
            if isinstance(value, int) and value < 1:
                raise KinelexError(f"{name} is {value}; give at least 1")
        check_heads("transformer", sizes)


@dataclass(frozen=True)
class Latents:
    """Normal distributions of B texts or motions.

    Attributes:
        mu: (B, D) means; retrieval compares these.
        logvar: (B, D) logarithms of the variances.
    """

    mu: Tensor
    logvar: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """(B, D) latents mu + noise * deviation, of standard normal noise (B, D)."""
        return self.mu + noise * torch.exp(0.5 * self.logvar)


class SequenceEncoder(nn.Module):
    """Frames or words to a distribution: two learned tokens in front read the sequence.

    Positions count tokens and sequence together: the first frame has position 2.
    """

    def __init__(self, width: int, config: TransformerConfig) -> None:
        super().__init__()
        self.projection = nn.Linear(width, config.latent)
        self.tokens = nn.Parameter(torch.randn(2, config.latent))
        self.positions = Positions(config.latent, config.dropout)
        self.encoder = Encoder(config)

    def forward(self, sequence: Tensor, lengths: Tensor) -> Latents:
        """Sequences (B, L, width), of which lengths (B,) count, to distributions."""
        batch, longest, _ = sequence.shape
        hidden = torch.cat([self.tokens.expand(batch, -1, -1), self.projection(sequence)], dim=1)
        keys = torch.arange(longest + 2, device=lengths.device) < lengths[:, None] + 2
        wanted = torch.tensor([_MU, _LOGVAR], device=sequence.device).expand(batch, -1)
        mu, logvar = self.encoder(self.positions(hidden), keys, wanted).unbind(1)
        return Latents(mu.float(), logvar.float())


class MotionDecoder(nn.Module):
    """A latent to normalised features: frames are zero queries that know their position."""

    def __init__(self, config: RetrievalConfig) -> None:
        super().__init__()
        sizes = config.transformer
        self.positions = Positions(sizes.latent, sizes.dropout)
        self.layers = nn.ModuleList(DecoderLayer(sizes) for _ in range(config.decoder_layers))
        self.output = nn.Linear(sizes.latent, config.features)

    def forward(self, latents: Tensor, lengths: Tensor) -> Tensor:
        """Latents (B, C) to features (B, T, F) of lengths (B,) frames, zero beyond; T is the longest."""
        longest = int(lengths.max())
        inside = torch.arange(longest, device=latents.device) < lengths[:, None]
        memory = latents[:, None]
        hidden = self.positions(torch.zeros_like(memory).expand(-1, longest, -1))
        for layer in self.layers:
            hidden = layer(hidden, inside[:, None, None], memory)
        return self.output(hidden).masked_fill(~inside[..., None], 0.0)


class RetrievalNetworks(nn.Module):
    """Motion encoder, text encoder on a language model's token features, and motion decoder."""

    def __init__(self, config: RetrievalConfig) -> None:
        super().__init__()
        self.config = config
        self.motion = SequenceEncoder(config.features, config.transformer)
        self.text = SequenceEncoder(config.text_width, config.transformer)
        self.decoder = MotionDecoder(config)
