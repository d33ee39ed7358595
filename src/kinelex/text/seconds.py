"""Seconds that a sentence names: "walks forward for 4 seconds"."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_WORDS = (
    "one two three four five six seven eight nine ten "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty")
_SINGLE = {word: float(number) for number, word in enumerate(_WORDS.split(), start=1)}
_NUMBERS = {"a": 1.0, "half a": 0.5, "a couple of": 2.0, **_SINGLE}
_NUMBERS |= {ten: 10.0 * place for place, ten in enumerate(_TENS, start=2)}
_NUMBERS |= {
    f"{ten}{joint}{one}": _NUMBERS[ten] + _SINGLE[one]
    for ten in _TENS
    for joint in "- "
    for one in list(_SINGLE)[:9]
}
_UNITS = {"s": 1.0, "m": 60.0, "milli": 0.001}
_NUMBER = rf"\d*[.,]\d+|\d+|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}"
_SECONDS = re.compile(
    r"(?:\A|,?\s+)for\s+(?:about |around |roughly |exactly )?"
    rf"(?P<number>{_NUMBER})(?P<half> and a half)?(?: ?| full | whole |-)"
    r"(?P<unit>ms|milliseconds?|s|secs?|seconds?|mins?|minutes?)\b"
    rf"(?P<more> and a half|(?:,| and|, and)? (?P<rest>{_NUMBER})(?: |-)?(?:s|secs?|seconds?)\b)?",
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
    return (kept + sentence[end:]).lstrip(" ,") if end else sentence


def _named(sentence: str) -> list[re.Match[str]]:
    """Where the sentence names seconds."""
    single = ("second", "minute")
    return [
        match
        for match in _SECONDS.finditer(sentence)
        if match["unit"].lower() not in single or _GOES_ON.match(sentence, match.end())
    ]


def _amount(match: re.Match[str]) -> float:
    unit = match["unit"].lower()
    scale = _UNITS["milli" if unit.startswith(("ms", "milli")) else unit[0]]
    rest = _number(match["rest"]) if match["rest"] else 0.0
    half = match["half"] or (match["more"] and not match["rest"])
    return (_number(match["number"]) + (0.5 if half else 0.0)) * scale + rest


def _number(written: str) -> float:
    return _NUMBERS.get(written.lower()) or float(written.replace(",", "."))


def _unmarked(phrase: str, amounts: Mapping[str, float]) -> Timed:
    """A phrase without its marks; the seconds of several things in one phrase pass together."""
    found = [mark for mark in amounts if re.search(rf"\b{mark}\b", phrase)]
    for mark in found:
        phrase = re.sub(rf"\s*\b{mark}\b", "", phrase)
    return Timed(phrase.strip(" ,"), max(amounts[mark] for mark in found) if found else None)
