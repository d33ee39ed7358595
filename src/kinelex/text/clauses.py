"""Clauses of a caption: their tokens, the verb that names the action, and how they follow each other in time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kinelex.text.inflection import verb_form
from kinelex.text.lemmas import SUBJECTS, WORD, tag

PAUSE = re.compile(r"[.;!?\n]|[,:]| - |–|—")
# How a clause relates in time to the clause before it in the text.
NEXT, BEFORE, AFTER = "next", "before", "after"
# What happens at the same time stays in one clause; a comma after such an opening does not cut.
SIMULTANEOUS = frozenset(("while", "whilst", "as", "when", "with", "if"))
AUXILIARIES = frozenset(("is", "are", "was", "were", "has", "does"))
PERSONAL = frozenset(("he", "she", "they"))
SIDES = frozenset(("left", "right"))
VERBS, NAMES = ("VERB", "AUX"), ("NOUN", "PRON", "PROPN")
# "in standing position", "from a sitting position"
DESCRIBED_BY_PARTICIPLE = frozenset(("a", "in", "the"))


@dataclass(frozen=True, slots=True)
class Token:
    """A tagged word with its place in the caption and the punctuation before it: "", "," or "."."""

    word: str
    lemma: str
    pos: str
    start: int
    end: int
    pause: str

    @property
    def form(self) -> str:
        """Form of a verb: "s", "ing", "base" or "past"; "" for other words."""
        if self.pos == "VERB":
            return verb_form(self.word, self.lemma)
        return "s" if self.word in AUXILIARIES and self.pos == "AUX" else ""

    def unpaused(self) -> Token:
        """The word without the punctuation before it."""
        return Token(self.word, self.lemma, self.pos, self.start, self.end, "")


@dataclass
class Clause:
    """Tokens of one action, in the order of the text, and their relation to the clause before.

    `lead` keeps the connecting words that were dropped, for a clause that turns out to be none.
    """

    relation: str
    opens_sentence: bool
    tokens: list[Token] = field(default_factory=list)
    lead: list[Token] = field(default_factory=list)

    @property
    def verb(self) -> int:
        """Place of the verb that names the action, -1 without one.

        An infinitive ("forward to throw") or a participle after a comma ("forward, tilting") adds to one; a
        participle in "a man with both arms raised" or "in standing position" describes.
        """
        before, accompanies = "", False
        for i, token in enumerate(self.tokens):
            if token.pos in VERBS:
                form = token.form
                adds = i > 0 and ((token.pause and form == "ing") or (before == "to" and form == "base"))
                describes = form in ("ing", "past") and (accompanies or before in DESCRIBED_BY_PARTICIPLE)
                if not adds and not describes:
                    return i
            accompanies = (accompanies or token.word == "with") and not token.pause
            before = token.word
        return -1

    @property
    def action(self) -> int:
        """Place of the verb without its auxiliaries: "raising" of "is slowly raising"; -1 without one."""
        verb = self.verb
        if verb < 0 or self.tokens[verb].pos == "VERB":
            return verb
        following = past_adverbs(self.tokens, verb + 1)
        return following if following < len(self.tokens) and self.tokens[following].pos == "VERB" else verb

    @property
    def has_verb(self) -> bool:
        return self.verb >= 0

    @property
    def has_subject(self) -> bool:
        """Whether a person or thing stands in it that could act."""
        return any(token.pos in NAMES for token in self.tokens)

    @property
    def main_form(self) -> str:
        """Form of the first verb, "" without one."""
        return next((token.form for token in self.tokens if token.pos in VERBS and token.form), "")

    @property
    def led_by(self) -> frozenset[str]:
        """The connecting words before it."""
        return frozenset(token.word for token in self.lead)


def tokens_of(caption: str) -> list[Token]:
    """Tag the words of a caption and note the pauses between them.

    Raises:
        KinelexError: the caption has no word.
    """
    tokens, last = [], 0
    for tagged, match in zip(tag(caption), WORD.finditer(caption), strict=True):
        pause = ""
        if match.start() - last > 1 or (last == 0 and match.start()):
            pauses = PAUSE.findall(caption, last, match.start())
            pause = "." if any(mark in ".;!?\n" for mark in pauses) else "," if pauses else ""
        tokens.append(Token(tagged.word, tagged.lemma, tagged.pos, match.start(), match.end(), pause))
        last = match.end()
    return tokens


def past_adverbs(tokens: Sequence[Token], i: int) -> int:
    """The first token from i on that is no adverb."""
    while i < len(tokens) and tokens[i].pos == "ADV":
        i += 1
    return i


def past_subject(tokens: Sequence[Token], i: int) -> int:
    """The token after "he" or "the [old] man" at token i; i itself where no person stands there."""
    for j in range(i, min(i + 4, len(tokens))):
        if j > i and (tokens[j].pause or tokens[j].word in PERSONAL):
            break
        if tokens[j].word in SUBJECTS:
            return j + 1
        if tokens[j].pos not in ("DET", "ADJ", "NOUN"):
            break
    return i


def acts(tokens: Sequence[Token], i: int) -> int:
    """Place of the finite verb of "he [then] walks" or "the man walks" at token i, -1 if no such words stand there."""
    after = past_subject(tokens, i)
    if after == i:
        return -1
    verb = past_adverbs(tokens, after)
    finite = verb < len(tokens) and tokens[verb].pos in VERBS and tokens[verb].form != "ing"
    return verb if finite else -1


def past_noun_phrase(tokens: Sequence[Token], i: int) -> int:
    """The token after "the left arm", "a bottle of water" or "something" at token i; i if no thing stands there."""
    start = i
    while i < len(tokens) and (i == start or not tokens[i].pause) and _modifies(tokens, i):
        i += 1
    head = i
    while i < len(tokens) and tokens[i].pos in ("NOUN", "PROPN") and (i == start or not tokens[i].pause):
        i += 1
    if i == head:
        return start + 1 if start < len(tokens) and tokens[start].word.endswith("thing") else start
    if i + 1 < len(tokens) and tokens[i].word == "of":
        end = past_noun_phrase(tokens, i + 1)
        return end if end > i + 1 else i
    return i


def _modifies(tokens: Sequence[Token], i: int) -> bool:
    side = tokens[i].word in SIDES and i + 1 < len(tokens) and tokens[i + 1].pos == "NOUN"
    return side or tokens[i].pos in ("DET", "ADJ", "NUM")
