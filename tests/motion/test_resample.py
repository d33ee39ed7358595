"""Resampling: exact frames at integer ratios, great arcs and straight lines between them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import roma
import torch

from kinelex.errors import KinelexError
from kinelex.motion.animation import Animation
from kinelex.motion.resample import resample_animation, resample_joints


def spinning(frames: int, fps: float, turns_a_second: float = 0.25) -> Animation:
    """One joint that turns about a fixed axis and moves on a straight line, both at constant speed."""
    seconds = torch.arange(frames, dtype=torch.float64) / fps
    axis = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64) / math.sqrt(6)
    rotations = roma.rotvec_to_unitquat(seconds[:, None] * axis * 2 * math.pi * turns_a_second)
    translations = seconds[:, None] * torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    return Animation(
        ("root",), (-1,), torch.zeros(1, 3), rotations[:, None], translations[:, None], fps, "generic"
    )


def angle(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(roma.unitquat_geodesic_distance(first, second).max())


@pytest.mark.parametrize(("fps", "step"), [(120.0, 6), (60.0, 3), (20.0, 1), (119.9999, 6)])
def test_integer_ratios_take_every_nth_frame_exactly(fps: float, step: int) -> None:
    source = spinning(100, fps)
    taken = resample_animation(source, 20.0)
    assert taken.fps == 20.0
    assert torch.equal(taken.rotations, source.rotations[::step])
    assert torch.equal(resample_joints(source.translations, fps, 20.0), source.translations[::step])


@pytest.mark.parametrize(("fps", "target"), [(30.0, 20.0), (25.0, 20.0), (20.0, 60.0), (29.97, 24.0)])
def test_constant_speed_stays_constant_speed(fps: float, target: float) -> None:
    source = spinning(61, fps)
    ours = resample_animation(source, target)
    expected = spinning(len(ours), target)
    assert angle(ours.rotations, expected.rotations) < 1e-6
    assert torch.allclose(ours.translations, expected.translations)
    assert -1e-9 < source.seconds - 1 / fps - (ours.seconds - 1 / target) < 1 / target + 1e-9


def test_the_sign_of_a_quaternion_does_not_matter() -> None:
    source = spinning(31, 30.0)
    signs = torch.where(torch.arange(31) % 2 == 0, 1.0, -1.0).double()[:, None, None]
    flipped = replace(source, rotations=source.rotations * signs)
    assert (
        angle(resample_animation(source, 20.0).rotations, resample_animation(flipped, 20.0).rotations) < 1e-6
    )


def test_one_frame_stays_one_frame() -> None:
    assert len(resample_animation(spinning(1, 30.0), 20.0)) == 1
    assert len(resample_animation(spinning(1, 30.0), 100.0)) == 1


@pytest.mark.parametrize("fps", [0.0, -1.0, 1e-300, 0.099, 1000.1, 1e9, 1e300, math.nan, math.inf])
def test_impossible_rates_are_refused(fps: float) -> None:
    with pytest.raises(KinelexError, match=r"give rates of 0\.1 to 1000"):
        resample_animation(spinning(5, 30.0), fps)
    with pytest.raises(KinelexError, match=r"give rates of 0\.1 to 1000"):
        resample_joints(torch.zeros(4, 2, 3), fps, 20.0)
    with pytest.raises(KinelexError, match=r"give 0\.1 to 1000"):
        replace(spinning(5, 30.0), fps=fps)


def test_the_slowest_and_the_fastest_rate_are_possible() -> None:
    assert len(resample_animation(spinning(11, 0.1), 1000.0)) == 100 * 1000 + 1
    assert len(resample_joints(torch.zeros(10_001, 2, 3), 1000.0, 0.1)) == 2
