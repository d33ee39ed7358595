"""The clip that the rest of Kinelex passes around: joint positions, frame rate, skeleton, text segments."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kinelex.errors import KinelexError
from kinelex.motion.limits import FARTHEST, FASTEST, SLOWEST, is_frame_rate
from kinelex.motion.skeleton import HUMANML3D, Skeleton

if TYPE_CHECKING:
    from kinelex.motion.formats import FrameRate
    from kinelex.motion.quality import MotionQuality


@dataclass(frozen=True)
class Segment:
    """A phrase and when it happens: `start` inclusive, `end` exclusive, in seconds."""

    text: str
    start: float
    end: float


def _check_times(segments: Iterable[Segment]) -> None:
    for segment in segments:
        span = f"({segment.start} to {segment.end} s)"
        if not (math.isfinite(segment.start) and math.isfinite(segment.end)):
            raise KinelexError(
                f"the phrase {segment.text[:60]!r} has a time that is not finite {span}; give it in seconds"
            )
        if segment.end < segment.start:
            raise KinelexError(
                f"the phrase {segment.text[:60]!r} ends before it starts {span}; correct its times"
            )


@dataclass(frozen=True, repr=False)
class Motion:
    """A motion clip. As the last line of a notebook's cell it shows itself as a film strip.

    Attributes:
        positions: (T, J, 3) float32 joint positions in metres, Y up, facing +Z at frame 0.
        fps: frames a second.
        skeleton: what the J joints are.
        segments: the phrases of the text that made or describes the clip, in temporal order.

    Raises:
        KinelexError: positions have the wrong shape, no frames, or NaN or infinite values; fps is no frame
            rate; or a phrase ends before it starts, or has no finite times.
    """

    positions: NDArray[np.float32]
    fps: float = 20.0
    skeleton: Skeleton = HUMANML3D
    segments: tuple[Segment, ...] = field(default=())

    def __post_init__(self) -> None:
        positions = np.asarray(self.positions, dtype=np.float32)
        if positions.ndim != 3 or positions.shape[1:] != (len(self.skeleton), 3):
            raise KinelexError(
                f"motion has positions of shape {positions.shape}; "
                f"skeleton {self.skeleton.name} needs (frames, {len(self.skeleton)}, 3)"
            )
        if len(positions) == 0:
            raise KinelexError("motion has no frames; give at least one")
        if not np.isfinite(positions).all():
            raise KinelexError("motion has NaN or infinite joint positions; repair or cut those frames")
        if not is_frame_rate(self.fps):
            raise KinelexError(f"motion has {self.fps} frames a second; give {SLOWEST:g} to {FASTEST:g}")
        _check_times(self.segments)
        object.__setattr__(self, "positions", positions)

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        phrases = " | ".join(segment.text for segment in self.segments)
        facts = f"{len(self)} frames, {self.seconds:.2f} s at {self.fps:g} fps, {self.skeleton.name}"
        return f"Motion({facts}{f', {phrases!r}' if phrases else ''})"

    def _repr_png_(self) -> bytes:
        """What notebooks show."""
        from kinelex.motion.formats.filmstrip import filmstrip_png

        return filmstrip_png(self)

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self) / self.fps

    def within_reach(self) -> Motion:
        """The same clip, as a file can hold it of a person.

        Raises:
            KinelexError: joints are farther away than any recording reaches.
        """
        if np.abs(self.positions).max() > FARTHEST:
            raise KinelexError(
                f"motion has joints more than {FARTHEST / 1000:g} km from the origin; "
                "repair or cut those frames, or scale the joints to metres"
            )
        return self

    def with_positions(self, positions: NDArray[np.float32]) -> Motion:
        """The same clip with other joint positions."""
        return replace(self, positions=positions)

    def with_segments(self, segments: tuple[Segment, ...]) -> Motion:
        """The same clip with other phrases."""
        return replace(self, segments=segments)

    def quality(self) -> MotionQuality:
        """Bone lengths, foot skating, floor and jerk in numbers."""
        import torch

        from kinelex.motion.quality import motion_quality

        return motion_quality(torch.from_numpy(self.positions), self.fps, self.skeleton)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        fps: FrameRate | None = None,
        keep_placement: bool = False,
        recorded_at: float | None = None,
        take: str | None = None,
        unit: float | None = None,
        asf: str | os.PathLike[str] | None = None,
    ) -> Motion:
        """Read a clip; the suffix picks the format (npz, npy, bvh, fbx, amc, ...), foreign skeletons are retargeted.

        Args:
            fps: frames a second, or "file" for those of the file. When not given, clips of joints keep theirs, and
                animations (bvh, fbx, amc, json) get the 20 that models are trained on.
            keep_placement: leave an animation where it was recorded; else its feet are put on the floor, and at
                frame 0 it stands at x = z = 0 and faces +Z.
            recorded_at: frames a second of the recording, where the file does not say (amc, npy) or is wrong.
            take: name of the animation, of an fbx file that holds several; when not given, the longest.
            unit: metres of one unit of a bvh or fbx file; when not given, it is found out.
            asf: skeleton of an amc file, when it is not beside it, or of the recording that a bvh was converted from.

        Raises:
            KinelexError: the file is missing, of an unknown format, or broken, or holds no such take.
        """
        from kinelex.motion.formats import read_motion

        return read_motion(
            path,
            fps=fps,
            keep_placement=keep_placement,
            recorded_at=recorded_at,
            take=take,
            unit=unit,
            asf=asf,
        )

    def resampled(self, fps: float) -> Motion:
        """The clip at another frame rate: linear between frames, its phrases at the same seconds.

        Nothing is known after the last frame, so the clip may end up to a frame earlier, and its phrases with it.

        Raises:
            KinelexError: `fps` is no frame rate.
        """
        import torch

        from kinelex.motion.resample import resample_joints

        positions = resample_joints(torch.from_numpy(self.positions), self.fps, fps)
        seconds = len(positions) / fps
        heard = (part for part in self.segments if part.start < seconds)
        segments = tuple(replace(part, end=min(part.end, seconds)) for part in heard)
        return replace(self, positions=positions.numpy(), fps=fps, segments=segments)

    def save(self, path: str | os.PathLike[str], *, names: str = "smpl", unit: str = "m") -> None:
        """Write the clip; the suffix picks the format (npz, npy, bvh, glb, mp4, png, html).

        Args:
            names: joint-name preset for rigs: smpl, mixamo, unreal, unity or vrm (bvh and glb).
            unit: "m" or "cm" (bvh).

        Raises:
            KinelexError: unknown format or preset, or the file cannot be written (an existing file is kept).
        """
        from kinelex.motion.formats import write_motion

        write_motion(self, path, names=names, unit=unit)
