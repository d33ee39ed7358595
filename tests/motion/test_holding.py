"""A held pose stands still."""

from __future__ import annotations

import numpy as np
import torch

from kinelex.motion.features import FeatureLayout, joints_from_features, process_joints
from kinelex.motion.holding import hold_still
from kinelex.motion.skeleton import HUMANML3D
from rig_clips import RECORDED


def test_a_held_pose_stands_still_on_planted_feet() -> None:
    features = process_joints(torch.from_numpy(np.load(RECORDED))[:41], HUMANML3D)
    held = hold_still(features, 7, 9, HUMANML3D)
    joints = joints_from_features(held, HUMANML3D)
    assert len(joints) == len(features) + 16
    assert torch.equal(held[7:-9], features)
    assert torch.allclose(joints[:7], joints[:1].expand(7, -1, -1), atol=1e-5)
    assert torch.allclose(joints[-8:], joints[-1:].expand(8, -1, -1), atol=1e-5)
    assert (held[:7, FeatureLayout.of(HUMANML3D).contacts] == 1).all()
