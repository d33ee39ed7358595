"""Texts of which the left is named first: as they are, or as their mirror images."""

from __future__ import annotations

from dataclasses import dataclass

from kinelex.text.mirroring import leads_right, mirror_text


@dataclass(frozen=True)
class LeftFirst:
    """Texts that belong together, as they are read; `mirrored` if that is their mirror image."""

    texts: tuple[str, ...]
    mirrored: bool


def left_first(*texts: str) -> LeftFirst:
    """A sentence and its phrases so that the first side they name is the left, if any.

    Windings are spelled alike: "anticlockwise" as the mirror image of "clockwise" is.
    """
    image = tuple(map(mirror_text, texts))
    mirrored = leads_right(*texts)
    return LeftFirst(image if mirrored else tuple(map(mirror_text, image)), mirrored)
