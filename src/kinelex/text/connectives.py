"""The words that say in which order two actions happen: then, before, after having, once, followed by ..."""

from __future__ import annotations

from collections.abc import Sequence

from kinelex.text.clauses import AFTER, BEFORE, NEXT, PERSONAL, VERBS, Token, acts, past_adverbs, past_subject

SEQUENCE_WORDS = frozenset(
    ("then", "next", "finally", "lastly", "afterwards", "afterward", "subsequently", "thereafter")
)
PAIRS = {
    ("after", "that"): NEXT,
    ("after", "which"): NEXT,
    ("after", "this"): NEXT,
    ("followed", "by"): NEXT,
    ("prior", "to"): BEFORE,
}
ORDER_WORDS = {"before": BEFORE, "after": AFTER, "upon": AFTER, "once": AFTER}
# "When he reaches the wall, he turns": not at the same time.
COMPLETIONS = frozenset(("reach", "finish", "arrive", "complete"))


def connective(tokens: Sequence[Token], i: int) -> tuple[str, int]:
    """The relation that connecting words at token i state, and how many they are; ("", 0) without any."""
    word, following = _word(tokens, i), _word(tokens, i + 1)
    if not word:
        return "", 0
    if (word, following) in PAIRS:
        return PAIRS[word, following], 2
    if tells_what_was_before(tokens, i):
        return AFTER, 2
    if word == "then" or (word in SEQUENCE_WORDS and following != "to"):
        return NEXT, 1
    if i and tokens[i - 1].word == "just":  # "sits down just before reaching the wall"
        return "", 0
    if word in ("before", "after") and _is_finite(tokens, i + 1):
        return (BEFORE if word == "before" else NEXT), 1  # "and after sits down": hurried for "after that"
    if word in ORDER_WORDS:
        return (ORDER_WORDS[word], 1) if _leads_action(tokens, i + 1, word) else ("", 0)
    if word == "as" and (following, _word(tokens, i + 2)) == ("soon", "as"):
        return AFTER, 3
    if _is_having_done(tokens, i) or (word == "when" and _is_completed(tokens, i + 1)):
        return AFTER, 1
    return "", 0


def tells_what_was_before(tokens: Sequence[Token], i: int) -> bool:
    """ "he sits; before that, he walks", not "he stops before that, turning": what follows came first."""
    if (_word(tokens, i), _word(tokens, i + 1)) not in (("before", "that"), ("before", "this")):
        return False
    parted = i == 0 or tokens[i].pause or tokens[i - 1].word in ("and", "but")
    if not parted or i + 2 >= len(tokens) or not (tokens[i + 2].pause or tokens[i + 2].word in PERSONAL):
        return False
    return acts(tokens, i + 2) >= 0 or tokens[i + 2].form in ("s", "past", "base")


def _word(tokens: Sequence[Token], i: int) -> str:
    return tokens[i].word if i < len(tokens) else ""


def _is_finite(tokens: Sequence[Token], i: int) -> bool:
    return i < len(tokens) and not tokens[i].pause and tokens[i].form in ("s", "past", "base")


def _leads_action(tokens: Sequence[Token], i: int, word: str) -> bool:
    """Whether "[slowly] walking ...", "having walked" or "he walks ..." starts at token i, after `word`."""
    i = past_adverbs(tokens, i)
    if i >= len(tokens) or tokens[i].pause:
        return False
    if tokens[i].form == "ing" or _is_having_done(tokens, i):
        return word != "once"  # "waves once walking": a count
    verb = past_adverbs(tokens, past_subject(tokens, i))
    if word in ("once", "upon"):
        return acts(tokens, i) >= 0
    return verb > i and verb < len(tokens) and tokens[verb].pos in VERBS


def _is_having_done(tokens: Sequence[Token], i: int) -> bool:
    """ "(after) having walked", not "having his arms up" or "as if having stumbled"."""
    if tokens[i].word != "having" or tokens[i].pos != "AUX":
        return False
    if i and not tokens[i].pause and tokens[i - 1].word not in ("after", "before", "upon", "and", "then"):
        return False
    done = past_adverbs(tokens, i + 1)
    return done < len(tokens) and tokens[done].form == "past"


def _is_completed(tokens: Sequence[Token], i: int) -> bool:
    verb = acts(tokens, i)
    return verb >= 0 and tokens[verb].lemma in COMPLETIONS
