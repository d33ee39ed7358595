"""Samples the skeleton of an FBX file with ufbx: a program of its own, which `formats.fbx` starts.

    python -P fbx_sampler.py sample [TAKE] < clip.fbx > sampled
    python -P fbx_sampler.py takes < clip.fbx > takes

ufbx is native code: whatever a damaged file does to it ends this process and no other. The answer is a line of JSON,
then float32 numbers; see `sample` and `takes`. A line that holds "error" says what is wrong with the file, and stands
alone.
"""

from __future__ import annotations

import ctypes
import json
import math
import os
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kinelex.motion.limits import is_frame_rate

_MOST_NODES = 2000
# Nodes times frames; some ten minutes of a body with fingers at 120 frames a second.
_MOST_SAMPLES = 5_000_000
_DEEPEST = 500
_MOVING = ("Lcl Translation", "Lcl Rotation", "Lcl Scaling")


class FileError(Exception):
    """What is wrong with the file, and what helps: the end of a sentence that its name begins."""


@dataclass(frozen=True)
class Take:
    """An animation of the skeleton.

    Attributes:
        anim: what ufbx evaluates.
        moving: ids of the nodes that it has curves for.
        begin: seconds of the first frame.
        end: seconds of the last.
    """

    name: str
    anim: Any
    moving: frozenset[int]
    begin: float
    end: float


def takes(content: bytes) -> dict[str, Any]:
    """`takes` of a file: name and seconds of each, in its order.

    Raises:
        FileError: the file is broken, or holds no skeleton.
    """
    scene = _loaded(content)
    found = _takes(scene, {node.element_id for node in _skeleton(scene)})
    return {"takes": [(take.name, take.end - take.begin) for take in found]}


def sample(content: bytes, take: str | None) -> tuple[dict[str, Any], array[float]]:
    """What is in a file, in metres and Y up.

    Args:
        take: name of the animation; when not given, the longest.

    Returns:
        A header and numbers. The header has `names` and `parents` of N nodes, parents first and the scene's root at 0,
        `fps`, `unit` (metres of one unit of the file), `frames`, and `rows`: for each node the number of its rows,
        which is the number of frames, or 1 of a node that rests. The numbers are those rows, node after node: local
        translation, rotation xyzw, scale.

    Raises:
        FileError: the file is broken, or holds no skeleton or no such animation.
    """
    scene = _loaded(content)
    nodes = _skeleton(scene)
    chosen = _chosen(_takes(scene, {node.element_id for node in nodes}), take)
    fps, unit = scene.settings.frames_per_second, scene.settings.original_unit_meters
    if not is_frame_rate(fps):
        raise FileError(f"says {fps:g} frames a second; export it with a frame rate")
    if not unit > 0:
        raise FileError(f"says that its unit is {unit:g} m; export it in centimetres")
    frames = math.floor((chosen.end - chosen.begin) * fps + 1e-3) + 1
    rows = [frames if node.element_id in chosen.moving or node.is_scale_helper else 1 for node in nodes]
    if sum(rows) > _MOST_SAMPLES:
        raise FileError(
            f"holds {frames} frames of {len(nodes)} nodes; export a shorter part of it, or the body alone"
        )
    numbers = array("f")
    for node, count in zip(nodes, rows, strict=True):
        for frame in range(count):
            for part in node.evaluate_transform(chosen.anim, chosen.begin + frame / fps):
                numbers.extend(part)
    index = {node.element_id: at for at, node in enumerate(nodes)}
    header = {
        "names": [node.name for node in nodes],
        "parents": [-1 if node.is_root else index[_held(node.parent).element_id] for node in nodes],
        "fps": fps,
        "unit": unit,
        "frames": frames,
        "rows": rows,
    }
    return header, numbers


