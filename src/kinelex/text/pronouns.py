"""Name the thing that "it" or "them" stands for, so that a phrase can be understood without the others."""

from __future__ import annotations

from collections.abc import Sequence

from kinelex.text.clauses import Clause, Token, past_noun_phrase

PARTICLES = frozenset(("up", "down", "out", "off", "over", "back", "away"))
IRREGULAR_PLURALS = frozenset(("feet", "people", "children", "men", "women"))
# "Does it again", "repeats it": the action, not a thing.
REPEATS = frozenset(("do", "repeat"))
# What is taken or made in passing is no thing: "takes a step and ... it".
NO_THINGS = frozenset(("step", "time", "way", "side", "circle", "direction", "left", "right", "place"))


def named(clauses: Sequence[Clause]) -> list[Clause]:
    """The clauses, in the order of the text, with "it" and "them" replaced by the last thing of an earlier one.

    A pronoun whose thing stands in its own clause stays, and so does one without a thing before it.
    """
    things: dict[bool, Sequence[Token]] = {}  # by whether they are several
    for clause in clauses:
        own = _things(clause)
        place = _pronoun(clause)
        if place >= 0:
            several = clause.tokens[place].word == "them"
            earlier = things.get(several)
            apart = earlier and earlier[-1].word not in {token.word for token in clause.tokens}
            if earlier and apart and not any(start < place and plural == several for start, plural, _ in own):
                pause = clause.tokens[place].pause
                clause.tokens[place : place + 1] = _definite(earlier, pause)
        things.update({plural: tokens for _, plural, tokens in own})
    return list(clauses)


def _things(clause: Clause) -> list[tuple[int, bool, Sequence[Token]]]:
    """What a clause moves, or else what it moves with: (place, whether several, tokens)."""
    tokens = clause.tokens
    moved = [
        thing for i in range(len(tokens)) if tokens[i].pos == "VERB" for thing in _thing_after(tokens, i)
    ]
    return moved or [
        thing for i in range(len(tokens)) if tokens[i].word == "with" for thing in _thing_after(tokens, i)
    ]


def _thing_after(tokens: Sequence[Token], i: int) -> list[tuple[int, bool, Sequence[Token]]]:
    """The thing named after a verb ("picks up a box") or after "with"; empty if none is."""
    start = i + 2 if i + 1 < len(tokens) and tokens[i + 1].word in PARTICLES else i + 1
    end = past_noun_phrase(tokens, start)
    if end == start or tokens[_head(tokens, start, end)].lemma in NO_THINGS:
        return []
    return [(start, _is_plural(tokens, start, end), tokens[start:end])]


def _head(tokens: Sequence[Token], start: int, end: int) -> int:
    """Place of the noun that the phrase is about: "bottle" of "a bottle of water"."""
    return next((i - 1 for i in range(start + 1, end) if tokens[i].word == "of"), end - 1)


def _is_plural(tokens: Sequence[Token], start: int, end: int) -> bool:
    head = tokens[_head(tokens, start, end)]
    return head.word in IRREGULAR_PLURALS or (head.word.endswith("s") and head.word != head.lemma)


def _pronoun(clause: Clause) -> int:
    """Place of an "it" or "them" that is moved or touched, -1 without one."""
    tokens, action = clause.tokens, clause.action
    if action < 0 or tokens[action].lemma in REPEATS:
        return -1
    for i in range(action + 1, len(tokens)):
        before = tokens[i - 1]
        if tokens[i].word == "it" and before.pos in ("VERB", "ADP", "ADV"):
            return i
        # "behind them" is the person.
        if tokens[i].word == "them" and (before.pos == "VERB" or before.word in PARTICLES):
            return i
    return -1


def _definite(thing: Sequence[Token], pause: str) -> list[Token]:
    """ "a box" -> "the box", wherever it stood."""
    first = thing[0]
    word = "the" if first.word in ("a", "an", "one", "another") else first.word
    return [Token(word, word, first.pos, first.start, first.end, pause), *thing[1:]]
