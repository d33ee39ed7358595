"""Recordings show what is said of them, and not the opposite."""

from __future__ import annotations

import numpy as np
import pytest

from kinelex.checking.check import check
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.recordings import load_recordings
from kinelex.evaluation.probes.validation import joined
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import KIT

SAID = {
    "kickLFront1Reps": ("a person kicks with the left leg once", "a person kicks with the right leg once"),
    "squat1Reps": ("a person does one squat", "a person squats twice"),
    "hopBothLegs1hops": ("a person hops forward once", "a person hops three times"),
    "wave-left-hand": ("a person waves with the left hand", "a person waves with both hands"),
    "walk-turn-right": ("a person walks and turns right", "a person walks and turns left"),
    "run": ("a person runs forward", "a person walks backward"),
    "walk-back": ("a person walks backwards", "a person runs forward"),
}


@pytest.fixture(scope="module")
def recordings() -> dict[str, list[Motion]]:
    """Some of the probes' recordings, by label."""
    found: dict[str, list[Motion]] = {}
    for recording in load_recordings():
        if recording.label in SAID and len(found.setdefault(recording.label, [])) < 6:
            found[recording.label].append(recording.motion)
    assert found.keys() == SAID.keys()
    return found


def whole(motion: Motion, text: str) -> Motion:
    """The clip as one that a phrase describes."""
    return motion.with_segments((Segment(text, 0.0, motion.seconds),))


def test_recordings_show_what_is_true_and_not_what_is_false(recordings: dict[str, list[Motion]]) -> None:
    true = [
        f for label, clips in recordings.items() for clip in clips for f in check(whole(clip, SAID[label][0]))
    ]
    false = [check(whole(clip, SAID[label][1])) for label, clips in recordings.items() for clip in clips]
    assert np.mean([finding.right for finding in true]) > 0.95
    assert np.mean([all(finding.right for finding in findings) for findings in false]) < 0.05


def test_each_phrase_is_looked_for_in_its_own_seconds(recordings: dict[str, list[Motion]]) -> None:
    wave, run = recordings["wave-left-hand"][0], recordings["run"][0]
    clip = joined([wave, run])
    texts = ("a person waves with the left hand", "a person runs forward")
    for said, right in ((texts, True), (texts[::-1], False)):
        spans = ((0.0, wave.seconds), (wave.seconds, clip.seconds))
        segments = tuple(Segment(text, *span) for text, span in zip(said, spans, strict=True))
        findings = check(clip.with_segments(segments))
        assert {finding.claim.question for finding in findings} == {"wave", "hand", "direction", "gait"}
        assert all(finding.right for finding in findings) is right


def test_the_same_phrase_again_is_counted(recordings: dict[str, list[Motion]]) -> None:
    squat = recordings["squat1Reps"][0]
    clip = joined([squat, squat, squat])
    third = clip.seconds / 3
    for times in (2, 3):
        segments = tuple(
            Segment(
                "a person squats once",
                part * third,
                clip.seconds if part == times - 1 else (part + 1) * third,
            )
            for part in range(times)
        )
        (count,) = (f for f in check(clip.with_segments(segments)) if f.claim.question == "count squat")
        assert (count.claim.expected, count.found, count.right) == (str(times), "3", times == 3)


def test_what_cannot_be_seen_is_not_claimed_and_what_cannot_be_checked_is_said() -> None:
    still = np.zeros((40, 22, 3), dtype=np.float32)
    assert check(whole(Motion(still), "a person is happy")) == ()
    with pytest.raises(KinelexError, match="no phrases"):
        check(Motion(still))
    other = Motion(np.zeros((10, 21, 3), dtype=np.float32), 12.5, KIT)
    with pytest.raises(KinelexError, match="retarget"):
        check(whole(other, "a person waves"))


def test_a_clip_of_one_frame_shows_nothing_but_does_not_fail() -> None:
    one = Motion(np.zeros((1, 22, 3), dtype=np.float32))
    findings = check(whole(one, "a person walks forward and kicks with the left leg"))
    assert findings
    assert not any(finding.right for finding in findings)


def test_a_phrase_after_the_end_is_named(recordings: dict[str, list[Motion]]) -> None:
    (clip, *_), late = next(iter(recordings.values())), Segment("a person jumps", 99.0, 101.0)
    with pytest.raises(KinelexError, match="'a person jumps' starts at 99 s, after the end of the clip"):
        check(clip.with_segments((late,)))
    (at_the_end,) = check(clip.with_segments((Segment("a person jumps", clip.seconds, clip.seconds + 1),)))
    assert at_the_end.found == "no"
