"""Counted actions spelled out: "a person squats twice" as "a person squats once", two times.

A generator that was trained on a few hours of motion has hardly seen a count; the same action in phrases one after the
other it can do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

NUMBERS = {"two": 2, "three": 3, "four": 4, "five": 5, "2": 2, "3": 3, "4": 4, "5": 5}
# Actions that captions count as things: "does three squats". Steps are none of them: a walk is not taken apart.
_SINGULAR = {
    f"{noun}{ending}": noun
    for ending, nouns in {
        "s": (
            "squat hop jump leap kick cartwheel bow nod clap wave turn spin twirl jack backflip somersault roll "
            "swing knock jab hook pushup push-up situp sit-up curl stomp circle lunge"
        ),
        "es": "punch crouch",
    }.items()
    for noun in nouns.split()
}
_PLURAL = {singular: plural for plural, singular in _SINGULAR.items()}
_KINDS = (
    "big small high low quick slow little long short more full front back side left right jumping roundhouse"
)
_BETWEEN = rf"(?: (?:{'|'.join(_KINDS.split())}))*"
_NUMBER = "|".join(NUMBERS)
_TIMES = rf"(?P<adverb>twice|thrice)|(?P<times>{_NUMBER}) (?:more )?times"
_THINGS = rf"(?P<number>{_NUMBER})(?P<between>{_BETWEEN}) (?P<things>{'|'.join(_SINGULAR)})"
_COUNT = re.compile(rf"(?<![\d.])\b(?:(?:{_TIMES})(?: in a row)?(?! (?:as|the|more|\w+er)\b)|{_THINGS})\b")
_MEANWHILE = re.compile(r"\b(?:while|whilst|as)\b")
_DOES = re.compile(r"\b(?:do|mak|perform|throw|tak|execut|complet|deliver)(?:e|es|s|ing)?(?: [a-z]+)?\s$")
_ONCE = re.compile(rf"(?<!\bat )\bonce\b|\bone(?P<between>{_BETWEEN}) (?P<thing>{'|'.join(_PLURAL)})\b")
_NUMBERED = re.compile(
    rf"\b(?:{_NUMBER}|six|seven|eight|nine|ten|twice|thrice|times|several|single|again|repeatedly|\d+)\b"
)


@dataclass(frozen=True)
class Repeated:
    """An action and how often it happens.

    Attributes:
        text: what happens once.
        count: how often.
        seconds: that all of it takes; None where nothing says so.
    """

    text: str
    count: int = 1
    seconds: float | None = None


def repeated(phrase: str) -> Repeated:
    """What a phrase says happens once, and how often; the phrase itself, once, where it names no number or several."""
    found = list(_COUNT.finditer(phrase))
    if len(found) != 1:
        return Repeated(phrase)
    (match,) = found
    before, after = phrase[: match.start()], phrase[match.end() :]
    if _NUMBERED.search(before + after) or _ONCE.search(before + after) or _MEANWHILE.search(before):
        return Repeated(phrase)
    if match["things"] and not _DOES.search(before):
        return Repeated(phrase)
    single = "once" if match["things"] is None else f"one{match['between']} {_SINGULAR[match['things']]}"
    number = match["number"] or match["times"]
    count = NUMBERS[number] if number else {"twice": 2, "thrice": 3}[match["adverb"]]
    return Repeated(before + single + after, count)


def spelled_out(phrases: Sequence[str], limit: int) -> tuple[Repeated, ...]:
    """Phrases with their counts, as far as all repetitions together are at most `limit` phrases.

    A phrase whose repetitions find no room stays as it is.
    """
    room, out = limit - len(phrases), []
    for phrase in phrases:
        found = repeated(phrase)
        if found.count - 1 > room:
            found = Repeated(phrase)
        room -= found.count - 1
        out.append(found)
    return tuple(out)


def once(phrase: str) -> str | None:
    """ "squats" -> "squats once", "kicks once" and "does one hop" as they are; None where another number is named."""
    if _NUMBERED.search(phrase):
        return None
    return phrase if _ONCE.search(phrase) else f"{phrase} once"


def counted(phrase: str, count: int) -> str | None:
    """What `repeated` takes apart: "squats", 2 -> "squats twice"; "does one hop", 3 -> "does three hops".

    Args:
        phrase: what happens once.
        count: 2 to 5.

    Returns:
        None where the phrase names a number already, or the count is another.
    """
    single = once(phrase)
    if single is None or not 2 <= count <= 5:
        return None
    word = ("two", "three", "four", "five")[count - 2]
    often = "twice" if count == 2 else f"{word} times"

    def more(match: re.Match[str]) -> str:
        return often if match["thing"] is None else f"{word}{match['between']} {_PLURAL[match['thing']]}"

    return _ONCE.sub(more, single, count=1)
