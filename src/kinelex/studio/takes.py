"""The takes of one visitor: what was made, from what, and which are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion

MOST_TAKES = 100  # the oldest are forgotten


@dataclass(frozen=True)
class Take:
    """A clip, and where it comes from.

    Attributes:
        number: counts the visitor's takes from 1.
        motion: as it was drawn or loaded: feet not locked, moving through the room.
        origin: in words, as in "seed 3" or "walk.bvh".
        beside: numbers of the takes that stand next to one another when this one is chosen, itself among them.
        sentence: that it was drawn from as a whole, where there was one.
        recorded: it is, or began as, a file: what the file holds is not to be changed.
    """

    number: int
    motion: Motion
    origin: str
    beside: tuple[int, ...]
    sentence: str | None = None
    recorded: bool = False

    @property
    def name(self) -> str:
        """For lists."""
        says = " | ".join(part.text for part in self.motion.segments) or "no phrases"
        return f"{self.number} · {self.origin} · {self.motion.seconds:.1f} s · {says}"


@dataclass(frozen=True)
class Takes:
    """Takes in the order in which they were made.

    Attributes:
        kept: all that are remembered.
        chosen: number of the one that is edited and exported; None before there is any.
    """

    kept: tuple[Take, ...] = ()
    chosen: int | None = None
    made: int = 0

    def batch(self, motions: Sequence[Motion], origins: Sequence[str], sentence: str | None = None) -> Takes:
        """With takes that were made together and stand side by side; the first is chosen."""
        numbers = tuple(range(self.made + 1, self.made + 1 + len(motions)))
        new = [
            Take(number, motion, origin, numbers, sentence)
            for number, motion, origin in zip(numbers, motions, origins, strict=True)
        ]
        return self._with(new)

    def edit(self, old: Take, motion: Motion, origin: str) -> Takes:
        """With a new version of a take, which stands next to the old one."""
        number = self.made + 1
        return self._with([Take(number, motion, origin, (old.number, number), recorded=old.recorded)])

    def load(self, motion: Motion, name: str) -> Takes:
        """With a clip from a file."""
        number = self.made + 1
        return self._with([Take(number, motion, name, (number,), recorded=True)])

    @property
    def current(self) -> Take:
        """The chosen take.

        Raises:
            KinelexError: none is.
        """
        if self.chosen is None:
            raise KinelexError("there is no motion yet; generate one, or load a file")
        return self.take(self.chosen)

    @property
    def shown(self) -> tuple[Take, ...]:
        """The chosen take and those beside it, in their order; those that were forgotten are left out."""
        if self.chosen is None:
            return ()
        beside = self.current.beside
        return tuple(take for take in self.kept if take.number in beside)

    def take(self, number: int) -> Take:
        """The take of that number.

        Raises:
            KinelexError: there is none.
        """
        for take in self.kept:
            if take.number == number:
                return take
        raise KinelexError(f"there is no take {number} any more; the last {MOST_TAKES} are kept")

    def choose(self, number: int) -> Takes:
        """With another one chosen.

        Raises:
            KinelexError: there is no such take.
        """
        return replace(self, chosen=self.take(number).number)

    def _with(self, new: Sequence[Take]) -> Takes:
        return Takes((*self.kept, *new)[-MOST_TAKES:], new[0].number, self.made + len(new))
