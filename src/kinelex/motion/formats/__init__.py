"""Motion files by suffix: one reader or writer a format, imported when first used."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kinelex.atomic import together
from kinelex.errors import KinelexError
from kinelex.motion.limits import FASTEST, LARGEST_UNIT, SLOWEST, SMALLEST_UNIT, is_frame_rate
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import HUMANML3D

if TYPE_CHECKING:
    from kinelex.motion.animation import Animation

# The frame rate of the file, whatever it is.
FILE_RATE = "file"
FrameRate = float | Literal["file"]
Writer = Callable[[Motion, Path, str, str], None]


def _read_npz(path: Path) -> Motion:
    from kinelex.motion.formats.npz import read_npz

    return read_npz(path)


def _read_npy(path: Path) -> Motion:
    from kinelex.motion.formats.npy import read_npy

    return read_npy(path)


def _read_bvh(path: Path, unit: float | None = None, asf: str | os.PathLike[str] | None = None) -> Animation:
    from kinelex.motion.formats.bvh import read_bvh

    return read_bvh(path, unit=unit, asf=asf)


def _read_fbx(path: Path, take: str | None = None, unit: float | None = None) -> Animation:
    from kinelex.motion.formats.fbx import read_fbx

    return read_fbx(path, take, unit=unit)


def _read_amc(path: Path, asf: str | os.PathLike[str] | None = None) -> Animation:
    from kinelex.motion.formats.amc import read_amc

    return read_amc(path, asf)


def _read_deepmimic(path: Path) -> Animation:
    from kinelex.motion.formats.deepmimic import read_deepmimic

    return read_deepmimic(path)


def _write_npz(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.npz import write_npz

    write_npz(motion, path)


def _write_npy(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.npy import write_npy

    write_npy(motion, path)


def _write_bvh(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.bvh_writer import write_bvh

    write_bvh(motion, path, names=names, unit=unit)


def _write_glb(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.glb import write_glb

    write_glb(motion, path, names=names)


def _write_filmstrip(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.filmstrip import write_filmstrip

    write_filmstrip(motion, path)


def _write_mp4(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.mp4 import write_mp4

    write_mp4(motion, path)


def _write_html(motion: Motion, path: Path, names: str, unit: str) -> None:
    from kinelex.motion.formats.html import write_html

    write_html(motion, path)


_JOINTS: dict[str, Callable[[Path], Motion]] = {".npz": _read_npz, ".npy": _read_npy}
_ANIMATIONS: dict[str, Callable[..., Animation]] = {
    ".bvh": _read_bvh,
    ".fbx": _read_fbx,
    ".amc": _read_amc,
    ".json": _read_deepmimic,
}
# Of which files some things can be said that only they leave open.
_LEFT_OPEN = {"take": (".fbx",), "unit": (".bvh", ".fbx"), "asf": (".amc", ".bvh")}
READABLE = (*_JOINTS, *_ANIMATIONS)
WRITERS: dict[str, Writer] = {
    ".npz": _write_npz,
    ".npy": _write_npy,
    ".bvh": _write_bvh,
    ".glb": _write_glb,
    ".mp4": _write_mp4,
    ".png": _write_filmstrip,
    ".html": _write_html,
}
_NEEDS = {".png": ("PIL", "matplotlib"), ".mp4": ("PIL", "matplotlib", "imageio_ffmpeg")}
_RIGS = (".bvh", ".glb")
UNITS = ("m", "cm")


def read_motion(
    path: str | os.PathLike[str],
    *,
    fps: FrameRate | None = None,
    keep_placement: bool = False,
    recorded_at: float | None = None,
    take: str | None = None,
    unit: float | None = None,
    asf: str | os.PathLike[str] | None = None,
) -> Motion:
    """Read a clip; the suffix picks the reader. BVH, FBX, AMC and DeepMimic clips get HumanML3D's joints.

    Args:
        fps: frames a second, or "file" for those of the file. When not given, clips of joints keep theirs, and
            animations get the 20 that models are trained on.
        keep_placement: leave an animation where it was recorded; else its feet are put on the floor, and at frame 0 it
            stands at x = z = 0 and faces +Z.
        recorded_at: frames a second of the recording, where the file does not say (amc is taken at 120, npy at what
            its joints are published at) or is wrong; an npz file knows.
        take: name of the animation, of an fbx file that holds several; when not given, the longest.
        unit: metres of one unit of a bvh or fbx file; when not given, it is found out.
        asf: skeleton of an amc file, when it is not beside it, or of the recording that a bvh file was converted from.

    Raises:
        KinelexError: the file is missing, unreadable, of an unknown format, or broken, `fps` or `recorded_at` is no
            frame rate, `unit` no length, or something is said of a file that itself says it.
    """
    path = Path(path)
    _check_recorded_at(recorded_at, path)
    if unit is not None and not SMALLEST_UNIT <= unit <= LARGEST_UNIT:
        raise KinelexError(
            f"a unit of {path} cannot be {unit:g} metres long; give {SMALLEST_UNIT:g} to {LARGEST_UNIT:g}"
        )
    clip = _read(path, take=take, unit=unit, asf=asf)
    clip = clip if recorded_at is None else replace(clip, fps=recorded_at)
    try:
        return _as_motion(clip, fps, keep_placement)
    except KinelexError as error:
        raise KinelexError(f"{path}: {error}") from error


def read_animation(path: str | os.PathLike[str], *, asf: str | os.PathLike[str] | None = None) -> Animation:
    """Read a BVH, FBX, AMC or DeepMimic file as it was recorded, before any retargeting.

    Args:
        asf: skeleton of an amc file, when it is not beside it, or of the recording that a bvh file was converted from.

    Raises:
        KinelexError: the file is missing, unreadable, broken, or holds joints alone.
    """
    clip = _read(Path(path), asf=asf)
    if isinstance(clip, Motion):
        raise KinelexError(f"{path} holds joints and no skeleton; give one of {' '.join(_ANIMATIONS)}")
    return clip


def _read(path: Path, **said: Any) -> Motion | Animation:
    """What the reader of the suffix makes of a file and of what is `said` of it."""
    said = {name: value for name, value in said.items() if value is not None}
    _check_left_open(said, path)
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        what = f"{suffix} is only written" if suffix in WRITERS else f"unknown motion format {suffix!r}"
        raise KinelexError(f"cannot read {path}: {what}; give one of {' '.join(READABLE)}")
    try:
        path.open("rb").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise KinelexError(f"cannot read {path}: {reason}; check the path") from error
    return _JOINTS[suffix](path) if suffix in _JOINTS else _ANIMATIONS[suffix](path, **said)


def _as_motion(clip: Motion | Animation, fps: FrameRate | None, keep_placement: bool) -> Motion:
    if isinstance(clip, Motion):
        return clip if fps is None or fps == FILE_RATE else clip.resampled(fps)
    from kinelex.motion.retarget import to_motion

    rate = HUMANML3D.fps if fps is None else clip.fps if fps == FILE_RATE else fps
    return to_motion(clip, rate, keep_placement=keep_placement)


def _check_recorded_at(rate: float | None, path: Path) -> None:
    if rate is not None and path.suffix.lower() == ".npz":
        raise KinelexError(f"{path} holds its frame rate; leave out at what rate it was recorded")
    if rate is not None and not is_frame_rate(rate):
        raise KinelexError(
            f"{path} cannot be recorded at {rate} frames a second; give {SLOWEST:g} to {FASTEST:g}"
        )


def write_all(
    motion: Motion, paths: Sequence[str | os.PathLike[str]], names: str = "smpl", unit: str = "m"
) -> None:
    """Write a clip to several files, all or none: each gets its name only once all are whole.

    Raises:
        KinelexError: as `write_motion`.
    """
    with together():
        for path in paths:
            write_motion(motion, path, names, unit)


def _check_left_open(said: Mapping[str, object], path: Path) -> None:
    for name in said:
        if path.suffix.lower() not in _LEFT_OPEN[name]:
            raise KinelexError(
                f"{path}: a {name} can be given for {' and '.join(_LEFT_OPEN[name])} files only"
            )


def write_motion(motion: Motion, path: str | os.PathLike[str], names: str = "smpl", unit: str = "m") -> None:
    """Write a clip; the suffix picks the writer.

    A file that exists is replaced only once the new one is whole.

    Args:
        names: joint-name preset of rigs (bvh and glb): smpl, mixamo, unreal, unity or vrm.
        unit: "m" or "cm" (bvh).

    Raises:
        KinelexError: unknown format, preset or unit, a missing extra, or the file cannot be written.
    """
    path = Path(path)
    check_writable(path, names=names, unit=unit)
    WRITERS[path.suffix.lower()](motion, path, names, unit)


def check_writable(path: str | os.PathLike[str], names: str = "smpl", unit: str = "m") -> None:
    """Fail before the work is done rather than after: can `write_motion` write such a file here?

    Raises:
        KinelexError: unknown format, preset or unit, a folder in the way, one that takes no files, or a missing extra.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise KinelexError(
            f"cannot write {path}: unknown motion format {suffix!r}; choose one of {' '.join(WRITERS)}"
        )
    try:
        in_the_way = path.is_dir()
    except OSError as error:  # a name that no file can have
        raise KinelexError(f"cannot write {path}: {error.strerror}; choose another file name") from error
    if in_the_way:
        raise KinelexError(f"cannot write {path}: it is a folder; give a file name")
    _check_folder(path)
    if unit not in UNITS:
        raise KinelexError(f"unknown length unit {unit!r}; choose one of {', '.join(UNITS)}")
    missing = [module for module in _NEEDS.get(suffix, ()) if not _installed(module)]
    if missing:
        raise KinelexError(
            f'writing {suffix} needs {", ".join(missing)}; install it with pip install "kinelex[render]"'
        )
    if suffix in _RIGS:
        _check_preset(names)


def _check_folder(path: Path) -> None:
    """Try the nearest folder above a file that exists; missing ones are made when the file is written."""
    folder = next((above for above in path.absolute().parents if above.exists()), path.parent)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise KinelexError(f"cannot write {path}: {error.strerror}; choose a writable output path") from error


def _check_preset(names: str) -> None:
    from kinelex.motion.rig import NAME_PRESETS

    if names not in NAME_PRESETS:
        raise KinelexError(f"unknown joint-name preset {names!r}; choose one of {', '.join(NAME_PRESETS)}")


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # what find_spec raises for a module that was set to None, as tests do
        return False
