"""How to say that something goes on: "walks on and on", "keeps walking"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinelex.data.phrases import gerund

_WHERE = r"(?:straight )?(?:forwards?|ahead|along|backwards?|back)|straight|in a straight line|in place|on the spot"
_HOW = (
    r"\w+ly|(?:very )?fast|(?:like|as if|with|without) .+|in (?:an?|the) (?:[\w-]+ )?(?:way|mood|manner)(?: of .+)?|"
    r"at an? [\w-]+ pace|the way .+"
)
_STRAIGHT_ON = re.compile(
    rf"(?:(?:walks|runs|jogs|sprints|dashes|marches|sneaks|strolls)(?: (?:{_HOW}|{_WHERE}))*"
    rf"|moves(?: (?:{_WHERE}))+(?: (?:{_HOW}))*)"
)
# "takes a few steps forward" names an end.
_ENDS = re.compile(r"\b(?:steps?|few|several)\b")
_AHEAD = re.compile(r" (?:straight ahead|forwards?|ahead|along|in a straight line)$")


def straight_on(phrases: Sequence[str]) -> tuple[str, ...]:
    """Those of a clip's phrases that name a way to go straight on, or on the spot, without an end.

    Returns:
        None at all where another phrase tells of something else: of a curve, a goal, something done besides.
    """
    endless = tuple(phrase for phrase in phrases if not _ENDS.search(phrase))
    return endless if all(map(_STRAIGHT_ON.fullmatch, endless)) else ()


def lasting(phrases: Sequence[str]) -> tuple[str, ...]:
    """Ways to say what phrases such as "walks forward" say of something that takes its time; theirs come first."""
    short = _shortest(phrases)
    ways = ("on and on", "without stopping", "for a while", "for a long time")
    return (*phrases, f"keeps {gerund(short)}", *(f"{short} {way}" for way in ways))


def keeping_on(phrases: Sequence[str]) -> tuple[str, ...]:
    """Ways to say that what phrases name has begun and goes on."""
    doing = gerund(_shortest(phrases))
    return (f"keeps {doing}", "keeps going", f"continues {doing}", f"keeps on {doing}", f"goes on {doing}")


def _shortest(phrases: Sequence[str]) -> str:
    """The shortest, "walks" for "walks forward"."""
    return min((_AHEAD.sub("", phrase) for phrase in phrases), key=len)
