"""Cut a caption into clauses, one an action, and say how each follows the one before it."""

from __future__ import annotations

from collections.abc import Sequence

from kinelex.text.clauses import (
    AFTER,
    BEFORE,
    NEXT,
    PERSONAL,
    SIMULTANEOUS,
    VERBS,
    Clause,
    Token,
    acts,
    past_adverbs,
    past_subject,
    tokens_of,
)
from kinelex.text.connectives import connective, tells_what_was_before
from kinelex.text.inflection import third_person
from kinelex.text.lemmas import SUBJECTS

JOINERS = frozenset(("and", "but", "&"))


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
            if clauses[-1].tokens:
                opens = tokens[i].pause == "." and not tells_what_was_before(tokens, i)
                clauses.append(Clause(relation, opens))
            elif not clauses[-1].lead:  # "and then, after walking" is what comes next
                clauses[-1].relation = relation
            clauses[-1].lead += tokens[i : i + skip]
        i += skip
        # After connecting words look again ("and then, after walking, ..."); otherwise the word belongs here.
        if not skip:
            clauses[-1].tokens.append(tokens[i])
            i += 1
    full = [_in_present(clause) for clause in clauses if clause.tokens]
    return full or [Clause(NEXT, True, clauses[0].lead)]  # nothing but "and then"


def _in_present(clause: Clause) -> Clause:
    """ "(having) walked" -> "walks"."""
    done = past_adverbs(clause.tokens, 0)
    if clause.lead and clause.lead[-1].word == "having" and done < len(clause.tokens):
        verb = clause.tokens[done]
        word = third_person(verb.lemma)
        clause.tokens[done] = Token(word, verb.lemma, verb.pos, verb.start, verb.end, verb.pause)
    return clause


def _cut(tokens: Sequence[Token], i: int, clause: Clause) -> tuple[str, int]:
    """(relation of the clause that starts at token i or "", how many connecting words to drop)."""
    token = tokens[i]
    at = i + 1 if token.word in JOINERS else i
    relation, words = connective(tokens, at)
    if relation:
        return _cut_at_connective(tokens, i, clause, relation, at - i + words)
    if token.pause == "." or _resumes_after_opening(tokens, i, clause):
        return NEXT, at - i
    joined = at > i or token.pause == ","
    complete = clause.tokens and (clause.has_verb or not clause.has_subject)
    if joined and complete and not _waits(clause, tokens, at) and _starts_action(tokens, at, clause):
        return NEXT, at - i
    return "", 0


def _cut_at_connective(
    tokens: Sequence[Token], i: int, clause: Clause, relation: str, words: int
) -> tuple[str, int]:
    last = clause.tokens[-1].word if clause.tokens else ""
    if last in SUBJECTS and not tokens[i].pause:
        if not clause.has_verb:  # "the person then sits": the word stands inside the clause
            return "", (words if relation == NEXT else 0)
        if last in PERSONAL:  # "an object they then hold"
            return "", 0
    # "..., and after walking, he sits" tells what comes next, unlike "... after walking".
    after_joiner = (
        relation == AFTER and tokens[i].word in JOINERS and not tells_what_was_before(tokens, i + 1)
    )
    return NEXT if after_joiner else relation, words


def _resumes_after_opening(tokens: Sequence[Token], i: int, clause: Clause) -> bool:
    """Whether the main part starts at token i: "after walking forward | the person sits"."""
    opening = clause.opens_sentence and clause.relation in (AFTER, BEFORE) and clause.has_verb
    return opening and acts(tokens, i) >= 0


def _waits(clause: Clause, tokens: Sequence[Token], i: int) -> bool:
    """Whether the clause began with "while ..." or "swinging both arms" and its main part is yet to come."""
    if any(other.pause == "," for other in clause.tokens[1:]):
        return False
    first = clause.tokens[0]
    if first.word in SIMULTANEOUS:
        return True
    if first.word == "without":
        return clause.opens_sentence and past_subject(tokens, i) > i
    participle = first.form == "ing" and clause.opens_sentence and not clause.lead
    return participle and past_subject(tokens, i) > i


def _starts_action(tokens: Sequence[Token], i: int, clause: Clause) -> bool:
    """Whether a new finite verb, with or without a subject, or "two steps back" starts at token i."""
    if _starts_steps(tokens, i, clause):
        return True
    first = past_adverbs(tokens, i)
    verb = past_adverbs(tokens, past_subject(tokens, first))
    if verb >= len(tokens) or any(token.pause for token in tokens[i + 1 : verb + 1]):
        return False
    form = tokens[verb].form
    if verb > first and tokens[first].pos != "ADV" and form:
        return form != "ing"
    if form == "ing":
        # "walking forward and bending down": as good as "walks forward and bends down".
        together = any(other.word in SIMULTANEOUS for other in clause.tokens)
        return tokens[i - 1].word in JOINERS and clause.main_form == "ing" and not together
    return form == "s" or (form in ("past", "base") and form in _finite_forms(clause))


def _finite_forms(clause: Clause) -> set[str]:
    """Forms of the verbs that a following verb may go on with: "they raise" but not "to raise"."""
    tokens = clause.tokens
    after_plural = {
        tokens[i].form
        for i in range(1, len(tokens))
        if tokens[i].pos in VERBS and tokens[i - 1].word == "they"
    }
    return after_plural | {clause.main_form}


def _starts_steps(tokens: Sequence[Token], i: int, clause: Clause) -> bool:
    """ "takes one step forward and | two steps back"."""
    if i + 1 >= len(tokens) or tokens[i + 1].lemma != "step" or tokens[i + 1].pos != "NOUN":
        return False
    return tokens[i].pos in ("DET", "NUM", "ADJ") and any(token.lemma == "step" for token in clause.tokens)
