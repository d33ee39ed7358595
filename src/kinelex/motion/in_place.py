"""Take the way out of a clip, as engines want it that move the character themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def in_place(positions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Joints (T, J, 3) whose root stays above the point where it starts; height and turns are kept."""
    way = positions[:, :1] - positions[:1, :1]
    return positions - way * np.array([1, 0, 1], dtype=positions.dtype)
