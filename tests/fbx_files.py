"""Small ASCII FBX files: a standing body, as one exporter or another would hang it up, with keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from scipy.spatial.transform import Rotation

from kinelex.motion.skeleton import HUMANML3D

Vector = tuple[float, float, float]
_SECOND = 46_186_158_000  # of FBX's clock
Y_UP = (1, 1, 2, 1, 0, 1)  # up axis and sign, front, right
Z_UP = (2, 1, 1, -1, 0, 1)
LEFT_HANDED = (1, 1, 2, 1, 0, -1)
_PROPERTIES = {"T": "Lcl Translation", "R": "Lcl Rotation", "S": "Lcl Scaling"}


@dataclass
class Node:
    """A node: where it is on its parent (units of the file, Euler angles x y z in degrees), and what it is."""

    name: str
    parent: str = ""
    place: Vector = (0.0, 0.0, 0.0)
    turn: Vector = (0.0, 0.0, 0.0)
    before: Vector = (0.0, 0.0, 0.0)  # PreRotation
    scale: float = 1.0
    kind: str = "LimbNode"


@dataclass
class Take:
    """An animation: keys by (node, "T", "R" or "S"), each (seconds, value)."""

    name: str
    keys: Mapping[tuple[str, str], Sequence[tuple[float, Vector]]] = field(default_factory=dict)
    span: tuple[float, float] = (0.0, 0.0)


def body(
    names: Mapping[str, str], unit: float = 0.01, hang: str = "", before: Mapping[str, Vector] | None = None
) -> list[Node]:
    """The HumanML3D skeleton at rest, its arms hanging, under the node `hang`: the pelvis is 0.9 m above that.

    Args:
        names: of the joints; those that are missing are called as in HumanML3D.
        unit: metres of one unit.
        before: pre-rotations; the places are turned along so that the pose stays.
    """
    turned = [Rotation.identity()] * len(HUMANML3D)
    nodes = []
    for joint, (name, parent) in enumerate(zip(HUMANML3D.joints, HUMANML3D.parents, strict=True)):
        angles = (before or {}).get(name, (0.0, 0.0, 0.0))
        above = turned[parent] if parent >= 0 else Rotation.identity()
        turned[joint] = above * Rotation.from_euler("xyz", angles, degrees=True)
        metres = HUMANML3D.offsets[joint] if parent >= 0 else (0.0, 0.9, 0.0)
        x, y, z = above.inv().apply(metres) / unit
        on = names.get(HUMANML3D.joints[parent], HUMANML3D.joints[parent]) if parent >= 0 else hang
        nodes.append(Node(names.get(name, name), on, (x, y, z), before=angles))
    return nodes


def ascii_fbx(
    nodes: Iterable[Node],
    takes: Iterable[Take] = (),
    *,
    unit: float = 0.01,
    axes: tuple[int, ...] = Y_UP,
    time_mode: int = 11,
) -> bytes:
    """A file in FBX 7.4's ASCII. `unit` is in metres, `time_mode` 11 is 24 frames a second."""
    keys = ("UpAxis", "UpAxisSign", "FrontAxis", "FrontAxisSign", "CoordAxis", "CoordAxisSign")
    settings = [_property(key, "int", value) for key, value in zip(keys, axes, strict=True)]
    settings += [_property("UnitScaleFactor", "double", unit * 100), _property("TimeMode", "enum", time_mode)]
    objects, links = [], []
    ids: dict[str, int] = {"": 0}
    for node in nodes:
        ids[node.name] = 1000 + len(ids)
        objects.append(_model(ids[node.name], node))
        links.append(f'C: "OO",{ids[node.name]},{ids[node.parent]}')
        if node.kind in ("LimbNode", "Null"):
            at = ids[node.name] + 10_000
            flags = "Skeleton" if node.kind == "LimbNode" else "Null"
            objects.append(
                f'NodeAttribute: {at}, "NodeAttribute::", "{node.kind}" {{ TypeFlags: "{flags}" }}'
            )
            links.append(f'C: "OO",{at},{ids[node.name]}')
        if node.kind == "Mesh":
            at = ids[node.name] + 10_000
            triangle = "Vertices: *9 { a: 0,0,0,1,0,0,0,1,0 }\nPolygonVertexIndex: *3 { a: 0,1,-3 }"
            objects.append(f'Geometry: {at}, "Geometry::", "Mesh" {{\n{triangle}\n}}')
            links.append(f'C: "OO",{at},{ids[node.name]}')
    for number, take in enumerate(takes):
        _add_take(objects, links, take, ids, 100_000 * (number + 1))
    return "\n".join(
        [
            "; FBX 7.4.0 project file",
            "FBXHeaderExtension: { FBXHeaderVersion: 1003\nFBXVersion: 7400\n}",
            _block("GlobalSettings: ", ["Version: 1000", _block("Properties70: ", settings)]),
            _block("Objects: ", objects),
            _block("Connections: ", links),
            "",
        ]
    ).encode()


