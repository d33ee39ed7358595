"""Which phrases speak of jumping."""

from __future__ import annotations

import re

_LEAPS = re.compile(r"\b(?:jump|hop(?!e)|leap|skip|bounc)\w*", re.IGNORECASE)


def leaves_ground(phrase: str) -> bool:
    """Whether a phrase has a word of jumping, hopping, leaping, skipping or bouncing, in whatever sense."""
    return _LEAPS.search(phrase) is not None
