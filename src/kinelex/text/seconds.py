"""Seconds that a sentence names: "walks forward for 4 seconds"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
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


@dataclass(frozen=True)
class Timed:
    """What happens, and how many seconds it takes; None where nothing says so."""

    text: str
    seconds: float | None = None


def timed(phrase: str) -> Timed:
    """ "waves for two seconds" as "waves", 2; a phrase that names no time, or several, stays as it is."""
    found = list(_SECONDS.finditer(phrase))
    text = without_seconds(phrase)
    if len(found) != 1 or not any(character.isalnum() for character in text):
        return Timed(phrase)
    (match,) = found
    number = match["number"].lower()
    amount = _NUMBERS[number] if number in _NUMBERS else float(number)
    if match["half"] or match["more"]:
        amount += 0.5
    return Timed(text, amount * _UNITS[match["unit"][0].lower()])


def without_seconds(sentence: str) -> str:
    """A sentence with the seconds taken out, which generators have never read."""
    return _SECONDS.sub("", sentence)
