"""The word-swap suite: pairs of sentences that differ in one word, and what the difference must do to the body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from kinelex.evaluation.probes.body import Body
from kinelex.evaluation.probes.questions import PACE, answer, faster


@dataclass(frozen=True)
class Member:
    """One sentence of a pair.

    Attributes:
        text: the sentence.
        expected: question -> the answer that obeys the sentence.
    """

    text: str
    expected: Mapping[str, str]


@dataclass(frozen=True)
class MinimalPair:
    """Two sentences that differ in one word or phrase.

    Attributes:
        family: the kind of word that differs.
        number: of the pair within the suite; all phrasings of a pair share it.
        first, second: the sentences.
    """

    family: str
    number: int
    first: Member
    second: Member

    @property
    def questions(self) -> frozenset[str]:
        """All questions that decide whether the pair is right."""
        return frozenset({*self.first.expected, *self.second.expected})

    def judged(self, first: Body, second: Body) -> tuple[bool, bool]:
        """Whether each of the two clips obeys its sentence; a comparison counts for both."""
        right = [
            all(answer(question, body) == expected for question, expected in _absolute(member))
            for member, body in ((self.first, first), (self.second, second))
        ]
        if PACE in self.first.expected:
            quick, slow = (first, second) if self.first.expected[PACE] == "faster" else (second, first)
            right = [each and faster(quick, slow) for each in right]
        return right[0], right[1]


@cache
def minimal_pairs() -> tuple[MinimalPair, ...]:
    """All pairs of pairs.yaml in all phrasings."""
    families = yaml.safe_load(
        (resources.files("kinelex.evaluation.probes") / "pairs.yaml").read_text("utf-8")
    )
    entries = [(family, entry) for family, listed in families.items() for entry in listed]
    return tuple(
        pair for number, (family, entry) in enumerate(entries) for pair in _phrased(family, number, entry)
    )


def _phrased(
    family: str, number: int, entry: Mapping[str, Mapping[str, Sequence[str | None]] | Sequence[str]]
) -> Iterator[MinimalPair]:
    expect = entry["expect"]
    assert isinstance(expect, Mapping)
    expected = [
        {question: given for question, answers in expect.items() if (given := answers[side]) is not None}
        for side in range(2)
    ]
    for phrasing in entry["phrasings"]:
        members = [
            Member(phrasing.replace("_", word), expected[side]) for side, word in enumerate(entry["words"])
        ]
        yield MinimalPair(family, number, *members)


def _absolute(member: Member) -> list[tuple[str, str]]:
    return [(question, expected) for question, expected in member.expected.items() if question != PACE]
