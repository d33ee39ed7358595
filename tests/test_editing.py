"""Editing a clip: what is kept, how long it gets, what its phrases say afterwards, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kinelex.editing import Gap, overwrite
from kinelex.errors import KinelexError
from kinelex.generators.model import MotionModel
from kinelex.motion.motion import Motion, Segment
from kinelex.motion.skeleton import HUMANML3D, KIT
from kinelex.motion.splicing import moved_onto
from kinelex.pipeline import Pipeline
from rig_clips import recorded_motion, smooth_motion

PHRASES = ("a person walks", "a person turns left", "a person jumps")


@pytest.fixture(scope="module")
def pipeline(model: MotionModel) -> Pipeline:
    return Pipeline(model)


@pytest.fixture(scope="module")
def clip() -> Motion:
    """170 recorded frames with three phrases."""
    segments = (Segment(text, 2.0 * place, 2.0 * place + 2) for place, text in enumerate(PHRASES))
    return recorded_motion().with_segments(tuple(segments))


def same_but_moved(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether two clips differ by a move over the floor alone."""
    one, other = torch.from_numpy(left), torch.from_numpy(right)
    return torch.allclose(moved_onto(one, one[:1], other[:1], HUMANML3D), other, atol=1e-3)


def test_a_regenerated_phrase_keeps_the_rest(pipeline: Pipeline, clip: Motion) -> None:
    edited = pipeline.regenerate(clip, 2, seed=3)
    assert edited.positions.shape == clip.positions.shape
    assert edited.segments == clip.segments
    assert np.array_equal(edited.positions[:40], clip.positions[:40])
    assert not np.allclose(edited.positions[40:80], clip.positions[40:80], atol=0.05)
    assert same_but_moved(edited.positions[80:], clip.positions[80:])
    assert np.array_equal(edited.positions, pipeline.regenerate(clip, 2, seed=3).positions)
    assert not np.allclose(edited.positions, pipeline.regenerate(clip, 2, seed=4).positions)


def test_a_phrase_may_say_something_else(pipeline: Pipeline, clip: Motion) -> None:
    edited = pipeline.regenerate(clip, 2, "a person runs, then sits down")
    texts = [segment.text for segment in edited.segments]
    assert texts == ["a person walks", "a person runs", "a person sits down", "a person jumps"]
    assert (edited.segments[1].start, edited.segments[2].end) == (2.0, 4.0)


@pytest.mark.parametrize("seconds", [0.6, 2.0, 5.0])
def test_a_phrase_may_take_another_time(pipeline: Pipeline, clip: Motion, seconds: float) -> None:
    edited = pipeline.regenerate(clip, 2, duration=seconds)
    assert edited.seconds == pytest.approx(clip.seconds + seconds - 2.0)
    assert np.array_equal(edited.positions[:40], clip.positions[:40])
    assert same_but_moved(edited.positions[40 + round(seconds * 20) :], clip.positions[80:])
    assert [part.text for part in edited.segments] == list(PHRASES)
    assert edited.segments[1].end == pytest.approx(2.0 + seconds)
    assert edited.segments[2].start == pytest.approx(2.0 + seconds)
    said = pipeline.regenerate(clip, 2, "a person runs", duration=seconds)
    assert said.segments[1].text == "a person runs"
    assert [part.end for part in said.segments] == pytest.approx([part.end for part in edited.segments])


@pytest.mark.parametrize("seconds", [0.5, 0.7, 1.1])
def test_halves_of_a_token_take_a_whole_one(pipeline: Pipeline, clip: Motion, seconds: float) -> None:
    """As in a clip of that duration."""
    edited = pipeline.regenerate(clip, 2, duration=seconds)
    assert edited.seconds - clip.seconds + 2.0 == pytest.approx(pipeline("walks", duration=seconds).seconds)


def test_the_last_phrase_may_take_another_time(pipeline: Pipeline, clip: Motion) -> None:
    edited = pipeline.regenerate(clip, 3, duration=4.0)
    assert np.array_equal(edited.positions[:80], clip.positions[:80])
    assert edited.segments[2].end == pytest.approx(8.0)
    with pytest.raises(KinelexError, match=r"duration is 0.1 s"):
        pipeline.regenerate(clip, 2, duration=0.1)


@pytest.mark.parametrize(("start", "end"), [(0, 3), (0.1, 3), (3, 5.03), (5, 8.5), (5.03, 8.45)])
def test_any_part_can_be_drawn_again(pipeline: Pipeline, clip: Motion, start: float, end: float) -> None:
    edited = pipeline.inbetween(clip, start, end, "a person waves")
    assert len(edited) == len(clip)
    before, after = round(start * 20) if start >= 0.2 else 0, round(end * 20) + 2
    assert np.array_equal(edited.positions[:before], clip.positions[:before])
    if after < len(clip) - 4:
        assert same_but_moved(edited.positions[after:], clip.positions[after:])
    assert Segment("a person waves", start, end) in edited.segments


