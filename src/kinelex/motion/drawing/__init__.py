"""Drawing a figure on a floor: shared by the film strip, the film and (as numbers) the web player."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]


def floats(values: ArrayLike) -> NDArray[np.float32]:
    """A float32 array of the values."""
    return np.asarray(values, dtype=np.float32)