def _block(head: str, lines: Iterable[str]) -> str:
    return head + " {\n" + "\n".join(lines) + "\n}"


def _property(name: str, kind: str, *values: float) -> str:
    return f'P: "{name}", "{kind}", "", "A",' + ",".join(f"{value:.9g}" for value in values)


def _model(number: int, node: Node) -> str:
    properties = [
        _property("RotationActive", "bool", 1),
        _property("PreRotation", "Vector3D", *node.before),
        _property("Lcl Translation", "Lcl Translation", *node.place),
        _property("Lcl Rotation", "Lcl Rotation", *node.turn),
        _property("Lcl Scaling", "Lcl Scaling", *(3 * [node.scale])),
    ]
    lines = ["Version: 232", _block("Properties70: ", properties)]
    return _block(f'Model: {number}, "Model::{node.name}", "{node.kind}"', lines)


def _add_take(objects: list[str], links: list[str], take: Take, ids: Mapping[str, int], base: int) -> None:
    span = [
        _property(name, "KTime", round(at * _SECOND))
        for name, at in zip(("LocalStart", "LocalStop"), take.span, strict=True)
    ]
    objects.append(
        _block(f'AnimationStack: {base}, "AnimStack::{take.name}", ""', [_block("Properties70: ", span)])
    )
    objects.append(f'AnimationLayer: {base + 1}, "AnimLayer::Base", "" {{\n}}')
    links.append(f'C: "OO",{base + 1},{base}')
    for place, ((node, what), keys) in enumerate(take.keys.items()):
        group = base + 10 * (place + 1)
        start = [
            _property(f"d|{axis}", "Number", value) for axis, value in zip("XYZ", keys[0][1], strict=True)
        ]
        objects.append(
            _block(
                f'AnimationCurveNode: {group}, "AnimCurveNode::{what}", ""', [_block("Properties70: ", start)]
            )
        )
        links += [f'C: "OO",{group},{base + 1}', f'C: "OP",{group},{ids[node]}, "{_PROPERTIES[what]}"']
        for axis in range(3):
            curve = group + 1 + axis
            objects.append(_curve(curve, [(at, value[axis]) for at, value in keys]))
            links.append(f'C: "OP",{curve},{group}, "d|{"XYZ"[axis]}"')


def _curve(number: int, keys: Sequence[tuple[float, float]]) -> str:
    times = ",".join(str(round(at * _SECOND)) for at, _ in keys)
    values = ",".join(f"{value:.9g}" for _, value in keys)
    lines = [
        "Default: 0",
        "KeyVer: 4008",
        f"KeyTime: *{len(keys)} {{ a: {times} }}",
        f"KeyValueFloat: *{len(keys)} {{ a: {values} }}",
        "KeyAttrFlags: *1 { a: 4 }",  # linear
        "KeyAttrDataFloat: *4 { a: 0,0,0,0 }",
        f"KeyAttrRefCount: *1 {{ a: {len(keys)} }}",
    ]
    return _block(f'AnimationCurve: {number}, "AnimCurve::", ""', lines)
