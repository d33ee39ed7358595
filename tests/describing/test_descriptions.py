"""What is said of recordings agrees with the labels that people gave, and obeys the laws of mirrors and of order."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.checking.check import check
from kinelex.checking.claims import claims_of
from kinelex.data.phrases import verb_phrase
from kinelex.describing.describe import _phrases, _wording, captions, describe, named
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.actions import sits
from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.evaluation.probes.validation import joined
from kinelex.motion.mirror import mirror_joints
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import HUMANML3D, KIT
from kinelex.text.mirroring import mirror_text
from kinelex.text.repetition import Repeated

# What the label of a recording allows to be said of it; the first must be said.
ALLOWED = {
    "walk": ["walk forward", "walk"],
    "run": ["run forward", "run"],
    "dash": ["run forward", "run"],
    "walk-back": ["walk backward"],
    "walk-left": ["walk diagonally left", "walk sideways left"],
    "walk-right": ["walk diagonally right", "walk sideways right"],
    "walk-turn-left": ["walk turn left", "walk forward", "walk", "turn left"],
    "walk-turn-right": ["walk turn right", "walk forward", "walk", "turn right"],
    "raise-up-left-hand": ["raise left"],
    "raise-up-right-hand": ["raise right"],
    "raise-up-both-hands": ["raise both"],
    "wave-left-hand": ["wave left"],
    "wave-right-hand": ["wave right"],
    "wave-both-hands": ["wave both"],
    "kickLFront1Reps": ["kick left"],
    "squat1Reps": ["squat"],
    "hopBothLegs1hops": ["jump forward"],
    "lieDownFloor": ["lie down"],
}
STANDING = {"stand", "stop"}
SIDED = ("left", "right")
CLIPS = Path(__file__).parents[1] / "data" / "clips"


@pytest.fixture(scope="module")
def recordings() -> dict[str, list[Motion]]:
    """The probes' recordings, by label."""
    found: defaultdict[str, list[Motion]] = defaultdict(list)
    for recording in load_recordings():
        if recording.label in ALLOWED and len(found[recording.label]) < 12:
            found[recording.label].append(recording.motion)
    assert found.keys() == ALLOWED.keys()
    return dict(found)


def kinds(motion: Motion) -> list[str]:
    """Names of what happens in a clip."""
    return [f"{each.kind} {each.side}".strip() for each in named(motion) if each.kind]


def test_labels_are_found_and_nothing_else_is_said(recordings: dict[str, list[Motion]]) -> None:
    said = {label: [kinds(clip) for clip in clips] for label, clips in recordings.items()}
    true = [
        kind in ALLOWED[label]
        for label, clips in said.items()
        for clip in clips
        for kind in clip
        if kind not in STANDING
    ]
    assert np.mean(true) > 0.97
    found = [ALLOWED[label][0] in clip for label, clips in said.items() for clip in clips]
    assert np.mean(found) > 0.75


def test_episodes_fill_the_clip(recordings: dict[str, list[Motion]]) -> None:
    for clips in recordings.values():
        found = named(clips[0])
        assert found[0].start == 0
        assert found[-1].stop == len(clips[0].positions)
        assert all(a.stop == b.start for a, b in pairwise(found))


def test_the_mirror_image_is_described_by_the_mirrored_words(recordings: dict[str, list[Motion]]) -> None:
    for clips in recordings.values():
        for clip in clips[:3]:
            image = mirror_joints(torch.from_numpy(clip.positions), clip.skeleton).numpy()
            mirrored = describe(clip.with_positions(image))
            assert [part.text for part in mirrored] == [mirror_text(part.text) for part in describe(clip)]


def test_where_a_clip_lies_and_faces_does_not_matter(recordings: dict[str, list[Motion]]) -> None:
    turn = np.array([[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]], np.float32)
    for clips in recordings.values():
        moved = clips[0].with_positions(clips[0].positions @ turn.T + np.float32([3, 0.5, -2]))
        assert [part.text for part in describe(moved)] == [part.text for part in describe(clips[0])]


def test_clips_joined_are_described_in_their_order(recordings: dict[str, list[Motion]]) -> None:
    labels = ("squat1Reps", "wave-left-hand", "run")
    kind_of = dict(zip(labels, ("squat", "wave left", "run forward"), strict=True))
    parts = [next(clip for clip in recordings[label] if kind_of[label] in kinds(clip)) for label in labels]
    clip = joined(parts)
    found = {f"{each.kind} {each.side}".strip(): each for each in named(clip)}
    squat, wave, run = (found[kind] for kind in kind_of.values())
    assert squat.stop <= wave.start < wave.stop <= run.start
    cuts = np.cumsum([part.seconds for part in parts])[:2]
    np.testing.assert_allclose([squat.stop / clip.fps, run.start / clip.fps], cuts, atol=0.8)


def test_what_happens_twice_is_said_to(recordings: dict[str, list[Motion]]) -> None:
    clip = next(each for each in recordings["hopBothLegs1hops"] if kinds(each) == ["jump forward"])
    twice = joined([clip, clip])
    assert [part.text for part in describe(twice)] == ["a person jumps forward once"] * 2
    assert captions(twice)[0] == "a person jumps forward twice"
    often = joined([clip] * 7)
    assert len(describe(often)) == 7
    assert captions(often)[0] == "a person jumps forward several times"


