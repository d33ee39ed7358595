"""Give a verb to what leaves it out: "kicks with the left leg, then the right", "jumps, followed by a spin"."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kinelex.text.clauses import NEXT, SIDES, SIMULTANEOUS, Clause, Token, past_adverbs, past_noun_phrase
from kinelex.text.connectives import SEQUENCE_WORDS
from kinelex.text.lemmas import SUBJECTS

SUBORDINATORS = SIMULTANEOUS | {"where", "that", "until", "like"}
CONTRASTS = SIDES | {"one", "other"}
COUNTS = frozenset(("once", "twice", "thrice", "again", "repeatedly", "times", "time"))
LIGHT_VERBS = frozenset(("do", "take", "make", "perform", "throw", "execute"))
ACTION_WORDS = (
    "bow cartwheel circle clap dance flip handstand hop jog jump kick lunge motion move movement "
    "pirouette pivot pose punch roll run shuffle skip somersault spin squat step stretch swing throw "
    "turn twirl twist walk wave"
)
ACTIONS = frozenset(ACTION_WORDS.split())


def completed(before: Clause, clause: Clause) -> Clause | None:
    """The clause with the verb that it shares with the clause before; None if it is no action of its own."""
    words = [token.word for token in clause.tokens]
    if COUNTS.intersection(words[:2]) or (not clause.has_verb and SUBJECTS.intersection(words)):
        return None
    front = _shared_words(before, clause)
    if front is None:
        return None
    tokens = [*front, clause.tokens[0].unpaused(), *clause.tokens[1:], *_missing_noun(before, clause)]
    return Clause(clause.relation, clause.opens_sentence, tokens, clause.lead)


def lacks_verb(clause: Clause) -> bool:
    """Whether it has no verb, or only one that depends: "(then) back to where he was", "up while squatting"."""
    verb, first = clause.verb, clause.tokens[0]
    if verb < 0:
        return True
    if first.pos not in ("ADP", "ADV") or first.word == "with" or past_adverbs(clause.tokens, 0) == verb:
        return False
    depends = SUBORDINATORS.intersection(token.word for token in clause.tokens[:verb])
    return _is_sequence(clause) and bool(depends or clause.tokens[verb].form == "ing")


def _shared_words(before: Clause, clause: Clause) -> list[Token] | None:
    """Subject, verb and what else the clause takes over from the one before."""
    tokens, verb = before.tokens, before.action
    if verb < 0 or tokens[0].word in SIMULTANEOUS or not _is_sequence(clause):
        return _does(clause)
    first = clause.tokens[0]
    parallel = _parallel(before, clause)
    if parallel > verb:
        return tokens[:parallel]
    if first.pos in ("ADP", "ADV"):
        return tokens[: _past_object(tokens, verb + 1)]  # "raises a hand (to the side), then up"
    if tokens[verb].lemma in LIGHT_VERBS or _counts_steps(clause):
        return tokens[: verb + 1]
    if _is_action(clause):
        return _does(clause)
    if past_noun_phrase(tokens, verb + 1) > verb + 1 and first.pos in ("DET", "NOUN", "ADJ", "NUM"):
        return tokens[: verb + 1]
    return _does(clause)


def _past_object(tokens: Sequence[Token], i: int) -> int:
    pronoun = i < len(tokens) and tokens[i].word in ("it", "them")
    return i + 1 if pronoun else past_noun_phrase(tokens, i)


def _is_sequence(clause: Clause) -> bool:
    """Whether "then", "followed by" or the like stands before it, or it is "(and) two steps back"."""
    words = clause.led_by
    told = words & SEQUENCE_WORDS or "followed" in words or _counts_steps(clause)
    return clause.relation == NEXT and bool(told)


def _counts_steps(clause: Clause) -> bool:
    return len(clause.tokens) > 1 and clause.tokens[1].lemma == "step"


def _is_action(clause: Clause) -> bool:
    end = past_noun_phrase(clause.tokens, 0)
    return end > 0 and clause.tokens[end - 1].lemma in ACTIONS


def _does(clause: Clause) -> list[Token] | None:
    """ "(followed by) a jump" -> "does a jump"."""
    first = clause.tokens[0]
    if first.word not in ("a", "an", "another") and not (_is_action(clause) and _is_sequence(clause)):
        return None
    return [Token("does", "do", "VERB", first.start, first.start, "")]


def _parallel(before: Clause, clause: Clause) -> int:
    """Where the words begin in the clause before that the clause replaces, -1 if none.

    "To ..." replaces "to ...", "the other side" replaces "one side", "the right" replaces "the left".
    """
    tokens, first = before.tokens, clause.tokens[0]
    if first.pos == "ADP":
        return _last(tokens, {first.word})
    if first.pos == "ADV" and first.word not in SIDES:
        return -1
    end = past_noun_phrase(clause.tokens, 0)
    place = _last(tokens, {clause.tokens[end - 1].lemma}, by_lemma=True) if end else -1
    if place < 0 and CONTRASTS.intersection(token.word for token in clause.tokens[:2]):
        place = _last(tokens, CONTRASTS)
        if not end and first.pos == "ADV" and tokens[place].pos != "ADV":
            return -1  # "steps to the left, then right"
    while place > 0 and _describes(tokens[place - 1]):
        place -= 1
    return place


def _describes(token: Token) -> bool:
    return token.pos in ("DET", "ADJ", "NUM") or token.word in CONTRASTS


def _missing_noun(before: Clause, clause: Clause) -> Sequence[Token]:
    """ "his left arm, then his right": the arm."""
    if len(clause.tokens) > 2 or clause.tokens[-1].word not in CONTRASTS or clause.tokens[0].pos != "DET":
        return ()
    contrast = _last(before.tokens, CONTRASTS)
    compared = before.tokens[contrast + 1 : contrast + 2] if contrast >= 0 else ()
    return [token.unpaused() for token in compared if token.pos == "NOUN"]


def _last(tokens: Sequence[Token], words: Collection[str], by_lemma: bool = False) -> int:
    """Place of the last of these words, -1 without one."""
    places = (
        i for i in reversed(range(len(tokens))) if (tokens[i].lemma if by_lemma else tokens[i].word) in words
    )
    return next(places, -1)
