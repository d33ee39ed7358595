"""Skeletons as data: joint names, hierarchy, chains, the joints that features and contacts refer to, rest offsets.

Everything is metres, Y up, the figure faces +Z and its left is +X.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from kinelex.errors import KinelexError


@dataclass(frozen=True)
class Skeleton:
    """A joint hierarchy with what the HumanML3D / KIT features need to know of it.

    Attributes:
        joints: J joint names, root first, parents before children.
        parents: J indices, -1 for the root.
        directions: J rest directions (unit vectors; zero for the root), parent to joint.
        offsets: J rest offsets in metres, parent to joint.
        chains: kinematic chains of joint indices, in the order in which the features' inverse kinematics walks them.
        fps: frame rate of the features.
        right_hip, left_hip, right_shoulder, left_shoulder: the joints that define the heading.
        lower_legs: the two joints whose offsets measure leg length when a motion is rescaled.
        left_foot, right_foot: (ankle, toe base) indices.
        contact_threshold: squared displacement per frame below which a foot joint counts as planted.
        mirror: J indices; joint i of a mirrored motion is joint mirror[i] of the original.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]
    directions: tuple[tuple[float, float, float], ...]
    offsets: tuple[tuple[float, float, float], ...]
    chains: tuple[tuple[int, ...], ...]
    fps: float
    right_hip: int
    left_hip: int
    right_shoulder: int
    left_shoulder: int
    lower_legs: tuple[int, int]
    left_foot: tuple[int, int]
    right_foot: tuple[int, int]
    contact_threshold: float
    mirror: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Index of a joint by name; KinelexError when the skeleton has none of that name."""
        if joint not in self.joints:
            raise KinelexError(
                f"skeleton {self.name} has no joint {joint!r}; it has {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """For each joint, the indices of its children."""
        return tuple(
            tuple(child for child, parent in enumerate(self.parents) if parent == joint)
            for joint in range(len(self))
        )

    def direction_tensor(self) -> Tensor:
        """(J, 3) rest directions."""
        return torch.tensor(self.directions, dtype=torch.float32)

    def offset_tensor(self) -> Tensor:
        """(J, 3) rest offsets in metres."""
        return torch.tensor(self.offsets, dtype=torch.float32)


def _scaled(
    directions: tuple[tuple[float, float, float], ...], lengths: tuple[float, ...]
) -> tuple[tuple[float, float, float], ...]:
    return tuple((x * n, y * n, z * n) for (x, y, z), n in zip(directions, lengths, strict=True))


_UP, _DOWN, _LEFT, _RIGHT, _FRONT, _NONE = (0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, 0)

_HUMANML3D_DIRECTIONS = (
    _NONE, _LEFT, _RIGHT, _UP, _DOWN, _DOWN, _UP, _DOWN, _DOWN, _UP, _FRONT, _FRONT,
    _UP, _LEFT, _RIGHT, _FRONT, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN, _DOWN,
)  # fmt: skip

# Bone lengths of the data set's target skeleton (clip 000021), measured on its published sample (MIT).
_HUMANML3D_LENGTHS = (
    0.0, 0.10307394713163376, 0.10988335311412811, 0.13156825304031372, 0.39362314343452454, 0.3901881277561188,
    0.14319026470184326, 0.43243297934532166, 0.42564332485198975, 0.057364705950021744, 0.1433817446231842,
    0.1494186669588089, 0.21935999393463135, 0.13748683035373688, 0.14338283240795135, 0.10303927212953568,
    0.13161398470401764, 0.12298430502414703, 0.2568398416042328, 0.2630918622016907, 0.2660118639469147,
    0.26987630128860474,
)  # fmt: skip

HUMANML3D = Skeleton(
    name="humanml3d",
    joints=(
        "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2", "left_ankle", "right_ankle",
        "spine3", "left_foot", "right_foot", "neck", "left_collar", "right_collar", "head", "left_shoulder",
        "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    ),
    parents=(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19),
    directions=_HUMANML3D_DIRECTIONS,
    offsets=_scaled(_HUMANML3D_DIRECTIONS, _HUMANML3D_LENGTHS),
    chains=((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20)),
    fps=20.0,
    right_hip=2, left_hip=1, right_shoulder=17, left_shoulder=16,
    lower_legs=(5, 8), left_foot=(7, 10), right_foot=(8, 11), contact_threshold=0.002,
    mirror=(0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20),
)  # fmt: skip

_KIT_DIRECTIONS = (
    _NONE, _UP, _UP, _UP, _UP, _LEFT, _DOWN, _DOWN, _RIGHT, _DOWN, _DOWN,
    _LEFT, _DOWN, _DOWN, _FRONT, _FRONT, _RIGHT, _DOWN, _DOWN, _FRONT, _FRONT,
)  # fmt: skip

# Left and right are those of the published processing, whose heading takes joints 11 and 5 for the right hip and
# shoulder, although its rest directions above put them on the left: rest directions and rotations of a KIT figure
# that faces +Z differ by half a turn at its hips and shoulders.
# Proportions of a 1.75 m adult; a motion that must match the published KIT-ML statistics brings its own offsets.
_KIT_LENGTHS = (
    0.0, 0.08, 0.20, 0.22, 0.14, 0.19, 0.29, 0.25, 0.19, 0.29, 0.25,
    0.09, 0.42, 0.41, 0.14, 0.06, 0.09, 0.42, 0.41, 0.14, 0.06,
)  # fmt: skip

KIT = Skeleton(
    name="kit",
    joints=(
        "pelvis", "spine1", "spine2", "neck", "head", "right_shoulder", "right_elbow", "right_wrist",
        "left_shoulder", "left_elbow", "left_wrist", "right_hip", "right_knee", "right_ankle", "right_heel",
        "right_foot", "left_hip", "left_knee", "left_ankle", "left_heel", "left_foot",
    ),
    parents=(-1, 0, 1, 2, 3, 3, 5, 6, 3, 8, 9, 0, 11, 12, 13, 14, 0, 16, 17, 18, 19),
    directions=_KIT_DIRECTIONS,
    offsets=_scaled(_KIT_DIRECTIONS, _KIT_LENGTHS),
    chains=((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
    fps=12.5,
    right_hip=11, left_hip=16, right_shoulder=5, left_shoulder=8,
    lower_legs=(17, 18), left_foot=(19, 20), right_foot=(14, 15), contact_threshold=0.05,
    mirror=(0, 1, 2, 3, 4, 8, 9, 10, 5, 6, 7, 16, 17, 18, 19, 20, 11, 12, 13, 14, 15),
)  # fmt: skip

SKELETONS = {skeleton.name: skeleton for skeleton in (HUMANML3D, KIT)}


def skeleton_named(name: str) -> Skeleton:
    """The feature skeleton of that name.

    Raises:
        KinelexError: no such skeleton.
    """
    if name not in SKELETONS:
        raise KinelexError(f"unknown skeleton {name!r}; choose one of {', '.join(SKELETONS)}")
    return SKELETONS[name]
