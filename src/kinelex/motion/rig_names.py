"""Joint names of the rigs that animators use, for the joints of our skeletons."""

from __future__ import annotations

from collections.abc import Mapping

from kinelex.errors import KinelexError
from kinelex.motion.skeleton import HUMANML3D, Skeleton

_TRUNK = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_SIDE = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def _preset(trunk: str, side: str, left: str, right: str) -> dict[str, str]:
    """Names by joint from the trunk's words and one side's words, where {} is what `left` or `right` says."""
    names = dict(zip(_TRUNK, trunk.split(), strict=True))
    for prefix, mark in (("left", left), ("right", right)):
        words = side.replace("{}", mark).split()
        names |= {f"{prefix}_{joint}": word for joint, word in zip(_SIDE, words, strict=True)}
    return {joint: names[joint] for joint in HUMANML3D.joints}


# A joint is where its bone begins, so the collar carries the shoulder bone and the ankle the foot.
NAME_PRESETS: Mapping[str, Mapping[str, str]] = {
    "smpl": {joint: joint for joint in HUMANML3D.joints},
    "mixamo": _preset(
        "mixamorig:Hips mixamorig:Spine mixamorig:Spine1 mixamorig:Spine2 mixamorig:Neck mixamorig:Head",
        "mixamorig:{}UpLeg mixamorig:{}Leg mixamorig:{}Foot mixamorig:{}ToeBase "
        "mixamorig:{}Shoulder mixamorig:{}Arm mixamorig:{}ForeArm mixamorig:{}Hand",
        "Left",
        "Right",
    ),
    "unreal": _preset(
        "pelvis spine_01 spine_02 spine_03 neck_01 head",
        "thigh_{} calf_{} foot_{} ball_{} clavicle_{} upperarm_{} lowerarm_{} hand_{}",
        "l",
        "r",
    ),
    "unity": _preset(
        "Hips Spine Chest UpperChest Neck Head",
        "{}UpperLeg {}LowerLeg {}Foot {}Toes {}Shoulder {}UpperArm {}LowerArm {}Hand",
        "Left",
        "Right",
    ),
    "vrm": _preset(
        "hips spine chest upperChest neck head",
        "{}UpperLeg {}LowerLeg {}Foot {}Toes {}Shoulder {}UpperArm {}LowerArm {}Hand",
        "left",
        "right",
    ),
}


def bone_names(skeleton: Skeleton, preset: str) -> tuple[str, ...]:
    """The skeleton's J joint names in a preset, in joint order.

    KIT's "heel" joint lies at the ball of the foot, so it takes the name of the toe bone; its "foot" joint,
    the tip of the toes, which no preset names, is called after the toe bone with "_end" behind it.

    Raises:
        KinelexError: there is no such preset.
    """
    if preset not in NAME_PRESETS:
        raise KinelexError(f"unknown joint-name preset {preset!r}; choose one of {', '.join(NAME_PRESETS)}")
    names = NAME_PRESETS[preset]
    has_heels = any(joint.endswith("_heel") for joint in skeleton.joints)
    chosen: list[str] = []
    for joint in skeleton.joints:
        if joint.endswith("_heel"):
            chosen.append(names[joint.replace("_heel", "_foot")])
        elif has_heels and joint.endswith("_foot"):
            chosen.append(f"{names[joint]}_end")
        else:
            chosen.append(names[joint])
    return tuple(chosen)
