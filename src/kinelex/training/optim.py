"""Optimiser, learning rate and gradients of the training loop."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import torch
import torch.distributed as distributed
from torch import Tensor, nn

from kinelex.training.recipes import TrainConfig


def build_optimizer(parameters: Iterable[nn.Parameter], config: TrainConfig) -> torch.optim.AdamW:
    """AdamW in its fused form, which takes one kernel a step instead of one a parameter."""
    return torch.optim.AdamW(
        parameters, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
    )


def learning_rate(step: int, config: TrainConfig) -> float:
    """Learning rate of step 0, 1, ...: lr (step + 1) / (warmup + 1), then lr gamma^(milestones passed)."""
    if step < config.warmup:
        return config.lr * (step + 1) / (config.warmup + 1)
    return config.lr * config.gamma ** bisect_right(config.milestones, step)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace the gradients by their mean over the processes, all in one message.

    Done after the backward pass instead of by a wrapper around the model, so that a loss may call any method
    of the model and not only `forward`. Parameters without a gradient count as zero: all processes agree on
    the message's size even when a layer was not used in one of them.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    message = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(message)
    message /= distributed.get_world_size()
    for parameter, piece in zip(trained, message.split([p.numel() for p in trained]), strict=True):
        parameter.grad = piece.view_as(parameter)


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> Tensor | None:
    """Scale the gradients down to the norm `limit`; 0 leaves them. The norm before, or None."""
    return nn.utils.clip_grad_norm_(list(parameters), limit) if limit > 0 else None
