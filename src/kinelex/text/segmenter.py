"""A caption as phrases in the order of time, by rules: the default segmenter, which needs no language model.

SegMo asks a language model for temporally ordered, self-contained phrases, with simultaneous actions in one;
the rules here give the same contract in well under a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence

from kinelex.errors import KinelexError
from kinelex.text.clauses import AFTER, BEFORE, Clause, Token, clauses_of
from kinelex.text.inflection import third_person
from kinelex.text.lemmas import SUBJECTS

PRONOUNS = frozenset(("he", "she", "they", "it"))
DEFAULT_SUBJECT = "a person"


def segment(caption: str, limit: int = 5) -> list[str]:
    """Split a caption into at most `limit` phrases, in the order in which things happen.

    Every phrase can stand alone: the subject is repeated ("a person ..."), modifiers stay with their action,
    what happens at the same time ("while waving") stays in one phrase. Surplus phrases join the last one.

    Args:
        caption: what the person does, in one or more sentences.
        limit: most phrases; SegMo uses 5.

    Raises:
        KinelexError: the caption has no word, or the limit is below 1.
    """
    if limit < 1:
        raise KinelexError(f"a caption cannot have {limit} segments; give a limit of at least 1")
    clauses = _ordered(_with_verbs(clauses_of(caption)))
    subject = _main_subject(clauses)
    phrases = [_phrase(clause, subject, caption) for clause in clauses]
    if len(phrases) > limit:
        surplus = [phrase.removeprefix(f"{subject} ") for phrase in phrases[limit:]]
        phrases = [*phrases[: limit - 1], ", then ".join((phrases[limit - 1], *surplus))]
    return phrases


def _with_verbs(clauses: Sequence[Clause]) -> list[Clause]:
    """Join a clause without a verb ("then three times") to the one before it, or after it at the start."""
    joined: list[Clause] = []
    for clause in clauses:
        if joined and not (clause.has_verb and joined[-1].has_verb) and not _names_action(clause):
            joined[-1].tokens += clause.tokens
        else:
            joined.append(clause)
    return joined


def _names_action(clause: Clause) -> bool:
    """Whether a clause without a verb is an action of its own: "(followed by) a jump"."""
    return not clause.has_verb and clause.tokens[0].pos == "DET" and clause.tokens[0].word in ("a", "an")


def _ordered(clauses: Sequence[Clause]) -> list[Clause]:
    """Put clauses in the order of time.

    "A after B" means B, A. "Before A, B and C" means B, C, A: what a sentence opens with "before" ends it.
    """
    ordered: list[Clause] = []
    postponed: Clause | None = None
    for clause in clauses:
        if clause.opens_sentence and postponed is not None:
            ordered.append(postponed)
            postponed = None
        if clause.opens_sentence and clause.relation == BEFORE:
            postponed = clause
        elif clause.relation == AFTER and not clause.opens_sentence and ordered:
            ordered.insert(len(ordered) - 1, clause)
        else:
            ordered.append(clause)
    return [*ordered, postponed] if postponed is not None else ordered


def _main_subject(clauses: Sequence[Clause]) -> str:
    """Who acts: "a person", "the old man"; "a person" where nobody is named."""
    for clause in clauses:
        for i, token in enumerate(clause.tokens):
            if token.word in SUBJECTS and token.word not in (*PRONOUNS, "who"):
                start = i
                while start and clause.tokens[start - 1].pos in ("DET", "ADJ", "NOUN"):
                    start -= 1
                return " ".join(other.word for other in clause.tokens[start : i + 1])
    first = clauses[0].tokens[0].word
    return first if first in PRONOUNS else DEFAULT_SUBJECT


def _phrase(clause: Clause, subject: str, caption: str) -> str:
    """The clause as a sentence of its own with the subject in front."""
    tokens = clause.tokens
    if not clause.has_verb:
        return f"{subject} does {_text(tokens, caption)}" if _names_action(clause) else _text(tokens, caption)
    verb = next(i for i, token in enumerate(tokens) if token.pos in ("VERB", "AUX"))
    before = tokens[:verb]
    if before and before[0].word in PRONOUNS and subject not in PRONOUNS:
        tokens, before, verb = tokens[1:], before[1:], verb - 1
    elif any(token.pos in ("NOUN", "PRON", "PROPN") for token in before):
        return _text(tokens, caption)
    rest = _text(tokens[verb + 1 :], caption)
    adverbs = _text(before, caption)
    action = " ".join(part for part in (adverbs, _finite(tokens[verb], subject), rest) if part)
    return f"{subject} {action}"


def _finite(verb: Token, subject: str) -> str:
    """The verb as it stands after the subject: walking -> walks."""
    if verb.pos == "AUX" or verb.form in ("s", "past"):
        return {"are": "is", "have": "has"}.get(verb.word, verb.word) if subject != "they" else verb.word
    return verb.lemma if subject == "they" else third_person(verb.lemma)


def _text(tokens: Sequence[Token], caption: str) -> str:
    """The tokens as they were written, in lower case; a comma is kept where one stood between neighbours."""
    words = []
    for token in tokens:
        if words and token.pause:
            words[-1] += ","
        words.append(caption[token.start : token.end].lower())
    return " ".join(words)
