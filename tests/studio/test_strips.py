"""What is drawn over time: nothing that a visitor writes becomes markup, and places are shares of the scale."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import torch

from kinelex.motion.motion import Segment
from kinelex.search.grounding import Finding, Grounding
from kinelex.studio.puppet import in_a_row
from kinelex.studio.strips import heat_strip, moment, note, phrase_strip

SEGMENTS = (Segment("a person walks", 0.0, 2.0), Segment("<script>alert('x')</script>", 2.0, 3.0))


def test_blocks_are_as_wide_as_phrases_are_long() -> None:
    strip = phrase_strip(SEGMENTS, 4.0, 1.0, chosen=0)
    assert re.findall(r'class="kinelex-block".*?left:([\d.]+)%;width:([\d.]+)%', strip) == [
        ("0.000", "50.000"), ("50.000", "25.000"),
    ]  # fmt: skip
    assert "left:25.000%" in strip


@pytest.mark.parametrize(
    "html",
    [phrase_strip(SEGMENTS, 4.0, None), moment(SEGMENTS, 2.5, 3.0, (True,) * 4), note(SEGMENTS[1].text)],
)
def test_words_are_not_markup(html: str) -> None:
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_the_phrase_of_the_moment_is_the_one_that_holds_it() -> None:
    assert "a person walks" in moment(SEGMENTS, 1.99, 3.0, (False,) * 4)
    assert "a person walks" not in moment(SEGMENTS, 2.0, 3.0, (False,) * 4)


def test_heat_is_warmest_where_the_motion_fits_best() -> None:
    similarity = torch.tensor([0.1, 0.9, 0.3, 0.1])
    found = Grounding("waves", (Finding(0.2, 0.4, 0.9),), (torch.arange(4) + 0.5) * 0.2, similarity)
    cells = re.findall(r"background:rgb\((\d+), (\d+), (\d+)\)", heat_strip(found, 0.8))
    blue = [int(cell[2]) for cell in cells]
    assert len(blue) == 4
    assert blue.index(min(blue)) == 1
    assert blue[0] == blue[3] > blue[2]


def test_takes_start_in_a_row_around_the_middle() -> None:
    assert in_a_row(1) == [0.0]
    places = in_a_row(4)
    assert sum(places) == pytest.approx(0.0)
    assert all(right - left > 1.0 for left, right in pairwise(places))
