"""Euler angles compose as scipy composes them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from kinelex.motion.rotations import euler_rotation


@pytest.mark.parametrize("axes", ["xyz", "zyx", "zxy", "yxz", "x", "zy", "xyx"])
def test_euler_angles_compose_in_the_order_written(axes: str) -> None:
    degrees = np.random.default_rng(0).uniform(-800, 800, (50, len(axes)))
    ours = euler_rotation(torch.from_numpy(degrees), axes).numpy()
    expected = Rotation.identity(50)
    for column, axis in enumerate(axes):
        expected = expected * Rotation.from_euler(axis, degrees[:, [column]], degrees=True)
    np.testing.assert_allclose(Rotation.from_quat(ours).as_matrix(), expected.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=-1), 1, atol=1e-12)


def test_no_axes_is_no_rotation() -> None:
    assert euler_rotation(torch.zeros(3, 0), "").tolist() == [[0.0, 0.0, 0.0, 1.0]] * 3
