"""Laws of the velocity jumps at seams."""

from __future__ import annotations

import pytest
import torch

from kinelex.motion.seams import jumps_at, velocity_jumps


def steady(frames: int) -> torch.Tensor:
    """(T, 3, 3) joints that move at constant velocities."""
    velocity = torch.tensor([[1.0, 0, 0], [0, 2.0, 0], [0, 0, -1.0]]) / 20
    return torch.arange(frames)[:, None, None] * velocity


def test_steady_motion_does_not_jump() -> None:
    jumps = velocity_jumps(steady(30), 20.0)
    assert len(jumps.root) == 27
    torch.testing.assert_close(jumps.joints, torch.zeros(27), atol=1e-4, rtol=0)


@pytest.mark.parametrize("seam", [2, 11, 28])
def test_a_step_is_found_where_it_is(seam: int) -> None:
    """Joints that are put 0.1 m aside change their velocity by 2 m/s, on arrival and on leaving."""
    joints = steady(30)
    joints[seam:, 1, 0] += 0.1
    jumps = velocity_jumps(joints, 20.0)
    torch.testing.assert_close(jumps.root, torch.zeros(27), atol=1e-4, rtol=0)
    assert jumps_at(joints, 20.0, [seam]).joints.item() == pytest.approx(2.0, abs=1e-4)
    assert int((jumps.joints > 1).sum()) <= 3


def test_a_turned_velocity_of_the_root_counts_in_full() -> None:
    joints = steady(20)
    joints[10:, 0] += torch.arange(1, 11)[:, None] * torch.tensor([-2.0, 0, 0]) / 20
    assert jumps_at(joints, 20.0, [10]).root.item() == pytest.approx(2.0, abs=1e-4)
    assert velocity_jumps(joints, 20.0).quantile(0.0) == pytest.approx((0, 0), abs=1e-4)
