"""What somebody asks a program for: "show me a man who waves" is about a man, who waves."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kinelex.text.lemmas import SUBJECT_WORDS
from kinelex.text.verbs import VERBS

SOMEBODY = "a person"
_NAMES = {"him": "a man", "he": "a man", "her": "a woman", "she": "a woman"} | dict.fromkeys(
    ("them", "they", "it"), SOMEBODY
)
_PERSON = (
    rf"(?:(?:an?|the|this|one|some|another) (?:[\w-]+ ){{0,2}}?(?:{SUBJECT_WORDS.replace(' ', '|')})\b"
    r"|someone\b|somebody\b|him\b|her\b|them\b|it\b)"
)
_ASKED = r"(?:please|hey|now|ok|okay|just)[, ]+"
_SHOWN = r"(?:show|give|make|draw)(?: me| us)?|generate|create|animate|render|produce|imagine|simulate|have|let|get|see"
_ASKS = (
    rf"(?:{_ASKED})*(?:(?:can|could|would|will) you (?:please )?(?:{_SHOWN})"
    rf"|i(?: would|'d|’d)? (?:want|need|like)(?: you)?(?: to)?(?: (?:{_SHOWN}))?|{_SHOWN})"
)
_CLIP = (
    r"(?:(?:an?|the|some) )?(?:[\w-]+ ){0,3}?(?:animation|motion|clip|video|sequence|movement|scene|mocap)s? "
    r"(?:of|where|in which|with|showing|that shows|for) "
)
_WISH = re.compile(rf"{_ASKS} (?:{_CLIP})?(?P<person>{_PERSON})(?: (?P<rest>.+))?", re.IGNORECASE | re.DOTALL)
_CYCLE = re.compile(
    rf"{_ASKS} (?P<cycle>(?:an? )?(?:[\w-]+ ){{0,3}}(?:cycle|loop|animation|motion))[.!]?", re.IGNORECASE
)
_DUTY = re.compile(
    rf"(?P<person>{_PERSON}) (?:should|must|shall|will|(?:needs?|has|have) to|is going to) (?P<rest>.+)",
    re.IGNORECASE | re.DOTALL,
)
_RELATIVE = re.compile(r"(?:who|that|which) (?:is )?", re.IGNORECASE)
_ARROW = re.compile(r"\s*(?:->|-->|=>|→|⇒|>)\s*")
_NUMBER = re.compile(r"(?:^|(?<=[\s,;.]))\(?\d{1,2}[.)]\s+(?=[a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class Wish:
    """Who is to be seen, and what they are to do.

    Attributes:
        subject: who.
        text: a command to them, or what is to be seen as it is asked for.
        tells: whether the text is a description, not a command.
    """

    subject: str
    text: str
    tells: bool = False


def wished(text: str) -> Wish:
    """Who a request is about and what they are to do; other texts as they are, about somebody."""
    stripped = text.strip()
    if duty := _DUTY.fullmatch(stripped):
        return Wish(_who(duty["person"]), duty["rest"])
    if cycle := _CYCLE.fullmatch(stripped):
        return Wish(SOMEBODY, cycle["cycle"], tells=True)
    wish = _WISH.fullmatch(stripped)
    if wish is None:
        return Wish(SOMEBODY, text)
    who, rest = _who(wish["person"]), (wish["rest"] or "").strip()
    bidden = re.sub(r"^to (?=\w)", "", rest)
    first = re.match(r"[\w'’]*", bidden)
    if first is not None and first[0].lower() in VERBS:
        return Wish(who, bidden)
    done = rest[relative.end() :] if (relative := _RELATIVE.match(rest)) else rest
    return Wish(who, f"{who} {done}".strip(), tells=True)


def _who(person: str) -> str:
    return _NAMES.get(person.lower(), person.lower())


def in_a_row(text: str) -> str:
    """Steps of a list as one after the other: "walk -> sit" and "1. walk 2. sit" as "walk, then sit"."""
    steps = [step.strip(" ,;.\n") for step in _NUMBER.split(text)]
    if len(steps) > 2 and not steps[0]:
        text = ", then ".join(filter(None, steps))
    return _ARROW.sub(", then ", text)
