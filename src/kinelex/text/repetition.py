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
_KINDS = (
    "big small high low quick slow little long short more full front back side left right jumping roundhouse"
)
_NUMBER = "|".join(NUMBERS)
_TIMES = rf"(?P<adverb>twice|thrice)|(?P<times>{_NUMBER}) (?:more )?times"
_THINGS = rf"(?P<number>{_NUMBER})(?P<between>(?: (?:{'|'.join(_KINDS.split())}))*) (?P<things>{'|'.join(_SINGULAR)})"
_COUNT = re.compile(rf"\b(?:(?:{_TIMES})(?: in a row)?(?! (?:as|the|more|\w+er)\b)|{_THINGS})\b")


@dataclass(frozen=True)
class Repeated:
    """An action and how often it happens.

    Attributes:
        text: what happens once.
        count: how often.
    """

    text: str
    count: int = 1


def repeated(phrase: str) -> Repeated:
    """What a phrase says happens once, and how often; the phrase itself, once, where it names no number or several."""
    found = list(_COUNT.finditer(phrase))
    if len(found) != 1:
        return Repeated(phrase)
    (match,) = found
    once = "once" if match["things"] is None else f"one{match['between']} {_SINGULAR[match['things']]}"
    number = match["number"] or match["times"]
    count = NUMBERS[number] if number else {"twice": 2, "thrice": 3}[match["adverb"]]
    return Repeated(phrase[: match.start()] + once + phrase[match.end() :], count)


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
