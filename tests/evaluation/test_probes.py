"""The probes answer as the labels of recordings do, whatever the clip's place, heading and side."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import find_peaks

from kinelex.cli.main import main
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.actions import turning_points
from kinelex.evaluation.probes.body import Body, unwrapped
from kinelex.evaluation.probes.questions import QUESTIONS, answer, episodes, faster
from kinelex.evaluation.probes.recordings import Recording, load_recordings, save_recordings
from kinelex.evaluation.probes.report import probe_document
from kinelex.evaluation.probes.scoring import run_suite, score_families
from kinelex.evaluation.probes.suite import Member, MinimalPair, minimal_pairs
from kinelex.evaluation.probes.validation import TRUSTED, Validation, joined, validate, wilson_interval
from kinelex.motion.mirror import mirror_joints
from kinelex.motion.motion import Motion

OTHER_SIDE = {
    "left": "right", "right": "left", "clockwise": "counterclockwise", "counterclockwise": "clockwise",
}  # fmt: skip


@cache
def recordings() -> tuple[Recording, ...]:
    return tuple(load_recordings())


@cache
def validation() -> dict[str, Validation]:
    return validate(recordings())


def first_of(label: str) -> Motion:
    return next(recording.motion for recording in recordings() if recording.label == label)


SAMPLES = (
    "walk-turn-left",
    "walk-back",
    "wave-right-hand",
    "kickLFront1Reps",
    "hopBothLegs1hops",
    "squat1Reps",
)


def test_every_probe_agrees_with_the_labels_and_untested_ones_are_not_trusted() -> None:
    found = validation()
    untrusted = {question for question, result in found.items() if not result.trusted}
    assert untrusted == {"sit"}
    for question, result in found.items():
        assert result.n == sum(total for _, total in result.classes.values()), question
        low, high = result.interval
        assert low <= result.accuracy <= high
        assert result.accuracy >= TRUSTED


def test_the_suite_has_sixty_pairs_in_several_phrasings_and_asks_only_what_is_validated() -> None:
    pairs = minimal_pairs()
    assert len({pair.number for pair in pairs}) >= 60
    for number in {pair.number for pair in pairs}:
        phrasings = {pair.first.text for pair in pairs if pair.number == number}
        assert len(phrasings) >= 3
    assert {question for pair in pairs for question in pair.questions} <= set(validation())
    assert all(pair.first.text != pair.second.text and "_" not in pair.first.text for pair in pairs)
    known = {name: set(result.classes) for name, result in validation().items()}
    for pair in pairs:
        for member in (pair.first, pair.second):
            for question, expected in member.expected.items():
                assert question in ("pace", "sit") or expected in known[question], (question, expected)


@pytest.mark.parametrize("label", SAMPLES)
def test_answers_do_not_depend_on_place_and_heading(label: str) -> None:
    motion = first_of(label)
    turned = motion.positions @ np.array([[0.6, 0, -0.8], [0, 1, 0], [0.8, 0, 0.6]], np.float32)
    moved = motion.with_positions(turned + np.array([3, 0.4, -2], np.float32))
    for question in QUESTIONS:
        assert answer(question, Body.of(moved)) == answer(question, Body.of(motion)), question


@pytest.mark.parametrize("label", SAMPLES)
def test_a_mirrored_clip_gives_the_mirrored_answers(label: str) -> None:
    motion = first_of(label)
    positions = mirror_joints(torch.from_numpy(motion.positions), motion.skeleton)
    mirrored = Body.of(motion.with_positions(positions.numpy()))
    for question in QUESTIONS:
        given = answer(question, Body.of(motion))
        assert answer(question, mirrored) == OTHER_SIDE.get(given, given), question


def test_repeating_an_action_counts_up() -> None:
    squat = first_of("squat1Reps")
    for times in (1, 2, 4):
        assert answer("count squat", Body.of(joined([squat] * times))) == str(times)


def test_order_follows_time_and_needs_both_actions() -> None:
    squat, kick = first_of("squat1Reps"), first_of("kickLFront1Reps")
    assert answer("order squat kick", Body.of(joined([squat, kick]))) == "squat"
    assert answer("order squat kick", Body.of(joined([kick, squat]))) == "kick"
    assert answer("order squat kick", Body.of(kick)) == "none"


def test_playing_faster_is_faster() -> None:
    walk = first_of("walk")
    quick = Body.of(Motion(walk.positions, walk.fps * 1.5))
    assert faster(quick, Body.of(walk))
    assert not faster(Body.of(walk), Body.of(walk))


def test_whole_turns_are_counted() -> None:
    angle = torch.linspace(0, 5 * torch.pi, 60)
    directions = torch.stack((torch.sin(angle), torch.cos(angle)), dim=-1)
    torch.testing.assert_close(unwrapped(directions), angle, atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", range(5))
def test_turning_points_are_the_prominent_peaks_of_scipy(seed: int) -> None:
    time = np.linspace(0, 4 * np.pi, 200)
    path = np.sin(time + seed) + 0.01 * np.random.default_rng(seed).normal(size=200)
    peaks = sorted([*find_peaks(path, prominence=0.5)[0], *find_peaks(-path, prominence=0.5)[0]])
    assert torch.nonzero(turning_points(torch.from_numpy(path), 0.5)).flatten().tolist() == peaks


def test_a_still_or_one_frame_clip_does_nothing() -> None:
    standing = first_of("raise-up-left-hand").positions[:1]
    for frames in (1, 2, 40):
        body = Body.of(Motion(np.repeat(standing, frames, axis=0)))
        assert answer("turn", body) == "straight"
        assert answer("travel", body) == "in place"
        assert answer("gait", body) == answer("direction", body) == answer("hand", body) == "none"
        for action in ("wave", "kick", "jump", "squat", "lie"):
            assert answer(action, body) == "no"
        assert answer("count jump", body) == "0"
        assert answer("stop", body) == "still"


def test_unknown_questions_are_refused() -> None:
    body = Body.of(first_of("walk"))
    for question in ("dance", "count dance", "order dance kick", ""):
        with pytest.raises(KinelexError, match="choose from"):
            answer(question, body)


def test_episodes_are_the_long_enough_runs() -> None:
    active = torch.tensor([0, 1, 1, 1, 0, 1, 0, 0, 1, 1], dtype=torch.bool)
    assert episodes(active, fps=20.0) == [(1, 3), (8, 9)]
    assert episodes(torch.zeros(4, dtype=torch.bool), fps=20.0) == []


def test_wilson_interval_against_its_defining_equation() -> None:
    """The bounds are the shares p for which the observed one is 1.96 standard errors of p away."""
    for right, total in ((0, 10), (3, 10), (199, 200)):
        for bound in wilson_interval(right, total):
            error = abs(right / total - bound)
            assert error == pytest.approx(1.96 * np.sqrt(bound * (1 - bound) / total), abs=1e-9)


def test_a_model_that_copies_recordings_scores_and_one_that_ignores_words_does_not() -> None:
    pair = MinimalPair(
        "hand",
        0,
        Member("raise the left hand", {"hand": "left"}),
        Member("raise the right", {"hand": "right"}),
    )
    left, right = first_of("raise-up-left-hand"), first_of("raise-up-right-hand")
    obeying = run_suite([pair], lambda texts, seed: [left, right], range(3))
    ignoring = run_suite([pair], lambda texts, seed: [left, left], range(3))
    assert score_families(obeying, validation())["hand"].rate == 1.0
    assert score_families(ignoring, validation())["hand"].rate == 0.0
    assert score_families(ignoring, validation())["hand"].members_right == 3


def test_a_probe_that_failed_scores_nothing() -> None:
    pair = MinimalPair("hand", 0, Member("a", {"hand": "left"}), Member("b", {"hand": "right"}))
    clip = first_of("raise-up-left-hand")
    bad = {"hand": Validation("hand", {("left", "left"): 10, ("right", "right"): 9, ("right", "left"): 1})}
    verdicts = run_suite([pair], lambda texts, seed: [clip, clip], [0])
    score = score_families(verdicts, bad)["hand"]
    assert (score.rate, score.pairs, score.unscored) == (None, 0, ("hand",))
    assert [trial["scored"] for trial in probe_document(verdicts, {}, bad)["trials"]] == [False]


def test_recordings_round_trip_to_the_millimetre(tmp_path: Path) -> None:
    some = list(recordings()[:3])
    save_recordings(some, tmp_path / "some.npz")
    for before, after in zip(some, load_recordings(tmp_path / "some.npz"), strict=True):
        assert (before.id, before.label, before.motion.fps) == (after.id, after.label, after.motion.fps)
        np.testing.assert_allclose(after.motion.positions, before.motion.positions, atol=6e-4)


def test_broken_recordings_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 cut off")
    for name in ("broken.npz", "absent.npz"):
        with pytest.raises(KinelexError, match=name):
            load_recordings(tmp_path / name)


def test_the_command_writes_families_and_validation(model_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "probes.json"
    picture = tmp_path / "confusions.png"
    command = ["probe", str(model_folder), "--seeds", "1", "--family", "stop", "--output", str(output)]
    assert main([*command, "--picture", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    document = json.loads(output.read_text())
    assert set(document["families"]) == {"stop"}
    assert document["families"]["stop"]["pairs"] == 3
    assert 0 <= document["families"]["stop"]["both_right"] <= 1
    assert document["validation"]["turn"]["n"] > 100
    assert document["validation"]["turn"]["accuracy"] > 0.95
    assert [trial["scored"] for trial in document["trials"]] == [True] * 9


@pytest.mark.parametrize(
    "wrong", [["--seeds", "0"], ["--family", "colour"], ["no-such-model", "--family", "stop"]]
)
def test_wrong_input_is_one_sentence(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", *wrong]) == 2
    assert capsys.readouterr().err.count("\n") == 1
