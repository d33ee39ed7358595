"""Residual VQ-VAE: motion features to discrete tokens and back (MoMask, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kinelex.inference.copies import PRECISIONS, InferenceCopies
from kinelex.tokenizer.quantize import Quantized, ResidualQuantizer


@dataclass(frozen=True)
class RVQVAEConfig:
    """Architecture of the tokenizer; the defaults are the paper's.

    Attributes:
        features: D, width of a feature frame.
        width: channels of the convolutions.
        code_width: width of a code.
        codes: number of codes of a layer.
        quantizers: Q, number of residual layers.
        depth: residual blocks of a stack.
        dilation_growth: the dilations of a stack are powers of this.
        halvings: how often the frame rate is halved (2: four frames a token).
        decay: of the codebooks' moving averages.
        least_use: latents of a training batch below which, on average, a code is thrown away and becomes one of them.
            The paper's 1 is an eighth of a code's even share of its 256 windows; smaller batches want less.
        quantizer_dropout: probability that a training batch uses only the first layers.
        shared_codebook: one codebook for all layers.
        dropout: after each residual block, in training.
    """

    features: int = 263
    width: int = 512
    code_width: int = 512
    codes: int = 512
    quantizers: int = 6
    depth: int = 3
    dilation_growth: int = 3
    halvings: int = 2
    decay: float = 0.99
    least_use: float = 1.0
    quantizer_dropout: float = 0.2
    shared_codebook: bool = False
    dropout: float = 0.2

    @property
    def downsampling(self) -> int:
        """Frames of one token."""
        return 2**self.halvings


@dataclass(frozen=True)
class TokenizedMotion:
    """Motion tokens.

    Attributes:
        ids: (B, L, Q) long; -1 in padding and for missing layers.
        lengths: (B,) valid tokens of each sample.
    """

    ids: Tensor
    lengths: Tensor

    @property
    def valid(self) -> Tensor:
        """(B, L) True where a token is not padding."""
        return length_mask(self.lengths, self.ids.shape[1])


@dataclass(frozen=True)
class Reconstruction:
    """Result of a training pass: `features` (B, T, D) decoded, and what the quantizer did."""

    features: Tensor
    quantized: Quantized


def length_mask(lengths: Tensor, size: int) -> Tensor:
    """(B, size) True at the first lengths[b] positions."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


class ResidualBlock(nn.Module):
    """x + conv1(relu(conv3(relu(x)))), with a dilated first convolution."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(width, width, 3, padding=dilation, dilation=dilation)
        self.conv2 = nn.Conv1d(width, width, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, C, T) to (B, C, T)."""
        return hidden + self.dropout(self.conv2(F.relu(self.conv1(F.relu(hidden)))))


