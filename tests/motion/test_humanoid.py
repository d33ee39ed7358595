"""Skeletons that Kinelex has never seen: the body's joints are found under the names of the trade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import roma
import torch

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation, rest_pose
from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.humanoid import body_roots, guess_unit, match_humanoid, plain_name
from kinelex.motion.retarget import retarget
from kinelex.motion.rig_names import NAME_PRESETS
from kinelex.motion.skeleton import HUMANML3D

CLIPS = Path(__file__).parents[1] / "data" / "clips"
SIDE = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


def convention(trunk: str, side: str, left: str, right: str, prefix: str = "") -> dict[str, str]:
    """Names by joint from the trunk's words and one side's, in which {} is the side's mark."""
    names = dict(zip(("pelvis", "spine1", "spine2", "spine3", "neck", "head"), trunk.split(), strict=True))
    for word, mark in (("left", left), ("right", right)):
        parts = [name.format(mark) for name in side.split()]
        names |= {f"{word}_{joint}": name for joint, name in zip(SIDE, parts, strict=True)}
    return {joint: prefix + name for joint, name in names.items()}


CONVENTIONS = dict(NAME_PRESETS) | {
    "biped": convention(
        "Pelvis Spine Spine1 Spine2 Neck Head",
        "{}_Thigh {}_Calf {}_Foot {}_Toe0 {}_Clavicle {}_UpperArm {}_Forearm {}_Hand",
        "L", "R", prefix="Bip01 ",
    ),
    "xsens": convention(
        "Hips Chest Chest2 Chest3 Neck Head",
        "{}Hip {}Knee {}Ankle {}Toe {}Collar {}Shoulder {}Elbow {}Wrist", "Left", "Right",
    ),
    "motive": convention(
        "Hip Ab Spine2 Chest Neck Head",
        "{}Thigh {}Shin {}Foot {}Toe {}Shoulder {}UArm {}FArm {}Hand", "L", "R",
    ),
    "vroid": convention(
        "Hips Spine Chest UpperChest Neck Head",
        "{}_UpperLeg {}_LowerLeg {}_Foot {}_ToeBase {}_Shoulder {}_UpperArm {}_LowerArm {}_Hand",
        "L", "R", prefix="J_Bip_",
    ),
    "daz": convention(
        "hip abdomenLower abdomenUpper chestLower neckLower head",
        "{}ThighBend {}Shin {}Foot {}Toe {}Collar {}ShldrBend {}ForearmBend {}Hand", "l", "r",
    ),
    "lower case": convention(
        "hips spine spine1 spine2 neck head",
        "{}upleg {}leg {}foot {}toebase {}shoulder {}arm {}forearm {}hand", "left", "right",
    ),
}  # fmt: skip


def body(names: dict[str, str] | None = None, keep: tuple[str, ...] = HUMANML3D.joints) -> Animation:
    """One frame in the T-pose, on the HumanML3D skeleton or a part of it, in metres."""
    kept = [index for index, joint in enumerate(HUMANML3D.joints) if joint in keep]
    parents, offsets = [], []
    for index in kept:
        offset, parent = torch.tensor(HUMANML3D.offsets[index]), HUMANML3D.parents[index]
        while parent >= 0 and parent not in kept:
            offset, parent = offset + torch.tensor(HUMANML3D.offsets[parent]), HUMANML3D.parents[parent]
        parents.append(kept.index(parent) if parent >= 0 else -1)
        offsets.append(offset)
    labels = tuple((names or {}).get(HUMANML3D.joints[index], HUMANML3D.joints[index]) for index in kept)
    rest = torch.stack(offsets)
    return Animation(
        labels, tuple(parents), rest, roma.identity_quat((1, len(kept))), rest[None].clone(), 30.0, "generic"
    )


@pytest.mark.parametrize("style", CONVENTIONS)
def test_twenty_two_joints_are_found_exactly(style: str) -> None:
    animation = body(dict(CONVENTIONS[style]))
    assert torch.allclose(retarget(animation)[0], rest_pose(animation), atol=1e-6)


def test_the_trunk_of_rigify_is_seven_bones_called_spine() -> None:
    names = convention(
        "spine spine.001 spine.002 spine.003 spine.004 spine.006",
        "thigh.{} shin.{} foot.{} toe.{} shoulder.{} upper_arm.{} forearm.{} hand.{}", "L", "R", prefix="DEF-",
    )  # fmt: skip
    plain = body(names)
    neck, head = plain.index("DEF-spine.004"), plain.index("DEF-spine.006")
    half = plain.offsets[head] / 2
    parents = (*(neck if at == head else up for at, up in enumerate(plain.parents)), neck)
    offsets = torch.cat((plain.offsets, half[None]))
    # The new bone stands last, so the head comes after it.
    order = [*(at for at in range(len(offsets)) if at != head), head]
    offsets[head] = half
    parents = tuple(len(order) - 1 if at == head else up for at, up in enumerate(parents))
    animation = Animation(
        tuple((*plain.names, "DEF-spine.005")[at] for at in order),
        tuple(order.index(parents[at]) if parents[at] >= 0 else -1 for at in order),
        offsets[order], roma.identity_quat((1, len(order))), offsets[None, order], 30.0, "generic",
    )  # fmt: skip
    assert torch.allclose(retarget(animation)[0], rest_pose(plain), atol=1e-6)


