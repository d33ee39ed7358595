"""Phrases of jumps are told from others."""

from __future__ import annotations

import pytest

from kinelex.text.leaping import leaves_ground


@pytest.mark.parametrize(
    "phrase",
    [
        "a person jumps",
        "Hopping on one leg",
        "a man leaps over it",
        "does jumping jacks",
        "skips",
        "a person bounced",
    ],
)
def test_leaps(phrase: str) -> None:
    assert leaves_ground(phrase)


@pytest.mark.parametrize(
    "phrase",
    ["a person climbs stairs", "walks", "a shop", "opens an envelope", "a sleeping man", "hopes to win"],
)
def test_others(phrase: str) -> None:
    assert not leaves_ground(phrase)
