"""Masking schedule, top-k filter and seeded sampling (MaskGIT decoding as in MoMask, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.inference.copies import check_precision
from kinelex.tokenizer.quantize import gumbel_noise

NEVER_MASK_AGAIN = 1e5


@dataclass(frozen=True)
class SamplingOptions:
    """How tokens are drawn.

    Attributes:
        steps: iterations of the mask transformer.
        guidance: guidance scale of the mask transformer.
        residual_guidance: guidance scale of the residual transformer; a scale of 1 draws without, in half the time.
        temperature: of the categorical distribution; the same in every step.
        top_k: fraction of the classes that is filtered out, the least likely first.
        precision: "bf16" or "fp32" for the arithmetic of the transformers and of the tokenizer's decoder.
        guided_share: share of the iterations that are guided, the first ones; the published code guides all.
    """

    steps: int = 10
    guidance: float = 4.0
    residual_guidance: float = 5.0
    temperature: float = 1.0
    top_k: float = 0.9
    precision: str = "fp32"
    guided_share: float = 1.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.temperature > 0 or not 0 <= self.top_k <= 1:
            raise KinelexError(
                f"steps {self.steps}, temperature {self.temperature} and top_k {self.top_k} cannot be sampled with; "
                "give at least one step, a positive temperature and a top_k from 0 to 1"
            )
        if not (math.isfinite(self.guidance) and math.isfinite(self.residual_guidance)):
            raise KinelexError("the guidance scales must be finite numbers, such as 4 and 5")
        check_precision(self.precision)
        if not 0 <= self.guided_share <= 1:
            raise KinelexError(
                f"guided_share {self.guided_share} is no share of the steps; give one from 0 to 1"
            )

    def guidance_at(self, step: int) -> float:
        """Guidance scale of an iteration, counted from 0."""
        return self.guidance if step < round(self.guided_share * self.steps) else 1.0


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


def kept_classes(classes: int, threshold: float) -> int:
    """How many of the classes the top-k filter keeps: ceil((1 - threshold) * classes), at least one."""
    return max(1, math.ceil((1 - threshold) * classes))


def guided(logits: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance: logits (2B, ...) of the batch and its unconditional twin to (B, ...)."""
    conditional, unconditional = logits.chunk(2)
    return unconditional + (conditional - unconditional) * scale


def check_guidance(scale: float, condition_dropout: float) -> None:
    """Refuse guidance of a model that was always told its text.

    Raises:
        KinelexError: so it is.
    """
    if scale != 1 and condition_dropout == 0:
        raise KinelexError(
            f"guidance {scale:g} needs a model that was trained without its text now and then "
            "(condition_dropout); this one never was: leave guidance at 1"
        )


class SampleNoise:
    """Uniform numbers for a batch in which every sample has its own generator.

    What a sample draws depends on its seed and on how many positions it draws for, never on the padding or
    the other samples, so a clip is the same generated alone or in a batch.
    """

    def __init__(self, generators: Sequence[torch.Generator], device: torch.device) -> None:
        self.generators = list(generators)
        self.device = device

    @classmethod
    def of_seeds(cls, seeds: Sequence[int], device: torch.device) -> SampleNoise:
        """One generator a seed."""
        return cls([torch.Generator().manual_seed(seed % 2**63) for seed in seeds], device)

    def of_rows(self, rows: Sequence[int]) -> SampleNoise:
        """The noise of some samples; their generators are shared, so they go on where they are."""
        return SampleNoise([self.generators[row] for row in rows], self.device)

    def draw(self, counts: Tensor, classes: int) -> Tensor:
        """(B, max(counts), classes) numbers in [0, 1), zero past counts[b]."""
        uniform = torch.zeros(len(self.generators), int(counts.max()), classes)
        for row, generator, count in zip(uniform, self.generators, counts.tolist(), strict=True):
            torch.rand((count, classes), generator=generator, out=row[:count])
        return uniform.to(self.device)

    def draw_normal(self, counts: Tensor, width: int) -> Tensor:
        """(B, max(counts), width) standard normal numbers, zero past counts[b]."""
        normal = torch.zeros(len(self.generators), int(counts.max()), width)
        for row, generator, count in zip(normal, self.generators, counts.tolist(), strict=True):
            torch.randn((count, width), generator=generator, out=row[:count])
        return normal.to(self.device)


def sample_ids(logits: Tensor, uniform: Tensor, options: SamplingOptions) -> Tensor:
    """(...) ids drawn from the top-k of logits (..., V) by Gumbel-argmax, given uniform numbers (..., V)."""
    values, classes = logits.topk(kept_classes(logits.shape[-1], options.top_k), dim=-1, sorted=False)
    # Noise is looked up by class, so that two nearly equal logits may swap ranks without changing the draw.
    noise = gumbel_noise(uniform.gather(-1, classes))
    winner = (values / max(options.temperature, 1e-10) + noise).argmax(-1, keepdim=True)
    return classes.gather(-1, winner)[..., 0]
