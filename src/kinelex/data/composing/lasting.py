"""How to say that something goes on: "walks on and on", "keeps walking"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinelex.data.phrases import gerund

# "takes a few steps forward" names an end.
_ENDS = re.compile(r"\b(?:steps?|few|several)\b")
_AHEAD = re.compile(r" (?:straight ahead|forwards?|ahead|along|in a straight line)$")


def lasting(phrases: Sequence[str]) -> tuple[str, ...]:
    """Ways to say what phrases such as "walks forward" do of something that takes its time; the plain ones come first.

    Returns:
        None at all where every phrase names an end.
    """
    plain = _endless(phrases)
    if not plain:
        return ()
    short = _shortest(plain)
    ways = ("on and on", "without stopping", "for a while", "for a long time")
    return (*plain, f"keeps {gerund(short)}", *(f"{short} {way}" for way in ways))


def keeping_on(phrases: Sequence[str]) -> tuple[str, ...]:
    """Ways to say that what has begun goes on; none where every phrase names an end."""
    plain = _endless(phrases)
    if not plain:
        return ()
    doing = gerund(_shortest(plain))
    return (f"keeps {doing}", "keeps going", f"continues {doing}", f"keeps on {doing}", f"goes on {doing}")


def _endless(phrases: Sequence[str]) -> tuple[str, ...]:
    return tuple(phrase for phrase in phrases if not _ENDS.search(phrase))


def _shortest(phrases: Sequence[str]) -> str:
    """The shortest, "walks" for "walks forward"."""
    return min((_AHEAD.sub("", phrase) for phrase in phrases), key=len)
