"""The rotation closest to a matrix, for very many matrices at a time."""

from __future__ import annotations

import roma
import torch
from torch import Tensor

_GREATEST = 3.0**0.5  # eigenvalue there can be, of a matrix of norm 1
_STEPS = 25  # Newton's, from there; five are usual
_SETTLED = 1e-9  # the step after which there is nothing left to do: its error is of the order of its square
_CLEAR = 1e-2  # product of the distances to the other eigenvalues, from which on nine digits are right


def closest_rotations(matrices: Tensor) -> Tensor:
    """(..., 3, 3) rotations R that make trace(R^T M) largest for matrices M (..., 3, 3): those closest to them.

    R(q) of a unit quaternion q is linear in q q^T, so that trace(R^T M) = q^T K q with a symmetric K that is linear in
    M, and q belongs to K's greatest eigenvalue (P. Davenport's q-method; B. Horn, "Closed-form solution of absolute
    orientation using unit quaternions", J. Opt. Soc. Am. A 4, 1987). Newton's method finds that root of the
    characteristic polynomial (D. Theobald, Acta Cryst. A 61, 2005); the polynomial without it, at K, is q q^T. Where
    two rotations are almost equally close, singular values decide, one matrix at a time.

    Args:
        matrices: float64.
    """
    size = torch.linalg.matrix_norm(matrices).clamp(min=torch.finfo(matrices.dtype).tiny)
    forms = _FORMS.to(matrices.device)
    first = torch.einsum("abij,...ij->...ab", forms, matrices / _wide(size))
    second = first @ first
    third = second @ first
    squares, cubes, fourths = (
        (first * each).sum((-2, -1)) for each in (first, second, third)
    )  # sums of powers of the eigenvalues, whose own sum is 0
    quadratic, linear, constant = -squares / 2, -cubes / 3, (squares.square() / 2 - fourths) / 4

    greatest = torch.full_like(squares, _GREATEST)
    for _ in range(_STEPS):
        square = greatest.square()
        factor = square + quadratic
        cubic = torch.addcmul(linear, factor, greatest)
        slope = torch.addcmul(cubic, torch.add(factor, square, alpha=2), greatest)
        step = torch.addcmul(constant, cubic, greatest) / slope
        greatest = greatest - step
        if (step.abs() < _SETTLED).all():
            break
    rest = third + _wide(greatest) * second + _wide(greatest.square() + quadratic) * first
    # Its multiple of the identity is left out: half turns about the three axes, and none, add up to 0.
    rotations = torch.einsum("abij,...ab->...ij", forms, rest / _wide(slope))
    clear = torch.gt(slope, _CLEAR)
    if not clear.all():
        rotations[~clear] = _by_singular_values(matrices[~clear])
    return rotations


def _by_singular_values(matrices: Tensor) -> Tensor:
    """(N, 3, 3) closest rotations."""
    closest = roma.special_procrustes(matrices)
    assert isinstance(closest, Tensor)  # it is a tuple only when asked for singular values too
    return closest


def _wide(numbers: Tensor) -> Tensor:
    """(...) as (..., 1, 1)."""
    return numbers[..., None, None]


def _quadratic_forms() -> Tensor:
    """(4, 4, 3, 3) C, symmetric in its first two: R(q)_ij = q_a C_abij q_b for unit quaternions q."""
    basis = torch.eye(4, dtype=torch.float64)
    squares = roma.unitquat_to_rotmat(basis)
    halfway = roma.unitquat_to_rotmat(torch.nn.functional.normalize(basis[:, None] + basis, dim=-1))
    forms = halfway - (squares[:, None] + squares) / 2
    forms[range(4), range(4)] = squares
    return forms


_FORMS = _quadratic_forms()
