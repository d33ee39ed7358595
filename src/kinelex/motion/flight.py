"""Bodies in the air: those that fall, as everything does, and those that float."""

from __future__ import annotations

import torch
from torch import Tensor

from kinelex.motion.contacts import resting_height, run_ids
from kinelex.motion.skeleton import Skeleton

GRAVITY = 9.81  # metres a second squared
_OFF_GROUND = 0.12  # metres of the lowest joint; recorded floors are uneven by up to a tenth
# Seconds and frames in which a fall can be told from standing high; a runner flies for 0.1 to 0.25 s.
_SHORTEST, _FEWEST = 0.2, 4
_FALLS = 0.5  # share of gravity; a foot that still pushes or lands early slows what is measured


def fall(height: Tensor, fps: float) -> float:
    """Metres a second squared at which heights (T,) of a body fall, by the parabola that fits them best."""
    if len(height) < 3:
        return 0.0
    time = torch.arange(len(height), dtype=torch.float64, device=height.device) / fps
    powers = torch.stack((torch.ones_like(time), time, time**2), dim=-1)
    return -2 * float(torch.linalg.lstsq(powers, height.double().unsqueeze(-1)).solution[2, 0])


def floating(positions: Tensor, fps: float, skeleton: Skeleton) -> Tensor:
    """(T,) bool: where nothing touches the ground and the root does not fall.

    The ground is where feet come to rest at their lowest; a stair or a rock counts as air.

    Args:
        positions: (T, J, 3) joints in metres, Y up, the root first.
    """
    airborne = positions[..., 1].amin(-1) > resting_height(positions, fps, skeleton) + _OFF_GROUND
    runs, afloat = run_ids(airborne), torch.zeros_like(airborne)
    for number in range(1, int(runs.max()) + 1):
        frames = runs == number
        slow = fall(positions[frames, 0, 1], fps) < _FALLS * GRAVITY
        afloat |= frames & (slow and int(frames.sum()) >= max(_SHORTEST * fps, _FEWEST))
    return afloat
