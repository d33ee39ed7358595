"""Prompts written in haste, with the punctuation of sentences: lines, bullets, and commas that no space follows."""

from __future__ import annotations

import re

_BULLET = re.compile(r"^[ \t]*[-*•–][ \t]+", re.MULTILINE)
_LINE_END = re.compile(r"(?<=(.))[ \t]*[\r\n]+\s*(?=\S)")
# Two letters on both sides: neither "e.g." nor "2,5" nor "t.v." end anything.
_NO_SPACE = re.compile(r"(?<=[^\W\d_]{2})([,;.!?])(?=[^\W\d_]{2})")
_BETWEEN = re.compile(r"\s+(?:\||--|–)\s+|(?<=[^\W\d_])—(?=[^\W\d_])")
_AND = re.compile(r"(?<=\s)&(?=\s)")


def evened(text: str) -> str:
    """A text of lines, bullets or bare signs as sentences: "walk,sit" is "walk, sit", a line ends a sentence."""
    text = _BULLET.sub("", text)
    text = _LINE_END.sub(lambda end: " " if end[1] in ",.;:!?" else ". ", text.strip())
    text = _NO_SPACE.sub(r"\1 ", text)
    return _AND.sub("and", _BETWEEN.sub(", then ", text))
