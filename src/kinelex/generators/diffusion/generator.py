"""Draws motion with a denoiser: seeded clip by clip, guided in one batch, in windows where a motion is long."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinelex.generators.base import TextCondition
from kinelex.generators.diffusion.denoiser import Denoiser
from kinelex.generators.diffusion.process import as_motion
from kinelex.generators.diffusion.samplers import DiffusionSampling, Predict, sample
from kinelex.generators.diffusion.schedule import DiffusionConfig, NoiseSchedule
from kinelex.generators.editing import Window, check_sizes, passes
from kinelex.generators.sampling import SampleNoise, check_guidance, guided
from kinelex.tokenizer.rvqvae import length_mask

UNIT = 4  # frames of a token: lengths are multiples of it, as with the hosts that have tokens


class MotionDiffusion:
    """Generates motion features from text.

    Args:
        denoiser: the network.
        config: the diffusion that it was trained for.
    """

    def __init__(self, denoiser: Denoiser, config: DiffusionConfig) -> None:
        self.denoiser, self.config = denoiser, config
        self.schedule = NoiseSchedule.of(config)

    @torch.no_grad()
    def generate(
        self,
        condition: TextCondition,
        lengths: Tensor,
        seeds: Sequence[int],
        options: DiffusionSampling,
        known: Tensor | None = None,
    ) -> Tensor:
        """Draw normalised features (B, 4 L, D) of B samples, zero past their ends.

        Args:
            condition: text of the samples.
            lengths: (B,) tokens of four frames; past the training length windows slide with an overlap that is kept.
            seeds: one seed a sample; a sample does not depend on the others of its batch.
            options: sampler, steps, guidance.
            known: (B, L, 4 D) features of four frames each to keep, NaN where to draw.

        Raises:
            KinelexError: the arguments' sizes differ, a length is below 1, or guidance of a model that was always
                told its text.
        """
        size, width = check_sizes(condition, lengths, seeds, known), self.denoiser.config.features
        check_guidance(options.guidance, self.denoiser.config.condition_dropout)
        noise = SampleNoise.of_seeds(seeds, lengths.device)
        open_value = torch.nan
        motion = torch.full((len(lengths), size, UNIT * width), open_value, device=lengths.device)
        motion = motion if known is None else known.clone()
        for window, text in passes(condition, lengths, self.denoiser.config.max_frames // UNIT):
            cells = window.cells(size)
            kept = cells.read(motion, open_value).unflatten(-1, (UNIT, width)).flatten(1, 2)
            drawn = self._draw(window, text, noise.of_rows(window.rows.tolist()), options, kept)
            cells.write(motion, drawn.unflatten(1, (-1, UNIT)).flatten(2))
        motion = motion.masked_fill(~length_mask(lengths, size)[..., None], 0.0)
        return motion.unflatten(-1, (UNIT, width)).flatten(1, 2)

    def _draw(
        self,
        window: Window,
        condition: TextCondition,
        noise: SampleNoise,
        options: DiffusionSampling,
        kept: Tensor,
    ) -> Tensor:
        """(R, T, D) features of a window, of which `kept` (R, T, D) stays where it is not NaN."""
        frames, drawn = UNIT * window.lengths, kept.shape[1]
        if not self.denoiser.config.mask_frames:
            # Such a network has only ever seen motions of full length, padding included.
            frames = torch.full_like(frames, self.denoiser.config.max_frames)
            kept = torch.nn.functional.pad(kept, (0, 0, 0, int(frames[0]) - drawn), value=torch.nan)
        predict = self._imputing(self._guided(condition, frames, options.guidance), kept)
        width = self.denoiser.config.features
        return sample(self.schedule, predict, lambda: noise.draw_normal(frames, width), options)[:, :drawn]

    def _guided(self, condition: TextCondition, frames: Tensor, scale: float) -> Predict:
        """The clean motion as the network sees it, with and without the text in one pass."""
        text = self.denoiser.read(condition if scale == 1 else condition.with_unconditional())

        def predict(mixed: Tensor, times: Tensor) -> Tensor:
            if scale == 1:
                output = self.denoiser(mixed, times, text, frames)
            else:
                twice = [torch.cat([values, values]) for values in (mixed, times, frames)]
                output = guided(self.denoiser(twice[0], twice[1], text, twice[2]), scale)
            return as_motion(self.config, self.schedule, mixed, times, output)

        return predict

    def _imputing(self, predict: Predict, kept: Tensor) -> Predict:
        """What is known of the motion overrides the prediction in every step (Tevet et al., section 3: editing)."""
        is_open = kept.isnan()
        if bool(is_open.all()):
            return predict
        return lambda mixed, times: torch.where(is_open, predict(mixed, times), kept)
