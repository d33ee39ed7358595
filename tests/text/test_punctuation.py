"""Lines, bullets and bare signs are read as the sentences that they stand for."""

from __future__ import annotations

import pytest

from kinelex.prompts import Prompt
from kinelex.text.punctuation import evened


@pytest.mark.parametrize(
    "written",
    [
        "a person walks\na person sits\na person waves",
        "a person walks.\r\n\r\nA person sits.\r\nA person waves.",
        "- a person walks\n- a person sits\n- a person waves",
        "\t* a person walks\n\t* a person sits\n\t* a person waves\n",
        "a person walks,sits,waves",
        "a person walks.he sits.he waves",
        "a person walks | sits | waves",
        "a person walks -- sits -- waves",
        "a person walks—sits—waves",
        "a person walks, sits & waves",
        "walk\nsit\nwave",
        "walk,sit,wave",
        "walk for 2 seconds\nsit for 3 seconds\nwave",
    ],
)
def test_what_is_written_in_haste_has_its_phrases(written: str) -> None:
    assert [phrase.split()[-1] for phrase in Prompt(written).phrases] == ["walks", "sits", "waves"]


@pytest.mark.parametrize(
    "text",
    [
        "a person walks, then sits.",
        "a person walks e.g. in a circle, i.e. around",
        "a person walks 2,5 m and 1.5 m",
        "a half-hearted, well-known side-step",
        "R&D",
        "a t.v. presenter waves",
    ],
)
def test_what_is_written_well_stays(text: str) -> None:
    assert evened(text) == text
