"""MoMask: mask transformer, then residual transformer, in one call; editing and long sequences included."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.residual import ResidualTransformer
from kinelex.generators.sampling import SampleNoise, SamplingOptions
from kinelex.tokenizer.rvqvae import TokenizedMotion

MAX_TOKENS = 49
WINDOW_OVERLAP = 13
DEFAULT_OPTIONS = SamplingOptions()


class MoMask:
    """Generates motion tokens from text.

    Args:
        masked: mask transformer (base layer).
        residual: residual transformer (layers 1..Q-1).
    """

    def __init__(self, masked: MaskTransformer, residual: ResidualTransformer) -> None:
        self.masked = masked
        self.residual = residual

    @torch.no_grad()
    def generate(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: SamplingOptions = DEFAULT_OPTIONS,
        known: Tensor | None = None,
    ) -> TokenizedMotion:
        """Draw tokens for B samples, each with its own seed.

        Args:
            condition: text vectors of the samples.
            lengths: (B,) tokens; past the training length (49) windows slide with an overlap that is kept.
            seeds: one seed a sample; a sample does not depend on the others of its batch.
            options: sampling options.
            known: (B, L, Q) tokens to keep, -1 where to draw: in-between, prefix, suffix or one segment.

        Raises:
            KinelexError: `known` does not fit the lengths.
        """
        size = int(lengths.max())
        if known is not None and known.shape[:2] != (len(lengths), size):
            raise KinelexError(f"tokens to keep have shape {tuple(known.shape)}; they need {len(lengths)} x {size} tokens")
        with _precision(options, lengths.device):
            if size <= MAX_TOKENS:
                ids = self._window(condition, lengths, SampleNoise(seeds, lengths, lengths.device), options, known)
                return TokenizedMotion(ids, lengths)
            return self._sliding(condition, lengths, seeds, options, known)

    def _window(
        self,
        condition: TextCondition,
        lengths: Tensor,
        noise: SampleNoise,
        options: SamplingOptions,
        known: Tensor | None,
    ) -> Tensor:
        base = self.masked.generate(condition, lengths, noise, options, None if known is None else known[..., 0])
        return self.residual.generate(base, condition, lengths, noise, options, known)

    def _sliding(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: SamplingOptions,
        known: Tensor | None,
    ) -> TokenizedMotion:
        """Windows of 49 tokens; each keeps the last 13 tokens of the one before as its prefix."""
        size, layers = int(lengths.max()), self.residual.config.quantizers
        ids = torch.full((len(lengths), size, layers), -1, device=lengths.device)
        if known is not None:
            ids = known.clone()
        for window, start in enumerate(range(0, size - WINDOW_OVERLAP, MAX_TOKENS - WINDOW_OVERLAP)):
            inside = (lengths - start).clamp(max=MAX_TOKENS)
            rows = (inside > (WINDOW_OVERLAP if start else 0)).nonzero()[:, 0]
            if len(rows) == 0:
                break
            part = ids[rows, start : start + int(inside[rows].max())]
            noise = SampleNoise([seeds[row] + window for row in rows.tolist()], inside[rows], lengths.device)
            drawn = self._window(condition[rows], inside[rows], noise, options, part)
            ids[rows, start : start + part.shape[1]] = drawn
        return TokenizedMotion(ids, lengths)


def _precision(options: SamplingOptions, device: torch.device) -> AbstractContextManager:
    if options.precision == "fp32":
        return nullcontext()
    if options.precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    raise KinelexError(f"unknown precision {options.precision!r}; choose fp32 or bf16")
