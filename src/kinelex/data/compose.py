"""Real clips composed into sequences with exact boundaries: of two to five actions, or of one that goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch

from kinelex.data.captions import Caption
from kinelex.data.composing.actions import Piece, Pool, pools_of
from kinelex.data.composing.choosing import Act, Room, going_on, several
from kinelex.data.cutting import features_of
from kinelex.data.derived import DerivedOptions, derive, opened
from kinelex.data.phrases import SUBJECT, sentence
from kinelex.data.prepare import PrepareReport
from kinelex.data.stitching import stitch
from kinelex.data.store import SPLITS, Store, StoredClip
from kinelex.data.takes import TakeResult
from kinelex.errors import KinelexError
from kinelex.motion.features import joints_from_features
from kinelex.motion.motion import Segment
from kinelex.progress import track
from kinelex.text.repetition import counted, once


@dataclass(frozen=True, kw_only=True)
class ComposeOptions(DerivedOptions):
    """What decides the content of a composed store.

    Attributes:
        sequences: how many for training, less those that do not fit together; the other splits get as many in
            proportion to their actions.
        max_frames: of a sequence.
        blend_seconds: over which neighbours go into each other.
        repeats: share of the sequences in which actions happen twice or three times in a row, and are said to.
        going_on: share of them that show a walk, or another way to go straight on, longer than it was recorded.
    """

    sequences: int = 3000
    max_frames: int = 196
    blend_seconds: float = 0.4
    repeats: float = 0.0
    going_on: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sequences < 1:
            raise KinelexError("a composed store needs at least one sequence")
        if not 0 <= self.repeats <= 1:
            raise KinelexError(f"the share of repeating sequences is {self.repeats:g}; give 0 to 1")
        if not 0 <= self.going_on <= 1 - self.repeats:
            raise KinelexError(
                f"the share of sequences that go on is {self.going_on:g}; "
                "give 0 to 1, and with that of the repeating ones no more than 1"
            )
        if not 0.1 <= self.blend_seconds <= 0.8 or self.max_frames < 64:
            raise KinelexError("blend over 0.1 to 0.8 s, and sequences of at least 64 frames")


@dataclass(frozen=True)
class _Sequence:
    """A composition before it is made."""

    id: str
    split: str
    acts: tuple[Act, ...]

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Of all acts."""
        return tuple(piece for act in self.acts for piece in act.pieces)


def compose(
    stores: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str],
    options: ComposeOptions | None = None, *, workers: int | None = None, force: bool = False,
) -> PrepareReport:  # fmt: skip
    """Make a store of composed sequences from prepared stores; a sequence stays within one split.

    Raises:
        KinelexError: a source is no store, or has no captions of single actions, or the output is no store.
    """
    return derive(
        "compose", stores, output, options or ComposeOptions(), _plan, _make, workers=workers, force=force
    )


def _plan(store: Store, options: ComposeOptions) -> list[_Sequence]:
    pools = pools_of(store)
    straight = {split: pool.going_straight_on() for split, pool in pools.items()}
    if not len(pools["train"]):
        raise KinelexError(
            "the stores hold no training clip with the caption of a single action; add captioned clips"
        )
    planned = []
    for split in SPLITS:
        share = len(pools[split]) / len(pools["train"])
        wanted = round(options.sequences * share) if len(pools[split]) > 1 else 0
        for number in track(range(wanted), f"choosing actions, {split}"):
            random = Random(f"{options.seed}|{split}|{number}")
            acts = _choose(store, pools[split], straight[split], options, random)
            chosen = _Sequence(f"compose_{split}_{number:05d}", split, acts)
            if len(chosen.pieces) > 1:
                planned.append(chosen)
    return planned


def _choose(
    store: Store, pool: Pool, straight: Pool, options: ComposeOptions, random: Random
) -> tuple[Act, ...]:
    """What happens in a sequence; nothing where what was drawn does not fit together."""
    room = Room(frames=options.max_frames, overlap=_overlap(store, options))
    drawn = random.random() if options.going_on + options.repeats > 0 else 1.0
    repeating = drawn < options.repeats
    if not repeating and drawn < options.repeats + options.going_on and len(straight):
        return tuple(going_on(store, straight, room, random))
    return tuple(several(store, pool, room, random, repeating=repeating))


def _overlap(store: Store, options: ComposeOptions) -> int:
    return max(2, round(options.blend_seconds * store.skeleton.fps))


def _make(folders: tuple[str, ...], options: ComposeOptions, plan: _Sequence) -> TakeResult:
    store = opened(folders)
    random = Random(f"{options.seed}|{plan.id}")
    clips = [
        torch.from_numpy(np.array(store.features(piece.clip)[piece.start : piece.stop]))
        for piece in plan.pieces
    ]
    joined = stitch([joints_from_features(clip, store.skeleton) for clip in clips],
                    _overlap(store, options), store.skeleton)  # fmt: skip
    features = features_of(joined.joints, store.skeleton)[: options.max_frames]
    fps = store.skeleton.fps
    bounds = [min(bound, len(features)) / fps for bound in joined.bounds]
    texts = dict.fromkeys(_told(plan.acts, number == 0, random) for number in range(options.captions))
    sources = [store[piece.clip] for piece in plan.pieces]
    licence = " + ".join(sorted({clip.licence for clip in sources}))
    source = "compose/" + "+".join(clip.id for clip in sources)
    clip = StoredClip(plan.id, plan.split, f"compose/{plan.split}", source, licence, features,
                      tuple(Caption.of(text) for text in texts), _segments(plan.acts, bounds))  # fmt: skip
    return TakeResult([clip])


def _segments(acts: Sequence[Act], bounds: Sequence[float]) -> tuple[Segment, ...]:
    """A phrase for every act, and for every time of a counted one; `bounds` are those of the pieces, in seconds."""
    segments, first = list[Segment](), 0
    for act in acts:
        last = first + len(act.pieces)
        stops = range(first + 1, last + 1) if act.counted else (last,)
        text = once(act.phrases[0]) if act.counted else act.phrases[0]
        for stop in stops:
            segments.append(Segment(f"{SUBJECT} {text}", bounds[first], bounds[stop]))
            first = stop
    return tuple(segments)


def _told(acts: Sequence[Act], plainly: bool, random: Random) -> str:
    """A sentence that says all of it."""
    phrases = [_counted(act.phrases[0] if plainly else random.choice(act.phrases), act.times) for act in acts]
    return sentence(phrases, random, gerunds=not acts[-1].goes_on)


def _counted(phrase: str, times: int) -> str:
    """The phrase, or what says that it happens so often."""
    if times == 1:
        return phrase
    told = counted(phrase, times)
    assert told is not None, "only phrases that name no number are repeated"
    return told
