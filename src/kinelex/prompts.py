"""What a user asks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
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
        named = sum(action.seconds or 0.0 for action in self.actions)
        total = max(named, self.seconds or 0.0) if named else self.seconds
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

    @property
    def seconds(self) -> float | None:
        """Of the whole clip, where it is given."""
        return self.duration if self.durations is None else sum(self.durations)

    @property
    def sentence(self) -> str:
        """The text as a generator reads it: a description, no command, and without the seconds that it names."""
        return without_seconds(described(self.text or ""))

    @property
    def actions(self) -> tuple[Repeated, ...]:
        """The given phrases; or those of the sentence, where it counts an action that action and how often.

        Seconds that a phrase names ("waves for 2 seconds") are taken out of its words.
        """
        given = self.segments is not None
        phrases = self.segments or segment(described(self.text or ""), limit=MOST_PHRASES)
        said = [timed(described(phrase)) for phrase in phrases]
        texts = [phrase.text for phrase in said]
        found = map(Repeated, texts) if given else spelled_out(texts, limit=MOST_PHRASES)
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
        actions, durations = self.actions, self.durations
        phrases = [_named(action) for action in actions for _ in range(action.count)]
        if len(phrases) <= MAX_SEGMENTS:
            return (self,)
        count = -(-len(phrases) // MAX_SEGMENTS)
        cuts = [round(place * len(phrases) / count) for place in range(count + 1)]
        return tuple(
            Prompt(
                None,
                self.seed,
                segments=tuple(phrases[start:stop]),
                durations=None if durations is None else durations[start:stop],
                timing=self.timing,
            )
            for start, stop in pairwise(cuts)
        )


def _named(action: Repeated) -> str:
    """What happens once, with the seconds that it takes, where they are known."""
    if action.seconds is None:
        return action.text
    return f"{action.text} for {action.seconds / action.count:g} seconds"


def _check_text(text: str) -> None:
    if not any(character.isalnum() for character in text):
        raise KinelexError("the prompt is empty; say what the person does, as in 'a person walks forward'")
    if len(text) > MAX_PROMPT_CHARACTERS:
        raise KinelexError(
            f"the prompt has {len(text)} characters; shorten it to {MAX_PROMPT_CHARACTERS}, "
            "or generate several clips from shorter prompts"
        )
