"""The other hosts as whole models: MMM, and the two that diffuse, MDM and MotionDiffuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from kinelex.generators.base import TextCondition
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.generator import UNIT, MotionDiffusion
from kinelex.generators.diffusion.samplers import DiffusionSampling
from kinelex.generators.diffusion.schedule import DiffusionConfig
from kinelex.generators.editing import check_sizes, passes
from kinelex.generators.mmm import MMMSampling, MMMTransformer
from kinelex.generators.model import MotionModel, TokenModel
from kinelex.generators.sampling import SampleNoise
from kinelex.tokenizer.rvqvae import TokenizedMotion


@dataclass(frozen=True, kw_only=True)
class MMMModel(TokenModel):
    """MMM: one masked transformer on the tokens of a VQ-VAE."""

    transformer: MMMTransformer
    sampling: MMMSampling = field(default_factory=MMMSampling)

    @property
    def networks(self) -> dict[str, nn.Module | None]:
        return {"tokenizer": self.tokenizer, "transformer": self.transformer}

    @torch.no_grad()
    def _draw(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: MMMSampling,
        known: Tensor | None,
    ) -> Tensor:
        size = check_sizes(condition, lengths, seeds, known)
        noise = SampleNoise.of_seeds(seeds, lengths.device)
        ids = (
            torch.full((len(lengths), size, 1), -1, device=lengths.device) if known is None else known.clone()
        )
        for window, text in passes(condition, lengths):
            cells = window.cells(size)
            drawn = self.transformer.generate(
                text,
                window.lengths,
                noise.of_rows(window.rows.tolist()),
                options,
                cells.read(ids, -1)[..., 0],
            )
            cells.write(ids, drawn[..., None])
        return self.tokenizer.decode(TokenizedMotion(ids, lengths))


@dataclass(frozen=True, kw_only=True)
class DiffusionModel(MotionModel):
    """MDM or MotionDiffuse: a denoiser on motion features."""

    denoiser: Denoiser
    diffusion: DiffusionConfig
    sampling: DiffusionSampling = field(default_factory=DiffusionSampling)

    @property
    def networks(self) -> dict[str, nn.Module | None]:
        return {"denoiser": self.denoiser}

    @property
    def frames_per_token(self) -> int:
        return UNIT

    @cached_property
    def generator(self) -> MotionDiffusion:
        """The denoiser with its noise schedule."""
        return MotionDiffusion(self.denoiser, self.diffusion)

    def _draw(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: DiffusionSampling,
        known: Tensor | None,
    ) -> Tensor:
        return self.generator.generate(condition, lengths, seeds, options, known)

    def keep(self, features: Tensor, lead: int, trail: int, size: int) -> Tensor:
        """(1, L, 4 D) features of four frames each, NaN where to draw."""
        tokens = features[:, : features.shape[1] // UNIT * UNIT].unflatten(1, (-1, UNIT)).flatten(2)
        room = tokens.new_full((1, size, tokens.shape[2]), torch.nan)
        return torch.cat([tokens[:, :lead], room, tokens[:, tokens.shape[1] - trail :]], dim=1)
