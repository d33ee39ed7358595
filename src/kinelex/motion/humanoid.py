"""Any humanoid skeleton: its joints by their names, its unit by its size, its up axis by its posture."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import roma
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation, rest_pose
from kinelex.motion.flavours import Weights
from kinelex.motion.kinematics import animation_pose
from kinelex.motion.rotations import axis_rotation
from kinelex.motion.skeleton import HUMANML3D

# Names of a joint without side, prefix and digits, the best first. A name serves one joint only, in the order
# of these rows: a "leftshoulder" is a collar beside a "leftarm", and the shoulder when there is none.
_TRUNK_NAMES: Mapping[str, tuple[str, ...]] = {
    "pelvis": ("pelvis", "hips", "hip", "hipscenter", "root"),
    "head": ("head",),
    "neck": ("neck", "lowerneck", "upperneck"),
}
_SIDE_NAMES: Mapping[str, tuple[str, ...]] = {
    "hip": ("upleg", "upperleg", "thigh", "thighbend", "femur", "legupper", "hip"),
    "knee": ("knee", "lowerleg", "lowleg", "shin", "calf", "tibia", "leglower", "leg"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toes", "toe", "ball", "forefoot", "foot"),
    "shoulder": (
        "upperarm", "uparm", "uarm", "armupper", "humerus", "shldr", "shldrbend", "arm", "shoulder",
    ),
    "elbow": ("elbow", "forearm", "forearmbend", "lowerarm", "lowarm", "farm", "armlower", "radius"),
    "wrist": ("wrist", "hand"),
    "collar": ("collar", "clavicle", "clav", "shoulder"),
}  # fmt: skip
_PREFIXES = frozenset(
    {"mixamorig", "bip", "character", "actor", "avg", "base", "bn", "bone", "cc", "def", "jnt", "joint", "sk"}
    | {"b", "j", "m"}
)
_SIDES = {
    "l": "left", "left": "left", "lft": "left",
    "r": "right", "right": "right", "rt": "right", "rgt": "right",
}  # fmt: skip
_KNOWN = {name for names in (*_TRUNK_NAMES.values(), *_SIDE_NAMES.values()) for name in names}

# Where spine1, spine2 and spine3 are on the way from pelvis to neck, and a collar from neck to shoulder.
_SPINE = {"spine1": 0.24, "spine2": 0.49, "spine3": 0.60}
_COLLAR = 0.35
# How far the pelvis is above the line between the hips, in leg lengths.
_PELVIS_ABOVE_HIPS = 0.1

# Metres, centimetres, inches, ASF units, millimetres; the body heights that each must explain do not overlap.
_UNITS = (1.0, 0.01, 0.0254, 0.0254 / 0.45, 0.001)
# Metres of stature: of adults and grown children; of small children, where a file holds no adult in any unit.
_ADULT, _CHILD = (1.2, 2.2), (0.7, 1.2)
_UNITS_OF_CHILDREN = (1.0, 0.01, 0.001)
# A body is this much taller than its leg and its spine up to the head joint are long.
_STATURE = 1.17
_MOST_LISTED = 12  # joints in a message


def plain_name(name: str) -> tuple[str, str]:
    """(side, part) of a name: "mixamorig:LeftUpLeg" is ("left", "upleg"), "r_thigh" ("right", "thigh")."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name.rsplit(":", 1)[-1])
    words = [word.lower() for word in words]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    rest = itertools.dropwhile(_PREFIXES.__contains__, (word for word in words if word not in _SIDES))
    part = "".join(rest)
    if not side and part not in _KNOWN:
        for prefix in ("left", "right", "l", "r"):
            if part.startswith(prefix) and part[len(prefix) :] in _KNOWN:
                return _SIDES[prefix], part[len(prefix) :]
    return side, part


