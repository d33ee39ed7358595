"""Cut a caption into clauses, one an action, and say how each follows the one before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from kinelex.text.inflection import verb_form
from kinelex.text.lemmas import SUBJECTS, WORD, tag

PAUSE = re.compile(r"[.;!?\n]|[,:]| - |–|—")
# How a clause relates in time to the clause before it in the text.
NEXT, BEFORE, AFTER = "next", "before", "after"
SEQUENCE_WORDS = frozenset(
    ("then", "next", "finally", "lastly", "afterwards", "afterward", "subsequently", "thereafter")
)
AFTER_PAIRS = frozenset((("after", "that"), ("after", "which"), ("after", "this"), ("followed", "by")))
JOINERS = frozenset(("and", "but", "&"))
# What happens at the same time stays in one clause; a comma after such an opening does not cut.
SIMULTANEOUS = frozenset(("while", "whilst", "as", "when", "with", "if"))
AUXILIARIES = frozenset(("is", "are", "was", "were", "has", "does"))


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

        An infinitive ("forward to throw") or a participle after a comma ("forward, tilting") adds to one.
        """
        before = ""
        for i, token in enumerate(self.tokens):
            adds = i and ((token.pause and token.form == "ing") or (before == "to" and token.form == "base"))
            if token.pos in ("VERB", "AUX") and not adds:
                return i
            before = token.word
        return -1

    @property
    def has_verb(self) -> bool:
        return self.verb >= 0

    @property
    def has_subject(self) -> bool:
        """Whether a person or thing stands in it that could act."""
        return any(token.pos in ("NOUN", "PRON", "PROPN") for token in self.tokens)

    @property
    def main_form(self) -> str:
        """Form of the first verb, "" without one."""
        return next((token.form for token in self.tokens if token.form), "")


def tokens_of(caption: str) -> list[Token]:
    """Tag the words of a caption and note the pauses between them.

    Raises:
        KinelexError: the caption has no word.
    """
    tokens, last = [], 0
    for tagged, match in zip(tag(caption), WORD.finditer(caption), strict=True):
        pauses = PAUSE.findall(caption, last, match.start())
        pause = "." if any(mark in ".;!?\n" for mark in pauses) else "," if pauses else ""
        tokens.append(Token(tagged.word, tagged.lemma, tagged.pos, match.start(), match.end(), pause))
        last = match.end()
    return tokens


def clauses_of(caption: str) -> list[Clause]:
    """Clauses of a caption in the order of the text; the connecting words are dropped.

    Raises:
        KinelexError: the caption has no word.
    """
    tokens = tokens_of(caption)
    clauses = [Clause(NEXT, True)]
    i = 0
    while i < len(tokens):
        relation, skip = _cut(tokens, i, clauses[-1])
        if relation:
            opens = i == 0 or tokens[i].pause == "."
            if clauses[-1].tokens:
                clauses.append(Clause(relation, opens))
            else:
                clauses[-1].relation = relation
            clauses[-1].lead += tokens[i : i + skip]
        i += skip
        # After connecting words look again ("and then, after walking, ..."); otherwise the word belongs here.
        if not skip:
            clauses[-1].tokens.append(tokens[i])
            i += 1
    full = [clause for clause in clauses if clause.tokens]
    return full or [Clause(NEXT, True, clauses[0].lead)]  # nothing but "and then"


def _cut(tokens: Sequence[Token], i: int, clause: Clause) -> tuple[str, int]:
    """(relation of the clause that starts at token i or "", how many connecting words to drop)."""
    token = tokens[i]
    at = i + 1 if token.word in JOINERS else i
    relation, words = _connective(tokens, at)
    if relation:
        if clause.tokens and clause.tokens[-1].word in SUBJECTS and not clause.has_verb and not token.pause:
            # "the person then sits": the word stands inside the clause.
            return "", (at - i + words if relation == NEXT else 0)
        # "..., and after walking, he sits" tells what comes next, unlike "... after walking".
        return (NEXT if relation == AFTER and at > i else relation), at - i + words
    if token.pause == ".":
        return NEXT, at - i
    joined = at > i or token.pause == ","
    complete = clause.tokens and (clause.has_verb or not clause.has_subject)
    if joined and complete and not _is_open(clause, token) and _starts_action(tokens, at, clause):
        return NEXT, at - i
    return "", 0


def _connective(tokens: Sequence[Token], i: int) -> tuple[str, int]:
    """The relation that connecting words at token i state, and how many they are."""
    if i >= len(tokens):
        return "", 0
    word = tokens[i].word
    following = tokens[i + 1].word if i + 1 < len(tokens) else ""
    if (word, following) in AFTER_PAIRS:
        return NEXT, 2
    if (word, following) == ("prior", "to"):
        return BEFORE, 2
    if word == "then" or (word in SEQUENCE_WORDS and following != "to"):
        return NEXT, 1
    if word in ("before", "after") and _leads_action(tokens, i + 1):
        return (BEFORE, 1) if word == "before" else (AFTER, 1)
    return "", 0


def _leads_action(tokens: Sequence[Token], i: int) -> bool:
    """Whether "[slowly] walking ..." or "he walks ..." starts at token i."""
    i = _past_adverbs(tokens, i)
    if i >= len(tokens) or tokens[i].pause:
        return False
    if tokens[i].form == "ing":
        return True
    verb = _past_subject(tokens, i)
    return verb > i and verb < len(tokens) and tokens[verb].pos in ("VERB", "AUX")


def _starts_action(tokens: Sequence[Token], i: int, clause: Clause) -> bool:
    """Whether a new finite verb, with or without a subject, starts at token i."""
    first = _past_adverbs(tokens, i)
    verb = _past_adverbs(tokens, _past_subject(tokens, first))
    if verb >= len(tokens) or any(token.pause for token in tokens[i + 1 : verb + 1]):
        return False
    form = tokens[verb].form
    if verb > first and tokens[first].pos != "ADV" and form:
        return form != "ing"
    if form == "ing":
        # "walking forward and bending down": as good as "walks forward and bends down".
        together = any(other.word in SIMULTANEOUS for other in clause.tokens)
        return tokens[i - 1].word in JOINERS and clause.main_form == "ing" and not together
    return form == "s" or (form in ("past", "base") and form == clause.main_form)


def _past_adverbs(tokens: Sequence[Token], i: int) -> int:
    while i < len(tokens) and tokens[i].pos == "ADV":
        i += 1
    return i


def _past_subject(tokens: Sequence[Token], i: int) -> int:
    """The token after "he" or "the [old] man" at token i; i itself where no person stands there."""
    for j in range(i, min(i + 4, len(tokens))):
        if j > i and tokens[j].pause:
            break
        if tokens[j].word in SUBJECTS:
            return j + 1
        if tokens[j].pos not in ("DET", "ADJ", "NOUN"):
            break
    return i


def _is_open(clause: Clause, token: Token) -> bool:
    """Whether the clause began with "while ..." and still waits for its main part."""
    if clause.tokens[0].word not in SIMULTANEOUS:
        return False
    return not any(other.pause == "," for other in clause.tokens[1:])
