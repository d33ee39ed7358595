"""The curve along which one motion goes over into another."""

from __future__ import annotations

from torch import Tensor


def smooth_step(share: Tensor) -> Tensor:
    """(...,) 0 below 0, 1 above 1, and in between a cubic that leaves and arrives level."""
    share = share.clamp(0.0, 1.0)
    return share * share * (3 - 2 * share)
