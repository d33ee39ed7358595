import numpy as np
import pytest
import roma
import torch
from scipy.spatial.transform import Rotation

from kinelex.errors import KinelexError
from kinelex.motion.chain_ik import shortest_rotations
from kinelex.motion.motion import Motion
from kinelex.motion.rig import NAME_PRESETS, Rig, bone_names, rig_from_motion
from kinelex.motion.skeleton import HUMANML3D, KIT
from rig_clips import noisy, recorded_motion, smooth_motion

LIMBS = ("shoulder", "elbow", "hip", "knee")


def walked(rig: Rig) -> np.ndarray:
    """Joints (T, J, 3) by a plain walk down the hierarchy with scipy: independent of our kinematics."""
    clip = rig.animation
    turns: list[Rotation] = []
    joints: list[np.ndarray] = []
    for joint, parent in enumerate(clip.parents):
        local = Rotation.from_quat(clip.rotations[:, joint].double().numpy())
        if parent < 0:
            turns.append(local)
            joints.append(clip.translations[:, 0].double().numpy())
        else:
            turns.append(turns[parent] * local)
            joints.append(joints[parent] + turns[parent].apply(clip.offsets[joint].double().numpy()))
    return np.stack(joints, axis=1)


@pytest.mark.parametrize(
    "motion",
    [recorded_motion(), smooth_motion(seed=1), smooth_motion(KIT, seed=2)],
    ids=["recorded", "smooth", "kit"],
)
def test_rig_follows_a_clip_of_constant_bones(motion: Motion) -> None:
    rig = rig_from_motion(motion)
    distance = np.linalg.norm(walked(rig) - motion.positions, axis=-1)
    assert distance.max() < 1e-4
    np.testing.assert_allclose(rig.error.numpy(), distance, atol=1e-5)


def test_error_tells_how_far_a_rig_of_fixed_bones_is_off() -> None:
    rig = rig_from_motion(noisy(recorded_motion(), 0.001))
    assert 0.0005 < rig.error.mean() < 0.003
    assert rig.error.max() < 0.015


def test_rest_is_a_t_pose_of_the_clips_bones() -> None:
    motion = recorded_motion()
    rig = rig_from_motion(motion)
    offsets = rig.animation.offsets.numpy()
    parents = np.array(motion.skeleton.parents[1:])
    lengths = np.linalg.norm(motion.positions[:, 1:] - motion.positions[:, parents], axis=-1)
    np.testing.assert_allclose(np.linalg.norm(offsets[1:], axis=-1), np.median(lengths, axis=0), atol=1e-5)
    directions = offsets[1:] / np.linalg.norm(offsets[1:], axis=-1, keepdims=True)
    along = {name: directions[joint - 1] for joint, name in enumerate(HUMANML3D.joints) if joint}
    for part in ("shoulder", "elbow", "wrist"):
        np.testing.assert_allclose(along[f"left_{part}"], (1, 0, 0), atol=1e-6)
        np.testing.assert_allclose(along[f"right_{part}"], (-1, 0, 0), atol=1e-6)
    for side in ("left", "right"):
        np.testing.assert_allclose(along[f"{side}_knee"], (0, -1, 0), atol=1e-6)
        np.testing.assert_allclose(along[f"{side}_ankle"], (0, -1, 0), atol=1e-6)
        assert along[f"{side}_foot"][2] > 0.9
        assert abs(along[f"{side}_foot"][0]) < 1e-6
    assert along["left_hip"][0] > 0.4
    assert along["right_hip"][0] < -0.4
    assert along["left_collar"][0] > 0.3
    assert along["right_collar"][0] < -0.3
    rest = rig.rest()
    assert rest[:, 1].min() == 0
    assert rest[0, 0] == rest[0, 2] == 0


def test_a_clip_that_stands_in_the_t_pose_has_no_rotations() -> None:
    rest = rig_from_motion(recorded_motion()).rest().numpy()
    rig = rig_from_motion(Motion(np.tile(rest, (5, 1, 1))))
    angle = roma.rotvec_to_unitquat(torch.zeros(3))
    assert (rig.animation.rotations - angle).abs().max() < 1e-3


def test_one_frame_and_coinciding_joints_give_finite_rotations() -> None:
    assert rig_from_motion(Motion(recorded_motion().positions[:1])).error.max() < 1e-4
    assert torch.isfinite(rig_from_motion(Motion(np.zeros((3, 22, 3)))).animation.rotations).all()


def test_signs_are_continuous_and_quaternions_have_unit_length() -> None:
    rotations = rig_from_motion(recorded_motion()).animation.rotations
    assert ((rotations[1:] * rotations[:-1]).sum(-1) > 0).all()
    np.testing.assert_allclose(rotations.norm(dim=-1).numpy(), 1.0, atol=1e-6)


def test_joints_without_children_do_not_turn() -> None:
    rotations = rig_from_motion(recorded_motion()).animation.rotations
    for name in ("head", "left_wrist", "right_wrist", "left_foot", "right_foot"):
        np.testing.assert_allclose(rotations[:, HUMANML3D.index(name)], [[0, 0, 0, 1]] * 170, atol=1e-6)


def world_of(rig: Rig) -> torch.Tensor:
    """(T, J, 3, 3) world rotations."""
    local = roma.unitquat_to_rotmat(rig.animation.rotations.double())
    world: list[torch.Tensor] = []
    for joint, parent in enumerate(rig.animation.parents):
        world.append(local[:, joint] if parent < 0 else world[parent] @ local[:, joint])
    return torch.stack(world, dim=1)


