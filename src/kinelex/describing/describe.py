"""What a motion shows, as phrases in time and as sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from random import Random

import yaml

from kinelex.checking.check import check_joints
from kinelex.data.phrases import SUBJECT, sentence
from kinelex.describing.episode import Episode
from kinelex.describing.episodes import episodes
from kinelex.errors import KinelexError
from kinelex.evaluation.probes.body import Body
from kinelex.motion.motion import Motion, Segment
from kinelex.text.repetition import counted, once

FEWEST_FRAMES = 4
_WINDING = {"left": "counterclockwise", "right": "clockwise", "both": "", "": ""}
_COUNTED = frozenset(("kick", "jump", "jump forward", "squat", "raise"))


@dataclass(frozen=True)
class Act:
    """Something that happens, once or several times in a row.

    Attributes:
        phrases: ways to say that it happens once, the plainest first.
        episodes: where it does.
    """

    phrases: tuple[str, ...]
    episodes: tuple[Episode, ...]

    def told(self, phrase: str) -> str:
        """One of the phrases, with the number of times."""
        times = len(self.episodes)
        return phrase if times == 1 else counted(phrase, times) or f"{phrase} several times"


def describe(motion: Motion) -> tuple[Segment, ...]:
    """What a motion shows, one phrase after the other, read off the joints by rules: no network is asked.

    Seconds for which geometry has no certain word have no phrase. What happens several times has as many phrases.

    Args:
        motion: a clip of the 22 joints.

    Raises:
        KinelexError: other joints, or hardly any frames.
    """
    return segments_of(acts_of(named(motion)), motion.fps)


def captions(motion: Motion, count: int = 1, seed: int | str = 0) -> tuple[str, ...]:
    """Sentences that say everything that `describe` finds, the plainest first; none where it finds nothing.

    Args:
        motion: a clip of the 22 joints.
        count: how many; fewer come back where there are fewer ways to say it.
        seed: the same seed gives the same sentences.

    Raises:
        KinelexError: other joints, or hardly any frames.
    """
    return captions_of(acts_of(named(motion)), count, Random(f"{seed}"))


def named(motion: Motion) -> list[Episode]:
    """Every episode of a motion, those without a name too.

    Raises:
        KinelexError: other joints, or hardly any frames.
    """
    check_joints(motion)
    if len(motion.positions) < FEWEST_FRAMES:
        raise KinelexError(
            f"a clip of {len(motion.positions)} frames shows nothing; give at least {FEWEST_FRAMES}"
        )
    return episodes(Body.of(motion))


def acts_of(found: Sequence[Episode]) -> list[Act]:
    """The episodes with a name, those of the same kind in a row together."""
    acts = []
    for (kind, side), group in groupby(found, key=lambda each: (each.kind, each.side)):
        if not kind:
            continue
        same = tuple(group)
        if kind not in _COUNTED:
            same = (Episode(kind, side, same[0].start, same[-1].stop),)
        acts.append(Act(_phrases(kind, side), same))
    return acts


def segments_of(acts: Sequence[Act], fps: float, first_frame: int = 0) -> tuple[Segment, ...]:
    """A phrase for every episode, in seconds since a frame."""
    return tuple(
        Segment(f"{SUBJECT} {text}", (each.start - first_frame) / fps, (each.stop - first_frame) / fps)
        for act in acts
        for text in [once(act.phrases[0]) if len(act.episodes) > 1 else act.phrases[0]]
        for each in act.episodes
    )


def captions_of(acts: Sequence[Act], count: int, random: Random) -> tuple[str, ...]:
    """Different sentences about all of some acts."""
    if not acts:
        return ()
    plainest = [act.told(act.phrases[0]) for act in acts]
    texts = {f"{SUBJECT} {plainest[0]}" if len(acts) == 1 else sentence(plainest, random): None}
    for _ in range(10 * count):
        if len(texts) == count:
            break
        texts.setdefault(sentence([act.told(random.choice(act.phrases)) for act in acts], random))
    return tuple(texts)


@cache
def _phrases(kind: str, side: str) -> tuple[str, ...]:
    both = side == "both"
    whose = {limb: f"both {limb}s" if both else f"their {side} {limb}" for limb in ("hand", "arm")}
    whose |= {"any_hand": "their hands" if both else "a hand", "any_arm": "their arms" if both else "an arm"}
    return tuple(phrase.format(side=side, winding=_WINDING[side], **whose) for phrase in _wording()[kind])


@cache
def _wording() -> dict[str, list[str]]:
    return yaml.safe_load(files("kinelex.describing").joinpath("wording.yaml").read_text(encoding="utf-8"))