def test_the_probes_see_what_is_said(recordings: dict[str, list[Motion]]) -> None:
    """The checker cuts at other frames and asks other code for walking, turning and hands."""
    findings = [
        finding
        for clips in recordings.values()
        for clip in clips[:6]
        if (parts := describe(clip))
        for finding in check(clip.with_segments(parts))
    ]
    assert len(findings) > 100
    assert np.mean([finding.right for finding in findings]) > 0.93


@pytest.mark.parametrize(("kind", "side"), [(kind, side) for kind in _wording() for side in SIDED])
def test_every_wording_is_one_phrase_and_claims_one_thing(kind: str, side: str) -> None:
    answers: defaultdict[str, set[str]] = defaultdict(set)
    for phrase in _phrases(kind, side):
        assert verb_phrase(f"a person {phrase}") == phrase
        for claim in claims_of(Repeated(f"a person {phrase}")):
            answers[claim.question].add(claim.expected)
        for other in SIDED:
            if f" {other} " in f" {phrase} ":
                assert other == side
    assert all(len(expected) == 1 for expected in answers.values()), answers


@pytest.fixture(scope="module")
def sitter() -> Motion:
    """Walks up to a stepstool, sits, gets up, turns around and does it again."""
    return Motion.load(CLIPS / "cmu_14_31_sits.npz")


SEAT = ["sit down", "sit", "stand up"]


@pytest.mark.parametrize("fps", [12.5, 20, 30])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_seat_is_told_from_a_squat(sitter: Motion, fps: float, mirrored: bool) -> None:
    clip = sitter.resampled(fps)
    if mirrored:
        clip = clip.with_positions(mirror_joints(torch.from_numpy(clip.positions), HUMANML3D).numpy())
    assert [kind for kind in kinds(clip) if "turn" not in kind] == SEAT * 2


def test_parts_of_a_seat_have_their_names(sitter: Motion) -> None:
    """Cut while it sits and while it stands, between 6.9 and 10 seconds and at 13."""
    begins, ends = (
        sitter.with_positions(sitter.positions[part]) for part in (slice(90, 165), slice(170, 260))
    )
    assert kinds(begins)[:2] == SEAT[1:]
    assert kinds(ends)[-2:] == SEAT[:2]
    findings = check(sitter.with_segments(describe(sitter)))
    assert [finding.right for finding in findings if finding.claim.question == "sit"] == [True] * 4


@pytest.mark.parametrize(("feet", "said"), [(0.35, "jumping jack"), (0.0, "raise both")])
def test_arms_that_go_up_while_the_feet_part_are_a_jumping_jack(feet: float, said: str) -> None:
    """A standing body whose arms swing up at its sides and whose feet go `feet` metres outwards meanwhile, twice."""
    phase = torch.linspace(0, 4 * torch.pi, 60)
    share = ((1 - torch.cos(phase)) / 2).double()
    clip = torch.from_numpy(recordings_first_frame()).double().repeat(60, 1, 1)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        out = to_side(clip[0]) * sign
        shoulder, elbow, wrist, hip, knee, ankle, toe = (
            HUMANML3D.index(f"{side}_{joint}")
            for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
        )
        angle = share.unsqueeze(-1) * 2.8
        arm = torch.sin(angle) * out - torch.cos(angle) * torch.tensor([0.0, 1.0, 0.0])
        clip[:, elbow] = clip[:, shoulder] + 0.28 * arm
        clip[:, wrist] = clip[:, shoulder] + 0.53 * arm
        for joint, reach in ((hip, 0.0), (knee, 0.5), (ankle, 1.0), (toe, 1.0)):
            clip[:, joint] += feet * reach * share.unsqueeze(-1) * out
    assert kinds(Motion(clip.float().numpy())) == [said] * 2


def to_side(pose: torch.Tensor) -> torch.Tensor:
    """(3,) unit vector from the right hip to the left one, level."""
    across = pose[HUMANML3D.index("left_hip")] - pose[HUMANML3D.index("right_hip")]
    return torch.nn.functional.normalize(across * torch.tensor([1.0, 0.0, 1.0]), dim=0)


def test_who_holds_the_balance_does_not_sit(recordings: dict[str, list[Motion]]) -> None:
    clips = [clip for clips in recordings.values() for clip in clips]
    assert not any(sits(Body.of(clip)).any() for clip in clips)
    assert len(clips) > 150


def test_captions_differ_and_come_again_with_their_seed(recordings: dict[str, list[Motion]]) -> None:
    clip = recordings["walk-turn-left"][0]
    made = captions(clip, 5, seed=3)
    assert len(set(made)) == 5
    assert captions(clip, 5, seed=3) == made
    assert captions(clip, 5, seed=4) != made


def test_a_body_that_hangs_still_stands_and_nothing_more() -> None:
    still = np.repeat(recordings_first_frame(), 40, axis=0)
    assert kinds(Motion(still)) == ["stand"]


def recordings_first_frame() -> np.ndarray:
    """(1, 22, 3) somebody who stands."""
    return next(each for each in load_recordings() if each.label == "walk").motion.positions[:1] * 1.0


def test_clear_errors() -> None:
    with pytest.raises(KinelexError, match="retarget it to humanml3d"):
        describe(Motion(np.zeros((20, 21, 3), np.float32), 12.5, KIT))
    with pytest.raises(KinelexError, match="shows nothing"):
        describe(Motion(np.zeros((2, 22, 3), np.float32), 20, HUMANML3D))
