"""Seconds in sentences: what is heard, and what is not about how long."""

from __future__ import annotations

import pytest

from kinelex.errors import KinelexError
from kinelex.prompts import Prompt
from kinelex.text.seconds import Timed, timed, without_seconds
from kinelex.text.segmenter import segment


@pytest.mark.parametrize(
    ("phrase", "text", "seconds"),
    [
        ("a person walks for 4 seconds", "a person walks", 4.0),
        ("a person waves for two seconds with both hands", "a person waves with both hands", 2.0),
        ("someone runs for about 2.5 s", "someone runs", 2.5),
        ("the man stands still for a second", "the man stands still", 1.0),
        ("a person waits for one and a half seconds", "a person waits", 1.5),
        ("a person dances for a second and a half", "a person dances", 1.5),
        ("a person jogs, for half a minute", "a person jogs", 30.0),
        ("a person walks for a couple of seconds", "a person walks", 2.0),
        ("A person walks FOR 3 full seconds", "A person walks", 3.0),
        ("a person walks for twelve seconds", "a person walks", 12.0),
        ("a person walks for twenty-five seconds", "a person walks", 25.0),
        ("a person walks for sixty two seconds", "a person walks", 62.0),
        ("a person walks for .5 seconds", "a person walks", 0.5),
        ("a person walks for 2,5 seconds", "a person walks", 2.5),
        ("a person walks for 500 ms", "a person walks", 0.5),
        ("a person walks for 1 minute and 5 seconds", "a person walks", 65.0),
        ("a person walks for a minute, twenty seconds", "a person walks", 80.0),
        ("For 6 seconds, a person walks", "a person walks", 6.0),
    ],
)
def test_what_names_its_seconds(phrase: str, text: str, seconds: float) -> None:
    assert timed(phrase, lambda whole: [whole]) == [Timed(text, seconds)]
    assert without_seconds(phrase) == text


@pytest.mark.parametrize(
    "phrase",
    [
        "a person walks forward",
        "a person looks for 4 coins",
        "a person walks for a few seconds",
        "a person walks for four steps",
        "a person jumps for a second time",
        "a person waits for a second person",
        "a person gets ready for one second kick",
        "a person turns in 3 seconds",
        "a person walks for 3, 2 or 1 steps",
        "for 3 seconds",
    ],
)
def test_what_does_not(phrase: str) -> None:
    assert timed(phrase, lambda whole: [whole]) == [Timed(phrase)]


@pytest.mark.parametrize(
    ("sentence", "phrases"),
    [
        ("a person walks for 3 seconds, runs, jumps", [("walks", 3.0), ("runs", None), ("jumps", None)]),
        (
            "a person walks for 3 seconds, runs for 2 seconds, jumps",
            [("walks", 3.0), ("runs", 2.0), ("jumps", None)],
        ),
        ("a person sits down after walking for 3 seconds", [("walks", 3.0), ("sits down", None)]),
        ("a person waves for a second and stops", [("waves", 1.0), ("stops", None)]),
        ("for 6 seconds, a person walks, then waves for 2 seconds", [("walks", 6.0), ("waves", 2.0)]),
        ("a person walks for 4 seconds while waving for 2 seconds", [("walks while waving", 4.0)]),
    ],
)
def test_seconds_belong_to_their_phrase(sentence: str, phrases: list[tuple[str, float | None]]) -> None:
    assert timed(sentence, segment) == [Timed(f"a person {text}", seconds) for text, seconds in phrases]


def test_phrases_of_a_prompt_take_what_they_name() -> None:
    prompt = Prompt("a person walks for 4 seconds, then squats twice for 3 seconds and waves")
    assert [(each.text, each.count, each.seconds) for each in prompt.actions] == [
        ("a person walks", 1, 4.0),
        ("a person squats once", 2, 3.0),
        ("a person waves", 1, None),
    ]
    assert prompt.sentence == "a person walks, then squats twice and waves"
    given = Prompt(None, segments=("a person walks for 2 seconds", "a person squats twice"))
    assert given.phrases == ("a person walks", "a person squats twice")


def test_what_is_too_short_or_too_long_is_refused() -> None:
    assert Prompt("a person walks forward, then pauses for 0.3 seconds").actions[1].seconds == 0.3
    with pytest.raises(KinelexError, match=r"'a person walks' for 0 s is too short"):
        Prompt("a person walks for 0 seconds")
    with pytest.raises(KinelexError, match=r"duration is 70 s"):
        Prompt("a person walks for a minute, then waves for 10 seconds and runs")
    with pytest.raises(KinelexError, match=r"duration is 120 s; give 0\.5 to 60 s"):
        Prompt("a person walks for 2 minutes")
