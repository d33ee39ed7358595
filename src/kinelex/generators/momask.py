"""MoMask: mask transformer, then residual transformer, in one call; editing and long sequences included."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from kinelex.alignment.spans import uniform_spans
from kinelex.errors import KinelexError
from kinelex.generators.base import TextCondition
from kinelex.generators.editing import Window, sliding_windows, window_condition
from kinelex.generators.masked import MaskTransformer
from kinelex.generators.residual import ResidualTransformer
from kinelex.generators.sampling import SampleNoise, SamplingOptions
from kinelex.tokenizer.rvqvae import TokenizedMotion, length_mask

DEFAULT_OPTIONS = SamplingOptions()
CPU_GROUP = 16  # samples of one pass on a CPU: enough for its matrix units, small enough for its caches


class MoMask:
    """Generates motion tokens from text.

    Args:
        masked: mask transformer (base layer).
        residual: residual transformer (layers 1..Q-1).

    The first bf16 call copies the weights; make a new MoMask after changing them.
    """

    def __init__(self, masked: MaskTransformer, residual: ResidualTransformer) -> None:
        self.masked = masked
        self.residual = residual
        self._bf16: MoMask | None = None

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
        size, layers = _check_sizes(condition, lengths, seeds, known), self.residual.config.quantizers
        networks = self.at_precision(options.precision)
        noise = SampleNoise.of_seeds(seeds, lengths.device)
        ids = (
            torch.full((len(lengths), size, layers), -1, device=lengths.device)
            if known is None
            else known.clone()
        )
        if condition.spans is None:
            condition = condition.at(uniform_spans(lengths, condition.segment_mask))
        for window in sliding_windows(lengths):
            text = window_condition(condition, window)
            for group in _groups(window.lengths):
                part = Window(window.rows[group], window.starts[group], window.lengths[group])
                networks._fill(ids, part, text[group].trimmed(), noise.of_rows(part.rows.tolist()), options)
        return TokenizedMotion(ids.masked_fill(~length_mask(lengths, size)[..., None], -1), lengths)

    def _fill(
        self,
        ids: Tensor,
        window: Window,
        condition: TextCondition,
        noise: SampleNoise,
        options: SamplingOptions,
    ) -> None:
        """Draw the open tokens of a window and write them into ids (B, L, Q)."""
        inside = length_mask(window.lengths, int(window.lengths.max()))
        columns = (window.starts[:, None] + torch.arange(inside.shape[1], device=ids.device)).clamp(
            max=ids.shape[1] - 1
        )
        rows = window.rows[:, None].expand_as(columns)
        known = ids[rows, columns].masked_fill(~inside[..., None], -1)
        base = self.masked.generate(condition, window.lengths, noise, options, known[..., 0])
        drawn = self.residual.generate(base, condition, window.lengths, noise, options, known)
        ids[rows[inside], columns[inside]] = drawn[inside]

    def at_precision(self, precision: str) -> MoMask:
        """These networks ("fp32"), or their copies in "bf16".

        In bf16 a clip may differ a little between a batch and alone: rounding depends on the batch's size.

        Raises:
            KinelexError: another precision.
        """
        if precision == "fp32":
            return self
        if precision != "bf16":
            raise KinelexError(f"unknown precision {precision!r}; choose fp32 or bf16")
        if self._bf16 is None:
            self._bf16 = MoMask(
                copy.deepcopy(self.masked).bfloat16(), copy.deepcopy(self.residual).bfloat16()
            )
        return self._bf16


def _check_sizes(
    condition: TextCondition, lengths: Tensor, seeds: Sequence[int], known: Tensor | None
) -> int:
    """Tokens of the longest sample."""
    if not len(condition) == len(lengths) == len(seeds) or len(seeds) == 0:
        raise KinelexError(
            f"{len(condition)} texts, {len(lengths)} lengths and {len(seeds)} seeds; give one each per motion"
        )
    if int(lengths.min()) < 1:
        raise KinelexError(
            f"a motion of {int(lengths.min())} tokens cannot be drawn; ask for at least one token"
        )
    size = int(lengths.max())
    if known is not None and known.shape[:2] != (len(lengths), size):
        raise KinelexError(
            f"tokens to keep have shape {tuple(known.shape)}; they need {len(lengths)} x {size} tokens"
        )
    return size


def _groups(lengths: Tensor) -> list[Tensor]:
    """Indices of samples that share a pass: of similar length on a CPU, where padding costs time."""
    order = lengths.argsort(descending=True, stable=True)
    return list(order.split(CPU_GROUP if lengths.device.type == "cpu" else len(lengths)))
