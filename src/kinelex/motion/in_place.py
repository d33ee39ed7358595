"""Take the way out of a clip, as engines want it that move the character themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FLOOR = [0, 2]  # x and z


def in_place(positions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Joints (T, J, 3) whose root stays above the point where it starts; height and turns are kept."""
    moved = positions.copy()
    moved[..., _FLOOR] -= positions[:, :1, _FLOOR] - positions[:1, :1, _FLOOR]
    return moved
