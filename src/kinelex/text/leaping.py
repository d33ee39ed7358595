"""Movements that leave the ground."""

from __future__ import annotations

import re

_LEAPS = re.compile(r"\b(?:jump|hop|leap|skip|bounc)\w*", re.IGNORECASE)


def leaves_ground(phrase: str) -> bool:
    """Whether a phrase speaks of a movement in which both feet are off the ground: jumps, hops, leaps, skips."""
    return _LEAPS.search(phrase) is not None
