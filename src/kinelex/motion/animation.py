"""An articulated clip as a file gives it, before retargeting: any hierarchy, any names, metres, Y up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.limits import FARTHEST, FASTEST, SLOWEST, is_frame_rate


@dataclass(frozen=True)
class Animation:
    """A clip on its source skeleton.

    Attributes:
        names: J joint names as the file has them, root first, parents before children.
        parents: J indices, -1 for the root.
        offsets: (J, 3) rest offsets in metres, parent to joint.
        rotations: (T, J, 4) unit quaternions xyzw, joint relative to its parent.
        translations: (T, J, 3) metres, joint relative to its parent: column 0 is the root's path; the other
            columns repeat `offsets` unless the file animates them.
        fps: frames a second.
        flavour: which kind of source skeleton this is, for the retargeter ("asfamc", "bvh-daz", ...).

    Raises:
        KinelexError: fps is no frame rate.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Tensor
    rotations: Tensor
    translations: Tensor
    fps: float
    flavour: str

    def __post_init__(self) -> None:
        if not is_frame_rate(self.fps):
            raise KinelexError(f"animation has {self.fps} frames a second; give {SLOWEST:g} to {FASTEST:g}")

    def __len__(self) -> int:
        return self.rotations.shape[0]

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self) / self.fps

    def frames(self, start: int, stop: int) -> Animation:
        """The same clip cut to frames start (inclusive) to stop (exclusive)."""
        return Animation(
            self.names, self.parents, self.offsets,
            self.rotations[start:stop], self.translations[start:stop], self.fps, self.flavour,
        )  # fmt: skip

    def index(self, name: str) -> int:
        """Index of the joint of that name."""
        return self.names.index(name)


def rest_pose(animation: Animation) -> Tensor:
    """(J, 3) joint positions with all rotations zero and the root at the origin."""
    positions = torch.zeros_like(animation.offsets)
    for joint, parent in enumerate(animation.parents):
        if parent >= 0:
            positions[joint] = positions[parent] + animation.offsets[joint]
    return positions


def check_reach(animation: Animation, path: Path) -> None:
    """Refuse an animation whose numbers are no metres; `path` says whose it is.

    Raises:
        KinelexError: a joint is farther from its parent, or the root from the origin, than any recording reaches.
    """
    farthest = torch.cat((animation.translations.flatten(), animation.offsets.flatten())).abs().max()
    if not farthest <= FARTHEST:  # so that NaN is refused too
        raise KinelexError(
            f"{path} puts joints more than {FARTHEST / 1000:g} km away; "
            "repair or cut those frames, or give the right unit"
        )