def match_humanoid(animation: Animation) -> dict[str, Weights]:
    """For each HumanML3D joint the source joints it is the weighted mean of, found by common names.

    Raises:
        KinelexError: a joint that a body needs has no counterpart; the sentence lists all of them.
    """
    found = _found(animation.names, animation.parents, "this skeleton")
    spine = _spine_path(animation, found)
    lengths = _lengths(animation)
    joints: dict[str, Weights] = {}
    if len(spine) == len(_SPINE) + 2:
        # Three spine joints, as SMPL, Mixamo and VRM have them, are HumanML3D's own.
        direct = zip(("pelvis", *_SPINE), spine, strict=False)
        joints |= {joint: {animation.names[at]: 1.0} for joint, at in direct}
    else:
        joints["pelvis"] = _pelvis(animation, found, spine)
        joints |= {joint: _along(animation, spine, lengths, share) for joint, share in _SPINE.items()}
    for joint in HUMANML3D.joints:
        if joint in found:
            joints.setdefault(joint, {animation.names[found[joint]]: 1.0})
    for side in ("left", "right"):
        neck, shoulder = (animation.names[found[joint]] for joint in ("neck", f"{side}_shoulder"))
        joints.setdefault(f"{side}_collar", {neck: 1 - _COLLAR, shoulder: _COLLAR})
    return joints


def body_roots(names: Sequence[str], parents: Sequence[int], source: str) -> dict[int, list[int]]:
    """The bodies of a scene: each one's root, the deepest joint that has a whole body at and below it, and with it
    all joints that are at or below it, in order.

    Args:
        names: of all joints, parents first.
        parents: indices, -1 for the one that all hang on.
        source: whose joints they are, for messages.

    Raises:
        KinelexError: there is none; the sentence lists what all joints together lack.
    """
    below: list[list[int]] = [[joint] for joint in range(len(names))]
    for joint in reversed(range(len(names))):
        if parents[joint] >= 0:
            below[parents[joint]] += below[joint]
    bodies: dict[int, list[int]] = {}
    for joint in reversed(range(len(names))):
        part = sorted(below[joint])
        if bodies.keys().isdisjoint(part) and _is_body(names, parents, part):
            bodies[joint] = part
    if not bodies:
        _found(names, parents, source)
    return bodies


def guess_unit(animation: Animation, path: Path) -> float:
    """Metres of one unit of a file: that of `adult_unit` or, where there is none, whichever of metre, centimetre and
    millimetre makes the body a child of at least 0.7 m.

    Raises:
        KinelexError: no unit does.
    """
    if (unit := adult_unit(animation, path)) is not None:
        return unit
    height = _height(animation, path)
    if (unit := _fitting(height, _UNITS_OF_CHILDREN, _CHILD)) is not None:
        return unit
    raise KinelexError(
        f"{path} holds a body {height:.4g} units tall, which is nobody in metres, centimetres, inches or "
        "millimetres; give the unit in metres: unit=0.01, or kinelex convert --recorded-in 0.01"
    )


def adult_unit(animation: Animation, path: Path) -> float | None:
    """Whichever of metre, centimetre, inch, ASF unit (0.0564 m) and millimetre makes the body between 1.2 and 2.2 m
    tall, if one does. The height is measured along the bones, whatever the pose.

    Raises:
        KinelexError: the skeleton lacks joints that a body needs.
    """
    return _fitting(_height(animation, path), _UNITS, _ADULT)


def _fitting(height: float, units: Sequence[float], stature: tuple[float, float]) -> float | None:
    """The first of the units in which a height is a stature."""
    smallest, tallest = stature
    return next((unit for unit in units if smallest <= height * unit <= tallest), None)


def _height(animation: Animation, path: Path) -> float:
    """Of the body, in units of the file."""
    found = _found(animation.names, animation.parents, str(path))
    lengths = _lengths(animation)
    leg = sum(lengths[joint] for joint in _chain(animation, found["left_ankle"], found["left_hip"]))
    trunk = sum(lengths[joint] for joint in _spine_path(animation, found)[1:])
    head = sum(lengths[joint] for joint in _chain(animation, found["head"], found["neck"]))
    return _STATURE * (leg + trunk + head)


