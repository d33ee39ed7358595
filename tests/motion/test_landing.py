"""Bodies that hang in the air come down; all others stay as they are."""

from __future__ import annotations

import pytest
import torch
from scipy.signal import find_peaks
from torch import Tensor

from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.motion.flight import GRAVITY, fall, floating
from kinelex.motion.landing import landed
from kinelex.motion.skeleton import HUMANML3D

STANDING = next(each for each in load_recordings() if each.label == "bow").motion.positions[0]


def body_at(heights: Tensor) -> Tensor:
    """(T, 22, 3) somebody who stands, with the lowest joint at heights (T,)."""
    body = torch.from_numpy(STANDING).double()
    body = body - torch.tensor([0.0, 1.0, 0.0]) * body[:, 1].min()
    return body + heights.double().view(-1, 1, 1) * torch.tensor([0.0, 1.0, 0.0])


def hanging(*levels: float, fps: float) -> Tensor:
    """Heights of a body that stands for a second, then rises or sinks to one level after another and stays there."""
    heights, now = [torch.zeros(round(fps))], 0.0
    for level in (*levels, 0.0):
        heights += [torch.linspace(now, level, round(fps / 2) + 1)[1:], torch.full((round(fps),), level)]
        now = level
    return torch.cat(heights)


def everywhere(body: Tensor) -> Tensor:
    return torch.ones(len(body), dtype=torch.bool)


def heights_of(body: Tensor) -> Tensor:
    return body[..., 1].amin(-1)


@pytest.mark.parametrize("fps", [20.0, 60.0])
@pytest.mark.parametrize("floor", [0.0, -1.5])
@pytest.mark.parametrize(
    ("levels", "jumps"), [((0.5,), 1), ((0.15,), 1), ((0.5, 0.2, 0.6), 2), ((0.5, 0.45), 1)]
)
def test_every_rise_of_a_body_that_hangs_is_a_jump(
    levels: tuple[float, ...], jumps: int, floor: float, fps: float
) -> None:
    before = body_at(hanging(*levels, fps=fps) + floor)
    assert floating(before, fps, HUMANML3D).any()
    after = landed(before, fps, HUMANML3D, everywhere(before))
    assert not floating(after, fps, HUMANML3D).any()
    heights = heights_of(after) - floor
    assert len(find_peaks(heights.numpy(), height=0.1)[0]) == jumps
    assert float(heights.max()) == pytest.approx(max(levels), abs=0.05)
    in_air = (heights > 0.05).nonzero()[:, 0]
    first_jump = in_air[: int((in_air.diff() > 1).nonzero()[0]) + 1] if jumps > 1 else in_air
    assert fall(heights[first_jump], fps) == pytest.approx(GRAVITY, rel=0.05)


def test_only_the_height_of_the_whole_body_changes_and_only_downwards() -> None:
    before = body_at(hanging(0.5, 0.1, 0.4, fps=20.0))
    moved = landed(before, 20.0, HUMANML3D, everywhere(before)) - before
    assert not moved[..., [0, 2]].any()
    torch.testing.assert_close(moved[..., 1], moved[:, :1, 1].expand(-1, 22))
    assert float(moved[..., 1].max()) <= 0


@pytest.mark.parametrize("heights", [torch.full((40,), 0.5), torch.linspace(0.6, 0.1, 40)])
def test_a_clip_that_begins_in_the_air_jumps_from_the_ground(heights: Tensor) -> None:
    before = body_at(torch.cat((heights, torch.linspace(float(heights[-1]), 0, 5)[1:], torch.zeros(20))))
    after = heights_of(landed(before, 20.0, HUMANML3D, everywhere(before)))
    assert float(after[0]) == pytest.approx(0, abs=1e-6)
    assert float(after.max()) > 0.3


def test_what_does_not_float_or_is_not_looked_at_stays_as_it_is() -> None:
    for each in load_recordings()[::7]:
        joints = torch.from_numpy(each.motion.positions)
        if not floating(joints, each.motion.fps, HUMANML3D).any():
            assert landed(joints, each.motion.fps, HUMANML3D, everywhere(joints)) is joints
    hangs = body_at(hanging(0.5, fps=20.0))
    assert landed(hangs, 20.0, HUMANML3D, ~everywhere(hangs)) is hangs


def test_a_flight_that_is_longer_than_where_one_looks_stays() -> None:
    climbs_and_jumps = body_at(
        torch.cat((torch.zeros(20), torch.linspace(0, 0.6, 40), torch.full((40,), 0.8)))
    )
    where = everywhere(climbs_and_jumps)
    where[:50] = False
    assert torch.equal(landed(climbs_and_jumps, 20.0, HUMANML3D, where), climbs_and_jumps)
    assert not torch.equal(
        landed(climbs_and_jumps, 20.0, HUMANML3D, everywhere(climbs_and_jumps)), climbs_and_jumps
    )
