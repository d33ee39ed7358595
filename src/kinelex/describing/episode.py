"""A stretch of a clip with a name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Episode:
    """What a body does for a while.

    Attributes:
        kind: its name in wording.yaml; empty where it has no certain one.
        side: "left", "right", "both" or empty.
        start, stop: frames [start, stop) of the clip.
    """

    kind: str
    side: str
    start: int
    stop: int

    @property
    def frames(self) -> int:
        """How many."""
        return self.stop - self.start
