"""How smooth seams are: the jump in velocity where kept frames meet new ones, against what bodies do anyway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PERCENTILE = 0.99


@dataclass(frozen=True)
class Jumps:
    """Velocity jumps in m/s at places of motions.

    Attributes:
        root: (N,) of the root joint.
        joints: (N,) of the joint that jumps most.
    """

    root: Tensor
    joints: Tensor

    @classmethod
    def joined(cls, parts: Sequence[Jumps]) -> Jumps:
        """All places of all parts."""
        return cls(torch.cat([part.root for part in parts]), torch.cat([part.joints for part in parts]))

    def at(self, places: Sequence[int]) -> Jumps:
        """Only those at some places."""
        return Jumps(self.root[list(places)], self.joints[list(places)])

    def quantile(self, share: float) -> tuple[float, float]:
        """That quantile of the root's jumps and of the joints'."""
        return float(self.root.quantile(share)), float(self.joints.quantile(share))


def velocity_jumps(joints: Tensor, fps: float) -> Jumps:
    """Jumps around each place between two frames that has two frames on either side.

    The first is between frames 1 and 2. Around a place the velocity changes twice, on arrival and on leaving; the
    larger change counts.

    Args:
        joints: (T, J, 3) in metres, T at least 4.
        fps: frames a second.

    Returns:
        T - 3 places.
    """
    velocity = (joints[1:] - joints[:-1]) * fps
    change = (velocity[1:] - velocity[:-1]).norm(dim=-1)
    around = torch.maximum(change[:-1], change[1:])
    return Jumps(around[:, 0], around.max(dim=1).values)


def jumps_at(joints: Tensor, fps: float, seams: Iterable[int]) -> Jumps:
    """Jumps at seams; a seam is the number of the first frame after it, from 2 to T - 2."""
    return velocity_jumps(joints, fps).at([seam - 2 for seam in seams])
