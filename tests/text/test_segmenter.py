"""Phrases come in the order of time, stand alone, keep their modifiers, and never run out or over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.errors import KinelexError
from kinelex.text.lemmas import WORD
from kinelex.text.segmenter import segment

CASES = {
    "a person runs after walking": ["a person walks", "a person runs"],
    "before sitting down, he waves": ["he waves", "he sits down"],
    "after running, the person stops": ["the person runs", "the person stops"],
    "a person walks forward, turns around and sits down on a chair": [
        "a person walks forward",
        "a person turns around",
        "a person sits down on a chair",
    ],
    "a man walks forward while waving his left hand then jumps two times.": [
        "a man walks forward while waving his left hand",
        "a man jumps two times",
    ],
    "while walking, the person waves and then stops": ["while walking, the person waves", "the person stops"],
    "the person raises their arms, and then slowly lowers them": [
        "the person raises their arms",
        "the person slowly lowers them",
    ],
    "A person walks. They turn left. Then they sit.": [
        "a person walks",
        "a person turns left",
        "a person sits",
    ],
    "a person does a jump followed by a kick": ["a person does a jump", "a person does a kick"],
    "the man stands up and walks in a circle before he sits back down": [
        "the man stands up",
        "the man walks in a circle",
        "the man sits back down",
    ],
    "walking forward then turning around": ["a person walks forward", "a person turns around"],
    "someone crawling forward then getting up and walking back": [
        "someone crawls forward",
        "someone gets up",
        "someone walks back",
    ],
    "the person then sits down": ["the person sits down"],
    "a person kicks as if fighting": ["a person kicks as if fighting"],
    "a person is walking and waving": ["a person is walking and waving"],
    "someone turns around counter-clockwise": ["someone turns around counter-clockwise"],
    "walks": ["a person walks"],
    "steps back then forward to throw a ball": ["a person steps back then forward to throw a ball"],
    "a man turns, tilting his head, and then sits": ["a man turns, tilting his head", "a man sits"],
    "and then": ["and then"],
}
WORDS = (
    "a the person man he walks turns sits waves walking turning and then before after while followed by "
    ", . ; left hand slowly two times kicks stops is to with"
)


@pytest.mark.parametrize("caption", CASES)
def test_phrases_in_the_order_of_time(caption: str) -> None:
    assert segment(caption) == CASES[caption]


def test_surplus_phrases_join_the_last() -> None:
    caption = "someone picks up a box, throws it, turns, walks, sits, and then waves"
    phrases = segment(caption)
    assert len(phrases) == 5
    assert phrases[-1] == "someone sits, then waves"
    assert len(segment(caption, limit=1)) == 1
    assert len(segment(caption, limit=9)) == 6


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=40).map(" ".join), st.integers(1, 6))
def test_any_words_give_between_one_and_limit_phrases(caption: str, limit: int) -> None:
    if not any(character.isalpha() for character in caption):
        with pytest.raises(KinelexError):
            segment(caption, limit)
        return
    phrases = segment(caption, limit)
    assert 1 <= len(phrases) <= limit
    assert all(phrase.strip() == phrase and phrase for phrase in phrases)
    assert segment(caption, limit) == phrases


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=1, max_size=200))
def test_any_text_is_segmented_or_refused(caption: str) -> None:
    if WORD.search(caption):
        assert segment(caption)
    else:
        with pytest.raises(KinelexError, match="no word"):
            segment(caption)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(KinelexError, match="no word"):
        segment("  ")
    with pytest.raises(KinelexError, match="limit of at least 1"):
        segment("a person walks", limit=0)


def test_ten_thousand_characters_take_no_time() -> None:
    segment("warm up")
    start = time.perf_counter()
    assert len(segment("a person walks forward slowly and turns left, " * 220)) == 5
    assert time.perf_counter() - start < 2


@pytest.mark.skipif("KINELEX_DATA" not in os.environ, reason="needs the unpacked caption pack")
def test_every_published_caption_is_segmented() -> None:
    folder = Path(os.environ["KINELEX_DATA"]) / "humanml3d-captions" / "texts"
    captions = [
        line.split("#")[0] for path in folder.glob("0*.txt") for line in path.read_text().splitlines()
    ]
    assert len(captions) == 43692
    for caption in captions[::5]:
        phrases = segment(caption)
        assert 1 <= len(phrases) <= 5
        assert all(phrases)
