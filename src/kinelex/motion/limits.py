"""What no clip of a person exceeds. Readers, clips and resampling all refuse what lies beyond."""

from __future__ import annotations

SLOWEST, FASTEST = 0.1, 1000.0  # frames a second
FARTHEST = 1e6  # metres of a joint from the origin
SMALLEST_UNIT, LARGEST_UNIT = 1e-6, 1000.0  # metres of a file's unit of length


def is_frame_rate(fps: float) -> bool:
    """Whether a clip can have so many frames a second: `SLOWEST` to `FASTEST`."""
    return SLOWEST <= fps <= FASTEST


def is_frame_time(seconds: float) -> bool:
    """Whether a frame can last that long."""
    return seconds > 0 and is_frame_rate(1 / seconds)
