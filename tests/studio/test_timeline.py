"""Every change of a timeline keeps what it does not mean to change, and none makes what cannot be generated."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.motion.motion import Segment
from kinelex.prompts import MAX_SECONDS, MIN_PHRASE_SECONDS, MIN_SECONDS
from kinelex.studio.timeline import Phrase, Timeline

TEXTS = ("a person walks", "a person waves", "a person jumps, then sits down", "a person turns left")
unhurried = settings(deadline=None)
PHRASES = some.builds(Phrase, some.sampled_from(TEXTS), some.floats(0.5, 6.0))
TIMELINES = some.lists(PHRASES, min_size=1, max_size=MAX_SEGMENTS).map(
    lambda phrases: Timeline(tuple(phrases))
)


def texts(timeline: Timeline) -> list[str]:
    return [phrase.text for phrase in timeline.phrases]


@unhurried
@given(TIMELINES)
def test_segments_fill_the_clip_and_give_the_timeline_back(timeline: Timeline) -> None:
    assert timeline.segments[0].start == pytest.approx(0.0)
    assert timeline.segments[-1].end == pytest.approx(timeline.seconds)
    assert all(one.end == pytest.approx(next.start) for one, next in pairwise(timeline.segments))
    back = Timeline.of(timeline.segments, timeline.seconds)
    assert texts(back) == texts(timeline)
    assert back.ends == pytest.approx(timeline.ends)


@unhurried
@given(TIMELINES, some.data())
def test_adding_is_undone_by_deleting(timeline: Timeline, data: some.DataObject) -> None:
    place = data.draw(some.integers(0, len(timeline)))
    if len(timeline) == MAX_SEGMENTS:
        with pytest.raises(KinelexError, match="at most 5"):
            timeline.added(place)
    else:
        assert timeline.added(place).deleted(place) == timeline


@unhurried
@given(TIMELINES, some.data())
def test_splitting_and_merging_keep_the_time(timeline: Timeline, data: some.DataObject) -> None:
    place = data.draw(some.integers(0, len(timeline) - 1))
    if len(timeline) < MAX_SEGMENTS:
        split = timeline.split(place)
        assert len(split) == len(timeline) + 1
        assert split.seconds == pytest.approx(timeline.seconds)
        assert split.merged(place).ends == pytest.approx(timeline.ends)
    if place + 1 < len(timeline):
        merged = timeline.merged(place)
        kept = [*timeline.ends[:place], *timeline.ends[place + 1 :]]
        assert merged.ends == pytest.approx(kept)


def test_splitting_finds_the_seam_of_the_words_and_merging_closes_it() -> None:
    timeline = Timeline((Phrase("a person jumps, then sits down", 4.0),))
    split = timeline.split(0)
    assert texts(split) == ["a person jumps", "a person sits down"]
    assert split.merged(0) == timeline
    assert texts(Timeline((Phrase("a person walks", 4.0),)).split(0)) == ["a person walks"] * 2


@unhurried
@given(TIMELINES, some.data())
def test_moving_is_undone_by_moving_back_and_loses_nothing(timeline: Timeline, data: some.DataObject) -> None:
    place = data.draw(some.integers(0, len(timeline) - 1))
    by = data.draw(some.integers(-place, len(timeline) - 1 - place))
    moved = timeline.moved(place, by)
    assert sorted(texts(moved)) == sorted(texts(timeline))
    assert moved.phrases[place + by] == timeline.phrases[place]
    assert moved.moved(place + by, -by).phrases == timeline.phrases


@unhurried
@given(TIMELINES, some.lists(some.floats(0.0, 20.0), min_size=MAX_SEGMENTS, max_size=MAX_SEGMENTS))
def test_dragged_boundaries_stay_where_they_are_put_unless_a_phrase_would_vanish(
    timeline: Timeline, drawn: list[float]
) -> None:
    ends = sorted(drawn)[: len(timeline)]
    if ends[-1] < MIN_SECONDS:
        return
    dragged = timeline.dragged(ends)
    assert texts(dragged) == texts(timeline)
    assert min(phrase.seconds for phrase in dragged.phrases) >= MIN_PHRASE_SECONDS - 1e-9
    if min(end - start for start, end in pairwise((0.0, *ends))) >= MIN_PHRASE_SECONDS:
        assert dragged.ends == pytest.approx(ends)
    assert dragged.dragged(timeline.ends).ends == pytest.approx(timeline.ends)


@unhurried
@given(TIMELINES)
def test_what_it_asks_for_is_what_it_shows(timeline: Timeline) -> None:
    prompt = timeline.prompt(seed=3)
    assert prompt.phrases == tuple(texts(timeline))
    assert prompt.seconds == pytest.approx(timeline.seconds, abs=0.01)


def test_words_changed_by_hand_no_longer_say_the_sentence() -> None:
    timeline = Timeline(
        (Phrase("a person walks", 2.0), Phrase("a person waves", 1.0)), "a person walks, then waves"
    )
    assert timeline.prompt(0).text == "a person walks, then waves"
    assert timeline.edited(0, seconds=3.0).sentence == timeline.sentence
    assert timeline.dragged((1.0, 3.0)).sentence == timeline.sentence
    for changed in (timeline.edited(0, text="a person runs"), timeline.moved(0, 1), timeline.deleted(0)):
        assert changed.sentence is None
    assert timeline.edited(0, text="a person runs").prompt(0).text == "a person runs, then a person waves"


@pytest.mark.parametrize(
    "change",
    [
        lambda timeline: timeline.edited(0, text=" ... "),
        lambda timeline: timeline.edited(0, text="walk " * 400),
        lambda timeline: timeline.edited(0, seconds=0.05),
        lambda timeline: timeline.edited(0, seconds=float("nan")),
        lambda timeline: timeline.edited(2),
        lambda timeline: timeline.merged(1),
        lambda timeline: timeline.moved(0, -1),
        lambda timeline: timeline.moved(1, 1),
        lambda timeline: timeline.deleted(0).deleted(0),
        lambda timeline: timeline.edited(0, seconds=0.3).split(0),
        lambda timeline: timeline.dragged((1.0,)),
        lambda timeline: timeline.dragged((1.0, MAX_SECONDS + 1)),
        lambda timeline: timeline.dragged((0.2, 0.4)),
        lambda timeline: timeline.added(3),
        lambda timeline: Timeline().prompt(0),
    ],
)
def test_what_cannot_be_made_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(KinelexError):
        change(Timeline((Phrase("a person walks", 2.0), Phrase("a person waves", 1.0))))


def test_a_clip_whose_phrases_leave_gaps_is_no_plan() -> None:
    assert len(Timeline.of((Segment("a person waves", 1.5, 3.0),), 6.0)) == 0
    assert len(Timeline.of((), 6.0)) == 0
    assert len(Timeline.of((Segment("a person waves", 0.0, 5.9),), 6.0)) == 1
