"""Read BVH: any Euler order and channel list per joint, any humanoid skeleton, to metres and Y up.

Channels that move a joint replace the components of its OFFSET (they are not added), for the root and for
every other joint. End Sites become joints without rotation, called after their parent: "Head_end".
"""

from __future__ import annotations

import codecs
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation, check_reach
from kinelex.motion.flavours import flavour_named, flavour_of
from kinelex.motion.formats.asf import read_asf
from kinelex.motion.humanoid import guess_unit, turn_upright
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_time
from kinelex.motion.repair import rebase_on_first_frame, repair_thorax
from kinelex.motion.rotations import euler_rotation

_CHANNELS = {f"{axis}{kind}": (kind, axis) for axis in "xyz" for kind in ("position", "rotation")}
_MOST_JOINTS = 2000


@dataclass
class _Hierarchy:
    """The HIERARCHY section while it is being read."""

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[tuple[str, str]]] = field(default_factory=list)
    uses: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, parent: int) -> int:
        """Append a joint; a name seen before gets a number behind it."""
        unique = name
        while unique in self.uses:
            self.uses[name] += 1
            unique = f"{name}_{self.uses[name]}"
        self.uses[unique] = 1
        self.names.append(unique)
        self.parents.append(parent)
        self.offsets.append([0.0, 0.0, 0.0])
        self.channels.append([])
        return len(self.names) - 1