class ResidualStack(nn.Module):
    """Residual blocks with falling dilations (9, 3, 1 by default)."""

    def __init__(self, config: RVQVAEConfig) -> None:
        super().__init__()
        dilations = [config.dilation_growth**power for power in reversed(range(config.depth))]
        self.model = nn.Sequential(
            *(ResidualBlock(config.width, dilation, config.dropout) for dilation in dilations)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """(B, C, T) to (B, C, T)."""
        return self.model(hidden)


class Encoder(nn.Module):
    """Features (B, D, T) to latents (B, code_width, T / downsampling)."""

    def __init__(self, config: RVQVAEConfig) -> None:
        super().__init__()
        downs = [
            nn.Sequential(
                nn.Conv1d(config.width, config.width, 4, stride=2, padding=1), ResidualStack(config)
            )
            for _ in range(config.halvings)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(config.features, config.width, 3, padding=1), nn.ReLU(),
            *downs, nn.Conv1d(config.width, config.code_width, 3, padding=1),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """(B, D, T) to (B, code_width, L)."""
        return self.model(features)


class Decoder(nn.Module):
    """Latents (B, code_width, L) to features (B, D, L * downsampling)."""

    def __init__(self, config: RVQVAEConfig) -> None:
        super().__init__()
        ups = [
            nn.Sequential(
                ResidualStack(config),
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv1d(config.width, config.width, 3, padding=1),
            )
            for _ in range(config.halvings)
        ]
        self.model = nn.Sequential(
            nn.Conv1d(config.code_width, config.width, 3, padding=1), nn.ReLU(), *ups,
            nn.Conv1d(config.width, config.width, 3, padding=1), nn.ReLU(),
            nn.Conv1d(config.width, config.features, 3, padding=1),
        )  # fmt: skip

    def forward(self, latent: Tensor) -> Tensor:
        """(B, code_width, L) to (B, D, T)."""
        return self.model(latent)


class RVQVAE(nn.Module):
    """Motion tokenizer on normalised features."""

    def __init__(self, config: RVQVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self._decoders = InferenceCopies(self.decoder)
        self.quantizer = ResidualQuantizer(
            config.quantizers, config.codes, config.code_width, config.decay,
            config.quantizer_dropout, shared=config.shared_codebook, least_use=config.least_use,
        )  # fmt: skip

    def forward(self, features: Tensor, generator: torch.Generator | None = None) -> Reconstruction:
        """Encode, quantize and decode (B, T, D) normalised features; T is floored to whole tokens."""
        latent = self.latent(features)
        with torch.autocast(latent.device.type, enabled=False):
            quantized = self.quantizer(latent.float(), generator)
        return Reconstruction(self.decode_latent(quantized.latent), quantized)

    def latent(self, features: Tensor) -> Tensor:
        """(B, L, code_width) latents before quantization of (B, T, D) features."""
        return self.encoder(features.transpose(1, 2)).transpose(1, 2)

    def decode_latent(self, latent: Tensor) -> Tensor:
        """(B, L * downsampling, D) features of (B, L, code_width) quantized latents."""
        return self.decoder(latent.transpose(1, 2)).transpose(1, 2)

    @torch.no_grad()
    def encode(self, features: Tensor, lengths: Tensor | None = None) -> TokenizedMotion:
        """Tokens of normalised features; a sample's tokens do not depend on its padding or its batch.

        Args:
            features: (B, T, D).
            lengths: (B,) valid frames; all T when not given.
        """
        if lengths is None:
            lengths = torch.full((len(features),), features.shape[1], device=features.device)
        step, tokens = self.config.downsampling, lengths // self.config.downsampling
        shape = (len(features), features.shape[1] // step, self.config.quantizers)
        ids = torch.full(shape, -1, device=features.device)
        # The one to three frames after the last whole token still shape it, as in the published encoder.
        for frames, rows in _equal_lengths(lengths, shortest=step):
            latent = self.latent(features[rows, :frames]).float()
            ids[rows, : frames // step] = self.quantizer.quantize(
                latent, self.config.quantizers, sample=False
            ).ids
        return TokenizedMotion(ids, tokens)

    @torch.no_grad()
    def decode(self, tokens: TokenizedMotion, precision: str = "fp32") -> Tensor:
        """(B, L * downsampling, D) normalised features of tokens; frames past a sample's end are zero.

        Args:
            tokens: of B motions.
            precision: "fp32" or "bf16" for the convolutions' arithmetic.

        Raises:
            KinelexError: another precision.
        """
        step, (batch, size) = self.config.downsampling, tokens.ids.shape[:2]
        features = torch.zeros(batch, size * step, self.config.features, device=tokens.ids.device)
        self._decoders = self._decoders.of(self.decoder)
        decoder = self._decoders.at(precision)
        for length, rows in _equal_lengths(tokens.lengths):
            latent = self.quantizer.lookup(tokens.ids[rows, :length]).sum(0)
            decoded = decoder(latent.transpose(1, 2).to(PRECISIONS[precision])).transpose(1, 2)
            features[rows, : length * step] = decoded.to(features.dtype)
        return features


def _equal_lengths(lengths: Tensor, shortest: int = 1) -> list[tuple[int, Tensor]]:
    """Each length with the samples that have it: convolutions would see the padding of a longer batch."""
    sizes = [size for size in lengths.unique().tolist() if size >= shortest]
    return [(size, (lengths == size).nonzero()[:, 0]) for size in sizes]
