"""Read Acclaim AMC motion on its ASF skeleton.

Joints stand where their bones begin and carry the bones' names; the free ends are called "head_end" and so
on. A bone turns by C * M * inverse(C), C its axis frame and M the product of its angles, so that with all
angles zero the bones point along the directions of the ASF file.
"""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation, check_reach
from kinelex.motion.flavours import flavour_of
from kinelex.motion.formats.asf import AcclaimSkeleton, Bone, read_acclaim_text, read_asf
from kinelex.motion.humanoid import listed
from kinelex.motion.limits import FASTEST, SLOWEST, is_frame_rate
from kinelex.motion.rotations import euler_rotation


def read_amc(
    path: str | os.PathLike[str], asf: str | os.PathLike[str] | None = None, *, fps: float = 120.0
) -> Animation:
    """Read an AMC file with its ASF skeleton.

    Args:
        path: the AMC file.
        asf: the ASF file; by default the one in the same folder, in the folder above, or in a folder `asf` of
            this, that or the next folder, with whose name the AMC's name begins (02.asf for 02_01.amc); or
            the only one in the same folder.
        fps: frames a second, which the format does not record.

    Raises:
        KinelexError: a file is missing, truncated, has NaN or no frames, or the two do not belong together.
    """
    path = Path(path)
    if not is_frame_rate(fps):
        raise KinelexError(f"cannot read {path} at {fps} frames a second; give {SLOWEST:g} to {FASTEST:g}")
    text = read_acclaim_text(path)
    skeleton_path = Path(asf) if asf is not None else find_asf(path)
    skeleton = read_asf(skeleton_path)
    columns, values = _parse(text, skeleton, path, skeleton_path)
    degrees = ":radians" not in text[:2000].lower()
    animation = _animation(
        skeleton, columns, values if degrees else _in_degrees(values, columns, skeleton), fps
    )
    check_reach(animation, path)
    return animation


def find_asf(path: Path) -> Path:
    """The ASF file that belongs to an AMC file, searched near it.

    Raises:
        KinelexError: there is none.
    """
    for folder in (path.parent, path.parent / "asf", path.parent.parent, path.parent.parent / "asf",
                   path.parent.parent.parent / "asf"):  # fmt: skip
        found = sorted(file for file in folder.glob("*") if file.suffix.lower() == ".asf")
        named = [file for file in found if path.stem.lower().startswith(file.stem.lower())]
        if named:
            return max(named, key=lambda file: len(file.stem))
        if len(found) == 1 and folder == path.parent:
            return found[0]
    raise KinelexError(
        f"{path} needs its skeleton: put the subject's .asf file beside it, of several the one whose name begins its "
        "name, or name it with kinelex convert --asf"
    )


def _parse(
    text: str, skeleton: AcclaimSkeleton, path: Path, asf: Path
) -> tuple[dict[str, slice], NDArray[np.float64]]:
    """Columns of each bone, and a row of numbers for each frame.

    Every frame must list the same bones in the same order, so that the names can be taken out at once and the
    numbers read in one go.
    """
    start = re.search(r"^[ \t]*\d+[ \t\r]*$", text, flags=re.MULTILINE)
    if start is None:
        raise KinelexError(f"{path} has no frames, so it is cut off or not AMC; give another copy")
    body = text[start.start() :]
    names = re.findall(r"^[ \t]*([A-Za-z_]\w*)", body, flags=re.MULTILINE)
    first = list(dict.fromkeys(names))
    unknown = [name for name in first if name not in skeleton.bones]
    if not first or unknown:
        raise KinelexError(
            f"{path} moves {listed(unknown) or 'no bones'}, which {asf} lacks; give the .asf that belongs to it"
        )
    columns, width = {}, 1
    for name in first:
        columns[name] = slice(width, width + len(skeleton.bones[name].dofs))
        width = columns[name].stop
    try:
        values = np.fromstring(re.sub(r"^[ \t]*[A-Za-z_]\w*", "", body, flags=re.MULTILINE), sep=" ")
    except ValueError as error:
        raise KinelexError(f"{path} holds something that is not a number; give another copy") from error
    frames = len(names) // len(first)
    if names != first * frames or values.size != frames * width:
        raise KinelexError(
            f"{path} does not list the same {len(first)} bones with the angles of {asf} in every frame: it "
            "was cut off or belongs to another skeleton; give a whole copy and its .asf"
        )
    if not np.isfinite(values).all() or np.abs(values).max() > 1e9:
        raise KinelexError(f"{path} has NaN or infinite values; repair or cut those frames")
    return columns, values.reshape(frames, width)


def _in_degrees(
    values: NDArray[np.float64], columns: dict[str, slice], skeleton: AcclaimSkeleton
) -> NDArray[np.float64]:
    values = values.copy()
    for name, place in columns.items():
        turns = [dof[0] == "r" for dof in skeleton.bones[name].dofs]
        values[:, place][:, turns] *= 180 / math.pi
    return values


def _animation(
    skeleton: AcclaimSkeleton, columns: dict[str, slice], values: NDArray[np.float64], fps: float
) -> Animation:
    rows = torch.from_numpy(values)
    bones = list(skeleton.bones.values())
    names = [bone.name for bone in bones]
    parents = [-1] + [names.index(bone.parent) for bone in bones[1:]]
    offsets = [torch.zeros(3, dtype=torch.float64)] + [
        skeleton.bones[bone.parent].vector for bone in bones[1:]
    ]
    turns = [_rotation(bone, rows[:, columns.get(bone.name, slice(0, 0))]) for bone in bones]
    for index, bone in enumerate(bones):
        if index and index not in parents:
            names.append(f"{bone.name}_end")
            parents.append(index)
            offsets.append(bone.vector)
            turns.append(roma.identity_quat(len(rows), dtype=torch.float64))
    rest = torch.stack(offsets).float()
    translations = rest.expand(len(rows), -1, -1).clone()
    translations[:, 0] = _path(bones[0], rows[:, columns.get("root", slice(0, 0))], skeleton.unit)
    rotations = torch.stack(turns, dim=1).float()
    return Animation(
        tuple(names), tuple(parents), rest, rotations, translations, fps, flavour_of(tuple(names)).name
    )


def _rotation(bone: Bone, values: Tensor) -> Tensor:
    """(T, 4) C * M * inverse(C); the first angle listed turns first."""
    if not values.shape[-1]:
        return roma.identity_quat(len(values), dtype=torch.float64)
    at = [place for place, dof in enumerate(bone.dofs) if dof[0] == "r"][::-1]
    angles = euler_rotation(values[:, at], "".join(bone.dofs[place][1] for place in at))
    frame = bone.frame.expand_as(angles)
    return roma.quat_product(roma.quat_product(frame, angles), roma.quat_conjugation(frame))


def _path(root: Bone, values: Tensor, unit: float) -> Tensor:
    """(T, 3) positions of the root in metres."""
    path = torch.zeros(len(values), 3, dtype=torch.float64)
    if values.shape[-1]:
        for place, dof in enumerate(root.dofs):
            if dof[0] == "t":
                path[:, "xyz".index(dof[1])] = values[:, place] * unit
    return path.float()
