"""Clips that callers send: read in memory, held against limits before anything large is made of them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from kinelex.errors import KinelexError
from kinelex.motion.formats.bvh import parse_bvh
from kinelex.motion.formats.npz import parse_npz
from kinelex.motion.motion import Motion
from kinelex.motion.retarget import to_motion

UPLOADS = ("npz", "bvh")
_LARGEST = 64 << 20  # bytes of unpacked arrays


def read_upload(content: bytes, kind: str, longest: float) -> Motion:
    """A clip from the bytes of a file.

    Args:
        content: of the file.
        kind: one of UPLOADS.
        longest: seconds.

    Raises:
        KinelexError: broken, longer than `longest`, or too large when unpacked.
    """
    return _read_npz(content, longest) if kind == "npz" else _read_bvh(content, longest)


def _read_npz(content: bytes, longest: float) -> Motion:
    stream = io.BytesIO(content)
    try:
        with zipfile.ZipFile(stream) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise KinelexError(f"the upload is not a readable .npz file ({error}); export it again") from error
    if size > _LARGEST:
        raise KinelexError(f"the upload unpacks to {size} bytes; send at most {_LARGEST}")
    motion = parse_npz(stream, "the upload")
    _check_length(motion.seconds, longest)
    return motion


def _read_bvh(content: bytes, longest: float) -> Motion:
    animation = parse_bvh(content, Path("the upload"))
    _check_length(len(animation) / animation.fps, longest)
    return to_motion(animation)


def _check_length(seconds: float, longest: float) -> None:
    if seconds > longest:
        raise KinelexError(f"the uploaded clip takes {seconds:.1f} s; send at most {longest:g} s")
