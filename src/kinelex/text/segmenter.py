"""A caption as phrases in the order of time, by rules: the default segmenter, which needs no language model.

SegMo asks a language model for temporally ordered, self-contained phrases, with simultaneous actions in one;
the rules here give the same contract in well under a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kinelex.errors import KinelexError
from kinelex.text.clauses import AFTER, BEFORE, SIMULTANEOUS, Clause, Token, acts
from kinelex.text.cutting import clauses_of
from kinelex.text.ellipsis import completed, lacks_verb
from kinelex.text.inflection import third_person
from kinelex.text.lemmas import SUBJECTS
from kinelex.text.pronouns import named
from kinelex.text.simultaneity import together

PRONOUNS = frozenset(("he", "she", "they", "it"))
DEFAULT_SUBJECT = "a person"
# "he's walking", but not "the man's walking style"
_CONTRACTED = re.compile(
    r"\b(he|she|it|they|who|that|someone|somebody)['’](s|re)(?= (?:\w+ly |now |then |still )?\w{2,}ing\b)",
    re.IGNORECASE,
)


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
    caption = _CONTRACTED.sub(_spelled, caption)
    clauses = _ordered(named(together(_with_verbs(clauses_of(caption)))))
    subject = _main_subject(clauses)
    phrases = [_phrase(clause, subject, caption) for clause in clauses]
    if len(phrases) > limit:
        surplus = [phrase.removeprefix(f"{subject} ") for phrase in phrases[limit:]]
        phrases = [*phrases[: limit - 1], ", then ".join((phrases[limit - 1], *surplus))]
    return phrases


def _spelled(contraction: re.Match[str]) -> str:
    return f"{contraction[1]} {'is' if contraction[2].lower() == 's' else 'are'}"


def _with_verbs(clauses: Sequence[Clause]) -> list[Clause]:
    """Complete a clause without a verb ("then to the left"), or join it ("then three times") to its neighbour."""
    joined: list[Clause] = []
    for clause in clauses:
        if joined and lacks_verb(clause):
            clause = completed(joined[-1], clause) or clause
        complete = clause.has_verb and (not joined or joined[-1].has_verb)
        if not joined or complete:
            joined.append(clause)
        else:
            joined[-1].tokens += clause.lead + clause.tokens
    return joined


def _ordered(clauses: Sequence[Clause]) -> list[Clause]:
    """Put clauses in the order of time.

    "A after B" means B, A, and "A after B after C" C, B, A. "Before A, B and C" means B, C, A: what a sentence opens
    with "before" ends it.
    """
    ordered: list[Clause] = []
    postponed: Clause | None = None
    placed = 0  # where the clause before went
    for clause in clauses:
        if clause.opens_sentence and postponed is not None:
            ordered.append(postponed)
            postponed = None
        if clause.opens_sentence and clause.relation == BEFORE:
            postponed = clause
        elif clause.relation == AFTER and not clause.opens_sentence and ordered:
            ordered.insert(placed, clause)
        else:
            ordered.append(clause)
            placed = len(ordered) - 1
    return [*ordered, postponed] if postponed is not None else ordered


def _main_subject(clauses: Sequence[Clause]) -> str:
    """Who acts: "a person", "the old man"; "a person" where nobody is named."""
    for clause in clauses:
        for i, token in enumerate(clause.tokens):
            if token.word in SUBJECTS and token.word not in PRONOUNS and token.word != "who":
                return " ".join(other.word for other in clause.tokens[_name_start(clause.tokens, i) : i + 1])
    openings = (clause.tokens[0].word for clause in clauses)
    return next((word for word in openings if word in PRONOUNS), DEFAULT_SUBJECT)


def _name_start(tokens: Sequence[Token], i: int) -> int:
    """Where the noun phrase that ends at token i starts."""
    while i and tokens[i - 1].pos in ("DET", "ADJ", "NOUN") and not tokens[i].pause:
        i -= 1
    return i


def _phrase(clause: Clause, subject: str, caption: str) -> str:
    """The clause as a sentence of its own with the subject in front."""
    tokens, verb = clause.tokens, clause.verb
    if verb < 0:
        return _text(tokens, caption)
    if verb and tokens[0].word in PRONOUNS and subject not in PRONOUNS:
        tokens, verb = tokens[1:], verb - 1
    elif _opens_with_circumstance(tokens):
        return _text(tokens, caption)  # "while walking, he waves"
    elif _has_subject(tokens[:verb]):
        return _with_subject(tokens, verb, caption)
    parts = (
        _text(tokens[:verb], caption),
        _finite(tokens[verb], subject),
        _text(tokens[verb + 1 :], caption),
    )
    return " ".join((subject, *filter(None, parts)))


def _opens_with_circumstance(tokens: Sequence[Token]) -> bool:
    """Whether somebody acts only after an opening: "while walking, he waves", "swinging both arms, he jumps"."""
    if tokens[0].word in SIMULTANEOUS or tokens[0].word == "without":
        return any(token.word in SUBJECTS for token in tokens)
    return tokens[0].form == "ing" and any(acts(tokens, i) >= 0 for i in range(1, len(tokens)))


def _has_subject(before: Sequence[Token]) -> bool:
    """Whether the words before the verb say who or what acts; "beds (for bends) down to touch" does not."""
    if any(token.word in SUBJECTS for token in before):
        return True
    first = next((token for token in before if token.pos != "ADV"), None)
    if first is None or first.pos not in ("DET", "PRON", "PROPN", "NUM", "NOUN", "ADJ"):
        return False
    mistaken = first.word.endswith("s") and first.pos == "NOUN" and before[-1] is not first
    return not mistaken and any(token.pos in ("NOUN", "PRON", "PROPN") for token in before)


def _with_subject(tokens: Sequence[Token], verb: int, caption: str) -> str:
    """The clause as it is, but "a person walking" becomes "a person walks"."""
    bare = tokens[verb].form == "ing" and tokens[verb - 1].word in SUBJECTS
    if not bare or any(token.form in ("s", "past") for token in tokens[verb + 1 :]):
        return _text(tokens, caption)
    front, rest = _text(tokens[:verb], caption), _text(tokens[verb + 1 :], caption)
    return f"{front} {third_person(tokens[verb].lemma)} {rest}".rstrip()


def _finite(verb: Token, subject: str) -> str:
    """The verb as it stands after the subject: walking -> walks."""
    if verb.pos == "AUX" or verb.form in ("s", "past"):
        return verb.word if subject == "they" else {"are": "is", "have": "has"}.get(verb.word, verb.word)
    return verb.lemma if subject == "they" else third_person(verb.lemma)


def _text(tokens: Sequence[Token], caption: str) -> str:
    """The tokens in lower case, with the commas and hyphens that joined them."""
    text = ""
    for i, token in enumerate(tokens):
        if i:
            last = tokens[i - 1]
            gap = caption[last.end : token.start]
            supplied = last.start == last.end  # "does", of which the caption holds nothing
            joined = gap in ("-", "/", "'", "’") or (last.end == token.start and not supplied)
            text += ", " if token.pause else gap if joined else " "
        text += token.word
    return text
