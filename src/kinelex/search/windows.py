"""Which parts of a clip an index knows: the whole, and windows of several lengths."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from kinelex.errors import KinelexError

WINDOW_SECONDS = (2.0, 4.0)
LONGEST_SECONDS = 20.0  # retrieval models learn from clips of ten seconds at most


def clip_windows(frames: int, sizes: Sequence[int], longest: int) -> Tensor:
    """(W, 2) first frame and end of what is embedded of a clip, in the order of the frames.

    Windows of each size overlap by half, the last one ending with the clip; the whole clip is one, too, unless it
    is longer than `longest` frames.
    """
    spans = {(0, frames)} if frames <= longest else set()
    for size in sizes:
        if size < frames:
            starts = [*range(0, frames - size, max(1, size // 2)), frames - size]
            spans |= {(start, start + size) for start in starts}
    return torch.tensor(sorted(spans)).reshape(-1, 2)


def check_window_seconds(windows: Sequence[float], shortest: float) -> tuple[float, ...]:
    """The lengths in seconds, each once, shortest first.

    Raises:
        KinelexError: none, or one that no model can read.
    """
    if not windows or not all(shortest <= length <= LONGEST_SECONDS for length in windows):
        raise KinelexError(
            f"windows of {', '.join(f'{length:g}' for length in windows) or 'no'} seconds cannot be indexed; "
            f"give lengths from {shortest:g} to {LONGEST_SECONDS:g}"
        )
    return tuple(sorted(set(windows)))