def read_bvh(
    path: str | os.PathLike[str],
    flavour: str | None = None,
    *,
    asf: str | os.PathLike[str] | None = None,
    unit: float | None = None,
) -> Animation:
    """Read a BVH file.

    The joint names tell the flavour of the skeleton, and with it the unit. Of a skeleton that Kinelex does
    not know, the body's size tells the unit (see `humanoid.guess_unit`) and its posture which way is up.

    Every row of the file becomes a frame, an added T-pose row too. Known defects of the CMU conversions are
    repaired: zero-length thorax and wrist bones (`repair.repair_thorax`), and rotations that are not relative
    to the T-pose (`repair.rebase_on_first_frame`).

    Args:
        path: the file.
        flavour: kind of skeleton, when the joint names should not decide: "bvh-mb", "bvh-daz", "bvh-max",
            "bandai" or "generic".
        asf: the subject's ASF file, for an exact repair of bvh-mb and bvh-max; without it the missing bones
            are estimated.
        unit: metres of one unit of the file, when it should not be found out.

    Raises:
        KinelexError: the file is missing, not BVH, truncated, or has NaN, no frames, or a wrong frame count.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    return parse_bvh(content, path, flavour, asf=asf, unit=unit)


def parse_bvh(
    content: bytes,
    path: Path,
    flavour: str | None = None,
    *,
    asf: str | os.PathLike[str] | None = None,
    unit: float | None = None,
) -> Animation:
    """Read the content of a BVH file; `path` says in messages whose. Otherwise as `read_bvh`."""
    hierarchy, rows, fps = _parse(content, path)
    names = tuple(hierarchy.names)
    kind = flavour_named(flavour) if flavour else flavour_of(names)
    animation = _animation(hierarchy, rows, fps, kind.name)
    if unit is None:
        unit = kind.unit if kind.unit is not None else guess_unit(animation, path)
    animation = _scaled(animation, unit, path)
    if kind.unit is None:
        animation = turn_upright(animation, path)
    if kind.name in ("bvh-mb", "bvh-max"):
        animation = repair_thorax(animation, read_asf(asf).vectors if asf is not None else None)
    if kind.name == "bvh-daz":
        animation = rebase_on_first_frame(animation)
    return animation


def _parse(content: bytes, path: Path) -> tuple[_Hierarchy, NDArray[np.float64], float]:
    text = _text(content)
    parts = re.split(r"^[ \t]*MOTION[ \t]*$", text, maxsplit=1, flags=re.MULTILINE | re.IGNORECASE)
    if "HIERARCHY" not in parts[0].upper():
        raise KinelexError(f"{path} is not a BVH file: it has no HIERARCHY section; give a .bvh export")
    hierarchy = _parse_hierarchy(parts[0], path)
    if len(parts) == 1:
        raise KinelexError(
            f"{path} has no MOTION section, so it was cut off or holds no animation; export it again"
        )
    rows, fps = _parse_motion(parts[1], sum(map(len, hierarchy.channels)), path)
    return hierarchy, rows, fps


def _text(content: bytes) -> str:
    """What a file says, whatever marks its encoding and ends its lines."""
    # The mark of UTF-32 begins with that of UTF-16, so the longer is looked for first.
    marks = {
        "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
        "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    }
    encoding = next((name for name, mark in marks.items() if content.startswith(mark)), "utf-8-sig")
    text = content.decode(encoding, errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _parse_hierarchy(text: str, path: Path) -> _Hierarchy:
    """Walk the lines with a stack of open joints; braces may stand on a line of their own or not."""
    hierarchy = _Hierarchy()
    open_joints: list[int] = []
    pending = -1
    for line in re.sub(r"([{}])", r"\n\1\n", text).splitlines():
        words = line.split()
        key = words[0].upper() if words else ""
        parent = open_joints[-1] if open_joints else -1
        if key in ("ROOT", "JOINT"):
            if parent < 0 and hierarchy.names:
                raise KinelexError(f"{path} has more than one root; export one figure a file")
            if len(hierarchy.names) >= _MOST_JOINTS:
                raise KinelexError(f"{path} has more than {_MOST_JOINTS} joints; export the figure alone")
            pending = hierarchy.add(" ".join(words[1:]) or f"joint{len(hierarchy.names)}", parent)
        elif key == "END" and parent >= 0:
            pending = hierarchy.add(f"{hierarchy.names[parent]}_end", parent)
        elif key == "{" and pending >= 0:
            open_joints.append(pending)
            pending = -1
        elif key == "}" and open_joints:
            open_joints.pop()
        elif key == "OFFSET" and parent >= 0:
            hierarchy.offsets[parent] = _offset(words, hierarchy.names[parent], path)
        elif key == "CHANNELS" and parent >= 0:
            hierarchy.channels[parent] = _channels(words, hierarchy.names[parent], path)
        elif key not in ("", "HIERARCHY"):
            raise KinelexError(
                f"{path}: cannot read the HIERARCHY line {line.strip()[:60]!r}; take it out or export again"
            )
    if not hierarchy.names or open_joints or pending >= 0:
        raise KinelexError(f"{path} ends inside its HIERARCHY section, so it was cut off; export it again")
    return hierarchy


def _offset(words: list[str], joint: str, path: Path) -> list[float]:
    try:
        values = [float(word) for word in words[1:4]]
    except ValueError:
        values = []
    if len(values) != 3 or not np.isfinite(values).all():
        raise KinelexError(f"{path}: the OFFSET of {joint} is not three numbers; export the file again")
    return values


def _channels(words: list[str], joint: str, path: Path) -> list[tuple[str, str]]:
    listed = [word.lower() for word in words[2:]]
    if len(words) < 2 or words[1] != str(len(listed)) or not set(listed) <= set(_CHANNELS):
        raise KinelexError(f"{path}: the CHANNELS of {joint} are not a count and as many X/Y/Zposition or "
                           "X/Y/Zrotation; export the file again")  # fmt: skip
    return [_CHANNELS[word] for word in listed]


def _parse_motion(text: str, channels: int, path: Path) -> tuple[NDArray[np.float64], float]:
    head = re.match(r"\s*Frames:?\s*(\S+)\s+Frame\s+Time:?\s*(\S+)", text, flags=re.IGNORECASE)
    if head is None:
        raise KinelexError(f"{path} has no 'Frames:' and 'Frame Time:' lines after MOTION; export it again")
    frames, fps = _count(head[1], path), _rate(head[2], path)
    if channels == 0:
        raise KinelexError(f"{path} has no CHANNELS, so nothing moves; export it with animation")
    try:
        values = np.fromstring(text[head.end() :], sep=" ")
    except ValueError as error:
        raise KinelexError(
            f"{path}: the MOTION section holds something that is not a number; export it again"
        ) from error
    if frames == 0 or values.size == 0:
        raise KinelexError(f"{path} has no frames; export it with animation")
    if values.size != frames * channels:
        raise KinelexError(
            f"{path} announces {frames} frames of {channels} channels but holds {values.size} numbers, "
            "so it was cut off or edited; correct the 'Frames:' line or export it again"
        )
    if not np.isfinite(values).all():
        raise KinelexError(
            f"{path} has NaN or infinite values in its MOTION section; repair or cut those frames"
        )
    return values.reshape(frames, channels), fps


def _count(word: str, path: Path) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise KinelexError(
            f"{path}: 'Frames:' is {word[:20]!r}, not a count; correct that line or export the file again"
        )
    return int(word)


def _rate(word: str, path: Path) -> float:
    """Frames a second; a frame time written with few digits (.0083333) means the whole rate closest to it."""
    try:
        seconds = float(word)
    except ValueError:
        seconds = 0.0
    if not is_frame_time(seconds):
        raise KinelexError(
            f"{path}: 'Frame Time:' is {word[:20]!r}; it must be {1 / FASTEST:g} to {1 / SLOWEST:g} seconds a frame, "
            "such as 0.0333333"
        )
    fps = 1 / seconds
    return float(round(fps)) if abs(fps - round(fps)) < 5e-4 * fps else fps


def _animation(hierarchy: _Hierarchy, rows: NDArray[np.float64], fps: float, flavour: str) -> Animation:
    """Rotations and translations from the rows, joints of the same Euler order together."""
    values = torch.from_numpy(rows)
    offsets = torch.tensor(hierarchy.offsets, dtype=torch.float64)
    translations = offsets.expand(len(rows), -1, -1).clone()
    rotations = torch.zeros(len(rows), len(offsets), 4)
    rotations[..., 3] = 1.0
    turning: dict[str, list[tuple[int, list[int]]]] = {}
    column = 0
    for joint, channels in enumerate(hierarchy.channels):
        turns = [column + at for at, (kind, _) in enumerate(channels) if kind == "rotation"]
        for at, (kind, axis) in enumerate(channels):
            if kind == "position":
                translations[:, joint, "xyz".index(axis)] = values[:, column + at]
        order = "".join(axis for kind, axis in channels if kind == "rotation")
        turning.setdefault(order, []).append((joint, turns))
        column += len(channels)
    for order, joints in turning.items():
        if order:
            angles = values[:, [turns for _, turns in joints]]
            rotations[:, [joint for joint, _ in joints]] = euler_rotation(angles, order).float()
    names, parents = tuple(hierarchy.names), tuple(hierarchy.parents)
    return Animation(names, parents, _rest(offsets, translations), rotations, translations, fps, flavour)


def _rest(offsets: Tensor, translations: Tensor) -> Tensor:
    """Rest offsets: what the channels of frame 0 say where they move a joint, as they replace its OFFSET."""
    rest = translations[0].clone()
    rest[0] = offsets[0]
    return rest


def _scaled(animation: Animation, unit: float, path: Path) -> Animation:
    scaled = replace(
        animation,
        offsets=(animation.offsets * unit).float(),
        translations=(animation.translations * unit).float(),
    )
    check_reach(scaled, path)
    return scaled
