"""Left and right change places in what people do, and stay where they are no sides."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinelex.text.mirroring import leads_right, mirror_text

SWAPS = [
    ("a man kicks with his left leg.", "a man kicks with his right leg."),
    ("turns left, then right and left again", "turns right, then left and right again"),
    ("a Left-handed person; RIGHT hand", "a Right-handed person; LEFT hand"),
    ("moves the lefthand rightwards", "moves the righthand leftwards"),
    ("a left-to-right line, left/right", "a right-to-left line, right/left"),
    ("throws lefts and rights", "throws rights and lefts"),
    ("walks clockwise then counterclockwise", "walks counterclockwise then clockwise"),
    ("walks right before turning left", "walks left before turning right"),
    ("puts the right foot on the left", "puts the left foot on the right"),
    ("moves it left.", "moves it right."),
    ("turns right, then turns a little left", "turns left, then turns a little right"),
    ("steps right, then strafes left past the box", "steps left, then strafes right past the box"),
    ("spins right before stopping", "spins left before stopping"),
    ("turns right then moves left right away", "turns left then moves right right away"),
    ("turns right in front of the chair", "turns left in front of the chair"),
    ("to the right in a circle", "to the left in a circle"),
    ("walks forward at a slight left angle", "walks forward at a slight right angle"),
    ("walks in a right angle curve, arms raised", "walks in a left angle curve, arms raised"),
    ("walks, turning left at right angles", "walks, turning right at right angles"),
    ("sidesteps to the right then left back to where he began",
     "sidesteps to the left then right back to where he began"),
    ("raises his left arm up in a right angle", "raises his right arm up in a right angle"),
    ("stands up left foot forward", "stands up right foot forward"),
    ("picks it up left, puts it down right", "picks it up right, puts it down left"),
    ("jumps right in the middle", "jumps left in the middle"),
    ("kicks twice, then two lefts", "kicks twice, then two rights"),
    ("steps to his left, rights himself", "steps to his right, rights himself"),
]  # fmt: skip
STAYS = [
    "the man left the room",
    "someone just left their house",
    "the person has left.",
    "he eats what is left",
    "there is nothing left",
    "stands upright in a bright light, frightened",
    "that is all right",
    "sits down right away",
    "claps right now",
    "stands right back up",
    "stops right after the jump",
    "the hands stay right in front of the chest",
    "puts it in the right place",
    "is left alone",
    "both arms raised to shoulder level and elbows at a right angle.",
    "arms bent and right angles, knees brought up",
    "they step sidewise right back to their original spot",
    "he is left standing",
    "the arms are left hanging",
    "puts it right back",
    "puts the box right back on the shelf",
    "bends and then stands up right.",
    "starts in an up right position",
    "he is pushed, he rights himself and continues",
    "a man lefts both arms above his head",
    "waits at the bottom of the path right in the center",
]


@pytest.mark.parametrize(("text", "mirrored"), SWAPS)
def test_sides_change_places(text: str, mirrored: str) -> None:
    assert mirror_text(text) == mirrored
    assert mirror_text(mirrored) == text


@pytest.mark.parametrize("text", STAYS)
def test_what_is_no_side_stays(text: str) -> None:
    assert mirror_text(text) == text


@pytest.mark.parametrize(
    "word",
    ["counter-clockwise", "counter clockwise", "counter clock wise", "anticlockwise", "Anti-clockwise"],
)
def test_every_spelling_of_counterclockwise_is_known(word: str) -> None:
    once = mirror_text(f"he walks {word}")
    assert once.lower() == "he walks clockwise"
    assert mirror_text(mirror_text(once)) == once


PIECES = (
    "left right Left RIGHT the a his to , . he man has room back up now away before in front hand turns "
    "walks counterclockwise clockwise what is nothing way upright and then lefthand angle angles elbows stands it "
    "standing lefts rights himself both middle position spot"
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES.split()), max_size=12).map(" ".join))
def test_a_text_or_its_mirror_image_leads_right_if_it_names_a_side(text: str) -> None:
    image = mirror_text(text)
    assert leads_right(text) + leads_right(image) == (mirror_text(image) != image)


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        (("a man kicks with his right leg, then the left",), True),
        (("a man kicks with his left leg, then the right",), False),
        (("walks clockwise", "turns left"), True),
        (("walks anti-clockwise to the right",), False),
        (("waves", "turns right"), True),
        (("claps right now and turns left",), False),
        (("waves",), False),
    ],
)
def test_the_first_side_that_is_named_leads(texts: tuple[str, ...], right: bool) -> None:
    assert leads_right(*texts) is right


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES.split()), max_size=12).map(" ".join))
def test_mirroring_twice_gives_the_text_back(text: str) -> None:
    assert mirror_text(mirror_text(text)) == text


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_keeps_its_other_characters(text: str) -> None:
    blank = re.compile(r"left|right|(?:counter|couter|conter|anti|ant)?[- ]?clock-?wise", re.IGNORECASE)
    assert blank.sub("", mirror_text(text)) == blank.sub("", text)


@pytest.mark.skipif("KINELEX_DATA" not in os.environ, reason="needs the unpacked caption pack")
def test_agreement_with_the_published_mirrored_captions() -> None:
    """The published files replace letters ("upleft", "counter counterclockwise"); elsewhere both agree."""
    folder = Path(os.environ["KINELEX_DATA"]) / "humanml3d-captions" / "texts"
    total = equal = 0
    for path in sorted(folder.glob("00[0-4]*.txt")):
        lines = zip(
            path.read_text().splitlines(), (folder / f"M{path.name}").read_text().splitlines(), strict=True
        )
        for original, mirrored in lines:
            total += 1
            equal += mirror_text(original.split("#")[0]) == mirrored.split("#")[0]
    assert equal / total > 0.985
