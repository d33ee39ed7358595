"""Laws of splicing: kept frames are the recorded ones, and nothing jumps where the new ones begin and end."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kinelex.motion.chain_ik import bones_of
from kinelex.motion.easing import smooth_step
from kinelex.motion.features import canonical_joints
from kinelex.motion.seam_smoothing import JOINT_JUMP, ROOT_JUMP, _bent, smoothed_seams
from kinelex.motion.seams import jumps_at
from kinelex.motion.skeleton import HUMANML3D
from kinelex.motion.splicing import moved_onto, resized, splice
from rig_clips import RECORDED

LEAD, SIZE = 20, 24


@pytest.fixture(scope="module")
def clip() -> torch.Tensor:
    return canonical_joints(torch.from_numpy(np.load(RECORDED)), HUMANML3D)


def turned(joints: torch.Tensor) -> torch.Tensor:
    """The clip elsewhere on the floor, facing another way."""
    quarter = joints.new_tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    return joints @ quarter.T + joints.new_tensor([3.0, 0.0, -5.0])


def largest_step(joints: torch.Tensor) -> float:
    return float(joints.diff(dim=0).norm(dim=-1).max())


def test_splicing_a_clip_into_itself_changes_nothing(clip: torch.Tensor) -> None:
    joined = splice(clip, turned(clip)[40:110], 60, 84, LEAD, SIZE, HUMANML3D)
    torch.testing.assert_close(joined, clip, atol=1e-4, rtol=0)


def test_kept_frames_stay_and_nothing_jumps(clip: torch.Tensor) -> None:
    """The drawn frames are a few centimetres off, differently at both ends, as decoded tokens are."""
    first, last = 0.03 * torch.randn(2, 22, 3, generator=torch.Generator().manual_seed(0))
    drawn = turned(clip[40:104] + torch.lerp(first, last, torch.linspace(0, 1, 64).view(-1, 1, 1)))
    joined = splice(clip, drawn, 60, 84, LEAD, SIZE, HUMANML3D)
    assert len(joined) == len(clip)
    assert torch.equal(joined[:60], clip[:60])
    after = moved_onto(joined[84:], joined[84:85], clip[84:85], HUMANML3D)
    torch.testing.assert_close(after, clip[84:], atol=1e-4, rtol=0)
    for join in (60, 84):
        ours, recorded = (largest_step(joints[join - 1 : join + 1]) for joints in (joined, clip))
        assert ours == pytest.approx(recorded, abs=0.01)


def test_the_gap_may_be_at_either_end_or_beyond_it(clip: torch.Tensor) -> None:
    beginning = splice(clip, turned(clip)[:70], 0, 50, 0, 50, HUMANML3D)
    torch.testing.assert_close(
        beginning - beginning[0, :1], turned(clip) - turned(clip)[0, :1], atol=1e-4, rtol=0
    )
    longer = splice(clip[:60], clip[40:110], 60, 60, LEAD, 50, HUMANML3D)
    torch.testing.assert_close(longer, clip[:110], atol=1e-4, rtol=0)


def test_new_frames_have_the_recorded_bones(clip: torch.Tensor) -> None:
    tall = clip * 1.2
    grown = resized(clip, tall, HUMANML3D)
    torch.testing.assert_close(grown, tall, atol=1e-3, rtol=0)
    joined = splice(tall, grown[40:104], 60, 84, LEAD, SIZE, HUMANML3D)
    lengths = bones_of(joined, HUMANML3D).norm(dim=-1)
    assert float((lengths - lengths.median(dim=0).values).abs().max()) < 1e-3


def test_a_seam_that_jumps_is_bent_and_no_more_than_it_takes(clip: torch.Tensor) -> None:
    """New frames that hop upwards at the end of the gap: 20 cm, gained and lost within a quarter of a second."""
    hop = torch.zeros(len(clip), 1, 3)
    hop[79:84, 0, 1] = torch.tensor([0.04, 0.12, 0.2, 0.2, 0.12])
    hopping, new = clip + hop, range(50, 84)
    before = jumps_at(hopping, HUMANML3D.fps, [84])
    assert float(before.root) > ROOT_JUMP
    bent = smoothed_seams(hopping, [50, 84], new, HUMANML3D.fps)
    after = jumps_at(bent, HUMANML3D.fps, [84])
    assert float(after.root) <= ROOT_JUMP
    assert float(after.joints) <= JOINT_JUMP
    assert torch.equal(bent[:50], clip[:50])
    assert torch.equal(bent[84:], clip[84:])
    # The other seam does not jump, and frames half a second away stay.
    assert torch.equal(bent[50:74], clip[50:74])


def test_smooth_seams_stay_as_they_are(clip: torch.Tensor) -> None:
    assert torch.equal(smoothed_seams(clip, [50, 84], range(50, 84), HUMANML3D.fps), clip)


def test_bent_frames_are_the_minimum_of_their_cost(clip: torch.Tensor) -> None:
    """Moving any of them a little only raises the sum that they minimise."""
    hop = torch.zeros(len(clip), 1, 3)
    hop[80:84, 0, 1] = 0.3
    rough = (clip + hop).double()
    bent = _bent(rough, 84, range(50, 84), 10.0, 10)
    frame = torch.arange(1, len(clip) - 1)
    fade = 1 - smooth_step(((frame - 83.5).abs() / 11).clamp(max=1)).double()

    def cost(joints: torch.Tensor) -> float:
        second = joints.diff(n=2, dim=0).square().sum((1, 2))
        return float((joints - rough).square().sum() + 10.0 * (fade * second).sum())

    least = cost(bent)
    assert least < cost(rough)
    draws = torch.Generator().manual_seed(0)
    for frame_number in range(74, 84):
        moved = bent.clone()
        moved[frame_number] += 1e-3 * torch.randn(22, 3, generator=draws)
        assert cost(moved) > least
