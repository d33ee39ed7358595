"""Laws of the pipeline on a tiny random model."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from kinelex.errors import KinelexError
from kinelex.evaluation.probes import questions
from kinelex.evaluation.probes.body import Body
from kinelex.generators.model import MotionModel
from kinelex.motion.flight import floating
from kinelex.motion.heading import facing
from kinelex.pipeline import Pipeline, load
from kinelex.planning import BETWEEN_REPETITIONS, LONGEST_REPETITION
from kinelex.prompts import Prompt


@pytest.fixture(scope="module")
def pipeline(model: MotionModel) -> Pipeline:
    return Pipeline(model)


def test_same_seed_same_motion_another_seed_another(pipeline: Pipeline) -> None:
    first, again, other = (pipeline("a person walks forward", seed=seed, duration=3.0) for seed in (4, 4, 5))
    assert np.array_equal(first.positions, again.positions)
    assert not np.allclose(first.positions, other.positions)


def test_a_clip_is_the_same_alone_and_in_a_batch(pipeline: Pipeline) -> None:
    prompts = [
        Prompt("a person walks", 1, 2.0),
        Prompt("a person runs then sits down", 2, 4.0),
        Prompt("jumps", 3, 2.0),
    ]
    together = pipeline.generate_batch(prompts)
    for prompt, motion in zip(prompts, together, strict=True):
        alone = pipeline.generate_batch([prompt])[0]
        assert alone.positions.shape == motion.positions.shape
        np.testing.assert_allclose(alone.positions, motion.positions, atol=1e-4)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 4.0, 9.8, 15.0])
def test_the_duration_is_kept_and_segments_cover_it(pipeline: Pipeline, seconds: float) -> None:
    motion = pipeline("a person walks forward, then sits down", duration=seconds)
    assert motion.seconds == pytest.approx(seconds, abs=pipeline.seconds_per_token / 2 + 1e-6)
    assert [segment.text for segment in motion.segments] == ["a person walks forward", "a person sits down"]
    assert motion.segments[0].start == 0
    assert motion.segments[0].end == motion.segments[1].start
    assert motion.segments[-1].end == pytest.approx(motion.seconds)


def test_given_segments_are_used_as_they_are(pipeline: Pipeline) -> None:
    motion = pipeline(segments=["a person runs", "a person jumps and waves"], duration=4.0)
    assert [segment.text for segment in motion.segments] == ["a person runs", "a person jumps and waves"]


def test_without_a_duration_the_length_is_estimated(pipeline: Pipeline) -> None:
    assert 0.5 <= pipeline("a person walks").seconds <= 9.8


def test_an_estimated_length_is_cut_to_the_longest_that_is_wanted(pipeline: Pipeline) -> None:
    text = "a person walks forward, then sits down"
    cuts = [Prompt(text, longest=seconds) for seconds in (60.0, 1.3)]
    prompts = [Prompt(text), *cuts, Prompt(text, duration=9.0, longest=1.3)]
    free, same, cut, given = pipeline.plan(prompts).lengths.tolist()
    assert free == same > 1.3 / pipeline.seconds_per_token
    assert cut == 6, "whole tokens of 0.2 s"
    assert given == 45, "what is asked for is not estimated"
    with pytest.raises(KinelexError, match="longest duration is 90 s"):
        Prompt(text, longest=90.0)


@pytest.mark.parametrize(
    ("text", "phrases"), [("a person walks", 1), ("a person walks, then sits, then runs", 3)]
)
@pytest.mark.parametrize("tokens", [12, 49])
def test_phrases_together_decide_past_the_longest_known_length(
    model: MotionModel, text: str, phrases: int, tokens: int
) -> None:
    """An estimator and durations that are sure of their answers: 20 tokens a phrase, and `tokens` for any sentence."""
    sure = copy.deepcopy(model)
    assert sure.length is not None
    assert sure.durations is not None
    for network, answer in ((sure.length, tokens), (sure.durations, 20)):
        last = network.output[-1]
        assert isinstance(last, torch.nn.Linear)
        with torch.no_grad():
            last.weight.zero_()
            last.bias.copy_(100.0 * torch.nn.functional.one_hot(torch.tensor(answer), 50))
    expected = 60 if (phrases, tokens) == (3, 49) else tokens
    assert Pipeline(sure).plan([Prompt(text)]).lengths.tolist() == [expected]


def test_a_counted_action_is_a_phrase_each_time(pipeline: Pipeline) -> None:
    once = "a person squats once"
    alone, thrice = pipeline(once), pipeline("a person squats three times")
    assert [part.text for part in thrice.segments] == [once] * 3
    assert thrice.seconds == pytest.approx(
        3 * min(alone.seconds + BETWEEN_REPETITIONS, LONGEST_REPETITION), abs=0.11
    )
    spans = [part.end - part.start for part in thrice.segments]
    assert spans == pytest.approx([spans[0]] * 3)
    assert pipeline("a person squats three times", duration=4.0).seconds == pytest.approx(4.0)
    kept = pipeline(segments=["a person squats three times"])
    assert [part.text for part in kept.segments] == ["a person squats three times"]


def test_repetitions_take_their_time_among_other_phrases(pipeline: Pipeline) -> None:
    motion = pipeline("a person walks forward, then squats twice, then waves")
    assert [part.text.split()[2] for part in motion.segments] == ["walks", "squats", "squats", "waves"]
    spans = [part.end - part.start for part in motion.segments]
    alone = pipeline("a person squats once").seconds
    assert spans[1:3] == pytest.approx([min(alone + BETWEEN_REPETITIONS, LONGEST_REPETITION)] * 2, abs=0.11)
    cut = pipeline.generate_batch([Prompt("a person squats five times", longest=3.0)])[0]
    assert cut.seconds == pytest.approx(3.0)


def test_the_bundled_model_squats_once_or_twice_as_asked() -> None:
    pipeline = load("default")
    for count, often in enumerate(("once", "twice"), start=1):
        motions = pipeline.generate_batch([Prompt(f"a person squats {often}", seed) for seed in range(4)])
        answers = [questions.answer("count squat", Body.of(motion)) for motion in motions]
        assert answers.count(str(count)) >= 3


def test_the_bundled_model_lands_between_two_jumps() -> None:
    pipeline = load("default")
    prompts = [Prompt("a person jumps twice", seed) for seed in range(4)]
    for motion in pipeline.generate_batch(prompts):
        afloat = floating(torch.from_numpy(motion.positions), motion.fps, motion.skeleton)
        assert float(afloat.float().mean()) < 0.05
        assert questions.answer("count jump", Body.of(motion)) in ("2", "3", "4")


def test_clips_start_at_the_origin_facing_forward_on_the_floor(pipeline: Pipeline) -> None:
    motion = pipeline("a person turns left", duration=4.0, foot_lock=False)
    start = torch.from_numpy(motion.positions[0])
    assert start[0, [0, 2]].abs().max() < 1e-4
    torch.testing.assert_close(facing(start, motion.skeleton), torch.tensor([0.0, 1.0]), atol=1e-4, rtol=0)


@pytest.mark.parametrize("text", ["", "   ", "...", "a" * 10_000])
def test_bad_prompts_are_refused(text: str) -> None:
    with pytest.raises(KinelexError, match="prompt"):
        Prompt(text)


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 3600.0, float("nan"), float("inf")])
def test_bad_durations_are_refused(seconds: float) -> None:
    with pytest.raises(KinelexError, match="duration"):
        Prompt("a person walks", duration=seconds)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": 5}, "give a sentence"),
        ({"text": "a person walks", "seed": "a"}, "whole number"),
        ({"text": "a person walks", "seed": 1.5}, "whole number"),
        ({"text": "a person walks", "duration": "3"}, "seconds as a number"),
        ({"segments": "a person walks"}, "list of phrases"),
    ],
)
def test_values_of_another_kind_are_refused(pipeline: Pipeline, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(KinelexError, match=message):
        pipeline(**asked)


def test_half_a_token_is_rounded_up(pipeline: Pipeline) -> None:
    seconds = [pipeline("a person walks", duration=asked).seconds for asked in (0.5, 0.7, 2.5)]
    assert seconds == pytest.approx([0.6, 0.8, 2.6])


def test_too_many_or_no_phrases_are_refused() -> None:
    for phrases in ((), ("walks",) * 31):
        with pytest.raises(KinelexError):
            Prompt(None, segments=phrases)


STORY = (
    "a person walks forward, turns left, then waves, squats, raises the right hand, jumps, walks backward, bows, "
    "turns right, runs forward and stops"
)


def test_a_story_of_many_phrases_is_told_scene_by_scene(pipeline: Pipeline) -> None:
    prompt = Prompt(STORY, seed=3)
    assert len(prompt.phrases) == 11
    assert [len(scene.phrases) for scene in prompt.scenes] == [4, 3, 4]
    alone, short = (
        pipeline.generate_batch(prompts)[0] for prompts in ([prompt], [prompt, Prompt("a person walks")])
    )
    assert [part.text for part in alone.segments] == list(prompt.phrases)
    assert alone.segments[-1].end == pytest.approx(alone.seconds)
    assert all(left.end == pytest.approx(right.start) for left, right in pairwise(alone.segments))
    np.testing.assert_allclose(short.positions, alone.positions, atol=1e-3)
    speed = np.linalg.norm(np.diff(alone.positions, axis=0), axis=-1) * alone.fps
    assert np.isfinite(speed).all()
    again = pipeline.regenerate(alone, segment=9, seed=5)
    assert [part.text for part in again.segments] == list(prompt.phrases)


def test_a_story_takes_as_long_as_it_is_told_to(pipeline: Pipeline) -> None:
    assert pipeline(STORY, duration=24.0).seconds == pytest.approx(24.0, abs=0.4)
    cut = pipeline.generate_batch([Prompt(STORY, longest=9.0)])[0]
    assert cut.seconds <= 9.4
    each = [1.0, 2.0] * 5 + [1.4]
    timed = pipeline(STORY, durations=each)
    assert [part.end - part.start for part in timed.segments] == pytest.approx(each, abs=0.11)
    named = pipeline("a person walks for 2 seconds, waves, jumps, bows, squats, claps and runs for 3 seconds")
    assert named.segments[-1].end - named.segments[-1].start == pytest.approx(3.0, abs=0.11)


def test_repetitions_in_a_story_take_as_long_as_in_a_sentence() -> None:
    bundled = load("default")
    story = bundled("a person squats three times, walks forward, waves and runs", seed=1)
    assert [part.text for part in story.segments[:3]] == ["a person squats once"] * 3
    sentence = bundled("a person squats three times", seed=1)
    spans = [[part.end - part.start for part in clip.segments[:3]] for clip in (story, sentence)]
    assert spans[0] == pytest.approx(spans[1], abs=0.41)


def test_a_clip_goes_on_with_more_than_one_timeline_holds(pipeline: Pipeline) -> None:
    clip = pipeline("a person walks", duration=2.0)
    longer = pipeline.extend(clip, "a person jumps three times, then kicks three times")
    assert len(longer.segments) == 7
    timed = pipeline.regenerate(longer, 2, "a person waves for 3 seconds")
    assert timed.segments[1].end - timed.segments[1].start == pytest.approx(3.0, abs=0.11)
    packed = pipeline.regenerate(longer, 2, "a person jumps three times, then kicks three times")
    assert [part.end for part in packed.segments[-1:]] == pytest.approx([packed.seconds])


def test_one_timeline_holds_five_phrases(pipeline: Pipeline) -> None:
    with pytest.raises(KinelexError, match="11 phrases are too many for one timeline"):
        pipeline.plan([Prompt(STORY)])


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(KinelexError, match="device"):
        load("default", device="nonsense")


def test_given_durations_are_kept_to_the_token(pipeline: Pipeline) -> None:
    motion = pipeline("a person walks, turns left and then waves", durations=[2.0, 0.6, 3.1])
    ends = [part.end for part in motion.segments]
    assert ends[:2] == pytest.approx([2.0, 2.6], abs=0.11)
    assert ends[2] == pytest.approx(motion.seconds) == pytest.approx(5.7, abs=0.11)


def test_phrases_take_the_seconds_that_they_name(pipeline: Pipeline) -> None:
    motion = pipeline("a person walks for 2 seconds, then waves for 1.4 seconds")
    assert [part.text for part in motion.segments] == ["a person walks", "a person waves"]
    assert [part.end for part in motion.segments] == pytest.approx([2.0, 3.4])
    assert motion.seconds == pytest.approx(3.4)
    mixed = pipeline("a person walks for 2 seconds, then waves")
    assert mixed.segments[0].end == pytest.approx(2.0)
    assert mixed.seconds > 2.0
    longer = pipeline("a person walks for 2 seconds, then waves for 1 second", duration=6.0)
    assert [part.end for part in longer.segments] == pytest.approx([4.0, 6.0])


def test_even_timing_shares_the_clip_evenly(pipeline: Pipeline) -> None:
    prompt = Prompt("a person walks, turns left and then waves", duration=6.0, timing="even")
    (motion,) = pipeline.generate_batch([prompt])
    assert [part.end for part in motion.segments] == pytest.approx([2.0, 4.0, 6.0])


def test_timing_is_what_tells_the_order(pipeline: Pipeline) -> None:
    """The same phrases at other times are another motion: the networks are told when each is due."""
    long, short = (
        pipeline(segments=["a person runs", "a person jumps"], durations=durations, seed=1)
        for durations in ((3.0, 1.0), (1.0, 3.0))
    )
    assert long.positions.shape == short.positions.shape
    assert not np.allclose(long.positions, short.positions, atol=1e-3)


@pytest.mark.parametrize(
    ("durations", "duration", "message"),
    [
        ((2.0,), None, "1 durations given for 2 phrases"),
        ((2.0, 0.1), None, "too short"),
        ((2.0, 2.0), 4.0, "not both"),
        ((60.0, 60.0), None, "duration is 120 s"),
        ((2.0, float("nan")), None, "duration is nan"),
    ],
)
def test_impossible_durations_are_refused(
    durations: tuple[float, ...], duration: float | None, message: str
) -> None:
    with pytest.raises(KinelexError, match=message):
        Prompt("a person walks, then sits down", duration=duration, durations=durations)


def test_a_clip_too_short_for_its_phrases_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(KinelexError, match="too short for the 5 phrases"):
        pipeline(segments=["a person walks", "runs", "jumps", "waves", "sits"], duration=0.6)
