from pathlib import Path

import numpy as np
import pymotion.ops.skeleton as pymotion_skeleton
import pytest
import torch
from pymotion.io.bvh import BVH
from scipy.spatial.transform import Rotation

from kinelex.errors import KinelexError
from kinelex.motion.formats.bvh import read_bvh
from kinelex.motion.formats.bvh_writer import continuous_zxy, write_bvh
from kinelex.motion.motion import Motion
from kinelex.motion.retarget import retarget
from kinelex.motion.rig import NAME_PRESETS, bone_names, rig_from_motion
from kinelex.motion.skeleton import HUMANML3D, KIT
from rig_clips import recorded_motion, smooth_motion


def read_by_pymotion(path: Path, motion: Motion, names: str) -> tuple[np.ndarray, BVH]:
    """Joints (T, J, 3) in our order, and the file, as upc-pymotion reads it."""
    file = BVH()
    file.load(str(path))
    rotations, positions, parents, offsets, _, _ = file.get_data()
    joints, _ = pymotion_skeleton.fk(rotations, positions[:, 0], offsets, parents)
    order = [list(file.data["names"]).index(name) for name in bone_names(motion.skeleton, names)]
    return joints[:, order], file


@pytest.mark.parametrize("names", NAME_PRESETS)
def test_another_library_reads_the_same_joints(names: str, tmp_path: Path) -> None:
    motion = recorded_motion()
    write_bvh(motion, tmp_path / "clip.bvh", names=names)
    joints, file = read_by_pymotion(tmp_path / "clip.bvh", motion, names)
    np.testing.assert_allclose(joints, motion.positions, atol=1e-4)
    assert 1 / file.data["frame_time"] == motion.fps


def test_centimetres_and_other_skeletons(tmp_path: Path) -> None:
    motion = smooth_motion(KIT)
    write_bvh(motion, tmp_path / "clip.bvh", names="mixamo", unit="cm")
    joints, file = read_by_pymotion(tmp_path / "clip.bvh", motion, "mixamo")
    np.testing.assert_allclose(joints / 100, motion.positions, atol=1e-4)
    assert 1 / file.data["frame_time"] == motion.fps


@pytest.mark.parametrize("fps", [20.0, 12.5, 24.0, 30.0, 59.94, 120.0])
def test_frame_rate_is_exact(fps: float, tmp_path: Path) -> None:
    write_bvh(Motion(recorded_motion().positions[:3], fps=fps), tmp_path / "clip.bvh")
    line = next(
        line for line in (tmp_path / "clip.bvh").read_text().splitlines() if line.startswith("Frame Time")
    )
    assert 1 / float(line.split(":")[1]) == pytest.approx(fps, rel=1e-15)


@pytest.mark.parametrize("names", NAME_PRESETS)
def test_our_reader_takes_it_back(names: str, tmp_path: Path) -> None:
    motion = recorded_motion()
    write_bvh(motion, tmp_path / "clip.bvh", names=names)
    np.testing.assert_allclose(
        retarget(read_bvh(tmp_path / "clip.bvh")).numpy(), motion.positions, atol=0.005
    )


def test_hierarchy_rests_in_the_t_pose_with_end_sites(tmp_path: Path) -> None:
    motion = recorded_motion()
    write_bvh(motion, tmp_path / "clip.bvh")
    _, file = read_by_pymotion(tmp_path / "clip.bvh", motion, "smpl")
    offsets = dict(zip(file.data["names"], file.data["offsets"], strict=True))
    rig = rig_from_motion(motion)
    for name, offset in zip(rig.animation.names[1:], rig.animation.offsets.numpy()[1:], strict=True):
        np.testing.assert_allclose(offsets[name], offset, atol=1e-6)
    np.testing.assert_array_equal(offsets["pelvis"], 0)
    ends = [file.data["names"][joint] for joint in file.data["end_sites_parents"]]
    assert set(ends) == {"head", "left_wrist", "right_wrist", "left_foot", "right_foot"}
    assert (np.linalg.norm(file.data["end_sites"], axis=-1) > 0.05).all()


def test_angles_are_those_of_the_rotations_and_do_not_jump() -> None:
    rotations = rig_from_motion(recorded_motion()).animation.rotations
    degrees = continuous_zxy(rotations)
    again = Rotation.from_euler("ZXY", degrees.reshape(-1, 3), degrees=True)
    turned = (Rotation.from_quat(rotations.reshape(-1, 4).double().numpy()).inv() * again).magnitude()
    assert turned.max() < 1e-5
    assert np.abs(np.diff(degrees, axis=0)).max() < 180


def test_a_turn_through_gimbal_lock_is_one_straight_line() -> None:
    """Rotations about X alone, past 90 degrees and on for two turns: the other two channels stay put."""
    angles = np.arange(0, 721, 7.0)
    quaternions = Rotation.from_euler("x", angles[:, None], degrees=True).as_quat()
    degrees = continuous_zxy(torch.from_numpy(quaternions)[:, None])[:, 0]
    np.testing.assert_allclose(degrees[:, 1], angles, atol=1e-6)
    np.testing.assert_allclose(degrees[:, [0, 2]], 0, atol=1e-6)


def test_mistakes_are_named_and_leave_the_file_alone(tmp_path: Path) -> None:
    target = tmp_path / "clip.bvh"
    target.write_text("kept")
    with pytest.raises(KinelexError, match="unknown unit 'inch'; choose one of m, cm"):
        write_bvh(recorded_motion(), target, unit="inch")
    with pytest.raises(KinelexError, match="maya"):
        write_bvh(recorded_motion(), target, names="maya")
    with pytest.raises(KinelexError, match=r"cannot write .*clip\.bvh: .*no body"):
        write_bvh(Motion(np.zeros((3, 22, 3), np.float32)), target)
    assert target.read_text() == "kept"


@pytest.mark.parametrize("preset", NAME_PRESETS)
def test_a_kit_clip_is_read_back_with_its_feet(preset: str, tmp_path: Path) -> None:
    """KIT's "heel" is at the ball of the foot, where other skeletons have their "foot"."""
    clip = smooth_motion(KIT)
    write_bvh(clip, tmp_path / "clip.bvh", names=preset)
    back = Motion.load(tmp_path / "clip.bvh", keep_placement=True, fps=clip.fps)
    for joint, place in (("foot", "heel"), ("ankle", "ankle"), ("wrist", "wrist")):
        for side in ("left", "right"):
            written = clip.positions[:, KIT.index(f"{side}_{place}")] - clip.positions[:, 0]
            read = back.positions[:, HUMANML3D.index(f"{side}_{joint}")] - back.positions[:, 0]
            np.testing.assert_allclose(read, written, atol=1e-4)