def turn_upright(animation: Animation, path: Path) -> Animation:
    """The animation with its up axis turned to +Y.

    Up is the axis closest to the line from ankles to head, in the rest pose when legs and trunk point
    opposite ways in it, else in frame 0.

    Raises:
        KinelexError: the skeleton lacks joints that a body needs.
    """
    found = _found(animation.names, animation.parents, str(path))
    upward = _upward(rest_pose(animation), found)
    if upward is None:
        pose = animation_pose(animation.frames(0, 1)).positions[0]
        upward = pose[found["head"]] - (pose[found["left_ankle"]] + pose[found["right_ankle"]]) / 2
    axis = int(upward.abs().argmax())
    if axis == 1 and upward[1] > 0:
        return animation
    quarter = math.pi / 2 * float(torch.sign(upward[axis]))
    turn = {0: axis_rotation(torch.tensor(quarter), "z"), 1: axis_rotation(torch.tensor(math.pi), "x"),
            2: axis_rotation(torch.tensor(-quarter), "x")}[axis]  # fmt: skip
    translations, rotations = animation.translations.clone(), animation.rotations.clone()
    translations[:, 0] = roma.quat_action(turn.expand(len(animation), 4), translations[:, 0])
    rotations[:, 0] = roma.quat_product(turn.expand(len(animation), 4), rotations[:, 0])
    return replace(animation, rotations=rotations, translations=translations)


def _upward(pose: Tensor, found: Mapping[str, int]) -> Tensor | None:
    """The line from ankles to head, or None when the body is not stretched out in this pose."""
    hips = (pose[found["left_hip"]] + pose[found["right_hip"]]) / 2
    legs = (pose[found["left_ankle"]] + pose[found["right_ankle"]]) / 2 - hips
    trunk = pose[found["head"]] - hips
    straight = torch.nn.functional.cosine_similarity(legs, trunk, dim=0) < -0.7
    return trunk - legs if straight else None


def _found(names: Sequence[str], parents: Sequence[int], source: str) -> dict[str, int]:
    """Indices of the body's joints; toes and neck fall back to a neighbour, collars may be missing."""
    by_name: dict[tuple[str, str], int] = {}
    for index, name in enumerate(names):
        by_name.setdefault(plain_name(name), index)
    found = _rigify_trunk(names, parents)
    for joint, known in _TRUNK_NAMES.items():
        _take(found, joint, [("", name) for name in known], by_name)
    for side in ("left", "right"):
        for part, known in _SIDE_NAMES.items():
            _take(found, f"{side}_{part}", [(side, name) for name in known], by_name)
        if f"{side}_foot" not in found and f"{side}_ankle" in found:
            toe = _first_child(parents, found[f"{side}_ankle"])
            found |= {f"{side}_foot": toe} if toe is not None else {}
    if "neck" not in found and "head" in found:
        found["neck"] = parents[found["head"]]
    wanted = [
        *_TRUNK_NAMES,
        *(f"{side}_{part}" for side in ("left", "right") for part in _SIDE_NAMES if part != "collar"),
    ]
    missing = [joint for joint in wanted if found.get(joint, -1) < 0]
    if missing:
        raise KinelexError(
            f"{source} has no joint known as {', '.join(missing)} (it has {listed(names)}); "
            "rename those joints to common names such as LeftUpLeg, LeftLeg, LeftFoot, LeftToeBase"
        )
    return found


def _is_body(names: Sequence[str], parents: Sequence[int], part: Sequence[int]) -> bool:
    """Whether these joints alone, an ancestor before its descendants, are a whole body."""
    place = {joint: at for at, joint in enumerate(part)}
    try:
        _found([names[joint] for joint in part], [place.get(parents[joint], -1) for joint in part], "")
    except KinelexError:
        return False
    return True


