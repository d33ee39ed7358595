"""Taking the way out of a clip leaves the pose alone."""

from __future__ import annotations

import numpy as np

from kinelex.motion.in_place import in_place
from rig_clips import recorded_motion


def test_the_root_stays_above_its_start_and_the_pose_is_kept() -> None:
    positions = recorded_motion().positions
    moved = in_place(positions)
    np.testing.assert_allclose(
        moved[:, 0, [0, 2]], positions[:1, 0, [0, 2]].repeat(len(positions), 0), atol=1e-6
    )
    np.testing.assert_array_equal(moved[..., 1], positions[..., 1])
    np.testing.assert_allclose(moved - moved[:, :1], positions - positions[:, :1], atol=1e-5)
    np.testing.assert_allclose(in_place(moved), moved, atol=1e-6)
    assert np.abs(positions - moved).max() > 0.1  # the clip does go somewhere
