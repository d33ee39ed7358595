"""The plan of a clip: phrases one after the other, each with its seconds. Every change gives a new plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from kinelex.errors import KinelexError
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.motion.motion import Segment
from kinelex.prompts import MAX_SECONDS, MIN_PHRASE_SECONDS, MIN_SECONDS, Prompt
from kinelex.text.segmenter import DEFAULT_SUBJECT, segment

NEW_TEXT, NEW_SECONDS = "a person stands", 2.0
_JOINT = ", then "
_SMALL_GAP = 0.25  # seconds: a motion token and a little


@dataclass(frozen=True)
class Phrase:
    """What happens, and for how many seconds."""

    text: str
    seconds: float


@dataclass(frozen=True)
class Timeline:
    """Phrases in the order of time. Places are counted from 0.

    Attributes:
        phrases: at most five.
        sentence: the prompt that says all of them; None once a phrase was changed by hand.
    """

    phrases: tuple[Phrase, ...] = ()
    sentence: str | None = None

    @classmethod
    def of(cls, segments: Sequence[Segment], seconds: float, sentence: str | None = None) -> Timeline:
        """The phrases of a clip of `seconds`; none where they are too many, or do not fill the clip without gaps."""
        starts, ends = [part.start for part in segments], [part.end for part in segments]
        apart = (abs(start - end) for start, end in zip([*starts, seconds], [0.0, *ends], strict=True))
        short = any(end - start < MIN_PHRASE_SECONDS for start, end in zip(starts, ends, strict=True))
        if len(segments) > MAX_SEGMENTS or short or any(gap > _SMALL_GAP for gap in apart):
            return cls()
        return cls(tuple(Phrase(part.text, part.end - part.start) for part in segments), sentence)

    def __len__(self) -> int:
        return len(self.phrases)

    @property
    def seconds(self) -> float:
        """Of all phrases together."""
        return sum(phrase.seconds for phrase in self.phrases)

    @property
    def ends(self) -> tuple[float, ...]:
        """When each phrase ends, in seconds from the start."""
        return tuple(accumulate(phrase.seconds for phrase in self.phrases))

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The phrases with their spans."""
        return tuple(
            Segment(phrase.text, end - phrase.seconds, end)
            for phrase, end in zip(self.phrases, self.ends, strict=True)
        )

    def prompt(self, seed: int) -> Prompt:
        """What to ask the pipeline for.

        Raises:
            KinelexError: there are no phrases, or they are too long or too short.
        """
        if not self.phrases:
            raise KinelexError("there is nothing to generate; write what the person does")
        texts = tuple(phrase.text for phrase in self.phrases)
        return Prompt(
            self.sentence, seed, None, texts, tuple(round(phrase.seconds, 3) for phrase in self.phrases)
        )

    def added(self, place: int, text: str = NEW_TEXT, seconds: float = NEW_SECONDS) -> Timeline:
        """A new phrase before that at `place`; at the end for `place` = their number.

        Raises:
            KinelexError: there are five already, or no such place.
        """
        if len(self) >= MAX_SEGMENTS:
            raise KinelexError(f"a clip has at most {MAX_SEGMENTS} phrases; merge or delete one first")
        if not 0 <= place <= len(self):
            raise KinelexError(f"there is no place {place + 1} among {len(self)} phrases")
        return Timeline((*self.phrases[:place], _checked(Phrase(text, seconds)), *self.phrases[place:]))

    def edited(self, place: int, text: str | None = None, seconds: float | None = None) -> Timeline:
        """Other words, or another duration, for a phrase.

        Raises:
            KinelexError: the words say nothing, the duration is out of range, or there is no such phrase.
        """
        old = self._at(place)
        new = _checked(
            Phrase(old.text if text is None else text, old.seconds if seconds is None else seconds)
        )
        sentence = self.sentence if new.text == old.text else None
        return Timeline((*self.phrases[:place], new, *self.phrases[place + 1 :]), sentence)

    def worded(self, other: Timeline, place: int) -> Timeline:
        """With the words of another timeline of as many phrases, but for the phrase at `place`."""
        phrases = tuple(
            own if at == place else replace(own, text=planned.text)
            for at, (own, planned) in enumerate(zip(self.phrases, other.phrases, strict=True))
        )
        return Timeline(phrases, self.sentence if phrases == self.phrases else None)

    def merged(self, place: int) -> Timeline:
        """A phrase and the one after it as one that takes as long as both.

        Raises:
            KinelexError: no phrase follows.
        """
        first = self._at(place)
        if place + 1 == len(self):
            raise KinelexError("there is no phrase after this one to merge with; choose an earlier one")
        second = self.phrases[place + 1]
        text = first.text + _JOINT + second.text.removeprefix(f"{DEFAULT_SUBJECT} ")
        one = Phrase(text, first.seconds + second.seconds)
        return Timeline((*self.phrases[:place], one, *self.phrases[place + 2 :]))

    def split(self, place: int) -> Timeline:
        """A phrase as two that share its time: where the sentence rules find a seam, else the same words twice.

        Raises:
            KinelexError: there are five already, or it is too short to halve.
        """
        whole = self._at(place)
        if len(self) >= MAX_SEGMENTS:
            raise KinelexError(f"a clip has at most {MAX_SEGMENTS} phrases; merge or delete one first")
        if whole.seconds < 2 * MIN_PHRASE_SECONDS:
            raise KinelexError(
                f"{whole.seconds:g} s cannot be shared by two phrases; each takes at least {MIN_PHRASE_SECONDS:g} s"
            )
        parts = segment(whole.text, limit=2)
        texts = parts if len(parts) == 2 else (whole.text, whole.text)
        halves = (Phrase(text, whole.seconds / 2) for text in texts)
        return Timeline((*self.phrases[:place], *halves, *self.phrases[place + 1 :]))

    def deleted(self, place: int) -> Timeline:
        """Without a phrase and its time.

        Raises:
            KinelexError: it is the only one.
        """
        self._at(place)
        if len(self) == 1:
            raise KinelexError("this is the only phrase; change its words instead")
        return Timeline((*self.phrases[:place], *self.phrases[place + 1 :]))

    def moved(self, place: int, by: int) -> Timeline:
        """A phrase `by` places later (earlier when negative), with its time.

        Raises:
            KinelexError: that is beyond the first or the last place.
        """
        phrase = self._at(place)
        if not 0 <= place + by < len(self):
            raise KinelexError(f"the phrase is the {'first' if by < 0 else 'last'} one already")
        rest = [*self.phrases[:place], *self.phrases[place + 1 :]]
        return Timeline((*rest[: place + by], phrase, *rest[place + by :]))

    def dragged(self, ends: Sequence[float]) -> Timeline:
        """With other boundaries: `ends` as `self.ends`, the last one being the length of the clip.

        Each phrase keeps at least the shortest duration: boundaries too close to the one before are pushed on.

        Raises:
            KinelexError: not one end a phrase, or the clip becomes too long or too short.
        """
        if len(ends) != len(self):
            raise KinelexError(f"{len(ends)} boundaries for {len(self)} phrases; give one each")
        placed: list[float] = []
        for end in ends:
            placed.append(max(end, (placed[-1] if placed else 0.0) + MIN_PHRASE_SECONDS))
        if not MIN_SECONDS <= placed[-1] <= MAX_SECONDS:
            raise KinelexError(
                f"the clip would take {placed[-1]:g} s; it can take {MIN_SECONDS:g} to {MAX_SECONDS:g} s"
            )
        spans = [end - start for start, end in pairwise((0.0, *placed))]
        phrases = tuple(
            replace(phrase, seconds=seconds) for phrase, seconds in zip(self.phrases, spans, strict=True)
        )
        return Timeline(phrases, self.sentence)

    def _at(self, place: int) -> Phrase:
        if not 0 <= place < len(self):
            raise KinelexError(f"there is no phrase {place + 1}; the timeline has {len(self)}")
        return self.phrases[place]


def _checked(phrase: Phrase) -> Phrase:
    """The phrase, if a prompt may hold it."""
    if not MIN_PHRASE_SECONDS <= phrase.seconds <= MAX_SECONDS:
        raise KinelexError(
            f"a phrase of {phrase.seconds:g} s cannot be made; give {MIN_PHRASE_SECONDS:g} to {MAX_SECONDS:g} s"
        )
    Prompt(None, segments=(phrase.text,))
    return phrase
