"""Rigid bodies stay as they are; others become rigid and stay near."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kinelex.motion.chain_ik import bones_of
from kinelex.motion.motion import Motion
from kinelex.motion.rig import rig_from_motion
from kinelex.motion.rigid import rigid_joints
from kinelex.motion.skeleton import HUMANML3D, KIT, Skeleton
from rig_clips import noisy, recorded_motion, smooth_motion


@pytest.mark.parametrize("skeleton", [HUMANML3D, KIT], ids=["humanml3d", "kit"])
def test_a_rigid_clip_is_left_alone(skeleton: Skeleton) -> None:
    clip = torch.from_numpy(smooth_motion(skeleton).positions)
    torch.testing.assert_close(rigid_joints(clip, skeleton), clip, atol=2e-5, rtol=0)


@pytest.mark.parametrize("noise", [0.005, 0.02])
def test_a_noisy_clip_becomes_rigid_and_stays_near(noise: float) -> None:
    clip = noisy(recorded_motion(), noise)
    joints = rigid_joints(torch.from_numpy(clip.positions), HUMANML3D)
    lengths = bones_of(joints, HUMANML3D).norm(dim=-1)
    assert (lengths - lengths.median(dim=0).values).abs().max() < 1e-5
    assert np.abs(joints.numpy() - clip.positions).mean() < noise
    assert rig_from_motion(Motion(joints.numpy())).error.max() < 1e-3
    again = rigid_joints(joints, HUMANML3D)
    torch.testing.assert_close(again, joints, atol=1e-4, rtol=0)


def test_one_frame_and_coinciding_joints_stay_finite() -> None:
    assert torch.isfinite(rigid_joints(torch.zeros(3, 22, 3), HUMANML3D)).all()
    one = torch.from_numpy(recorded_motion().positions[:1])
    torch.testing.assert_close(rigid_joints(one, HUMANML3D), one, atol=1e-4, rtol=0)


def test_clips_of_a_batch_become_rigid_each_by_itself() -> None:
    clips = torch.stack([torch.from_numpy(noisy(recorded_motion(), 0.01, seed).positions) for seed in (1, 2)])
    alone = torch.stack([rigid_joints(clip, HUMANML3D) for clip in clips])
    torch.testing.assert_close(rigid_joints(clips, HUMANML3D), alone, atol=1e-6, rtol=0)
    assert (alone[0] - alone[1]).abs().max() > 0.005
