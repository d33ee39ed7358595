"""A take as it is looked at and exported: with feet locked, or walking on the spot."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from kinelex.motion.foot_lock import lock_feet
from kinelex.motion.in_place import in_place
from kinelex.motion.motion import Motion


@dataclass(frozen=True)
class View:
    """Switches of a take.

    Attributes:
        foot_lock: planted feet are held in place.
        in_place: the body stays where it starts, as game engines want locomotion.
    """

    foot_lock: bool = True
    in_place: bool = False

    def grounded(self, motion: Motion) -> Motion:
        """The clip in the room, with feet locked if asked for."""
        if not self.foot_lock:
            return motion
        positions = torch.from_numpy(motion.positions)
        return motion.with_positions(lock_feet(positions, motion.fps, motion.skeleton).numpy())

    def of(self, motion: Motion) -> Motion:
        """The clip as the switches want it."""
        motion = self.grounded(motion)
        return motion.with_positions(in_place(motion.positions)) if self.in_place else motion
