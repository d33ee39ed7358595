"""Steps on the spot: laws on recorded walks and runs."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor

from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.motion.chain_ik import bones_of
from kinelex.motion.contacts import run_ids
from kinelex.motion.formats import read_motion
from kinelex.motion.heading import facing
from kinelex.motion.mirror import mirror_joints
from kinelex.motion.quality import motion_quality
from kinelex.motion.skeleton import HUMANML3D
from kinelex.motion.stepping import step_in_place

FPS = 20.0
ANKLES, TOES = [7, 8], [10, 11]
UPPER = [joint for joint in range(22) if joint not in (4, 5, 7, 8, 10, 11)]


def recorded() -> dict[str, Tensor]:
    """Walks and runs (T, 22, 3) by name."""
    walk = read_motion(Path(__file__).parents[1] / "data" / "clips" / "bandai_walk_normal.bvh")
    found = {"walk": torch.from_numpy(walk.positions)}
    for label, longest in (("walk", 2), ("run", 4)):
        clips = [each.motion for each in load_recordings() if each.label == label and len(each.motion) > 40]
        found |= {f"{label}{n}": torch.from_numpy(clip.positions) for n, clip in enumerate(clips[:longest])}
    return found


CLIPS = recorded()


def stepping(positions: Tensor) -> Tensor:
    return step_in_place(positions, FPS, HUMANML3D)


def heights(positions: Tensor) -> Tensor:
    """(T, 2) metres of the ankles above where each of them stands."""
    ankles = positions[:, ANKLES, 1]
    return ankles - torch.quantile(ankles, 0.1, dim=0)


@pytest.fixture(params=list(CLIPS))
def clip(request: pytest.FixtureRequest) -> Tensor:
    return CLIPS[request.param]


def test_bones_keep_their_length(clip: Tensor) -> None:
    before, after = (bones_of(joints, HUMANML3D).norm(dim=-1) for joints in (clip, stepping(clip)))
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)


def test_the_pelvis_stays_and_ends_where_it_began(clip: Tensor) -> None:
    path = stepping(clip)[:, 0, [0, 2]] - clip[0, 0, [0, 2]]
    assert (clip[-1, 0, [0, 2]] - clip[0, 0, [0, 2]]).norm() > 2
    assert path.norm(dim=-1).max() < 0.12
    assert path[-1].norm() < 0.02


def test_each_foot_lifts_as_often_as_it_did_and_clearly(clip: Tensor) -> None:
    before, after = heights(clip), heights(stepping(clip))
    assert after.amax(0).min() > 0.1
    for foot in range(2):
        often, as_often = (int(run_ids(each[:, foot] > 0.06).max()) for each in (after, before))
        assert abs(often - as_often) <= 1


def test_walking_feet_take_turns() -> None:
    up = heights(stepping(CLIPS["walk"])) > 0.05
    assert not up.all(-1).any()
    order = [int(frame[1]) for frame in up if frame.any()]
    turns = sum(one != other for one, other in pairwise(order))
    assert turns == sum(int(run_ids(up[:, foot]).max()) for foot in range(2)) - 1


def test_planted_feet_do_not_slide(clip: Tensor) -> None:
    before, after = (motion_quality(joints, FPS, HUMANML3D) for joints in (clip, stepping(clip)))
    assert after.foot_skating_cm_s < 0.7 * before.foot_skating_cm_s
    assert after.floor_penetration_cm < 1e-4
    assert after.floating_share == 0
    assert after.jerk_m_s3 < 1.2 * before.jerk_m_s3


def test_legs_stand_apart_bend_forward_and_toes_hang(clip: Tensor) -> None:
    made = stepping(clip)
    heading = facing(made, HUMANML3D).mean(0)
    ahead = torch.stack((heading[0], torch.tensor(0.0), heading[1]))
    left = torch.stack((heading[1], torch.tensor(0.0), -heading[0]))
    assert ((made[:, 7] - made[:, 8]) @ left).min() > 0.08
    for hip, knee, ankle in ((1, 4, 7), (2, 5, 8)):
        assert ((made[:, knee] - (made[:, hip] + made[:, ankle]) / 2) @ ahead).min() > -0.02
    assert (made[:, TOES, 1] - made[:, ANKLES, 1]).max() < 0


def test_the_heading_stays_and_the_body_is_upright(clip: Tensor) -> None:
    made = stepping(clip)
    heading = facing(made, HUMANML3D)
    third = len(made) // 3
    assert torch.cosine_similarity(heading[:third].mean(0), heading[-third:].mean(0), dim=0) > 0.98
    trunk = made[:, HUMANML3D.index("neck")] - made[:, 0]
    assert (trunk[:, 1] / trunk.norm(dim=-1)).min() > 0.95


def test_arms_and_trunk_keep_their_pose(clip: Tensor) -> None:
    """The lean is taken out of all frames alike, so distances between joints say it."""
    before, after = (torch.cdist(joints[:, UPPER], joints[:, UPPER]) for joints in (clip, stepping(clip)))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=0)


def test_the_mirror_image_steps_as_the_mirror_image(clip: Tensor) -> None:
    torch.testing.assert_close(
        stepping(mirror_joints(clip, HUMANML3D)), mirror_joints(stepping(clip), HUMANML3D), atol=1e-4, rtol=0
    )


def test_where_a_clip_lies_and_faces_does_not_matter(clip: Tensor) -> None:
    around = torch.tensor([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0], [-0.8, 0.0, 0.6]])
    moved = torch.tensor([2.0, 0.0, -1.0])
    torch.testing.assert_close(
        stepping(clip @ around.T + moved), stepping(clip) @ around.T + moved, atol=1e-4, rtol=0
    )


def test_the_frame_rate_hardly_matters() -> None:
    walk = CLIPS["walk"]
    rows = walk.flatten(1).T.unsqueeze(0)
    fast = torch.nn.functional.interpolate(rows, size=3 * len(walk) - 2, mode="linear", align_corners=True)
    fast = fast[0].T.unflatten(1, (22, 3))
    made = step_in_place(fast, 3 * FPS, HUMANML3D)[::3]
    assert (made - stepping(walk)).norm(dim=-1).mean() < 0.01


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips(frames: int) -> None:
    made = stepping(CLIPS["walk"][:frames])
    assert made.shape == (frames, 22, 3)
    assert made.isfinite().all()


def test_a_body_that_stands_stays_as_it_stood() -> None:
    still = CLIPS["walk"][:1].repeat(30, 1, 1)
    made = stepping(still)
    assert made.diff(dim=0).abs().max() < 1e-5
    assert (made[:, 0] - still[:, 0]).norm(dim=-1).max() < 0.15
