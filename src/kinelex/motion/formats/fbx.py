"""Read FBX, as studios and Mixamo deliver mocap: any humanoid skeleton, to metres and Y up.

A process of its own reads the file (`fbx_sampler` says why) and samples each node's transform at the file's frame
rate, so that curves, layers, pivots and pre-rotations are ufbx's affair.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import roma
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.formats import fbx_sampler
from kinelex.motion.humanoid import adult_unit, body_roots, guess_unit
from kinelex.motion.limits import FARTHEST

_LONGEST = 300  # seconds that the sampler may take; what it lets pass takes a tenth of that


@dataclass(frozen=True)
class _Nodes:
    """N nodes of a scene over T frames, parents before children, the scene's root at 0.

    Attributes:
        moving: whether a node has curves.
        places: (T, N, 3) metres, in the world.
        turns: (T, N, 4) unit quaternions xyzw, in the world. Scale and shear are in the places alone.
        fps: frames a second.
        unit: metres of one unit, as the file says.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    moving: tuple[bool, ...]
    places: Tensor
    turns: Tensor
    fps: float
    unit: float


@dataclass(frozen=True)
class FbxTake:
    """An animation of a file that holds several.

    Attributes:
        seconds: from its first key to its last.
    """

    name: str
    seconds: float


def fbx_takes(path: str | os.PathLike[str]) -> tuple[FbxTake, ...]:
    """The animations of a file that move its skeleton, in the file's order.

    Raises:
        KinelexError: the file is missing, damaged or no FBX, or ufbx is not installed.
    """
    path = Path(path)
    header, _ = _asked(("takes",), path)
    return tuple(FbxTake(name, seconds) for name, seconds in header["takes"])


def longest_take(takes: Sequence[FbxTake]) -> FbxTake:
    """The one that `read_fbx` reads where none is named; the first of several that are as long."""
    return max(takes, key=lambda take: take.seconds)


def read_fbx(
    path: str | os.PathLike[str], take: str | None = None, *, unit: float | None = None
) -> Animation:
    """Read an FBX file, binary or ASCII.

    The figure is whatever body can be found by the names of its joints (`humanoid.match_humanoid`); what it hangs
    on, such as an armature, is folded into the path of its root. The first frame is the rest pose, so all rotations
    are relative to it.

    Args:
        path: the file.
        take: name of the animation, of a file that holds several (`fbx_takes`); when not given, the longest.
        unit: metres of one unit of the file, when what the file says is wrong. When not given, the file is believed
            where that makes the body of human size, else the size decides (`humanoid.guess_unit`).

    Raises:
        KinelexError: the file is missing, damaged or no FBX, holds no body, several, or no animation of it, or ufbx
            is not installed.
    """
    path = Path(path)
    nodes = _sampled(path, take)
    animation = _animation(nodes, _figure(nodes, path))
    factor = _factor(animation, nodes.unit, path) if unit is None else unit / nodes.unit
    return replace(
        animation, offsets=animation.offsets * factor, translations=animation.translations * factor
    )


def _sampled(path: Path, take: str | None) -> _Nodes:
    """The nodes of a file's skeletons, moved by one take.

    Raises:
        KinelexError: ufbx is not installed, or the file is missing, broken, or lacks something.
    """
    header, rest = _asked(("sample",) if take is None else ("sample", take), path)
    numbers = np.frombuffer(rest, dtype=np.float32).astype(np.float64).reshape(-1, 10)
    if not np.abs(numbers).max(initial=0) < FARTHEST:
        raise KinelexError(
            f"{path} holds NaN or infinite values, or joints 1000 km away; repair or cut those frames"
        )
    fps = header["fps"]
    places, turns = _in_world(header["parents"], header["rows"], header["frames"], numbers)
    return _Nodes(
        tuple(header["names"]),
        tuple(header["parents"]),
        tuple(rows > 1 for rows in header["rows"]),
        places,
        turns,
        float(round(fps)) if abs(fps - round(fps)) < 5e-4 * fps else fps,
        header["unit"],
    )


