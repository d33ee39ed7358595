"""What falls freely is in the air by right; what hangs there floats."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.motion.flight import GRAVITY, fall, floating
from kinelex.motion.quality import motion_quality
from kinelex.motion.skeleton import HUMANML3D

FPS = 20.0


def lifted(heights: Tensor) -> Tensor:
    """(T, 22, 3) somebody who stands, raised as a whole."""
    standing = next(each for each in load_recordings() if each.label == "bow").motion.positions[:1]
    body = torch.from_numpy(np.repeat(standing, len(heights), axis=0)).double()
    body[..., 1] -= body[..., 1].min()
    return body + heights.view(-1, 1, 1) * torch.tensor([0.0, 1.0, 0.0])


def jump(seconds: float, gravity: float) -> Tensor:
    """Heights of a jump with half a second of standing before and after."""
    time = torch.arange(round(seconds * FPS) + 1) / FPS
    ground = torch.zeros(10)
    return torch.cat((ground, gravity / 2 * time * (seconds - time), ground))


@pytest.mark.parametrize("gravity", [GRAVITY, 3.0, -2.0, 0.0])
def test_the_fall_of_a_parabola_is_its_gravity(gravity: float) -> None:
    time = torch.arange(12) / 30
    heights = 1.3 + 2 * time - gravity / 2 * time**2
    assert fall(heights, 30) == pytest.approx(gravity, abs=1e-4)


def test_fewer_frames_than_a_parabola_needs_do_not_fall() -> None:
    assert fall(torch.tensor([1.0, 0.5]), FPS) == 0


@pytest.mark.parametrize("seconds", [0.4, 0.6, 0.8])
def test_a_jump_that_falls_freely_does_not_float(seconds: float) -> None:
    assert not floating(lifted(jump(seconds, GRAVITY)), FPS, HUMANML3D).any()


def test_a_jump_on_the_moon_floats_while_it_is_in_the_air() -> None:
    heights = jump(1.5, GRAVITY / 6)
    assert torch.equal(floating(lifted(heights), FPS, HUMANML3D), heights > 0.12)


def test_a_clip_that_begins_in_the_air_floats_until_it_stands_wherever_its_floor_is() -> None:
    heights = torch.cat((torch.full((15,), 0.5), torch.linspace(0.5, 0, 6)[1:], torch.zeros(20)))
    expected = heights > 0.12
    for floor in (0.0, 2.0, -1.0):
        assert torch.equal(floating(lifted(heights + floor), FPS, HUMANML3D), expected)
    quality = motion_quality(lifted(heights).float(), FPS, HUMANML3D)
    assert quality.floating_share == pytest.approx(float(expected.double().mean()))


def test_recordings_on_a_level_floor_do_not_float() -> None:
    shares = [
        float(floating(torch.from_numpy(each.motion.positions), each.motion.fps, HUMANML3D).double().mean())
        for each in load_recordings()[::5]
    ]
    assert len(shares) > 100
    assert np.mean(shares) < 0.002
