"""Read Acclaim ASF: the skeleton that an AMC file moves."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.rotations import euler_rotation

_INCH = 0.0254


@dataclass(frozen=True)
class Bone:
    """One bone of an ASF file: `vector` is direction * length in metres, `axis` the frame of its angles.

    `dofs` are the channels in file order ("rx", "ry", ...), `frame` the (4,) quaternion of the axis.
    """

    name: str
    parent: str
    vector: Tensor
    frame: Tensor
    dofs: tuple[str, ...]


@dataclass(frozen=True)
class AcclaimSkeleton:
    """An ASF file: the bones in hierarchy order, parents first; the first is the root, of no length.

    Attributes:
        bones: by name, in order.
        unit: metres of one unit of the file.
        degrees: whether its angles are degrees.
    """

    bones: dict[str, Bone]
    unit: float
    degrees: bool

    @property
    def vectors(self) -> dict[str, Tensor]:
        """Direction * length of each bone in metres, by name."""
        return {name: bone.vector for name, bone in self.bones.items()}


def read_acclaim_text(path: Path) -> str:
    """An ASF or AMC file without its comments, whichever system it comes from.

    Raises:
        KinelexError: it cannot be read.
    """
    try:
        text = path.read_bytes().decode("latin-1")
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    # Some systems write a number that is none as "-1.#IND".
    return re.sub(r"(?<!\d\.)#.*", "", text.replace("\r\n", "\n").replace("\r", "\n"))


def read_asf(path: str | os.PathLike[str]) -> AcclaimSkeleton:
    """Read an ASF file.

    Raises:
        KinelexError: the file is missing, is not ASF, lacks bones or the hierarchy, or its unit is no length.
    """
    path = Path(path)
    text = read_acclaim_text(path)
    sections = {
        part.split(None, 1)[0].lower(): part
        for part in re.split(r"^[ \t]*:", text, flags=re.MULTILINE)
        if part.strip()
    }
    missing = {"root", "bonedata", "hierarchy"} - set(sections)
    if missing:
        raise KinelexError(
            f"{path} is not a whole ASF file: it has no :{min(missing)} section; give the subject's .asf"
        )
    unit = _unit(sections.get("units", ""), path)
    try:
        return _skeleton(sections, unit)
    except (ValueError, IndexError, KeyError, AttributeError) as error:
        raise KinelexError(f"{path} has a bone that cannot be read ({error}); give another copy") from error


def _unit(units: str, path: Path) -> float:
    """Metres of one unit of the file, whose :units section says how many make an inch."""
    length = re.search(r"\blength\s+(\S+)", units)
    try:
        count = float(length[1]) if length else 1.0
    except ValueError:
        count = 0.0
    if not 0 < count < math.inf:
        raise KinelexError(
            f"{path}: the length in its :units section is no number of units in an inch; give one such as 0.45"
        )
    return _INCH / count


def _skeleton(sections: dict[str, str], unit: float) -> AcclaimSkeleton:
    degrees = "rad" not in sections.get("units", "").lower()
    parents = _parents(sections["hierarchy"])
    blocks = re.findall(r"\bbegin\b(.*?)\bend\b", sections["bonedata"], flags=re.DOTALL)
    read = {bone.name: bone for bone in (_bone(block, parents, unit, degrees) for block in blocks)}
    bones = {"root": _root(sections["root"], degrees)}
    for name in parents:
        bones[name] = read[name]
    if not all(
        torch.isfinite(bone.vector).all() and torch.isfinite(bone.frame).all() for bone in bones.values()
    ):
        raise ValueError("a length or an axis is not finite")
    return AcclaimSkeleton(bones, unit, degrees)


def _parents(section: str) -> dict[str, str]:
    """Child -> parent, parents before children."""
    parents: dict[str, str] = {}
    for line in section.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] in ("hierarchy", "begin", "end"):
            continue
        if words[0] != "root" and words[0] not in parents:
            raise ValueError(f"bone {words[0]} hangs on nothing")
        for child in words[1:]:
            if child in parents or child == "root":
                raise ValueError(f"bone {child} has two parents")
            parents[child] = words[0]
    return parents


def _frame(values: list[str], order: str, degrees: bool) -> Tensor:
    """Axis XYZ turns about X first: Rz * Ry * Rx."""
    angles = torch.tensor([float(value) for value in values], dtype=torch.float64)
    return euler_rotation((angles if degrees else angles.rad2deg()).flip(0), order.lower()[::-1])


def _bone(block: str, parents: dict[str, str], unit: float, degrees: bool) -> Bone:
    rows = {words[0]: words[1:] for words in (line.split() for line in block.splitlines()) if words}
    name = rows["name"][0]
    direction = torch.tensor([float(value) for value in rows["direction"][:3]], dtype=torch.float64)
    vector = direction * float(rows["length"][0]) * unit
    axis = rows["axis"]
    if direction.shape != (3,):
        raise ValueError(f"bone {name}")
    return Bone(
        name,
        parents.get(name, ""),
        vector,
        _frame(axis[:3], axis[3] if len(axis) > 3 else "XYZ", degrees),
        _channels(name, rows.get("dof", [])),
    )


def _channels(name: str, written: list[str]) -> tuple[str, ...]:
    dofs = tuple(dof.lower() for dof in written)
    if not set(dofs) <= {"rx", "ry", "rz", "tx", "ty", "tz", "l"}:
        raise ValueError(f"bone {name}")
    return dofs


def _root(section: str, degrees: bool) -> Bone:
    rows = {words[0].lower(): words[1:] for words in (line.split() for line in section.splitlines()) if words}
    order = rows["axis"][0] if "axis" in rows else "XYZ"
    frame = _frame(rows.get("orientation", ["0", "0", "0"])[:3], order, degrees)
    dofs = _channels("root", rows["order"])
    return Bone("root", "", torch.zeros(3, dtype=torch.float64), frame, dofs)
