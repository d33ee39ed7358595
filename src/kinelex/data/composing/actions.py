"""Stored clips that show one action, and the pieces of them that sequences are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from kinelex.data.composing.lasting import straight_on
from kinelex.data.phrases import verb_phrase
from kinelex.data.store import SPLITS, Store
from kinelex.progress import track

SHORTEST, _LONGEST = 16, 140  # frames of an action that is used as a whole
CROP = (30, 80)  # frames of a piece of an action that goes on and on
GOES_ON = frozenset(
    (
        "walk",
        "run",
        "jog",
        "sprint",
        "dash",
        "march",
        "sneak",
        "step",
        "take",
        "move",
        "stroll",
        "shuffle",
        "sidestep",
        "dance",
        "wave",
        "box",
        "stand",
    )
)
# What ends in another posture than it begins with, or is one: not done twice in a row.
POSTURES = frozenset(("sit", "stand", "stay", "remain", "keep", "rise", "lie"))
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
# Walking to somewhere and doing something there, such as sitting down, is what people ask for most; walking on the
# spot, hardly ever.
_WALK_WEIGHT, _SIT_WEIGHT, _ON_THE_SPOT_WEIGHT = 2.5, 4.0, 0.4
_ON_THE_SPOT = ("place", "spot")
_SIDES = (
    "left",
    "right",
    "both",
    "sideways",
    "circle",
    "turn",
    "turns",
    *_ON_THE_SPOT,
    "backward",
    "backwards",
)


@dataclass(frozen=True)
class Action:
    """A stored clip that shows one action, and ways to say it.

    Attributes:
        clip: its number in the store.
        frames: of the clip.
        phrases: verb phrases, the plainest first.
        goes_on: whether a piece of it shows the same, as of a walk.
        from_start: whether a piece has to begin where the clip does.
        kind: verb and where to; kinds are drawn more evenly than clips.
        straight_on: its phrases, if all it shows is a way to go straight on, which can take as long as one likes.
    """

    clip: int
    frames: int
    phrases: tuple[str, ...]
    goes_on: bool
    from_start: bool
    kind: str
    straight_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Frames [start, stop) of a stored clip, ways to say what happens, and whether it is all of an action that ends."""

    clip: int
    start: int
    stop: int
    phrases: tuple[str, ...]
    whole: bool = False

    @property
    def frames(self) -> int:
        """How many."""
        return self.stop - self.start


@dataclass
class Pool:
    """The actions of a split by kind; rare kinds are drawn more often than their number of clips says."""

    actions: dict[str, list[Action]] = field(default_factory=dict)

    def add(self, action: Action) -> None:
        """Put an action to the others of its kind."""
        self.actions.setdefault(action.kind, []).append(action)

    def __len__(self) -> int:
        """Actions of all kinds."""
        return sum(map(len, self.actions.values()))

    def draw(self, random: Random, count: int) -> list[Action]:
        """Actions of one kind."""
        kinds = list(self.actions)
        kind = random.choices(kinds, [self._weight(kind) for kind in kinds])[0]
        return [random.choice(self.actions[kind]) for _ in range(count)]

    def _weight(self, kind: str) -> float:
        verb, *where = kind.split()
        on_the_spot = not set(where).isdisjoint(_ON_THE_SPOT)
        often = _WALK_WEIGHT if verb.startswith("walk") else _SIT_WEIGHT if verb == "sit" else 1.0
        return len(self.actions[kind]) ** 0.5 * (_ON_THE_SPOT_WEIGHT if on_the_spot else often)

    def going_straight_on(self) -> Pool:
        """Those that can take as long as one likes."""
        kept = {
            kind: [action for action in actions if action.straight_on]
            for kind, actions in self.actions.items()
        }
        return Pool({kind: actions for kind, actions in kept.items() if actions})


def pools_of(store: Store) -> Mapping[str, Pool]:
    """The actions of every split: clips with a caption that is about all of them and names one action."""
    pools = {split: Pool() for split in SPLITS}
    frames, captions = store.column("frames"), store.column("captions")
    phrase_of = lru_cache(maxsize=None)(verb_phrase)
    for clip, split in enumerate(track(store.column("split"), "reading captions", total=len(store))):
        whole = [caption["text"] for caption in captions[clip] if caption["start"] == caption["end"] == 0]
        phrases = dict.fromkeys(phrase for text in whole if (phrase := phrase_of(text)))
        if phrases and (action := _action(clip, frames[clip], tuple(phrases))) is not None:
            pools[split].add(action)
    return pools


def _action(clip: int, frames: int, phrases: tuple[str, ...]) -> Action | None:
    """None for a clip that is too short, or too long to be used whole."""
    words = [set(phrase.split()) for phrase in phrases]
    verbs = {base(phrase.split()[0]) for phrase in phrases}
    waves = any("wav" in phrase for phrase in phrases)
    goes_on = waves or (verbs <= GOES_ON and not any(own & _HAPPENS_ONCE for own in words))
    if frames < SHORTEST or (frames > _LONGEST and not goes_on):
        return None
    # "waves" says less than "waves with their left hand".
    phrases = tuple(sorted(phrases, key=lambda phrase: set(phrase.split()).isdisjoint(_SIDES)))
    where = [side for side in _SIDES if side in phrases[0].split()]
    kind = " ".join([base(phrases[0].split()[0]), *where])
    # A wave starts with the arm going up; a piece from the middle of it would begin with a jerk.
    return Action(clip, frames, phrases, goes_on, waves, kind, straight_on(phrases) if goes_on else ())


def base(verb: str) -> str:
    """ "walks" -> "walk", "reaches" -> "reach"."""
    return verb[:-2] if verb.endswith(("shes", "ches", "xes")) else verb.removesuffix("s")


def cropped(action: Action, room: int, random: Random) -> Piece | None:
    """The action as a whole or, of one that goes on and on, a piece; None if there is no room for it."""
    if not action.goes_on or action.frames <= CROP[0]:
        whole = Piece(action.clip, 0, action.frames, action.phrases, whole=not action.goes_on)
        return whole if action.frames <= room else None
    longest = min(CROP[1], action.frames, room)
    if longest < CROP[0]:
        return None
    length = random.randint(CROP[0], longest)
    start = 0 if action.from_start else random.randint(0, action.frames - length)
    return Piece(action.clip, start, start + length, action.phrases)