def _loaded(content: bytes) -> Any:
    """The scene, in metres and Y up.

    Raises:
        FileError: this is no whole FBX file.
    """
    import ufbx

    try:
        scene = ufbx.load_memory(
            content,
            file_format=ufbx.FileFormat.FBX,
            ignore_geometry=True,
            ignore_embedded=True,
            node_depth_limit=_DEEPEST,
            target_axes=ufbx.axes_right_handed_y_up,
            target_unit_meters=1.0,
            # Else the figure of a left-handed scene would be its mirror image.
            handedness_conversion_axis=ufbx.MirrorAxis.X,
            space_conversion=ufbx.SpaceConversion.ADJUST_TRANSFORMS,
            # Nodes that ignore their parent's scale get helpers, so that a node's place is a plain product.
            inherit_mode_handling=ufbx.InheritModeHandling.HELPER_NODES,
        )
    except ufbx.UfbxError as error:
        raise FileError(f"cannot be read as FBX ({error}); export it again") from error
    return _held(scene)


def _held(element: Any) -> Any:
    """The same object, never to be freed.

    ufbx 0.0.5 hands out an element for the second time without counting that reference, and so frees it while it is
    in use. A count too many does no harm in a process that ends when it has answered.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(element))
    return element


def _each(elements: Any) -> Iterator[Any]:
    """The elements of a list of ufbx."""
    return (_held(elements[at]) for at in range(len(elements)))


def _skeleton(scene: Any) -> list[Any]:
    """Bones, what lies between and above them, and the empty ends below them; empties alone where there is no bone.

    Raises:
        FileError: there is neither, or too much.
    """
    from ufbx import ElementType

    empty = (ElementType.EMPTY, ElementType.UNKNOWN)
    nodes = list(_each(scene.nodes))
    parents = [-1 if node.is_root else _held(node.parent).typed_id for node in nodes]
    bones = {at for at, node in enumerate(nodes) if node.attrib_type == ElementType.BONE}
    kept = bones or {at for at, node in enumerate(nodes) if node.attrib_type in empty and not node.is_root}
    if not kept:
        raise FileError("holds no skeleton; export it with the bones of the figure")
    below = set(kept)
    for at, node in enumerate(nodes):
        if parents[at] in below and node.attrib_type in empty:
            below.add(at)
    whole: set[int] = set()
    for at in below:
        while at >= 0 and at not in whole:
            whole.add(at)
            at = parents[at]
    if len(whole) > _MOST_NODES:
        raise FileError(f"holds more than {_MOST_NODES} bones; export the figure alone")
    return [nodes[at] for at in sorted(whole)]


def _takes(scene: Any, skeleton: set[int]) -> list[Take]:
    """The animations that have keys for nodes of the skeleton, each cut to its keys."""
    takes = []
    for stack in _each(scene.anim_stacks):
        times: list[float] = []
        moving: set[int] = set()
        for layer in _each(stack.layers):
            for at in range(len(layer.anim_props)):
                prop = layer.anim_props[at]
                node = _held(prop.element).element_id
                if node not in skeleton or prop.prop_name not in _MOVING:
                    continue
                for curve in _held(prop.anim_value).curves:
                    if curve is not None and len(_held(curve).keyframes):
                        times += (curve.min_time, curve.max_time)
                        moving.add(node)
        if times:
            begin, end = _span(stack, min(times), max(times))
            takes.append(Take(stack.name, stack.anim, frozenset(moving), begin, end))
    return takes


def _span(stack: Any, first: float, last: float) -> tuple[float, float]:
    """Seconds from the first key to the last, within what the animation says of itself where that makes sense."""
    begin, end = max(first, stack.time_begin), min(last, stack.time_end)
    return (begin, end) if begin < end else (first, last)


def _chosen(takes: Sequence[Take], name: str | None) -> Take:
    if not takes:
        raise FileError("holds no animation of its skeleton; export it with animation")
    if name is None:
        return max(takes, key=lambda take: take.end - take.begin)
    for take in takes:
        if take.name == name:
            return take
    raise FileError(f"holds no take {name!r}; choose one of {', '.join(take.name for take in takes)}")


def main(arguments: Sequence[str]) -> None:
    """Answer, and end at once: freeing what was held would count references down that ufbx has not counted."""
    numbers = array("f")
    task, *names = arguments
    content = sys.stdin.buffer.read()
    try:
        if task == "takes":
            header = takes(content)
        else:
            header, numbers = sample(content, names[0] if names else None)
    except FileError as error:
        header = {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    sys.stdout.buffer.write(numbers.tobytes())
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
