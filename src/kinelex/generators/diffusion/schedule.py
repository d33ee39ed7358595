"""Noise schedules: how much of the motion is left at every diffusion step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from kinelex.errors import KinelexError

_COSINE_OFFSET, _LARGEST_BETA = 0.008, 0.999


@dataclass(frozen=True)
class DiffusionConfig:
    """How a denoiser was trained.

    Attributes:
        steps: diffusion steps.
        schedule: cosine (Nichol and Dhariwal 2021, as in MDM) or linear (Ho et al. 2020, as in MotionDiffuse).
        predicts: what the network returns: the clean motion (x0) or the noise (epsilon).
        weighting: whether every clip counts the same in the loss (MDM), or every frame (MotionDiffuse).
    """

    steps: int = 1000
    schedule: Literal["cosine", "linear"] = "cosine"
    predicts: Literal["motion", "noise"] = "motion"
    weighting: Literal["clip", "frame"] = "clip"

    def __post_init__(self) -> None:
        if self.steps < 2:
            raise KinelexError(f"diffusion.steps is {self.steps}; give at least 2")


def cosine_betas(steps: int) -> Tensor:
    """(N,) float64 variances added per step, signal cos^2 of the time (Nichol and Dhariwal 2021, Eq. 17)."""
    times = torch.arange(steps + 1, dtype=torch.float64) / steps
    signal = torch.cos((times + _COSINE_OFFSET) / (1 + _COSINE_OFFSET) * math.pi / 2) ** 2
    return (1 - signal[1:] / signal[:-1]).clamp(max=_LARGEST_BETA)


def linear_betas(steps: int) -> Tensor:
    """(N,) float64 variances from 1e-4 to 0.02 for 1000 steps, larger for fewer (Ho et al. 2020)."""
    scale = 1000 / steps
    return torch.linspace(1e-4 * scale, 0.02 * scale, steps, dtype=torch.float64).clamp(max=_LARGEST_BETA)


@dataclass(frozen=True)
class NoiseSchedule:
    """Diffusion steps from the least (0) to the most noise (N - 1), all numbers in float64.

    Attributes:
        signal: (N,) the share of the motion's variance that is left: the product of 1 - beta up to each step.
        times: (N,) the number under which the network knows each step.
    """

    signal: Tensor
    times: Tensor

    @classmethod
    def of(cls, config: DiffusionConfig) -> NoiseSchedule:
        """All steps of a trained denoiser."""
        betas = (cosine_betas if config.schedule == "cosine" else linear_betas)(config.steps)
        return cls((1 - betas).cumprod(0), torch.arange(config.steps))

    def __len__(self) -> int:
        return len(self.times)

    def only(self, steps: Tensor) -> NoiseSchedule:
        """The schedule that visits steps (K,) alone, in rising order."""
        return NoiseSchedule(self.signal[steps], self.times[steps])

    def spread(self, count: int) -> NoiseSchedule:
        """`count` steps, first and last among them, as evenly as rounding allows; all when there are no more.

        Raises:
            KinelexError: less than one step.
        """
        if count < 1:
            raise KinelexError(f"{count} sampling steps cannot be taken; give at least 1")
        if count >= len(self):
            return self
        if count == 1:
            return self.only(torch.tensor([len(self) - 1]))
        stride = (len(self) - 1) / (count - 1)
        return self.only(torch.tensor([round(place * stride) for place in range(count)]))

    @property
    def cleaner(self) -> Tensor:
        """(N,) the signal one step further towards the motion; 1 before the first."""
        return F.pad(self.signal[:-1], (1, 0), value=1.0)

    @property
    def betas(self) -> Tensor:
        """(N,) the variance that each step adds."""
        return 1 - self.signal / self.cleaner

    @property
    def posterior_variance(self) -> Tensor:
        """(N,) of a step back when the motion is known (Ho et al. 2020, Eq. 7); 0 for the last step back."""
        return self.betas * (1 - self.cleaner) / (1 - self.signal)

    @property
    def posterior_motion(self) -> Tensor:
        """(N,) weight of the motion in the mean of a step back."""
        return self.betas * self.cleaner.sqrt() / (1 - self.signal)

    @property
    def posterior_noised(self) -> Tensor:
        """(N,) weight of the noised motion in the mean of a step back."""
        return (1 - self.cleaner) * (self.signal / self.cleaner).sqrt() / (1 - self.signal)

    @property
    def log_snr(self) -> Tensor:
        """(N,) half the logarithm of the signal-to-noise ratio: lambda of DPM-Solver."""
        return 0.5 * (self.signal.log() - torch.log1p(-self.signal))


def at(values: Tensor, index: Tensor, like: Tensor) -> Tensor:
    """(B, 1, 1) float32 entries (N,) of the steps index (B,), to scale motions like (B, T, D)."""
    # Rounded before the gather: accelerators may know no float64.
    return values.to(like.dtype).to(like.device)[index][:, None, None]