def spin(bone: torch.Tensor, trunk: torch.Tensor, aim: torch.Tensor, fps: float) -> torch.Tensor:
    """(T - 1,) degrees a second that a bone (T, 3, 3) turns about itself (T, 3), as seen from the trunk."""
    local, aim = trunk.mT @ bone, (trunk.mT @ aim.unsqueeze(-1)).squeeze(-1)
    turn = roma.rotmat_to_rotvec(local[1:] @ local[:-1].mT)
    axis = torch.nn.functional.normalize(aim[1:] + aim[:-1], dim=-1)
    return (turn * axis).sum(-1).abs().rad2deg() * fps


def spins(motion: Motion) -> tuple[torch.Tensor, torch.Tensor]:
    """Spin of upper and lower arms and legs (T - 1, 8): of our rig and of a swing-only one on its trunk.

    Swing-only turns each limb bone by the shortest rotation from its T-pose, relative to the bone before.
    """
    rig = rig_from_motion(motion)
    ours, skeleton = world_of(rig), motion.skeleton
    positions = torch.from_numpy(motion.positions).double()
    rest = torch.nn.functional.normalize(rig.animation.offsets.double(), dim=-1)
    swung: list[torch.Tensor] = []
    for joint, children in enumerate(skeleton.children):
        above = swung[skeleton.parents[joint]] if joint else ours[:, 0]
        if len(children) == 1:
            aim = torch.nn.functional.normalize(positions[:, children[0]] - positions[:, joint], dim=-1)
            local = (above.mT @ aim.unsqueeze(-1)).squeeze(-1)
            above = above @ shortest_rotations(local[:, None], rest[children[0]][None])[:, 0]
        swung.append(ours[:, joint] if len(children) > 1 else above)
    rows = ([], [])
    for part in LIMBS:
        trunk = ours[:, 0 if part in ("hip", "knee") else skeleton.index("spine3")]
        for side in ("left", "right"):
            joint = skeleton.index(f"{side}_{part}")
            aim = positions[:, skeleton.children[joint][0]] - positions[:, joint]
            rows[0].append(spin(ours[:, joint], trunk, aim, motion.fps))
            rows[1].append(spin(swung[joint], trunk, aim, motion.fps))
    return torch.stack(rows[0], dim=-1), torch.stack(rows[1], dim=-1)


def test_limbs_twist_less_than_with_swing_only() -> None:
    ours, swing_only = spins(recorded_motion())
    lower_arms = slice(2, 4)
    assert ours[:, lower_arms].mean() < 0.8 * swing_only[:, lower_arms].mean()
    assert ours.max() < swing_only.max()
    assert ours.mean() < 45
    assert ours.quantile(0.99) < 300


def test_elbows_and_knees_are_hinges() -> None:
    """A forearm bends about the axis across its arm in the T-pose that points up or down, a shin about X."""
    rig = rig_from_motion(recorded_motion())
    for part, axis in (("elbow", 1), ("knee", 0)):
        for side in ("left", "right"):
            turns = roma.unitquat_to_rotvec(rig.animation.rotations[:, HUMANML3D.index(f"{side}_{part}")])
            bent = turns[turns.norm(dim=-1) > np.radians(60)]
            share = bent[:, axis].abs() / bent.norm(dim=-1)
            assert len(bent) == 0 or share.median() > 0.95, (side, part)


@pytest.mark.parametrize("seed", range(3))
def test_a_millimetre_of_noise_flips_no_bone(seed: int) -> None:
    motion = recorded_motion()
    clean, rough = rig_from_motion(motion), rig_from_motion(noisy(motion, 0.001, seed))
    apart = world_of(clean).mT @ world_of(rough)
    angle = roma.rotmat_to_rotvec(apart).norm(dim=-1).rad2deg()
    assert angle.max() < 40
    assert angle.mean() < 2


def test_straight_limbs_with_noise_keep_still() -> None:
    """A body that only stands in the T-pose has no bend planes: all it could show is noise."""
    rest = rig_from_motion(recorded_motion()).rest().numpy()
    rig = rig_from_motion(noisy(Motion(np.tile(rest, (80, 1, 1))), 0.001))
    angle = roma.unitquat_to_rotvec(rig.animation.rotations).norm(dim=-1).rad2deg()
    assert angle.max() < 8


def test_presets_name_every_joint_once() -> None:
    for preset in NAME_PRESETS:
        for skeleton in (HUMANML3D, KIT):
            names = bone_names(skeleton, preset)
            assert len(set(names)) == len(names) == len(skeleton)
    assert bone_names(HUMANML3D, "smpl") == HUMANML3D.joints
    names = {
        preset: dict(zip(HUMANML3D.joints, bone_names(HUMANML3D, preset), strict=True))
        for preset in NAME_PRESETS
    }
    assert names["mixamo"]["left_hip"] == "mixamorig:LeftUpLeg"
    assert names["mixamo"]["left_collar"] == "mixamorig:LeftShoulder"
    assert names["unreal"]["right_ankle"] == "foot_r"
    assert names["unity"]["spine3"] == "UpperChest"
    assert names["vrm"]["right_foot"] == "rightToes"


def test_unknown_preset_lists_the_choices() -> None:
    with pytest.raises(KinelexError, match=r"blender.*smpl, mixamo, unreal, unity, vrm"):
        rig_from_motion(recorded_motion(), "blender")
