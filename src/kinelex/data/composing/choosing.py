"""What happens in a sequence: several actions, the same one again and again, or one that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from kinelex.data.composing.actions import GOES_ON, POSTURES, SHORTEST, Action, Piece, Pool, base, cropped
from kinelex.data.composing.fitting import best_fit
from kinelex.data.composing.lasting import keeping_on, lasting
from kinelex.data.store import Store
from kinelex.text.repetition import once

_COUNTS, _COUNT_WEIGHTS = (2, 3, 4, 5), (5, 3, 1.5, 1)
_MOST_PIECES = max(_COUNTS)
_CANDIDATES = 8
# Of sequences with repetitions: how many different actions there are, and how often one happens.
_REPEATING, _REPEATING_WEIGHTS, _TIMES = (1, 2, 3), (2, 2, 1), (2, 2, 3)
# Frames of a piece that the next of the same clip goes on from: the next step is not always there earlier.
_SHORTEST_LOOP = 20
_SHORTEST_LASTING = 60  # frames of something that goes on


@dataclass(frozen=True)
class Act:
    """Pieces that are said as one thing.

    Attributes:
        pieces: one after the other.
        phrases: ways to say it, the plainest first.
        counted: whether each piece is the same thing again.
        goes_on: whether it is what has begun before it.
    """

    pieces: tuple[Piece, ...]
    phrases: tuple[str, ...]
    counted: bool = False
    goes_on: bool = False

    @property
    def times(self) -> int:
        """How often it happens."""
        return len(self.pieces) if self.counted else 1


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a sequence may take.

    Attributes:
        frames: at most.
        overlap: of neighbours.
    """

    frames: int
    overlap: int


def several(store: Store, pool: Pool, room: Room, random: Random, *, repeating: bool) -> list[Act]:
    """Actions that fit behind each other; with `repeating`, each of them twice or three times in a row."""
    kinds, weights = (_REPEATING, _REPEATING_WEIGHTS) if repeating else (_COUNTS, _COUNT_WEIGHTS)
    count, pieces = random.choices(kinds, weights)[0], 0
    acts: list[Act] = []
    left, overlap = room.frames, room.overlap
    for _ in range(4 * count):
        if len(acts) == count or pieces == _MOST_PIECES:
            break
        last = acts[-1].pieces[-1] if acts else None
        here = left + (overlap if acts else 0) - (count - len(acts) - 1) * SHORTEST
        drawn = [
            piece for action in pool.draw(random, _CANDIDATES) if (piece := cropped(action, here, random))
        ]
        if last is not None:
            drawn = [told for piece in drawn if (told := _told_apart(piece, last)) is not None]
        if repeating:
            drawn = _repeatable(store, drawn, overlap)
        best = best_fit(store, last, drawn, overlap)
        if best is not None:
            fits = 1 + (here - best.frames) // max(1, best.frames - overlap)
            times = min(random.choice(_TIMES), fits, _MOST_PIECES - pieces) if repeating else 1
            left -= times * (best.frames - overlap) + (0 if acts else overlap)
            acts.append(Act((best,) * times, best.phrases, counted=times > 1))
            pieces += times
    return acts


def _told_apart(piece: Piece, last: Piece) -> Piece | None:
    """A piece with those of its phrases that cannot be said of the one before it; None where both are called alike."""
    phrases = tuple(phrase for phrase in piece.phrases if phrase not in last.phrases)
    return replace(piece, phrases=phrases) if phrases and piece.phrases[0] != last.phrases[0] else None


def _repeatable(store: Store, pieces: Sequence[Piece], overlap: int) -> list[Piece]:
    """Whole actions that can be counted and end as they begin, with those of their phrases that name no number."""
    whole = [
        replace(piece, phrases=tuple(phrase for phrase in piece.phrases if _countable(phrase)))
        for piece in pieces
        if piece.whole
    ]
    return [
        piece for piece in whole if piece.phrases and best_fit(store, piece, [piece], overlap) is not None
    ]


def _countable(phrase: str) -> bool:
    """Whether it makes sense to say how often: nobody walks twice, or sits down twice without getting up."""
    first, *others = phrase.split()
    return once(phrase) is not None and base(first) not in GOES_ON | POSTURES and "while" not in others


def going_on(store: Store, pool: Pool, room: Room, random: Random) -> list[Act]:
    """A walk or another way to go straight on, made longer by going over into itself, step into step.

    It is said as one thing that lasts, or as one that begins and one that goes on.

    Returns:
        Nothing where it does not go over into itself.
    """
    pieces: list[Piece] = []
    (action,) = pool.draw(random, 1)
    wanted, overlap = random.randint(_SHORTEST_LASTING, room.frames), room.overlap
    first = cropped(action, wanted, random)
    while first is not None and (missing := wanted - _frames(pieces, overlap)) > _SHORTEST_LOOP - overlap:
        piece = _next_of(store, action, pieces[-1], missing + overlap, overlap) if pieces else first
        if piece is None:
            break
        pieces.append(piece)
    if len(pieces) < 2:
        return []
    if random.random() < 0.5:
        return [Act(tuple(pieces), lasting(action.straight_on))]
    cut = random.randint(1, len(pieces) - 1)
    return [
        Act(tuple(pieces[:cut]), action.straight_on),
        Act(tuple(pieces[cut:]), keeping_on(action.straight_on), goes_on=True),
    ]


def _next_of(store: Store, action: Action, last: Piece, room: int, overlap: int) -> Piece | None:
    """The rest of the clip from where it looks most like the end of what came last, or as much as there is room for."""
    starts = range(action.frames - _SHORTEST_LOOP + 1)
    # Not where it was just cut off: the piece would go on as recorded, up to the same end again.
    pieces = [
        Piece(action.clip, start, min(action.frames, start + room), action.phrases)
        for start in starts
        if start + overlap <= last.stop - overlap // 2
    ]
    return best_fit(store, last, pieces, overlap)


def _frames(pieces: Sequence[Piece], overlap: int) -> int:
    """Of pieces that go into each other."""
    return sum(piece.frames for piece in pieces) - overlap * max(0, len(pieces) - 1)
