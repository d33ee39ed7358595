"""What a user asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import groupby, pairwise
from numbers import Integral, Real
from typing import Literal

from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.text.imperative import described
from kinelex.text.repetition import Repeated, spelled_out
from kinelex.text.seconds import timed, without_seconds
from kinelex.text.segmenter import segment

MAX_PROMPT_CHARACTERS = 1000
MIN_SECONDS, MAX_SECONDS = 0.5, 60.0
MIN_PHRASE_SECONDS = 0.2
MOST_PHRASES = 30

Timing = Literal["predicted", "even"]


@dataclass(frozen=True)
class Prompt:
    """What to generate.

    Attributes:
        text: the sentence; None when `segments` say it all.
        seed: same text, seed and model: same motion.
        duration: seconds; None to estimate it from the text.
        segments: the phrases in their order; None to split the text, and to spell out what it counts.
        durations: seconds of each phrase; None to share the duration out as `timing` says.
        timing: by how long each phrase takes ("predicted"), or evenly, as in SegMo ("even").
        longest: seconds; an estimated duration is cut to it.
        counts: how often each of the given `segments` happens; None for once.
        most: phrases into which the text is split, and its counts spelled out, at most.

    Raises:
        KinelexError: empty or overlong text, more than thirty phrases, durations that are out of range or not one
            a phrase.
    """

    text: str | None
    seed: int = 0
    duration: float | None = None
    segments: tuple[str, ...] | None = None
    durations: tuple[float, ...] | None = None
    timing: Timing = "predicted"
    longest: float = MAX_SECONDS
    counts: tuple[int, ...] | None = None
    most: int = MOST_PHRASES

    def __post_init__(self) -> None:
        self._check_types()
        if self.text is None and self.segments is not None:
            object.__setattr__(self, "text", ", then ".join(self.segments))
        _check_text(self.text or "")
        for phrase in self.segments or ():
            _check_text(phrase)
        if self.segments is not None and not 1 <= len(self.segments) <= MOST_PHRASES:
            raise KinelexError(f"{len(self.segments)} phrases given; give 1 to {MOST_PHRASES}")
        if not -(2**63) <= self.seed < 2**63:
            raise KinelexError(f"seed {self.seed} does not fit 64 bits; give a smaller number")
        if self.timing not in ("predicted", "even"):
            raise KinelexError(f"timing is {self.timing!r}; give predicted or even")
        self._check_durations()

    def _check_types(self) -> None:
        if not isinstance(self.text, str | None):
            raise KinelexError(f"the text is {self.text!r}; give a sentence")
        if isinstance(self.seed, bool) or not isinstance(self.seed, Integral):
            raise KinelexError(f"seed is {self.seed!r}; give a whole number")
        object.__setattr__(self, "seed", int(self.seed))
        for name in ("segments", "durations"):
            if not isinstance(getattr(self, name), tuple | None):
                raise KinelexError(
                    f"{name} are {getattr(self, name)!r}; give a tuple with one for each phrase"
                )
        if not all(isinstance(phrase, str) for phrase in self.segments or ()):
            raise KinelexError(f"segments are {self.segments!r}; give a sentence for each phrase")
        given = () if self.duration is None else (self.duration,)
        for seconds in (*given, self.longest, *(self.durations or ())):
            if not isinstance(seconds, Real):
                raise KinelexError(f"duration is {seconds!r}; give seconds as a number")

    def _check_durations(self) -> None:
        if not MIN_SECONDS <= self.longest <= MAX_SECONDS:
            raise KinelexError(
                f"the longest duration is {self.longest:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
            )
        self._check_named()
        total = self.seconds
        if total is not None and not MIN_SECONDS <= total <= MAX_SECONDS:
            raise KinelexError(f"duration is {total:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
        if self.durations is None:
            return
        if self.duration is not None:
            raise KinelexError("give the duration of the clip or those of its phrases, not both")
        if len(self.durations) != len(self.phrases):
            raise KinelexError(
                f"{len(self.durations)} durations given for {len(self.phrases)} phrases "
                f"({' | '.join(self.phrases)}); give one each"
            )
        if not min(self.durations) >= MIN_PHRASE_SECONDS:
            raise KinelexError(
                f"a phrase of {min(self.durations):g} s is too short; "
                f"give each at least {MIN_PHRASE_SECONDS:g} s"
            )

    def _check_named(self) -> None:
        """Seconds that phrases name are long enough each, and together no longer than a clip."""
        for action in self.actions:
            if action.seconds is not None and action.seconds < MIN_PHRASE_SECONDS * action.count:
                raise KinelexError(
                    f"{action.text!r} for {action.seconds:g} s is too short; "
                    f"give each phrase at least {MIN_PHRASE_SECONDS:g} s"
                )
        if self.named_seconds > MAX_SECONDS:
            raise KinelexError(
                f"duration is {self.named_seconds:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
            )

    @property
    def named_seconds(self) -> float:
        """Of those phrases that name theirs, together."""
        return sum(action.seconds or 0.0 for action in self.actions)

    @property
    def named_duration(self) -> float | None:
        """Seconds of the whole, where every phrase names its own."""
        return self.named_seconds if all(action.seconds is not None for action in self.actions) else None

    @property
    def seconds(self) -> float | None:
        """Of the whole clip, where it is given."""
        return self.duration if self.durations is None else sum(self.durations)

    @cached_property
    def sentence(self) -> str:
        """The text as a generator reads it: a description, no command, and without the seconds that it names."""
        return without_seconds(described(self.text or ""))

    @cached_property
    def actions(self) -> tuple[Repeated, ...]:
        """The given phrases; or those of the sentence, where it counts an action that action and how often.

        Seconds that a phrase names ("waves for 2 seconds") are taken out of its words.
        """
        if self.segments is None:
            said = timed(described(self.text or ""), partial(segment, limit=self.most))
            found = spelled_out([phrase.text for phrase in said], limit=self.most)
        else:
            said = [timed(described(phrase), lambda whole: [whole])[0] for phrase in self.segments]
            counts = self.counts or (1,) * len(said)
            found = [Repeated(phrase.text, count) for phrase, count in zip(said, counts, strict=True)]
        return tuple(
            replace(action, seconds=phrase.seconds) for action, phrase in zip(found, said, strict=True)
        )

    @property
    def phrases(self) -> tuple[str, ...]:
        """The phrases in their order, one for every repetition of an action."""
        return tuple(action.text for action in self.actions for _ in range(action.count))

    @property
    def scenes(self) -> tuple[Prompt, ...]:
        """Prompts of as many phrases as a generator reads at once, one after the other; itself where one will do."""
        phrases = [action for action in self.actions for _ in range(action.count)]
        if len(phrases) <= MAX_SEGMENTS:
            return (self,)
        count = -(-len(phrases) // MAX_SEGMENTS)
        cuts = [round(place * len(phrases) / count) for place in range(count + 1)]
        return tuple(
            self._scene(phrases[start:stop], None if self.durations is None else self.durations[start:stop])
            for start, stop in pairwise(cuts)
        )

    def _scene(self, phrases: Sequence[Repeated], durations: tuple[float, ...] | None) -> Prompt:
        """Some of the phrases as a prompt of their own; those that are one repeated action stay together."""
        actions = [(action, len(list(again))) for action, again in groupby(phrases)]
        return Prompt(
            None,
            self.seed,
            segments=tuple(_named(action, times) for action, times in actions),
            durations=durations,
            timing=self.timing,
            counts=tuple(times for _, times in actions),
        )


def _named(action: Repeated, times: int) -> str:
    """What happens once, with the seconds that so many of its repetitions take, where they are known."""
    if action.seconds is None:
        return action.text
    return f"{action.text} for {action.seconds * times / action.count:g} seconds"


def _check_text(text: str) -> None:
    if not any(character.isalnum() for character in text):
        raise KinelexError("the prompt is empty; say what the person does, as in 'a person walks forward'")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise KinelexError(
            f"the prompt has {len(text)} characters; shorten it to {MAX_PROMPT_CHARACTERS}, "
            "or generate several clips from shorter prompts"
        )
