"""Kinelex's own clip file: a NumPy archive of plain arrays, no pickles.

`positions` (T, J, 3) float32 metres, `fps`, `skeleton` (its name; where it is missing the number of joints says
which), and the phrases as `segments_text`, `segments_start`, `segments_end` (seconds; all three may be missing).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.motion.formats.array_file import one_number, read_archive, real_numbers
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import HUMANML3D, SKELETONS, Skeleton, skeleton_named

_REQUIRED = ("positions", "fps")
_SEGMENTS = ("segments_text", "segments_start", "segments_end")


def write_npz(motion: Motion, path: str | os.PathLike[str]) -> None:
    """Write a clip with its phrases.

    Raises:
        KinelexError: the file cannot be written.
    """
    arrays: dict[str, Any] = {
        "positions": motion.positions,
        "fps": np.float64(motion.fps),
        "skeleton": np.str_(motion.skeleton.name),
        "segments_text": np.array([segment.text for segment in motion.segments], dtype=np.str_),
        "segments_start": np.array([segment.start for segment in motion.segments], dtype=np.float64),
        "segments_end": np.array([segment.end for segment in motion.segments], dtype=np.float64),
    }
    # Through a stream, since numpy adds a suffix of its own to names that do not end in its lower-case one.
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_npz(path: str | os.PathLike[str]) -> Motion:
    """Read a clip with its phrases.

    Raises:
        KinelexError: not an archive, a needed array is missing, or one has the wrong type, shape or values.
    """
    return parse_npz(Path(path), str(path))


def parse_npz(archived: Path | IO[bytes], source: str) -> Motion:
    """Read a clip from a file or from memory; `source` says in messages what it is. Otherwise as `read_npz`."""
    arrays = read_archive(archived, (*_REQUIRED, "skeleton", *_SEGMENTS), source)
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise KinelexError(
            f"{source} has no {', '.join(missing)}; a Kinelex .npz needs {', '.join(_REQUIRED)}"
        )
    try:
        return Motion(
            real_numbers(arrays["positions"], "positions"),
            fps=one_number(arrays["fps"], "fps"),
            skeleton=_skeleton(arrays),
            segments=_segments(arrays),
        ).within_reach()
    except KinelexError as error:
        raise KinelexError(f"{source}: {error}") from error


def _skeleton(arrays: dict[str, NDArray[Any]]) -> Skeleton:
    if "skeleton" in arrays:
        return skeleton_named(_word(arrays["skeleton"], "skeleton"))
    joints = arrays["positions"].shape[1:2]
    return next((own for own in SKELETONS.values() if (len(own),) == joints), HUMANML3D)


def _word(values: NDArray[Any], name: str) -> str:
    if values.size != 1:
        raise KinelexError(f"{name} has shape {values.shape}; give one string")
    return _strings(values.reshape(1), name)[0]


def _strings(values: NDArray[Any], name: str) -> list[str]:
    if values.dtype.kind != "U":
        raise KinelexError(f"{name} holds {values.dtype} values; give strings")
    try:
        return values.tolist()
    except ValueError as error:
        raise KinelexError(f"{name} holds characters outside Unicode; save the file again") from error


def _segments(arrays: dict[str, NDArray[Any]]) -> tuple[Segment, ...]:
    given = [name for name in _SEGMENTS if name in arrays]
    if not given:
        return ()
    shapes = {arrays[name].shape for name in given}
    if len(given) < len(_SEGMENTS) or len(shapes) > 1 or len(shapes.pop()) != 1:
        raise KinelexError(f"{', '.join(_SEGMENTS)} belong together; give all three, each (phrases,)")
    texts = _strings(arrays["segments_text"], "segments_text")
    starts, ends = (_times(arrays[name], name) for name in _SEGMENTS[1:])
    return tuple(Segment(*phrase) for phrase in zip(texts, starts, ends, strict=True))


def _times(values: NDArray[Any], name: str) -> list[float]:
    if values.dtype.kind not in "fiu":
        raise KinelexError(f"{name} holds {values.dtype} values; give seconds")
    return values.astype(np.float64).tolist()