def test_bodies_of_a_scene_are_told_apart_and_what_they_hang_on_is_left_out() -> None:
    one = body(dict(NAME_PRESETS["mixamo"]))
    size = len(one.names)
    names = ("scene", "left figure", *one.names, "right figure", *one.names)
    first = [up + 2 if up >= 0 else 1 for up in one.parents]
    second = [up + 3 + size if up >= 0 else 2 + size for up in one.parents]
    bodies = body_roots(names, (-1, 0, *first, 0, *second), "it")
    assert bodies == {2: list(range(2, 2 + size)), 3 + size: list(range(3 + size, 3 + 2 * size))}
    with pytest.raises(KinelexError, match="it has no joint known as pelvis"):
        body_roots(("scene", "Cube"), (-1, 0), "it")


def test_missing_spine_collars_and_neck_are_placed_between_their_neighbours() -> None:
    leave_out = {"spine1", "spine2", "left_collar", "right_collar"}
    positions = retarget(body(keep=tuple(joint for joint in HUMANML3D.joints if joint not in leave_out)))[0]
    at = dict(zip(HUMANML3D.joints, positions, strict=True))
    trunk = [
        float(at[joint][1]) for joint in ("left_hip", "pelvis", "spine1", "spine2", "spine3", "neck", "head")
    ]
    assert trunk == sorted(trunk)
    assert at["neck"][0] < at["left_collar"][0] < at["left_shoulder"][0]


def test_a_body_without_arms_is_refused_by_the_names_of_what_is_missing() -> None:
    animation = body(
        keep=tuple(joint for joint in HUMANML3D.joints if "elbow" not in joint and "wrist" not in joint)
    )
    with pytest.raises(KinelexError, match=r"left_elbow, left_wrist, right_elbow, right_wrist"):
        match_humanoid(animation)


@pytest.mark.parametrize(
    ("clip", "metres"),
    [("bandai_walk_normal", 0.01), ("cmu_mb_08_05", 0.0254 / 0.45), ("cmu_max_131_01", 0.0254 / 0.45)],
)
def test_unit_of_real_files_from_the_size_of_the_body(clip: str, metres: float) -> None:
    path = CLIPS / f"{clip}.bvh"
    raw = read_bvh(path, "generic", unit=1.0)
    assert guess_unit(raw, path) == metres


@pytest.mark.parametrize(("share", "metres"), [(0.6, 0.01), (0.75, 0.01), (1.0, 0.01), (1.25, 0.01)])
def test_children_are_bodies_too(share: float, metres: float) -> None:
    path = CLIPS / "bandai_walk_normal.bvh"
    raw = read_bvh(path, "generic", unit=1.0)
    smaller = replace(raw, offsets=share * raw.offsets, translations=share * raw.translations)
    assert guess_unit(smaller, path) == metres


@pytest.mark.parametrize("share", [0.0, 1e-4, 0.1, 1e4])
def test_who_fits_no_unit_is_refused(share: float) -> None:
    path = CLIPS / "bandai_walk_normal.bvh"
    raw = read_bvh(path, "generic", unit=1.0)
    with pytest.raises(KinelexError, match="give the unit"):
        guess_unit(replace(raw, offsets=share * raw.offsets, translations=share * raw.translations), path)


def test_bandai_retargets_alike_by_names_and_by_table() -> None:
    """Its zero pose is no T-pose, so nothing may be read off the rest skeleton's posture."""
    path = CLIPS / "bandai_walk_normal.bvh"
    by_table, by_names = retarget(read_bvh(path)), retarget(read_bvh(path, "generic"))
    assert (by_table - by_names).norm(dim=-1).max() < 0.05


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mixamorig:LeftUpLeg", ("left", "upleg")), ("thigh_r", ("right", "thigh")),
     ("lShldr", ("left", "shldr")), ("rfemur", ("right", "femur")), ("L_Ankle", ("left", "ankle")), 
     ("LHipJoint", ("left", "hipjoint")), ("upperarm_twist_01_l", ("left", "upperarmtwist")), 
     ("leftarm", ("left", "arm")), ("Head", ("", "head"))],
)  # fmt: skip
def test_plain_names(name: str, expected: tuple[str, str]) -> None:
    assert plain_name(name) == expected
