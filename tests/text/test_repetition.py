"""Counts in sentences are spelled out, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinelex.text.repetition import Repeated, counted, once, repeated, spelled_out


@pytest.mark.parametrize(
    ("phrase", "once", "count"),
    [
        ("a person squats twice", "a person squats once", 2),
        ("a person kicks with the left leg 3 times", "a person kicks with the left leg once", 3),
        ("a man jumps two more times", "a man jumps once", 2),
        ("someone punches five times in a row", "someone punches once", 5),
        ("a person turns around two times while waving", "a person turns around once while waving", 2),
        ("a person does three squats", "a person does one squat", 3),
        ("a person makes two big hops forward", "a person makes one big hop forward", 2),
        ("someone throws two punches", "someone throws one punch", 2),
        ("a person does four jumping jacks", "a person does one jumping jack", 4),
    ],
)
def test_a_counted_action_happens_once_and_so_often(phrase: str, once: str, count: int) -> None:
    assert repeated(phrase) == Repeated(once, count)
    assert repeated(once) == Repeated(once), "and once is once"


@pytest.mark.parametrize(
    "phrase",
    [
        "a person takes three steps",
        "a person walks with two crutches",
        "a person raises two arms and waves",
        "a person waves two hands",
        "a person runs twice as fast",
        "a person walks two times faster",
        "a person jumps ten times",
        "a person squats two or three times",
        "a person jumps once or twice",
        "a person does 2.5 squats",
        "a person jumps while clapping three times",
        "a person jumps forward twice and then back once",
        "a person holds two rolls of tape",
        "a person jumps several times",
        "a person throws two punches and three kicks",
    ],
)
def test_other_numbers_are_left_alone(phrase: str) -> None:
    assert repeated(phrase) == Repeated(phrase)


def test_repetitions_that_find_no_room_stay_a_phrase() -> None:
    phrases = ["a person walks", "a person squats twice", "a person jumps four times"]
    assert spelled_out(phrases, limit=5) == (
        Repeated("a person walks"),
        Repeated("a person squats once", 2),
        Repeated("a person jumps four times"),
    )
    assert spelled_out(["a person jumps five times"], limit=5) == (Repeated("a person jumps once", 5),)


WORDS = ("a", "person", "two", "3", "times", "twice", "in", "row", "hops", "squats", "as", "more", "and")


@given(st.lists(st.sampled_from(WORDS)))
def test_there_are_never_more_phrases_than_allowed(words: list[str]) -> None:
    phrases = [" ".join(words), "a person squats three times"]
    assert 2 <= sum(action.count for action in spelled_out(phrases, limit=5)) <= 5


@pytest.mark.parametrize("count", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "phrase",
    [
        "squats", "kicks once to the front with the left foot", "does one hop forward", "makes one big jump",
        "raises both arms", "does a squat", "touches the right knee with the left elbow",
    ],
)  # fmt: skip
def test_what_is_counted_is_taken_apart_again(phrase: str, count: int) -> None:
    told = counted(phrase, count)
    assert told is not None
    assert repeated(told) == Repeated(once(phrase) or "", count)


def test_counts_read_well() -> None:
    assert counted("squats", 2) == "squats twice"
    assert counted("kicks once to the front", 3) == "kicks three times to the front"
    assert counted("does one hop forward", 2) == "does two hops forward"
    assert once("squats") == "squats once"
    assert once("does one hop") == "does one hop"


@pytest.mark.parametrize(
    "phrase", ["jogs four steps", "jumps twice", "does several squats", "makes a single hop"]
)
def test_a_phrase_with_a_number_is_not_counted(phrase: str) -> None:
    assert once(phrase) is counted(phrase, 2) is None
