"""From noise to motion: ancestral sampling (DDPM), DDIM, and DPM-Solver++ for few steps.

J. Ho et al., "Denoising Diffusion Probabilistic Models", 2020; J. Song et al., "Denoising Diffusion Implicit Models",
2021; C. Lu et al., "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models", 2022.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.generators.diffusion.process import noise_from_motion
from kinelex.generators.diffusion.schedule import NoiseSchedule, at
from kinelex.progress import track

_LONG = 100  # steps that take long enough for a progress bar
Predict = Callable[[Tensor, Tensor], Tensor]  # noised motion (B, T, D), its step's index (B,): clean motion
DrawNoise = Callable[[], Tensor]  # standard normal (B, T, D)


@dataclass(frozen=True)
class DiffusionSampling:
    """How a diffusion model draws.

    Attributes:
        sampler: ddpm (ancestral, as published), ddim, or dpm++ (second order, best for few steps).
        steps: network passes; as many as the model was trained with, or fewer.
        guidance: scale of classifier-free guidance; 1 draws without.
        eta: noise of ddim's steps; 0 for none, 1 for as much as ddpm's.
    """

    sampler: Literal["ddpm", "ddim", "dpm++"] = "dpm++"
    steps: int = 20
    guidance: float = 2.5
    eta: float = 0.0

    def __post_init__(self) -> None:
        if self.sampler not in ("ddpm", "ddim", "dpm++"):
            raise KinelexError(f"unknown sampler {self.sampler!r}; choose ddpm, ddim or dpm++")
        if self.steps < 1 or not 0 <= self.eta <= 1:
            raise KinelexError(
                f"steps {self.steps} and eta {self.eta} cannot be sampled with; "
                "give at least one step and an eta from 0 to 1"
            )
        if not math.isfinite(self.guidance):
            raise KinelexError("the guidance scale must be a finite number, such as 2.5")


def sample(schedule: NoiseSchedule, predict: Predict, draw: DrawNoise, options: DiffusionSampling) -> Tensor:
    """Motion (B, T, D) drawn in `options.steps` steps of a schedule.

    Args:
        schedule: all steps of the trained model.
        predict: the model.
        draw: fresh noise at every call.
        options: which sampler.
    """
    chosen = schedule.spread(options.steps)
    mixed, before = draw(), None

    def predicted(index: Tensor) -> Tensor:
        # The model knows a step by its number among all that it was trained with.
        return predict(mixed, chosen.times.to(mixed.device)[index])

    steps = reversed(range(1, len(chosen)))
    for step in steps if len(chosen) < _LONG else track(steps, "denoising", len(chosen) - 1):
        index = torch.full((len(mixed),), step, device=mixed.device)
        motion = predicted(index)
        if options.sampler == "ddpm":
            mixed = ddpm_step(chosen, mixed, index, motion, draw())
        elif options.sampler == "ddim":
            noise = draw() if options.eta > 0 else torch.zeros_like(mixed)
            mixed = ddim_step(chosen, mixed, index, motion, noise, options.eta)
        else:
            # The last step spans so much of the log-SNR that the slope before it says nothing about it.
            mixed, before = dpm_step(chosen, mixed, step, motion, None if step == 1 else before), motion
    # Every sampler's last step leads to the predicted motion itself.
    return predicted(torch.zeros(len(mixed), dtype=torch.long, device=mixed.device))


def ddpm_step(schedule: NoiseSchedule, mixed: Tensor, index: Tensor, motion: Tensor, noise: Tensor) -> Tensor:
    """One ancestral step from index (B,) with the posterior's variance; noise does not enter at index 0."""
    return posterior_mean(schedule, mixed, index, motion) + (
        at(schedule.posterior_variance.sqrt(), index, mixed) * noise
    )


def posterior_mean(schedule: NoiseSchedule, mixed: Tensor, index: Tensor, motion: Tensor) -> Tensor:
    """(B, T, D) mean of a step back from index (B,) when the motion is known (Ho et al., Eq. 7)."""
    return (
        at(schedule.posterior_motion, index, mixed) * motion
        + at(schedule.posterior_noised, index, mixed) * mixed
    )


def ddim_step(
    schedule: NoiseSchedule, mixed: Tensor, index: Tensor, motion: Tensor, noise: Tensor, eta: float
) -> Tensor:
    """One step from index (B,) (Song et al., Eq. 12 and 16); with eta 1 it is the ancestral step."""
    # In float32 as published: near the last step, 1 - cleaner keeps few digits, and results would differ.
    signal, cleaner = at(schedule.signal, index, mixed), at(schedule.cleaner, index, mixed)
    deviation = eta * ((1 - cleaner) / (1 - signal)).sqrt() * (1 - signal / cleaner).sqrt()
    direction = (1 - cleaner - deviation**2).clamp(min=0).sqrt()
    contained = noise_from_motion(schedule, mixed, index, motion)
    return cleaner.sqrt() * motion + direction * contained + deviation * noise


def dpm_step(
    schedule: NoiseSchedule, mixed: Tensor, step: int, motion: Tensor, before: Tensor | None
) -> Tensor:
    """One step from `step` > 0 with the prediction of the step before it (Lu et al., algorithm 2: 2M)."""
    log_snr, signal = schedule.log_snr, schedule.signal
    width = float(log_snr[step - 1] - log_snr[step])
    slope = motion
    if before is not None:
        ratio = float(log_snr[step] - log_snr[step + 1]) / width
        slope = motion + (motion - before) / (2 * ratio)
    shrink = math.sqrt(float((1 - signal[step - 1]) / (1 - signal[step])))
    return shrink * mixed - math.sqrt(float(signal[step - 1])) * math.expm1(-width) * slope
