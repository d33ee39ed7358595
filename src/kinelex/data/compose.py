"""Real clips composed into sequences of two to five actions, with sentences and exact boundaries."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import groupby
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.data.captions import Caption
from kinelex.data.derived import DerivedOptions, derive, opened
from kinelex.data.phrases import SUBJECT, sentence, verb_phrase
from kinelex.data.prepare import PrepareReport
from kinelex.data.stitching import stitch
from kinelex.data.store import SPLITS, Store, StoredClip
from kinelex.data.takes import TakeResult, features_of
from kinelex.errors import KinelexError
from kinelex.motion.features import joints_from_features
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.motion import Segment
from kinelex.progress import track
from kinelex.text.repetition import counted, once

_COUNTS, _COUNT_WEIGHTS = (2, 3, 4, 5), (5, 3, 1.5, 1)
_MOST_PARTS = max(_COUNTS)
_SHORTEST, _LONGEST = 16, 140  # frames of an action that is used as a whole
_CROP = (30, 80)  # frames of a piece of an action that goes on and on
_CANDIDATES = 8
# Of sequences with repetitions: how many different actions there are, and how often one happens.
_REPEATING, _REPEATING_WEIGHTS, _TIMES = (1, 2, 3), (2, 2, 1), (2, 2, 3)
# Mean distance (m) of the joints of two poses beyond which half a second is too short to get across.
_TOO_FAR = 0.22
_VELOCITY_WEIGHT = 1.5
_GOES_ON = frozenset(
    (
        "walk",
        "run",
        "jog",
        "sprint",
        "dash",
        "dance",
        "wave",
        "box",
        "march",
        "sneak",
        "step",
        "take",
        "move",
        "stroll",
        "shuffle",
        "sidestep",
        "stand",
    )
)
_HAPPENS_ONCE = frozenset(
    (
        "turn",
        "turns",
        "stop",
        "stops",
        "veer",
        "circle",
        "half",
        "jumps",
        "jump",
        "kicks",
        "raises",
        "lifts",
        "two",
        "once",
    )
)
# Walking to somewhere and doing something there is what people ask for most.
_WALK_WEIGHT = 2.5
_SIDES = ("left", "right", "both", "backward", "backwards", "sideways", "circle", "turn", "turns")


@dataclass(frozen=True, kw_only=True)
class ComposeOptions(DerivedOptions):
    """What decides the content of a composed store.

    Attributes:
        sequences: how many for training; the other splits get as many in proportion to their actions.
        max_frames: of a sequence.
        blend_seconds: over which neighbours go into each other.
        repeats: share of the sequences in which actions happen twice or three times in a row, and are said to.
    """

    sequences: int = 3000
    max_frames: int = 196
    blend_seconds: float = 0.4
    repeats: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sequences < 1:
            raise KinelexError("a composed store needs at least one sequence")
        if not 0 <= self.repeats <= 1:
            raise KinelexError(f"the share of repeating sequences is {self.repeats:g}; give 0 to 1")
        if not 0.1 <= self.blend_seconds <= 0.8 or self.max_frames < 64:
            raise KinelexError("blend over 0.1 to 0.8 s, and sequences of at least 64 frames")


@dataclass(frozen=True)
class _Action:
    """A stored clip that shows one action, and ways to say it."""

    clip: int
    frames: int
    phrases: tuple[str, ...]
    goes_on: bool
    from_start: bool
    kind: str


@dataclass(frozen=True)
class _Part:
    """Frames [start, stop) of a stored clip, ways to say what happens, and whether it is all of an action that ends."""

    clip: int
    start: int
    stop: int
    phrases: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True)
class _Sequence:
    """A composition before it is made."""

    id: str
    split: str
    parts: tuple[_Part, ...]


@dataclass
class _Pool:
    """The actions of a split by kind; rare kinds are drawn more often than their number of clips says."""

    actions: dict[str, list[_Action]] = field(default_factory=dict)

    def add(self, action: _Action) -> None:
        self.actions.setdefault(action.kind, []).append(action)

    def __len__(self) -> int:
        return sum(map(len, self.actions.values()))

    def draw(self, random: Random, count: int) -> list[_Action]:
        kinds = list(self.actions)
        kind = random.choices(kinds, [self._weight(kind) for kind in kinds])[0]
        return [random.choice(self.actions[kind]) for _ in range(count)]

    def _weight(self, kind: str) -> float:
        return len(self.actions[kind]) ** 0.5 * (_WALK_WEIGHT if kind.startswith("walk") else 1.0)


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
    pools = _pools(store)
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
            parts = _choose(store, pools[split], options, random)
            if len(parts) > 1:
                planned.append(_Sequence(f"compose_{split}_{number:05d}", split, tuple(parts)))
    return planned


def _pools(store: Store) -> Mapping[str, _Pool]:
    pools = {split: _Pool() for split in SPLITS}
    frames, captions = store.column("frames"), store.column("captions")
    phrase_of = lru_cache(maxsize=None)(verb_phrase)
    for clip, split in enumerate(track(store.column("split"), "reading captions", total=len(store))):
        whole = [caption["text"] for caption in captions[clip] if caption["start"] == caption["end"] == 0]
        phrases = dict.fromkeys(phrase for text in whole if (phrase := phrase_of(text)))
        if phrases and (action := _action(clip, frames[clip], tuple(phrases))) is not None:
            pools[split].add(action)
    return pools


def _action(clip: int, frames: int, phrases: tuple[str, ...]) -> _Action | None:
    """None for a clip that is too short, or too long to be used whole."""
    words = [set(phrase.split()) for phrase in phrases]
    verbs = {_base(phrase.split()[0]) for phrase in phrases}
    waves = any("wav" in phrase for phrase in phrases)
    goes_on = waves or (verbs <= _GOES_ON and not any(own & _HAPPENS_ONCE for own in words))
    if frames < _SHORTEST or (frames > _LONGEST and not goes_on):
        return None
    sides = [side for side in _SIDES if side in words[0]]
    kind = " ".join([_base(phrases[0].split()[0]), *sides])
    # A wave starts with the arm going up; a piece from the middle of it would begin with a jerk.
    return _Action(clip, frames, phrases, goes_on, waves, kind)


def _base(verb: str) -> str:
    return verb[:-2] if verb.endswith(("shes", "ches", "xes")) else verb.removesuffix("s")


def _choose(store: Store, pool: _Pool, options: ComposeOptions, random: Random) -> list[_Part]:
    """Actions that fit behind each other, within the frames that a sequence may have."""
    overlap = _overlap(store, options)
    repeating = options.repeats > 0 and random.random() < options.repeats
    kinds, weights = (_REPEATING, _REPEATING_WEIGHTS) if repeating else (_COUNTS, _COUNT_WEIGHTS)
    count, chosen = random.choices(kinds, weights)[0], 0
    parts: list[_Part] = []
    left = options.max_frames
    for _ in range(4 * count):
        if chosen == count or len(parts) == _MOST_PARTS:
            break
        room = left + (overlap if parts else 0) - (count - chosen - 1) * _SHORTEST
        options_here = [
            part for action in pool.draw(random, _CANDIDATES) if (part := _crop(action, room, random))
        ]
        if parts:
            options_here = [part for part in options_here if not set(part.phrases) & set(parts[-1].phrases)]
        if repeating:
            options_here = _repeatable(store, options_here, overlap)
        best = _best(store, parts[-1] if parts else None, options_here, overlap)
        if best is not None:
            length = best.stop - best.start
            fits = 1 + (room - length) // max(1, length - overlap)
            times = min(random.choice(_TIMES), fits, _MOST_PARTS - len(parts)) if repeating else 1
            left -= times * (length - overlap) + (0 if parts else overlap)
            parts += [best] * times
            chosen += 1
    return parts


def _repeatable(store: Store, parts: list[_Part], overlap: int) -> list[_Part]:
    """Whole actions that can be counted and end as they begin, with those of their phrases that name no number."""
    whole = [
        replace(part, phrases=tuple(phrase for phrase in part.phrases if _countable(phrase)))
        for part in parts
        if part.whole
    ]
    return [part for part in whole if part.phrases and _best(store, part, [part], overlap) is not None]


def _countable(phrase: str) -> bool:
    """Whether it makes sense to say how often: nobody walks twice."""
    first, *others = phrase.split()
    return once(phrase) is not None and _base(first) not in _GOES_ON and "while" not in others


def _crop(action: _Action, room: int, random: Random) -> _Part | None:
    """The action as a whole or, of one that goes on and on, a piece; None if there is no room for it."""
    if not action.goes_on or action.frames <= _CROP[0]:
        whole = _Part(action.clip, 0, action.frames, action.phrases, whole=not action.goes_on)
        return whole if action.frames <= room else None
    longest = min(_CROP[1], action.frames, room)
    if longest < _CROP[0]:
        return None
    length = random.randint(_CROP[0], longest)
    start = 0 if action.from_start else random.randint(0, action.frames - length)
    return _Part(action.clip, start, start + length, action.phrases)


def _best(store: Store, last: _Part | None, parts: list[_Part], overlap: int) -> _Part | None:
    """The part whose beginning is most like the end of `last`; none if all are too far from it."""
    if last is None or not parts:
        return parts[0] if parts else None
    layout, middle = FeatureLayout.of(store.skeleton), overlap // 2
    end = store.features(last.clip)[last.stop - overlap + middle]

    def cost(part: _Part) -> tuple[float, float]:
        begin = store.features(part.clip)[part.start + middle]
        pose = _distance(end, begin, layout.positions)
        return pose + _VELOCITY_WEIGHT * _distance(end, begin, layout.velocities), pose

    costs = [cost(part) for part in parts]
    place = int(np.argmin([total for total, _ in costs]))
    return parts[place] if costs[place][1] < _TOO_FAR else None


def _distance(left: NDArray[np.float32], right: NDArray[np.float32], field: slice) -> float:
    return float(np.linalg.norm((left[field] - right[field]).reshape(-1, 3), axis=-1).mean())


def _overlap(store: Store, options: ComposeOptions) -> int:
    return max(2, round(options.blend_seconds * store.skeleton.fps))


def _make(folders: tuple[str, ...], options: ComposeOptions, plan: _Sequence) -> TakeResult:
    store = opened(folders)
    random = Random(f"{options.seed}|{plan.id}")
    clips = [
        torch.from_numpy(np.array(store.features(part.clip)[part.start : part.stop])) for part in plan.parts
    ]
    joined = stitch([joints_from_features(clip, store.skeleton) for clip in clips],
                    _overlap(store, options), store.skeleton)  # fmt: skip
    features = features_of(joined.joints, store.skeleton)[: options.max_frames]
    fps = store.skeleton.fps
    bounds = [min(bound, len(features)) / fps for bound in joined.bounds]
    actions = [(part, len(list(again))) for part, again in groupby(plan.parts)]
    said = [
        part.phrases[0] if times == 1 else once(part.phrases[0])
        for part, times in actions
        for _ in range(times)
    ]
    segments = tuple(
        Segment(f"{SUBJECT} {phrase}", start, end)
        for phrase, start, end in zip(said, bounds[:-1], bounds[1:], strict=True)
    )
    texts = dict.fromkeys(
        sentence(
            [
                _counted(part.phrases[0] if not number else random.choice(part.phrases), times)
                for part, times in actions
            ],
            random,
        )
        for number in range(options.captions)
    )
    sources = [store[part.clip] for part in plan.parts]
    licence = " + ".join(sorted({clip.licence for clip in sources}))
    source = "compose/" + "+".join(clip.id for clip in sources)
    clip = StoredClip(plan.id, plan.split, f"compose/{plan.split}", source, licence, features,
                      tuple(Caption.of(text) for text in texts), segments)  # fmt: skip
    return TakeResult([clip])


def _counted(phrase: str, times: int) -> str:
    """The phrase, or what says that it happens so often."""
    if times == 1:
        return phrase
    told = counted(phrase, times)
    assert told is not None, "only phrases that name no number are repeated"
    return told