def _take(
    found: dict[str, int], joint: str, keys: Sequence[tuple[str, str]], by_name: Mapping[tuple[str, str], int]
) -> None:
    used = set(found.values())
    index = next((by_name[key] for key in keys if key in by_name and by_name[key] not in used), None)
    if index is not None:
        found[joint] = index


def _pelvis(animation: Animation, found: Mapping[str, int], spine: Sequence[int]) -> Weights:
    """The pelvis; raised towards the spine where it is level with the hips, since HumanML3D's is above."""
    if len(spine) < 2:
        return {animation.names[spine[0]]: 1.0}
    rest = rest_pose(animation)
    upward = rest[spine[1]] - rest[spine[0]]
    length = max(float(upward.norm()), 1e-6)
    hips = (rest[found["left_hip"]] + rest[found["right_hip"]]) / 2 - rest[spine[0]]
    lengths = _lengths(animation)
    leg = sum(lengths[joint] for joint in _chain(animation, found["left_ankle"], found["left_hip"]))
    above = -float(hips @ upward) / length
    share = min((_PELVIS_ABOVE_HIPS * leg - above) / length, 0.6)
    if above >= _PELVIS_ABOVE_HIPS * leg / 2:
        share = 0.0
    return {animation.names[spine[0]]: 1 - share, animation.names[spine[1]]: share}


def _rigify_trunk(names: Sequence[str], parents: Sequence[int]) -> dict[str, int]:
    """Pelvis, neck and head of Blender's Rigify, all of whose trunk is called spine: spine to spine.006."""
    spine = [joint for joint, name in enumerate(names) if plain_name(name) == ("", "spine")]
    chain = [spine[0]] if spine else []
    for joint in spine[1:]:
        if parents[joint] == chain[-1]:
            chain.append(joint)
    # The neck are two bones, and the head begins where the second ends.
    return {"pelvis": chain[0], "neck": chain[4], "head": chain[6]} if len(chain) == 7 else {}


def _first_child(parents: Sequence[int], joint: int) -> int | None:
    return next((child for child, parent in enumerate(parents) if parent == joint), None)


def listed(names: Sequence[str]) -> str:
    """The first dozen names, for a message, and dots for more of them."""
    named = [name for name in names if name]  # the root of a scene is not
    shown = ", ".join(named[:_MOST_LISTED])
    return f"{shown}, ..." if len(named) > _MOST_LISTED else shown


def _lengths(animation: Animation) -> list[float]:
    return animation.offsets.norm(dim=-1).tolist()


def _chain(animation: Animation, joint: int, ancestor: int) -> list[int]:
    """Joints from `joint` up to, without, `ancestor`; up to the root when that is no ancestor."""
    chain = []
    while joint not in (ancestor, -1):
        chain.append(joint)
        joint = animation.parents[joint]
    return chain


def _spine_path(animation: Animation, found: Mapping[str, int]) -> list[int]:
    """Pelvis, then the joints above it up to the neck; also when pelvis and spine both hang on the root.

    Joints that coincide with their parent (some exporters repeat one) do not count.
    """
    lengths = _lengths(animation)
    above_pelvis = {found["pelvis"], *_chain(animation, found["pelvis"], -1)}
    path = [joint for joint in _chain(animation, found["neck"], found["pelvis"]) if joint not in above_pelvis]
    return [found["pelvis"], *reversed([joint for joint in path if lengths[joint] > 1e-6])]


def _along(animation: Animation, path: Sequence[int], lengths: Sequence[float], share: float) -> Weights:
    """The point at that share of a path's length, as a mean of the two joints around it."""
    wanted = share * sum(lengths[joint] for joint in path[1:])
    for before, after in itertools.pairwise(path):
        if wanted <= lengths[after]:
            part = wanted / lengths[after] if lengths[after] > 0 else 0.0
            return {animation.names[before]: 1 - part, animation.names[after]: part}
        wanted -= lengths[after]
    return {animation.names[path[-1]]: 1.0}