def _asked(task: Sequence[str], path: Path) -> tuple[dict[str, Any], bytes]:
    """Header and numbers that the sampler answers about a file.

    Raises:
        KinelexError: ufbx is not installed, the file is missing, broken or lacks something, or the sampler crashed or
            found no end.
    """
    if importlib.util.find_spec("ufbx") is None:
        raise KinelexError('reading .fbx needs ufbx; install it with pip install "kinelex[fbx]"')
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KinelexError(f"cannot read {path}: {error.strerror}; check the path") from error
    # -P: else html.py, the sampler's neighbour, would be Python's html.
    command = [sys.executable, "-P", fbx_sampler.__file__, *task]
    try:
        run = subprocess.run(command, input=content, capture_output=True, timeout=_LONGEST)
    except subprocess.TimeoutExpired as error:
        raise KinelexError(
            f"{path} was not read within {_LONGEST} seconds; export the figure alone, or a shorter part"
        ) from error
    if run.returncode or not run.stdout:
        raise KinelexError(f"{path} is damaged: its reader failed; export it again")
    line, _, rest = run.stdout.partition(b"\n")
    header = json.loads(line)
    if "error" in header:
        raise KinelexError(f"{path} {header['error']}")
    return header, rest


def _in_world(
    parents: list[int], rows: list[int], frames: int, numbers: NDArray[np.float64]
) -> tuple[Tensor, Tensor]:
    """(T, N, 3) places and (T, N, 4) turns in the world, from the rows of all nodes' local transforms."""
    local = torch.from_numpy(numbers).split(rows)
    places = torch.empty(frames, len(parents), 3, dtype=torch.float64)
    turns = torch.empty(frames, len(parents), 4, dtype=torch.float64)
    # What a node does to its children's places: its turn with all scales.
    bases: list[Tensor] = []
    for node, parent in enumerate(parents):
        place, turn, scale = local[node].split((3, 4, 3), dim=-1)
        base = roma.unitquat_to_rotmat(turn) * scale[:, None, :]
        if parent >= 0:
            place = places[:, parent] + (bases[parent] @ place[..., None])[..., 0]
            base = bases[parent] @ base
            turn = roma.quat_product(turns[:, parent], turn.expand(frames, 4))
        bases.append(base)
        places[:, node], turns[:, node] = place, turn
    return places, turns / turns.norm(dim=-1, keepdim=True)


def _figure(nodes: _Nodes, path: Path) -> list[int]:
    """The nodes of the one body: its root and what is below it.

    Raises:
        KinelexError: no body, or several.
    """
    bodies = body_roots(nodes.names, nodes.parents, str(path))
    # A body that rests beside one that moves is scenery.
    acting = {root: part for root, part in bodies.items() if any(nodes.moving[node] for node in part)}
    bodies = acting or bodies
    if len(bodies) > 1:
        roots = ", ".join(nodes.names[root] for root in bodies)
        raise KinelexError(
            f"{path} holds {len(bodies)} figures (their roots are {roots}); export one figure a file"
        )
    (figure,) = bodies.values()
    return figure


def _animation(nodes: _Nodes, figure: list[int]) -> Animation:
    """The figure alone, its zero pose that of the first frame."""
    places = nodes.places[:, figure]
    turns = nodes.turns[:, figure]
    turns = roma.quat_product(turns, roma.quat_conjugation(turns[:1]).expand_as(turns))
    parents = tuple(-1 if at == 0 else figure.index(nodes.parents[node]) for at, node in enumerate(figure))
    rotations, translations = turns.clone(), places.clone()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            back = roma.quat_conjugation(turns[:, parent])
            rotations[:, joint] = roma.quat_product(back, turns[:, joint])
            translations[:, joint] = roma.quat_action(back, places[:, joint] - places[:, parent])
    offsets = translations[0].clone()
    offsets[0] = 0.0
    names = _unique([nodes.names[node] for node in figure])
    return Animation(
        names, parents, offsets.float(), rotations.float(), translations.float(), nodes.fps, "generic"
    )


def _unique(names: list[str]) -> tuple[str, ...]:
    """The names; what is named like an earlier one gets its place behind it."""
    return tuple(f"{name}_{at}" if name in names[:at] else name for at, name in enumerate(names))


def _factor(animation: Animation, unit: float, path: Path) -> float:
    """What makes the body an adult: 1 where the file's unit does, else that of its size, else that of its numbers;
    where none does, what makes it a child.

    Exporters write the metres of a scene as its centimetres, or centimetres as metres, without a word.

    Raises:
        KinelexError: nothing does.
    """
    numbers = replace(animation, offsets=animation.offsets / unit)
    said, meant = adult_unit(animation, path), adult_unit(numbers, path)
    if said is None and meant is not None:
        return meant / unit
    return guess_unit(animation, path)
