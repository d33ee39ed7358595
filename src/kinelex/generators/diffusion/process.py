"""Gaussian diffusion of motion: noising, what the network's output means, and the training loss."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.generators.diffusion.schedule import DiffusionConfig, NoiseSchedule, at


def noised(schedule: NoiseSchedule, motion: Tensor, index: Tensor, noise: Tensor) -> Tensor:
    """Motion (B, T, D) with as much noise as at the steps index (B,) (Ho et al. 2020, Eq. 4)."""
    signal = schedule.signal
    return at(signal.sqrt(), index, motion) * motion + at((1 - signal).sqrt(), index, motion) * noise


def motion_from_noise(schedule: NoiseSchedule, mixed: Tensor, index: Tensor, noise: Tensor) -> Tensor:
    """The clean motion (B, T, D) in a mixed one, given the noise in it."""
    signal = schedule.signal
    return at(signal.rsqrt(), index, mixed) * mixed - at((1 / signal - 1).sqrt(), index, mixed) * noise


def noise_from_motion(schedule: NoiseSchedule, mixed: Tensor, index: Tensor, motion: Tensor) -> Tensor:
    """The noise (B, T, D) in a mixed motion, given the clean one."""
    signal = schedule.signal
    rest = at(signal.rsqrt(), index, mixed) * mixed - motion
    return rest / at((1 / signal - 1).sqrt(), index, mixed)


def clip_losses(output: Tensor, target: Tensor, inside: Tensor) -> Tensor:
    """(B,) mean squared error of every clip (B, T, D) over its frames inside (B, T)."""
    errors = (output.float() - target).square().mean(-1) * inside
    return errors.sum(1) / inside.sum(1)


def diffusion_loss(
    config: DiffusionConfig, output: Tensor, motion: Tensor, noise: Tensor, inside: Tensor
) -> Tensor:
    """Squared error of the network's output (B, T, D) over valid frames inside (B, T), weighted as the config says."""
    losses = clip_losses(output, motion if config.predicts == "motion" else noise, inside)
    if config.weighting == "clip":
        return losses.mean()
    frames = inside.sum(1)
    return (losses * frames).sum() / frames.sum()


def as_motion(
    config: DiffusionConfig, schedule: NoiseSchedule, mixed: Tensor, index: Tensor, output: Tensor
) -> Tensor:
    """The clean motion (B, T, D) that the network's output stands for."""
    return output if config.predicts == "motion" else motion_from_noise(schedule, mixed, index, output)


def draw_steps(
    config: DiffusionConfig, count: int, generator: torch.Generator, device: torch.device
) -> Tensor:
    """(B,) diffusion steps for training, all equally likely."""
    return torch.randint(config.steps, (count,), generator=generator, device=device)
