"""Where each field of the HumanML3D (263) and KIT (251) feature vectors lies: declared here, nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from kinelex.motion.skeleton import Skeleton


@dataclass(frozen=True)
class FeatureLayout:
    """Named slices of the last axis of a feature tensor (..., T, D) of a skeleton with J joints.

    Feature frame t describes joint frame t and the step from t to t + 1, in the heading frame of the body
    (Guo et al., "Generating Diverse and Natural 3D Human Motions from Text", CVPR 2022, section 4).

    Attributes:
        root_angular_velocity: 1 value, HALF the turn of the heading about +Y during the step, radians.
        root_linear_velocity: 2 values, x and z displacement of the root during the step.
        root_height: 1 value, y of the root.
        positions: (J - 1) x 3, joints without the root: x and z relative to the root, y above the floor.
        rotations: (J - 1) x 6, joint rotations without the root: first and second column of the matrix.
        velocities: J x 3, displacement of every joint during the step.
        contacts: 4 values, 1 where left ankle, left toe, right ankle, right toe are planted.
        size: D.
    """

    root_angular_velocity: slice
    root_linear_velocity: slice
    root_height: slice
    positions: slice
    rotations: slice
    velocities: slice
    contacts: slice
    size: int

    @staticmethod
    @lru_cache
    def of(skeleton: Skeleton) -> FeatureLayout:
        """The layout for a skeleton's features."""
        joints = len(skeleton)
        widths = (1, 2, 1, 3 * (joints - 1), 6 * (joints - 1), 3 * joints, 4)
        stops = [sum(widths[: count + 1]) for count in range(len(widths))]
        fields = [slice(stop - width, stop) for stop, width in zip(stops, widths, strict=True)]
        return FeatureLayout(*fields, size=stops[-1])
