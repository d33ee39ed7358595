"""Phrases come in the order of time, stand alone, keep their modifiers, and never run out or over."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.errors import KinelexError
from kinelex.evaluation.text_segments import read_labels, segmenter_agreement
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
        "the person slowly lowers their arms",
    ],
    "A person walks. They turn left. Then they sit.": [
        "a person walks",
        "a person turns left",
        "a person sits",
    ],
    "he waves after sitting after walking": ["he walks", "he sits", "he waves"],
    "he waves after sitting, then jumps after walking after kicking": [
        "he sits",
        "he waves",
        "he kicks",
        "he walks",
        "he jumps",
    ],
    "He jumps. He sits. Before that, he walks": ["he jumps", "he walks", "he sits"],
    "a man waves. before this he jumps. then he walks": ["a man jumps", "a man waves", "a man walks"],
    "he runs, jumps, and before that, he stretches": ["he runs", "he stretches", "he jumps"],
    "he walks up to a wall and kneels before this, then stands": [
        "he walks up to a wall",
        "he kneels before this",
        "he stands",
    ],
    "a person stands before this, waving": ["a person stands before this, waving"],
    "he walks and sits before that chair": ["he walks", "he sits before that chair"],
    "He waves. Before sitting, he jumps": ["he waves", "he jumps", "he sits"],
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
    "steps back then forward to throw a ball": [
        "a person steps back",
        "a person steps forward to throw a ball",
    ],
    "a man turns, tilting his head, and then sits": ["a man turns, tilting his head", "a man sits"],
    "and then": ["and then"],
    "he's walking and then they're sitting down, like the man's son": [
        "he is walking",
        "they are sitting down, like the man's son",
    ],
    "a person imitates an old man's walking style, then stops": [
        "a person imitates an old man's walking style",
        "a person stops",
    ],
    "stick figure walks, then waves": ["stick figure walks", "stick figure waves"],
    "a person curves to the left and then tiptoes forward as if sneaking, then sits": [
        "a person curves to the left",
        "a person tiptoes forward as if sneaking",
        "a person sits",
    ],
    "the man pivots on his left foot and jabs with his right hand": [
        "the man pivots on his left foot",
        "the man jabs with his right hand",
    ],
    "a person walks on tiptoes, then trips and stumbles forward": [
        "a person walks on tiptoes",
        "a person trips",
        "a person stumbles forward",
    ],
    "a person sits, waves, kicks and dances": [
        "a person sits",
        "a person waves",
        "a person kicks",
        "a person dances",
    ],
}
ORDER = {
    "having sat down, he waves": ["he sits down", "he waves"],
    "the man bows after having walked": ["the man walks", "the man bows"],
    "once he reaches the wall he then turns": ["he reaches the wall", "he turns"],
    "he turns around as soon as he reaches the wall": ["he reaches the wall", "he turns around"],
    "a man waves once then sits": ["a man waves once", "a man sits"],
    "a man jogs, and upon reaching the wall, he stops": [
        "a man jogs",
        "a man reaches the wall",
        "a man stops",
    ],
    "when she reaches the door, she stops": ["she reaches the door", "she stops"],
    "after walking forward the person stops": ["the person walks forward", "the person stops"],
    "a man sits down just before reaching the wall": ["a man sits down just before reaching the wall"],
    "he runs until he falls and then gets up": ["he runs until he falls", "he gets up"],
    "he squats prior to jumping": ["he squats", "he jumps"],
    "a person bends as if having stumbled": ["a person bends as if having stumbled"],
}
STANDING_ALONE = {
    "a person picks up a bottle of water, drinks from it and puts it down": [
        "a person picks up a bottle of water",
        "a person drinks from the bottle of water",
        "a person puts the bottle of water down",
    ],
    "a man stands with arms folded then lowers them": [
        "a man stands with arms folded",
        "a man lowers arms",
    ],
    "he jumps and then repeats it": ["he jumps", "he repeats it"],
    "he lifts a box to throw it": ["he lifts a box to throw it"],
    "the man looks behind them, then raises both hands above them": [
        "the man looks behind them",
        "the man raises both hands above them",
    ],
    "a stick figure walks. it sits": ["a stick figure walks", "a stick figure sits"],
}
ELLIPSIS = {
    "a person leans to one side, then the other side": [
        "a person leans to one side",
        "a person leans to the other side",
    ],
    "a person raises his left arm, then his right": [
        "a person raises his left arm",
        "a person raises his right arm",
    ],
    "a person kicks with the left leg followed by the right leg": [
        "a person kicks with the left leg",
        "a person kicks with the right leg",
    ],
    "a person raises a hand to the side, then above their head": [
        "a person raises a hand to the side",
        "a person raises a hand above their head",
    ],
    "the left leg swings forward then back": ["the left leg swings forward", "the left leg swings back"],
    "she takes one step forward and two steps back": [
        "she takes one step forward",
        "she takes two steps back",
    ],
    "a person walks forward, then a spin": ["a person walks forward", "a person does a spin"],
    "he steps to the left, then right": ["he steps to the left", "he steps right"],
    "a person walks to the left, then back to where he started": [
        "a person walks to the left",
        "a person walks back to where he started",
    ],
    "the person like a line forward and then a line back": [
        "the person like a line forward and then does a line back"
    ],
    "a person waves, then twice": ["a person waves, then twice"],
    "a person runs, then slowly stops": ["a person runs", "a person slowly stops"],
    "a person walks, then quickly runs, then stops": [
        "a person walks",
        "a person quickly runs",
        "a person stops",
    ],
}
SIMULTANEITY = {
    "a person stands on one leg and waves": ["a person stands on one leg and waves"],
    "a person stands up and waves": ["a person stands up", "a person waves"],
    "a person stands and then waves": ["a person stands", "a person waves"],
    "he is sitting and waves": ["he is sitting and waves"],
    "a man stands and walks away": ["a man stands", "a man walks away"],
    "a person hops and skips on the left foot": ["a person hops and skips on the left foot"],
    "a person trips, but does not fall": ["a person trips, but does not fall"],
    "a man walks, then without stopping, jumps and sits": [
        "a man walks",
        "a man walks without stopping",
        "a man jumps",
        "a man sits",
    ],
    "without moving her feet, she wiggles her hips": ["without moving her feet, she wiggles her hips"],
    "swinging both arms, the man jumps": ["swinging both arms, the man jumps"],
    "a man with both arms raised, walks": ["a man with both arms raised, walks"],
}
WORDS = (
    "a the person man he walks turns sits waves walking turning and then before after while followed by "
    ", . ; left hand slowly two times kicks stops is to with"
)


@pytest.mark.parametrize("caption", CASES)
def test_phrases_in_the_order_of_time(caption: str) -> None:
    assert segment(caption) == CASES[caption]


@pytest.mark.parametrize("caption", ORDER)
def test_order_words(caption: str) -> None:
    assert segment(caption) == ORDER[caption]


@pytest.mark.parametrize("caption", STANDING_ALONE)
def test_a_phrase_names_its_things(caption: str) -> None:
    assert segment(caption) == STANDING_ALONE[caption]


@pytest.mark.parametrize("caption", ELLIPSIS)
def test_left_out_verbs_return(caption: str) -> None:
    assert segment(caption) == ELLIPSIS[caption]


@pytest.mark.parametrize("caption", SIMULTANEITY)
def test_what_happens_at_once_stays_together(caption: str) -> None:
    assert segment(caption) == SIMULTANEITY[caption]


@pytest.mark.parametrize(("half", "exact", "count"), [("develop", 0.85, 0.87), ("held_back", 0.8, 0.84)])
def test_agreement_with_labelled_captions(half: str, exact: float, count: float) -> None:
    labels = read_labels(Path(__file__).parents[1] / "data" / "segments.tsv")
    agreement = segmenter_agreement(segment, [label for label in labels if label.half == half])
    assert agreement.exact >= exact
    assert agreement.count >= count


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
