"""Closest rotations agree with singular values, where there is one and where there are several."""

from __future__ import annotations

import roma
import torch
from torch import Tensor

from kinelex.motion.closest_rotation import closest_rotations


def shaped(*singular: float) -> Tensor:
    """(500, 3, 3) matrices with these singular values."""
    torch.manual_seed(0)
    left, right = roma.random_rotmat(500).double(), roma.random_rotmat(500).double()
    return left @ torch.tensor(singular, dtype=torch.float64).diag() @ right


def nearly_a_line(digits: int) -> Tensor:
    """Matrices that leave the turn about one axis almost open."""
    return shaped(1.0, 10.0**-digits, 0.0)


def test_they_are_those_of_the_singular_values() -> None:
    torch.manual_seed(0)
    for matrices in (
        torch.randn(4, 500, 3, 3).double(),
        shaped(2.0, 1.0, 0.0),
        shaped(1.0, 0.1, -0.03),
        *map(nearly_a_line, range(2, 9)),
    ):
        expected = roma.special_procrustes(matrices)
        torch.testing.assert_close(closest_rotations(matrices), expected, atol=1e-8, rtol=0)


def test_of_no_matrices_there_are_no_rotations() -> None:
    assert closest_rotations(torch.zeros(0, 3, 3).double()).shape == (0, 3, 3)


def test_the_size_of_a_matrix_does_not_matter() -> None:
    matrices = shaped(3.0, 2.0, 1.0)
    for scale in (1e-30, 1e30):
        torch.testing.assert_close(
            closest_rotations(scale * matrices), closest_rotations(matrices), atol=1e-10, rtol=0
        )


def test_where_several_are_equally_close_it_is_one_of_them() -> None:
    """Nothing at all, a line, a mirrored ball, and almost a line."""
    for matrices in (
        torch.zeros(500, 3, 3).double(), shaped(1.0, 0.0, 0.0), shaped(1.0, 1.0, -1.0), shaped(1.0, 1e-9, 0.0),
    ):  # fmt: skip
        found = closest_rotations(matrices)
        identity = torch.eye(3, dtype=torch.float64).expand_as(found)
        torch.testing.assert_close(found @ found.mT, identity, atol=1e-9, rtol=0)
        torch.testing.assert_close(torch.linalg.det(found), torch.ones(500).double())
        near = (found * matrices).sum((-2, -1))
        best = (roma.special_procrustes(matrices) * matrices).sum((-2, -1))
        torch.testing.assert_close(near, best, atol=1e-9, rtol=0)
