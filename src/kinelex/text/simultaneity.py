"""What happens at the same time, or is no action of its own, stays with the action before it."""

from __future__ import annotations

from collections.abc import Sequence

from kinelex.text.clauses import Clause

POSTURES = frozenset(("stand", "hold", "balance", "stay", "remain"))
# Postures only in the progressive: "is sitting and", but "sits and" is a movement.
SETTLED = POSTURES | {"sit", "kneel", "lie", "crouch", "squat", "lean"}
# Verbs that end a posture.
CHANGE_WORDS = (
    "begin bend crouch fall get go hop jog jump kneel lie move run sit squat start step stop stand turn walk"
)
CHANGES = frozenset(CHANGE_WORDS.split())
# Two of these side by side are one movement: "hops and skips".
RHYTHM_WORDS = (
    "bend bounce bow clap dance flap flex hop jump rock rotate shake shimmy skip spin stretch sway "
    "swing twirl twist wave wiggle"
)
RHYTHMS = frozenset(RHYTHM_WORDS.split())
NEGATION_WORDS = (
    "not never doesn't doesnt didn't didnt don't dont isn't isnt cannot can't cant doesn’t didn’t"
)
NEGATIONS = frozenset(NEGATION_WORDS.split())
PARTICLES = frozenset(("up", "down", "back"))


def together(clauses: Sequence[Clause]) -> list[Clause]:
    """Join each clause that is no step of its own to the clause before it."""
    joined: list[Clause] = []
    for clause in clauses:
        if joined and _belongs(joined[-1], clause):
            joined[-1].tokens += clause.lead + clause.tokens
        else:
            joined.append(clause)
    return joined


def _belongs(before: Clause, clause: Clause) -> bool:
    if not before.has_verb or not clause.has_verb or clause.opens_sentence:
        return False
    if _is_negated(clause) and "but" in clause.led_by | {"but" if not clause.lead else ""}:
        return True
    bare = len(clause.lead) == 1 and clause.lead[0].word == "and"
    if not bare:
        return False
    if clause.tokens[0].word == "also":
        return True
    return not clause.lead[0].pause and (_holds_posture(before, clause) or _is_one_movement(before, clause))


def _is_negated(clause: Clause) -> bool:
    """Whether it says what does not happen: "(but) does not fall"."""
    return any(token.word in NEGATIONS for token in clause.tokens[: clause.verb + 2])


def _holds_posture(before: Clause, clause: Clause) -> bool:
    """ "stands on one leg and waves", not "stands up and waves" or "stands and walks away"."""
    action = before.tokens[before.action]
    progressive = before.action > before.verb
    if action.lemma not in (SETTLED if progressive else POSTURES):
        return False
    following = before.tokens[before.action + 1 : before.action + 2]
    moves = any(token.word in PARTICLES for token in following)
    ends = clause.tokens[clause.action].lemma in CHANGES and action.lemma != "hold"
    return not moves and not ends


def _is_one_movement(before: Clause, clause: Clause) -> bool:
    alone = before.action == len(before.tokens) - 1
    return alone and before.tokens[-1].lemma in RHYTHMS and clause.tokens[clause.action].lemma in RHYTHMS
