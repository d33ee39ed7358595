"""Recordings described by what they show: a store of pieces with sentences and exact segments.

A share of the straight walks and runs is stored a second time as steps on the spot: motion that is made, not recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

import torch

from kinelex.data.captions import Caption
from kinelex.data.cutting import features_of
from kinelex.data.derived import DerivedOptions, derive, opened
from kinelex.data.prepare import PrepareReport
from kinelex.data.store import Store, StoredClip
from kinelex.data.store_writer import Skipped
from kinelex.data.takes import TakeResult
from kinelex.describing.describe import FEWEST_FRAMES, acts_of, captions_of, named, segments_of
from kinelex.describing.episode import Episode
from kinelex.describing.on_the_spot import ON_THE_SPOT, on_the_spot
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion

_MOST_EPISODES = 5
# Of a clip that is mostly nameless (a dance, a climb) what little has a name is something else, too.
_NAMED_SHARE = 0.5
_TELLS_NOTHING = frozenset(("stand",))


@dataclass(frozen=True, kw_only=True)
class DescribeOptions(DerivedOptions):
    """What decides the content of a described store.

    Attributes:
        captions: sentences a piece.
        min_seconds, max_seconds: of a piece.
        in_place: share of the pieces that are one straight walk or run of which a second clip is made in which the same
            body steps on the spot (ids ending in "_in_place"); hardly any recording shows that. Where it does not come
            out well there is no such clip.
    """

    captions: int = 4
    min_seconds: float = 1.0
    max_seconds: float = 9.8
    in_place: float = 0.25

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.2 <= self.min_seconds < self.max_seconds:
            raise KinelexError("a described store needs pieces of 0.2 s or more")
        if not 0 <= self.in_place <= 1:
            raise KinelexError(f"the share of walks made to step in place is {self.in_place:g}; give 0 to 1")


def describe_store(
    stores: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str],
    options: DescribeOptions | None = None, *, workers: int | None = None, force: bool = False,
) -> PrepareReport:  # fmt: skip
    """Make a store of the pieces of prepared stores that can be described; a piece stays in its split.

    Raises:
        KinelexError: a source is no store, nothing in it can be described, or the output is no store.
    """
    options = options or DescribeOptions()
    return derive("describe", stores, output, options, _clips, _make, workers=workers, force=force)


def _clips(store: Store, options: DescribeOptions) -> range:
    return range(len(store))


def _make(folders: tuple[str, ...], options: DescribeOptions, index: int) -> TakeResult:
    """Every describable piece of a stored clip."""
    store = opened(folders)
    clip = store[index]
    motion = clip.motion(store.skeleton)
    if len(motion.positions) < FEWEST_FRAMES:
        return TakeResult([], [Skipped(clip.id, "", f"only {len(motion.positions)} frames")])
    # Clips of different stores may have the same name.
    own = clip.id if len(folders) == 1 else f"{store.store_of[index]}_{clip.id}"
    made = []
    for number, piece in enumerate(_pieces(named(motion), motion.fps, options)):
        name = f"{own}_described_{number}"
        cut = motion.with_positions(motion.positions[piece[0].start : piece[-1].stop])
        made.append(_stored(clip, name, cut, piece, options))
        made += _in_place(clip, f"{name}_in_place", cut, piece, options)
    return TakeResult(made, [] if made else [Skipped(clip.id, "", "nothing in it has a certain name")])


def _stored(
    clip: StoredClip, name: str, cut: Motion, piece: Sequence[Episode], options: DescribeOptions
) -> StoredClip:
    """Frames in which some episodes happen, with their sentences and segments."""
    acts = acts_of(piece)
    texts = captions_of(acts, options.captions, Random(f"{options.seed}|{name}"))
    return StoredClip(
        name, clip.split, clip.group, f"describe/{clip.id}", clip.licence,
        features_of(torch.from_numpy(cut.positions), cut.skeleton),
        tuple(Caption.of(text) for text in texts), segments_of(acts, cut.fps, piece[0].start),
    )  # fmt: skip


def _in_place(
    clip: StoredClip, name: str, cut: Motion, piece: Sequence[Episode], options: DescribeOptions
) -> Iterator[StoredClip]:
    """The steps on the spot made of a piece, if it is drawn and is one walk or run of which they can be made."""
    kind = ON_THE_SPOT.get(piece[0].kind)
    if (
        len(piece) > 1
        or kind is None
        or Random(f"{options.seed}|{name}|in place").random() >= options.in_place
    ):
        return
    if (made := on_the_spot(cut)) is not None:
        yield _stored(clip, name, made, [replace(piece[0], kind=kind)], options)


def _pieces(found: Sequence[Episode], fps: float, options: DescribeOptions) -> Iterator[list[Episode]]:
    """Named episodes in a row, as many together as a generator reads phrases and as the seconds allow."""
    frames = sum(each.frames for each in found)
    if sum(each.frames for each in found if each.kind) < _NAMED_SHARE * frames:
        return
    shortest, longest = options.min_seconds * fps, options.max_seconds * fps
    for is_named, row in groupby(found, key=lambda each: bool(each.kind)):
        if not is_named:
            continue
        episodes, piece = list(row), list[Episode]()
        for episode in episodes:
            if len(piece) == _MOST_EPISODES or (piece and episode.stop - piece[0].start > longest):
                yield from _worth(piece, shortest, longest)
                piece = []
            piece.append(episode)
        yield from _worth(piece, shortest, longest)
        # Each of several by itself, too: what a composer puts together anew.
        for episode in episodes if len(episodes) > 1 else ():
            yield from _worth([episode], shortest, longest)


def _worth(piece: list[Episode], shortest: float, longest: float) -> Iterator[list[Episode]]:
    """The piece, unless it is too short or too long or nobody does anything in it."""
    told = not all(each.kind in _TELLS_NOTHING for each in piece)
    if told and shortest <= piece[-1].stop - piece[0].start <= longest:
        yield piece
