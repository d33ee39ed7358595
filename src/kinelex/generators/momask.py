"""MoMask: mask transformer, then residual transformer, in one call; editing and long sequences included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from kinelex.generators.base import TextCondition
from kinelex.generators.editing import Window, check_sizes, passes
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.residual import ResidualTransformer
from kinelex.generators.sampling import SampleNoise, SamplingOptions
from kinelex.inference.copies import InferenceCopies
from kinelex.tokenizer.rvqvae import TokenizedMotion, length_mask

DEFAULT_OPTIONS = SamplingOptions()


@dataclass(frozen=True)
class DrawingNetworks:
    """Both transformers as they are drawn with.

    Attributes:
        masked: mask transformer (base layer).
        residual: residual transformer (layers 1..Q-1).
    """

    masked: MaskTransformer
    residual: ResidualTransformer

    def fill(
        self,
        ids: Tensor,
        window: Window,
        condition: TextCondition,
        noise: SampleNoise,
        options: SamplingOptions,
    ) -> None:
        """Draw the open tokens of a window and write them into ids (B, L, Q)."""
        cells = window.cells(ids.shape[1])
        known = cells.read(ids, -1)
        base = self.masked.generate(condition, window.lengths, noise, options, known[..., 0])
        cells.write(ids, self.residual.generate(base, condition, window.lengths, noise, options, known))


class MoMask:
    """Generates motion tokens from text.

    Args:
        masked: mask transformer (base layer).
        residual: residual transformer (layers 1..Q-1).
    """

    def __init__(self, masked: MaskTransformer, residual: ResidualTransformer) -> None:
        self._masked, self._residual = InferenceCopies(masked), InferenceCopies(residual)

    @property
    def masked(self) -> MaskTransformer:
        return self._masked.network

    @property
    def residual(self) -> ResidualTransformer:
        return self._residual.network

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
            condition: text vectors of the samples; phrases without spans share the motion evenly.
            lengths: (B,) tokens; past the training length (49) windows slide with an overlap that is kept.
            seeds: one seed a sample; a sample does not depend on the others of its batch.
            options: sampling options.
            known: (B, L, Q) tokens to keep, -1 where to draw (see `kinelex.generators.editing.open_span`).

        Raises:
            KinelexError: the arguments' sizes differ, a length is below 1, or the precision is unknown.
        """
        size, layers = check_sizes(condition, lengths, seeds, known), self.residual.config.quantizers
        networks = self.at_precision(options.precision)
        noise = SampleNoise.of_seeds(seeds, lengths.device)
        ids = (
            torch.full((len(lengths), size, layers), -1, device=lengths.device)
            if known is None
            else known.clone()
        )
        for window, text in passes(condition, lengths):
            networks.fill(ids, window, text, noise.of_rows(window.rows.tolist()), options)
        return TokenizedMotion(ids.masked_fill(~length_mask(lengths, size)[..., None], -1), lengths)

    def at_precision(self, precision: str) -> DrawingNetworks:
        """These networks made ready to draw with, in "fp32" or "bf16".

        In bf16 a clip may differ a little between a batch and alone: rounding depends on the batch's size.

        Raises:
            KinelexError: another precision.
        """
        return DrawingNetworks(self._masked.at(precision), self._residual.at(precision))
