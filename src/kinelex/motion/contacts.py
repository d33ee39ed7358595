"""Which feet stand on the floor, for recorded and for generated motion, at any frame rate.

Not the contacts of the features (squared step below a threshold, whatever the height): those call a slow foot
in the air planted and, since they hang on single steps, flicker on generated motion.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kinelex.motion.skeleton import Skeleton

# A joint is planted where it is surely still and low, and around that as long as it is nearly so.
_SURE_SPEED, _NEARLY_SPEED = 0.3, 0.6  # m/s; a walking foot swings at 2 to 4
_SURE_HEIGHT = {
    "ankle": 0.11,
    "toe": 0.06,
}  # metres above the floor; a flat foot has 0.05 to 0.08, 0 to 0.03
_NEARLY_HEIGHT = {"ankle": 0.14, "toe": 0.09}
_SPEED_WINDOW = 0.05  # seconds to either side
_SHORTEST = 0.1  # seconds
# Hands and shoulders that take weight are recorded up to 0.2 m below the floor on which the feet stand.
_DEEPEST = 0.3


def foot_contacts(positions: Tensor, fps: float, skeleton: Skeleton) -> Tensor:
    """Where each foot joint is planted.

    Hysteresis in time: a run of nearly still, nearly low frames counts when at least one of its frames is
    surely still and low and it lasts a tenth of a second (or the clip is shorter than that).

    Args:
        positions: (..., T, J, 3) joints in metres, Y up.

    Returns:
        (..., T, 4) bool: left ankle, left toe, right ankle, right toe.
    """
    feet = positions[..., [*skeleton.left_foot, *skeleton.right_foot], :]
    speed = joint_speeds(feet, fps)
    height = feet[..., 1] - floor_height(positions, skeleton)[..., None, None]
    names = ("ankle", "toe", "ankle", "toe")
    sure_height = height.new_tensor([_SURE_HEIGHT[name] for name in names])
    nearly_height = height.new_tensor([_NEARLY_HEIGHT[name] for name in names])
    sure = (speed < _SURE_SPEED) & (height < sure_height)
    nearly = (speed < _NEARLY_SPEED) & (height < nearly_height)
    shortest = min(round(_SHORTEST * fps), positions.shape[-3])
    return runs_with(nearly.transpose(-2, -1), sure.transpose(-2, -1), shortest).transpose(-2, -1)


def floor_height(positions: Tensor, skeleton: Skeleton) -> Tensor:
    """(...,) height of the floor under joints (..., T, J, 3): where the lower toe is in its lowest twentieth.

    A quantile rather than the minimum, since one bad frame of a generated motion may reach far below.
    """
    toes = positions[..., [skeleton.left_foot[1], skeleton.right_foot[1]], 1].amin(-1)
    return torch.quantile(toes, 0.05, dim=-1)


def resting_height(positions: Tensor, fps: float, skeleton: Skeleton) -> Tensor:
    """() height of the floor under one clip of recorded joints (T, J, 3): the lowest foot joint that stands still.

    Joints that move do not count: a glitch reaches below the floor for a frame, feet rest on it. Where feet never
    rest, or lie far above what does (someone who lies with the legs up), the lowest joint that rests counts.
    """
    step = positions.diff(dim=0).norm(dim=-1) * fps
    # The faster of the steps into and out of a frame: a glitch of one frame moves in both.
    speed = torch.maximum(functional.pad(step, (0, 0, 1, 0)), functional.pad(step, (0, 0, 0, 1)))
    height = positions[..., 1].masked_fill(speed > _NEARLY_SPEED, torch.inf)
    feet, body = height[:, [*skeleton.left_foot, *skeleton.right_foot]].min(), height.min()
    if feet - body < _DEEPEST:
        return feet
    return body if body.isfinite() else torch.quantile(positions[..., 1].amin(dim=-1), 0.05)


def joint_speeds(positions: Tensor, fps: float) -> Tensor:
    """(..., T, N) speed per second of points (..., T, N, 3), over a tenth of a second at any frame rate."""
    frames = positions.shape[-3]
    reach = max(1, round(_SPEED_WINDOW * fps))
    frame = torch.arange(frames, device=positions.device)
    before, after = (frame - reach).clamp(min=0), (frame + reach).clamp(max=frames - 1)
    moved = (positions[..., after, :, :] - positions[..., before, :, :]).norm(dim=-1)
    return moved * (fps / (after - before).clamp(min=1).to(moved.dtype)).unsqueeze(-1)


def runs_with(mask: Tensor, required: Tensor, shortest: int) -> Tensor:
    """Keep the runs of True along the last axis of `mask` with a `required` frame that are long enough."""
    run = run_ids(mask)
    empty = torch.zeros(*mask.shape[:-1], mask.shape[-1] + 1, dtype=torch.long, device=mask.device)
    frames = empty.scatter_add(-1, run, mask.long())
    hits = empty.scatter_add(-1, run, (mask & required).long())
    return mask & ((hits > 0) & (frames >= shortest)).gather(-1, run)


def run_ids(mask: Tensor) -> Tensor:
    """Number the runs of True along the last axis 1, 2, ...; 0 outside."""
    starts = mask.clone()
    starts[..., 1:] &= ~mask[..., :-1]
    return starts.long().cumsum(-1) * mask


def run_means(values: Tensor, mask: Tensor) -> Tensor:
    """(..., T, C) mean of values (..., T, C) over a frame's run of True in `mask` (..., T); 0 outside."""
    run = run_ids(mask).unsqueeze(-1)
    wide = run.expand_as(values)
    empty = values.new_zeros(*values.shape[:-2], values.shape[-2] + 1, values.shape[-1])
    totals = empty.scatter_add(-2, wide, values)
    counts = empty.scatter_add(-2, wide, torch.ones_like(values))
    means = (totals / counts.clamp(min=1)).gather(-2, wide)
    return means * mask.unsqueeze(-1)
