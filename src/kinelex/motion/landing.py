"""What goes up comes down: a body that would hang in the air jumps as high, and stands before and after it."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import find_peaks
from torch import Tensor

from kinelex.motion.contacts import resting_height, run_ids
from kinelex.motion.flight import GRAVITY, floating
from kinelex.motion.skeleton import Skeleton

_TOUCHES = 0.03  # metres of the lowest joint at which it is as good as on the ground
_JUMP = 0.2  # metres from a low to a high; bodies that hang sway by less


def landed(positions: Tensor, fps: float, skeleton: Skeleton, where: Tensor) -> Tensor:
    """Turn flights in which a body floats into jumps: each of its high rises is one, and between them it stands.

    Only the height of the whole body changes, and only downwards. Flights without floating stay as they are, and so do
    those that are longer than where one looks: who climbs stairs before a jump is not to be pulled down from them.

    Args:
        positions: (T, J, 3) joints in metres, Y up, the root first.
        where: (T,) bool, the frames in which to look.

    Returns:
        (T, J, 3).
    """
    afloat = floating(positions, fps, skeleton) & where
    if not bool(afloat.any()):
        return positions
    clearance = positions[..., 1].amin(-1) - resting_height(positions, fps, skeleton)
    flights, drop = run_ids(clearance > _TOUCHES), torch.zeros_like(clearance)
    for number in flights[afloat].unique().tolist():
        frames = (flights == number).nonzero()[:, 0]
        if not bool(where[frames].all()):
            continue
        height = clearance[frames].cpu().double().numpy()
        drop[frames] = torch.from_numpy(height - jumped(height, fps)).to(drop)
    lowered = positions.clone()
    lowered[..., 1] -= drop.unsqueeze(-1)
    return lowered


def jumped(height: NDArray[np.float64], fps: float) -> NDArray[np.float64]:
    """(N,) heights of somebody who jumps wherever `height` (N,) rises by 0.2 m, as high as it rises there, in metres.

    There is one jump at least. A jump is a parabola under gravity with its highest point where the rise has it, or as
    near as it fits into the N frames; it is never higher than `height`.
    """
    last = (len(height) - 1) / fps
    time, path = np.arange(len(height)) / fps, np.zeros_like(height)
    apexes = find_peaks(np.pad(height, 1), prominence=_JUMP)[0] - 1
    for apex in apexes if len(apexes) else (int(height.argmax()),):
        rising = min(math.sqrt(2 * height[apex] / GRAVITY), last / 2)
        middle = np.clip(apex / fps, rising, last - rising)
        path = np.maximum(path, GRAVITY / 2 * (rising**2 - (time - middle) ** 2))
    return np.minimum(path, height)
