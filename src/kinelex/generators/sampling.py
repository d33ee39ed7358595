"""Masking schedule, top-k filter and seeded sampling (MaskGIT decoding as in MoMask, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.tokenizer.quantize import gumbel_noise

NEVER_MASK_AGAIN = 1e5


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are drawn.

    Attributes:
        steps: iterations of the mask transformer.
        guidance: guidance scale of the mask transformer.
        residual_guidance: guidance scale of the residual transformer.
        temperature: of the categorical distribution; the same in every step.
        top_k: fraction of the classes that is filtered out, the least likely first.
        precision: "bf16" or "fp32" for the transformers' arithmetic.
    """

    steps: int = 10
    guidance: float = 4.0
    residual_guidance: float = 5.0
    temperature: float = 1.0
    top_k: float = 0.9
    precision: str = "fp32"


def mask_fraction(time: Tensor) -> Tensor:
    """Cosine schedule gamma(t) = cos(pi t / 2), in float32 (the rounding of ties depends on it)."""
    return torch.cos(time.float() * math.pi * 0.5)


def masked_counts(time: Tensor, lengths: Tensor) -> Tensor:
    """How many of `lengths` positions are masked at `time`: at least one, rounded half to even."""
    return (mask_fraction(time) * lengths).round().clamp(min=1).long()


def lowest_ranked(scores: Tensor, counts: Tensor) -> Tensor:
    """(B, L) True at the counts[b] positions of lowest score."""
    ranks = scores.argsort(dim=-1).argsort(dim=-1)
    return ranks < counts[:, None]


def keep_top_k(logits: Tensor, threshold: float) -> Tensor:
    """Logits (..., V) with all but the ceil((1 - threshold) V) largest set to -inf."""
    kept = math.ceil((1 - threshold) * logits.shape[-1])
    values, indices = logits.topk(kept, dim=-1)
    return torch.full_like(logits, -torch.inf).scatter(-1, indices, values)


def guided(logits: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance: logits (2B, ...) of the batch and its unconditional twin to (B, ...)."""
    conditional, unconditional = logits.chunk(2)
    return unconditional + (conditional - unconditional) * scale


class SampleNoise:
    """Gumbel noise of a batch in which every sample has its own generator.

    A sample's noise depends on its seed and length alone, so a clip is the same generated alone or in a batch.
    """

    def __init__(self, seeds: Sequence[int], lengths: Tensor, device: torch.device) -> None:
        self.generators = [torch.Generator().manual_seed(seed % 2**63) for seed in seeds]
        self.lengths: list[int] = lengths.tolist()
        self.device = device

    def draw(self, size: int, classes: int) -> Tensor:
        """(B, size, classes) Gumbel noise; zero in padding."""
        noise = torch.zeros(len(self.generators), size, classes)
        for row, generator, length in zip(noise, self.generators, self.lengths, strict=True):
            torch.rand((length, classes), generator=generator, out=row[:length])
        return gumbel_noise(noise).to(self.device)


def sample_ids(logits: Tensor, noise: Tensor, options: SamplingOptions) -> Tensor:
    """(B, L) ids drawn from the filtered logits (B, L, V) by the Gumbel-argmax trick."""
    filtered = keep_top_k(logits, options.top_k) / max(options.temperature, 1e-10)
    return (filtered + noise).argmax(-1)
