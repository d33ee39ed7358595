"""Any humanoid skeleton: find the body's joints by their names, its unit by its size, its upright by its posture."""

from __future__ import annotations

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

# Names of a joint without side, prefix and digits, the best first. A name serves one joint only, in the order of
# these rows: a "leftshoulder" is a collar beside a "leftarm", and the shoulder when there is none.
_TRUNK_NAMES: Mapping[str, tuple[str, ...]] = {
    "pelvis": ("pelvis", "hips", "hip", "hipscenter", "root"),
    "head": ("head",),
    "neck": ("neck", "lowerneck", "upperneck"),
}
_SIDE_NAMES: Mapping[str, tuple[str, ...]] = {
    "hip": ("upleg", "upperleg", "thigh", "femur", "legupper", "upperleg", "hip"),
    "knee": ("knee", "lowerleg", "lowleg", "shin", "calf", "tibia", "leglower", "leg"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toes", "toe", "ball", "forefoot", "foot"),
    "shoulder": ("upperarm", "uparm", "uarm", "armupper", "humerus", "shldr", "arm", "shoulder"),
    "elbow": ("elbow", "forearm", "lowerarm", "lowarm", "farm", "armlower", "radius"),
    "wrist": ("wrist", "hand"),
    "collar": ("collar", "clavicle", "clav", "shoulder"),
}
_OPTIONAL = {"foot", "collar", "neck"}
_PREFIXES = {
    "bip",
    "mixamorig",
    "j",
    "cc",
    "base",
    "def",
    "jnt",
    "joint",
    "bone",
    "b",
    "character",
    "actor",
    "m",
    "avg",
    "bn",
    "sk",
}
_SIDES = {
    "l": "left",
    "left": "left",
    "lft": "left",
    "r": "right",
    "right": "right",
    "rt": "right",
    "rgt": "right",
}
_KNOWN = {name for names in (*_TRUNK_NAMES.values(), *_SIDE_NAMES.values()) for name in names}

# Where spine1, spine2 and spine3 are on the way from pelvis to neck, and a collar from neck to shoulder.
_SPINE = {"spine1": 0.24, "spine2": 0.49, "spine3": 0.60}
_COLLAR = 0.35

# Metres, centimetres, inches, ASF units, millimetres; the body heights that each must explain do not overlap.
_UNITS = (1.0, 0.01, 0.0254, 0.0254 / 0.45, 0.001)
_SMALLEST, _TALLEST = 1.2, 2.2
# A body is this much taller than its leg and its spine up to the head joint are long.
_STATURE = 1.17


def plain_name(name: str) -> tuple[str, str]:
    """(side, part) of a joint name: "mixamorig:LeftUpLeg" -> ("left", "upleg"), "thigh_r" -> ("right", "thigh")."""
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+", name.rsplit(":", 1)[-1])
    words = [word.lower() for word in words]
    side = next((_SIDES[word] for word in words if word in _SIDES), "")
    part = "".join(word for word in words if word not in _SIDES and word not in _PREFIXES)
    if not side and part not in _KNOWN and part[:1] in "lr" and part[1:] in _KNOWN:
        return _SIDES[part[0]], part[1:]
    return side, part


def match_humanoid(animation: Animation) -> dict[str, Weights]:
    """For each HumanML3D joint the source joints it is the weighted mean of, found by common names.

    Raises:
        KinelexError: a joint that a body needs has no counterpart; the sentence lists all of them.
    """
    found = _found(animation)
    spine = _spine_path(animation, found)
    lengths = _lengths(animation)
    joints: dict[str, Weights] = {"pelvis": {_name(animation, found["pelvis"]): 1.0}}
    for joint in ("head", "neck"):
        joints[joint] = {_name(animation, found[joint]): 1.0}
    for joint, share in _SPINE.items():
        joints[joint] = _along(animation, spine, lengths, share)
    for side in ("left", "right"):
        for part in _SIDE_NAMES:
            joint = f"{side}_{part}"
            if joint in found:
                joints[joint] = {_name(animation, found[joint]): 1.0}
        if f"{side}_collar" not in joints:
            joints[f"{side}_collar"] = {
                _name(animation, found["neck"]): 1 - _COLLAR, _name(animation, found[f"{side}_shoulder"]): _COLLAR,
            }  # fmt: skip
    return joints


def guess_unit(animation: Animation, path: Path) -> float:
    """Metres of one unit of a file: the one of metre, centimetre, inch, ASF unit (0.0564 m) and millimetre that
    makes the body between 1.2 and 2.2 m tall. The height is measured along the bones, whatever the pose.

    Raises:
        KinelexError: no unit does.
    """
    found = _found(animation)
    lengths = _lengths(animation)
    leg = sum(lengths[joint] for joint in _chain(animation, found["left_ankle"], found["left_hip"]))
    trunk = sum(lengths[joint] for joint in _spine_path(animation, found)[1:])
    head = sum(lengths[joint] for joint in _chain(animation, found["head"], found["neck"]))
    height = _STATURE * (leg + trunk + head)
    for unit in _UNITS:
        if _SMALLEST <= height * unit <= _TALLEST:
            return unit
    raise KinelexError(
        f"{path} holds a body {height:.4g} units tall, which is no adult in metres, centimetres, inches or "
        "millimetres; give the unit in metres, such as unit=0.01"
    )


def turn_upright(animation: Animation, path: Path) -> Animation:
    """The animation with its up axis turned to +Y.

    Up is the axis closest to the line from ankles to head, in the rest pose when legs and trunk point opposite
    ways in it, else in frame 0.

    Raises:
        KinelexError: the skeleton lacks joints that a body needs.
    """
    found = _found(animation)
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


def _found(animation: Animation) -> dict[str, int]:
    """Indices of the body's joints; toes and neck fall back to a neighbour, collars may be missing."""
    by_name: dict[tuple[str, str], int] = {}
    for index, name in enumerate(animation.names):
        by_name.setdefault(plain_name(name), index)
    found: dict[str, int] = {}
    for joint, names in _TRUNK_NAMES.items():
        _take(found, joint, [("", name) for name in names], by_name)
    for side in ("left", "right"):
        for part, names in _SIDE_NAMES.items():
            _take(found, f"{side}_{part}", [(side, name) for name in names], by_name)
        if f"{side}_foot" not in found and f"{side}_ankle" in found:
            toe = _first_child(animation, found[f"{side}_ankle"])
            found |= {f"{side}_foot": toe} if toe is not None else {}
    if "neck" not in found and "head" in found:
        found["neck"] = animation.parents[found["head"]]
    wanted = [
        *_TRUNK_NAMES,
        *(f"{side}_{part}" for side in ("left", "right") for part in _SIDE_NAMES if part != "collar"),
    ]
    missing = [joint for joint in wanted if found.get(joint, -1) < 0]
    if missing:
        raise KinelexError(
            f"this skeleton has no joint known as {', '.join(missing)} (it has {_listed(animation.names)}); "
            "rename those joints to common names such as LeftUpLeg, LeftLeg, LeftFoot, LeftToeBase"
        )
    return found


def _take(
    found: dict[str, int], joint: str, keys: Sequence[tuple[str, str]], by_name: Mapping[tuple[str, str], int]
) -> None:
    used = set(found.values())
    index = next((by_name[key] for key in keys if key in by_name and by_name[key] not in used), None)
    if index is not None:
        found[joint] = index


def _first_child(animation: Animation, joint: int) -> int | None:
    return next((child for child, parent in enumerate(animation.parents) if parent == joint), None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:40])
    return f"{shown}, ..." if len(names) > 40 else shown


def _name(animation: Animation, joint: int) -> str:
    return animation.names[joint]


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
    """Pelvis, then the joints above it up to the neck; also when pelvis and spine both hang on the root."""
    above_pelvis = {found["pelvis"], *_chain(animation, found["pelvis"], -1)}
    path = [joint for joint in _chain(animation, found["neck"], found["pelvis"]) if joint not in above_pelvis]
    return [found["pelvis"], *reversed(path)]


def _along(animation: Animation, path: Sequence[int], lengths: Sequence[float], share: float) -> Weights:
    """The point at that share of a path's length, as a mean of the two joints around it."""
    wanted = share * sum(lengths[joint] for joint in path[1:])
    for before, after in zip(path, path[1:], strict=False):
        if wanted <= lengths[after]:
            part = wanted / lengths[after] if lengths[after] > 0 else 0.0
            return {_name(animation, before): 1 - part, _name(animation, after): part}
        wanted -= lengths[after]
    return {_name(animation, path[-1]): 1.0}
