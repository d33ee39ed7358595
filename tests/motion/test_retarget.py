"""Every source skeleton becomes an upright HumanML3D body with left on its left, walking forward."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import roma
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.flavours import FLAVOURS
from kinelex.motion.formats.amc import read_amc
from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.formats.deepmimic import read_deepmimic
from kinelex.motion.motion import Motion
from kinelex.motion.repair import rebase_on_first_frame
from kinelex.motion.resample import resample_animation
from kinelex.motion.retarget import face_forward, retarget, to_motion
from kinelex.motion.rig import rig_from_motion
from kinelex.motion.rotations import euler_rotation
from kinelex.motion.skeleton import HUMANML3D

CLIPS = Path(__file__).parents[1] / "data" / "clips"
WALKS: dict[str, Callable[[], Animation]] = {
    "asfamc": lambda: read_amc(CLIPS / "cmu_08_01.amc", fps=20.0),
    "bvh-mb": lambda: read_bvh(CLIPS / "cmu_mb_08_05.bvh", asf=CLIPS / "cmu_08.asf").frames(1, 50),
    "bvh-daz": lambda: read_bvh(CLIPS / "cmu_daz_06_02.bvh").frames(1, 50),
    "bvh-max": lambda: read_bvh(CLIPS / "cmu_max_131_01.bvh"),
    "bandai": lambda: read_bvh(CLIPS / "bandai_walk_normal.bvh"),
    "deepmimic": lambda: read_deepmimic(CLIPS / "deepmimic_127_04.json"),
}
UP = torch.tensor([0.0, 1.0, 0.0])


def joint(positions: Tensor, name: str) -> Tensor:
    return positions[:, HUMANML3D.index(name)]


def heading(positions: Tensor) -> Tensor:
    """(T, 3) across hips and up: where the body faces."""
    left = joint(positions, "left_hip") - joint(positions, "right_hip")
    return torch.linalg.cross(left, UP.expand_as(left))


@pytest.fixture(params=WALKS)
def walk(request: pytest.FixtureRequest) -> Animation:
    animation = WALKS[request.param]()
    assert animation.flavour == request.param
    return animation


def test_walks_forward(walk: Animation) -> None:
    positions = retarget(walk)
    assert positions.shape == (len(walk), 22, 3)
    assert positions.dtype == torch.float32
    travelled = joint(positions, "pelvis")[5:] - joint(positions, "pelvis")[:-5]
    travelled[:, 1] = 0
    forward = heading(positions)[:-5]
    speed = travelled.norm(dim=-1)
    cosine = torch.nn.functional.cosine_similarity(travelled, forward, dim=-1)
    assert (cosine * speed).sum() / speed.sum() > 0.9
    assert 0.4 < speed.mean() / (5 / walk.fps) < 2.5


def test_left_is_left_and_feet_point_forward(walk: Animation) -> None:
    positions = retarget(walk)
    left = torch.linalg.cross(UP.expand(len(walk), 3), heading(positions))
    for name in ("hip", "shoulder", "collar"):
        across = joint(positions, f"left_{name}") - joint(positions, f"right_{name}")
        assert ((across * left).sum(-1) > 0).all()
    for side in ("left", "right"):
        toes = joint(positions, f"{side}_foot") - joint(positions, f"{side}_ankle")
        assert (toes * heading(positions)).sum(-1).mean() > 0


def test_upright_with_the_proportions_of_a_person(walk: Animation) -> None:
    """Every joint of the trunk above the one below it; lengths of a grown-up, in metres."""
    positions = retarget(walk)
    trunk = ("left_knee", "left_hip", "pelvis", "spine1", "spine2", "spine3", "neck", "head")
    heights = torch.stack([joint(positions, name)[:, 1].mean() for name in trunk])
    assert (heights.diff() > 0.01).all()
    assert 1.2 < heights[-1] - positions[..., 1].min() < 1.7
    lengths = (positions[:, 1:] - positions[:, list(HUMANML3D.parents[1:])]).norm(dim=-1).mean(0)
    expected = torch.tensor(HUMANML3D.offsets)[1:].norm(dim=-1)
    ratio = lengths / expected
    assert (ratio > 0.35).all(), dict(zip(HUMANML3D.joints[1:], ratio.tolist(), strict=True))
    assert (ratio < 1.7).all(), dict(zip(HUMANML3D.joints[1:], ratio.tolist(), strict=True))
    pelvis = joint(positions, "pelvis") - (joint(positions, "left_hip") + joint(positions, "right_hip")) / 2
    assert (pelvis[:, 1] > 0.02).all()


def test_left_and_right_bones_are_equally_long(walk: Animation) -> None:
    positions = retarget(walk)
    lengths = (positions[:, 1:] - positions[:, list(HUMANML3D.parents[1:])]).norm(dim=-1).mean(0)
    mirrored = lengths[[index - 1 for index in HUMANML3D.mirror[1:]]]
    assert (lengths - mirrored).abs().max() < 0.03


def test_a_rig_follows_it_exactly(walk: Animation) -> None:
    """Pelvis with spine1 and chest with neck and collars are rigid, bones keep their lengths."""
    assert rig_from_motion(to_motion(walk)).error.max() < 1e-3


def test_moved_hinges_turn_no_limb(walk: Animation, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = retarget(walk)
    monkeypatch.setitem(FLAVOURS, walk.flavour, replace(FLAVOURS[walk.flavour], hinges={}))
    unmoved = retarget(walk)
    for start, end in (
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("right_shoulder", "right_elbow"),
    ):
        limb = [HUMANML3D.index(start), HUMANML3D.index(end)]
        torch.testing.assert_close(
            moved[:, limb].diff(dim=1), unmoved[:, limb].diff(dim=1), atol=1e-5, rtol=0
        )


def test_clip_starts_centred_on_the_floor_facing_z(walk: Animation) -> None:
    motion = to_motion(walk)
    first = torch.from_numpy(motion.positions[:1])
    assert isinstance(motion, Motion)
    assert motion.fps == 20.0
    assert len(motion) == int((len(walk) - 1) * 20 / walk.fps + 1e-6) + 1
    assert abs(motion.positions[..., 1].min()) < 1e-6
    assert np.abs(motion.positions[0, 0, [0, 2]]).max() < 1e-6
    across = (joint(first, "left_hip") - joint(first, "right_hip"))[0]
    across += (joint(first, "left_shoulder") - joint(first, "right_shoulder"))[0]
    assert abs(across[2]) < 1e-5
    assert across[0] > 0.2


def test_where_the_source_stands_and_faces_does_not_matter(walk: Animation) -> None:
    turn = euler_rotation(torch.tensor([130.0]), "y")
    rotations, translations = walk.rotations.clone(), walk.translations.clone()
    rotations[:, 0] = roma.quat_product(turn.expand(len(walk), 4), rotations[:, 0])
    translations[:, 0] = roma.quat_action(turn.expand(len(walk), 4), translations[:, 0]) + torch.tensor(
        [3.0, 1.0, -2.0]
    )
    moved = to_motion(replace(walk, rotations=rotations, translations=translations))
    np.testing.assert_allclose(moved.positions, to_motion(walk).positions, atol=2e-5)


def test_twenty_frames_a_second_are_source_frames() -> None:
    """HumanML3D takes every (fps / 20)-th source frame."""
    walk = WALKS["asfamc"]()
    fast = replace(walk, fps=120.0)
    every = face_forward(retarget(fast)[::6], 20.0)
    np.testing.assert_allclose(to_motion(fast).positions, every.numpy(), atol=1e-6)
    assert len(resample_animation(fast, 20.0)) == len(every)


def test_repaired_motionbuilder_rest_pose_is_the_asf_rest_pose() -> None:
    """Both files rest in the same pose of the same subject, so every retargeted joint falls on its twin."""
    rests = []
    for animation in (WALKS["bvh-mb"](), WALKS["asfamc"]()):
        still = roma.identity_quat((1, len(animation.names)))
        rests.append(retarget(replace(animation, rotations=still, translations=animation.offsets[None])))
    assert (rests[0] - rests[1]).abs().max() < 1e-5


def test_thorax_estimated_without_an_asf_is_close() -> None:
    exact = retarget(read_bvh(CLIPS / "cmu_mb_08_05.bvh", asf=CLIPS / "cmu_08.asf"))
    estimated = retarget(read_bvh(CLIPS / "cmu_mb_08_05.bvh"))
    assert 0 < (exact - estimated).norm(dim=-1).max() < 0.01


def test_daz_t_pose_row_is_a_straight_t_pose() -> None:
    first = retarget(read_bvh(CLIPS / "cmu_daz_06_02.bvh"))[:1]
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for above, below, direction in (
            ("elbow", "wrist", [sign, 0, 0]), ("shoulder", "elbow", [sign, 0, 0]),
            ("hip", "knee", [0, -1, 0]), ("knee", "ankle", [0, -1, 0]),
        ):  # fmt: skip
            bone = joint(first, f"{side}_{below}") - joint(first, f"{side}_{above}")
            cosine = torch.nn.functional.cosine_similarity(bone[0], torch.tensor(direction).float(), dim=0)
            assert cosine > 0.995, (side, below)


def test_rebasing_leaves_every_joint_where_it_is() -> None:
    from kinelex.motion.kinematics import animation_pose

    raw = read_bvh(CLIPS / "cmu_daz_06_02.bvh", "generic", unit=0.01)
    rebased = rebase_on_first_frame(raw)
    assert torch.allclose(animation_pose(rebased).positions, animation_pose(raw).positions, atol=1e-5)
    turned = roma.unitquat_to_rotvec(rebased.rotations[0]).norm(dim=-1)
    assert turned.max() < 1e-3
    cut = raw.frames(1, 50)
    assert rebase_on_first_frame(cut) is cut


@pytest.mark.skipif(
    "KINELEX_DATA" not in os.environ, reason="needs KINELEX_DATA, the folder of the data packs"
)
def test_clips_of_every_pack_are_upright_bodies() -> None:
    packs = Path(os.environ["KINELEX_DATA"])
    readers = {".bvh": read_bvh, ".amc": read_amc, ".json": read_deepmimic}
    files = sorted(
        path for path in packs.rglob("*") if path.suffix in readers and "humanml3d" not in str(path)
    )
    known = {".amc": lambda path: read_amc(path, CLIPS / "cmu_08.asf")}
    assert len(files) > 1000
    for path in files[::97]:
        positions = retarget(known.get(path.suffix, readers[path.suffix])(path))
        lengths = (positions[:, 1:] - positions[:, list(HUMANML3D.parents[1:])]).norm(dim=-1)
        assert torch.isfinite(positions).all(), path
        assert 1.1 < lengths.mean(0)[[3, 6, 0, 2, 5, 8, 11, 14]].sum() < 1.8, path
        assert lengths.std(0).max() < 0.02, path


def test_a_flavour_that_does_not_fit_is_refused() -> None:
    with pytest.raises(KinelexError, match="UpperLeg_L"):
        retarget(replace(WALKS["asfamc"](), flavour="bandai"))


def test_a_glitch_below_the_floor_does_not_lift_the_rest(walk: Animation) -> None:
    """One frame in which the whole body drops, as in CMU 07_05, and one in which a hand does, as in 140_01."""
    positions = retarget(resample_animation(walk, 20.0))
    sound = face_forward(positions, 20.0)
    positions[9, :, 1] -= 0.4
    glitch = face_forward(positions, 20.0)
    assert (glitch[:9] - sound[:9]).abs().max() < 0.02
    positions[:20, HUMANML3D.index("left_wrist"), 1] = (
        sound[:, :, 1].min() - 0.2 + positions[0, 0, 1] - sound[0, 0, 1]
    )
    hand = face_forward(positions, 20.0)
    torch.testing.assert_close(hand[:9, 0], glitch[:9, 0])


def test_a_body_that_rests_on_other_parts_than_its_feet_lies_on_the_floor() -> None:
    pose = retarget(WALKS["bandai"]())[:1]
    legs_up = pose.expand(40, -1, -1) * pose.new_tensor([1.0, -1.0, 1.0])
    assert face_forward(legs_up, 20.0)[..., 1].min() == pytest.approx(0, abs=1e-6)


def test_without_a_frame_at_rest_nearly_all_of_the_body_is_above_the_floor() -> None:
    falling = retarget(WALKS["bandai"]())[:1] - torch.linspace(0, 20, 40).view(-1, 1, 1) * torch.tensor(
        [0.0, 1.0, 0.0]
    )
    lowest = face_forward(falling, 20.0)[..., 1].amin(dim=-1)
    assert (lowest < 0).float().mean() <= 0.05
