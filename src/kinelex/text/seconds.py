"""Seconds that a sentence names: "walks forward for 4 seconds"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS = {"a": 1.0, "half a": 0.5, "a couple of": 2.0} | {
    word: float(number) for number, word in enumerate(_WORDS, start=1)
}
_UNITS = {"s": 1.0, "m": 60.0}
_SECONDS = re.compile(
    r",?\s+for\s+(?:about |around |roughly |exactly )?"
    rf"(?P<number>\d+(?:\.\d+)?|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
    r"(?P<half> and a half)?(?: ?| full | whole |-)(?P<unit>s|secs?|seconds?|mins?|minutes?)\b(?P<more> and a half)?",
    re.IGNORECASE,
)
# What may follow "for a second", else it is the second one of something: "for a second time".
_GOES_ON = re.compile(
    r"\s*(?:$|[,.;:!?]|(?:and|then|with|before|after|while|as|in|on|at|to|near|by|from|without)\b)",
    re.IGNORECASE,
)
# Adverbs that stand for the seconds while a sentence is split: numbers lead the tagger astray, these do not.
_MARKS: tuple[str, ...] = (
    "notably", "seemingly", "reportedly", "arguably", "admittedly", "allegedly", "presumably", "supposedly",
    "undoubtedly", "evidently",
)  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """What happens, and how many seconds it takes; None where nothing says so."""

    text: str
    seconds: float | None = None


def timed(sentence: str, split: Callable[[str], Sequence[str]]) -> list[Timed]:
    """The phrases into which a sentence is split, each with the seconds that it names.

    "walks for 4 seconds, then waves" is "walks", 4 and "waves", None.
    """
    found = list(_named(sentence))[: len(_MARKS)]
    if any(mark in sentence for mark in _MARKS) or not any(map(str.isalnum, without_seconds(sentence))):
        found = []
    marked, end = "", 0
    for mark, match in zip(_MARKS, found, strict=False):
        marked += f"{sentence[end : match.start()]} {mark}"
        end = match.end()
    amounts = dict(zip(_MARKS, map(_amount, found), strict=False))
    return [_unmarked(phrase, amounts) for phrase in split(marked + sentence[end:])]


def without_seconds(sentence: str) -> str:
    """A sentence with the seconds taken out, which generators have never read."""
    kept, end = "", 0
    for match in _named(sentence):
        kept += sentence[end : match.start()]
        end = match.end()
    return kept + sentence[end:]


def _named(sentence: str) -> list[re.Match[str]]:
    """Where the sentence names seconds."""
    single = ("second", "minute")
    return [
        match
        for match in _SECONDS.finditer(sentence)
        if match["unit"].lower() not in single or _GOES_ON.match(sentence, match.end())
    ]


def _amount(match: re.Match[str]) -> float:
    number = match["number"].lower()
    amount = _NUMBERS[number] if number in _NUMBERS else float(number)
    if match["half"] or match["more"]:
        amount += 0.5
    return amount * _UNITS[match["unit"][0].lower()]


def _unmarked(phrase: str, amounts: Mapping[str, float]) -> Timed:
    """A phrase without its marks; the seconds of several things in one phrase pass together."""
    found = [mark for mark in amounts if re.search(rf"\b{mark}\b", phrase)]
    for mark in found:
        phrase = re.sub(rf"\s*\b{mark}\b", "", phrase)
    return Timed(phrase.strip(), max(amounts[mark] for mark in found) if found else None)