def test_extending_goes_on_from_the_last_frame(pipeline: Pipeline, clip: Motion) -> None:
    longer = pipeline.extend(clip, "a person walks, then sits down", 4.0)
    assert len(longer) == len(clip) + 80
    assert np.array_equal(longer.positions[: len(clip)], clip.positions)
    assert longer.segments[:3] == clip.segments
    assert (longer.segments[3].start, longer.segments[-1].end) == (8.5, 12.5)
    assert len(pipeline.extend(clip, "a person walks")) > len(clip)


def test_clips_longer_than_the_training_length_are_edited(pipeline: Pipeline, clip: Motion) -> None:
    long = pipeline.extend(clip, "a person walks", 30.0)
    edited = pipeline.inbetween(long, 5.0, 30.0, "a person runs")
    assert len(edited) == len(long) == 770
    assert np.array_equal(edited.positions[:100], long.positions[:100])
    assert same_but_moved(edited.positions[600:], long.positions[600:])


def test_a_clip_of_another_rate_is_taken_at_the_models(pipeline: Pipeline, clip: Motion) -> None:
    fast = Motion(np.repeat(clip.positions, 2, axis=0), 40.0, clip.skeleton, clip.segments)
    edited = pipeline.regenerate(fast, 2, seed=3)
    assert edited.fps == 20
    np.testing.assert_allclose(edited.positions[:40], clip.positions[:40])


@pytest.mark.parametrize("fps", [1.0, 7.0, 30.0])
def test_a_clip_of_another_rate_is_edited_up_to_its_end(pipeline: Pipeline, clip: Motion, fps: float) -> None:
    seconds = 5.0
    slow = Motion(clip.positions[: round(seconds * fps)], fps, segments=(Segment("walks", 0.0, seconds),))
    for edited in (
        pipeline.inbetween(slow, 2.0, slow.seconds, "a person waves"),
        pipeline.extend(slow, "a person waves", 1.0),
        pipeline.regenerate(
            slow.with_segments((Segment("walks", 0.0, 2.0), Segment("runs", 2.0, seconds))), 2
        ),
    ):
        first, second = edited.segments
        assert first.end == second.start
        assert second.end == pytest.approx(edited.seconds)


def test_what_cannot_be_edited_is_refused(pipeline: Pipeline, clip: Motion) -> None:
    silent = clip.with_segments(())
    with pytest.raises(KinelexError, match="no phrase 4"):
        pipeline.regenerate(clip, 4)
    with pytest.raises(KinelexError, match="give a text"):
        pipeline.inbetween(silent, 2, 4)
    for start, end in ((-1, 2), (3, 2), (2, 2), (2, 99), (float("nan"), 2)):
        with pytest.raises(KinelexError, match="no part of a clip"):
            pipeline.inbetween(clip, start, end)
    with pytest.raises(KinelexError, match="too short to go on from"):
        pipeline.inbetween(clip, 0, clip.seconds, "a person walks")
    with pytest.raises(KinelexError, match="too short to go on from"):
        pipeline.extend(Motion(clip.positions[:1]), "a person walks")
    with pytest.raises(KinelexError, match="skeleton kit"):
        pipeline.extend(smooth_motion(KIT), "a person walks")


@given(st.integers(8, 2000), st.data())
def test_a_gap_is_whole_tokens_inside_the_clip(frames: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, frames - 1))
    end = data.draw(st.integers(start + 1, frames))
    gap = Gap.between(frames, start, end, 4)
    assert 0 <= gap.start <= start < start + 1 <= gap.end <= frames
    assert abs(gap.end - end) < 8
    assert gap.size == gap.end - gap.start <= gap.tokens * 4
    assert gap.end == frames or gap.size == gap.tokens * 4
    assert gap.lead * 4 <= gap.start
    assert (gap.lead > 0) == (gap.start > 0)
    assert gap.trail * 4 <= frames - gap.end
    assert (gap.trail > 0) == (gap.end < frames)


def test_a_phrase_in_the_middle_of_another_splits_it() -> None:
    whole, new = Segment("walks", 0, 6), Segment("jumps", 2, 3)
    assert overwrite([whole], 2, 3, [new], 0.05) == (Segment("walks", 0, 2), new, Segment("walks", 3, 6))
    assert overwrite([whole], 0, 5.99, [new], 0.05) == (new,)


def test_a_phrase_shorter_than_a_clip_may_be_is_replaced(pipeline: Pipeline) -> None:
    clip = pipeline("a person walks, then waves, then jumps", durations=[1.0, 0.4, 1.0])
    new = pipeline.regenerate(clip, 2, "a person bows and then squats")
    assert [part.text for part in new.segments] == [
        "a person walks", "a person bows", "a person squats", "a person jumps",
    ]  # fmt: skip
    starts = [part.start for part in new.segments]
    assert starts == sorted(starts)
    assert new.segments[2].end == pytest.approx(1.4)
    assert new.seconds == pytest.approx(clip.seconds)
