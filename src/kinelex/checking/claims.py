"""What phrases claim about the body, by rules: "kicks with the left leg" -> kick: yes, foot: left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from kinelex.text.repetition import Repeated

# Actions whose number the probes can count, and how a sentence says that there is one.
COUNTED = ("squat", "jump", "kick", "raise")
_ONE = re.compile(r"(?<!\bat )\bonce\b|\bone(?: [a-z-]+){0,3} (?:squat|jump|hop|leap|kick)\b")
_DENIED = re.compile(
    r"n't\b|\b(?:not|cannot|without|no|never|instead|pretends?|almost|tries|tried|attempts?|fails?|as if|like)\b"
)
# Where something goes on meanwhile, the number may be that of either.
_MEANWHILE = re.compile(r"\b(?:while|whilst|as)\b")


@dataclass(frozen=True)
class Claim:
    """An answer that a clip has to give if it shows what the phrase says.

    Attributes:
        question: one of the probes' questions.
        expected: the answer.
    """

    question: str
    expected: str


@dataclass(frozen=True)
class _Rule:
    question: str
    pattern: re.Pattern[str]
    answers: Mapping[str, str] | str
    unless: re.Pattern[str] | None

    def claim(self, phrase: str) -> Claim | None:
        found = self.pattern.search(phrase)
        if found is None or (self.unless is not None and self.unless.search(phrase)):
            return None
        answer = self.answers if isinstance(self.answers, str) else self.answers[found["says"]]
        return Claim(self.question, answer)


def claims_of(action: Repeated) -> tuple[Claim, ...]:
    """What an action claims that the probes can see; nothing of a phrase that denies or likens.

    Args:
        action: a phrase, and how often it happens.
    """
    phrase = " ".join(action.text.lower().split()).rstrip(".!")
    if _DENIED.search(phrase):
        return ()
    claims: dict[str, Claim] = {}
    for rule in _rules():
        claim = rule.claim(phrase)
        if claim is not None:
            claims.setdefault(claim.question, claim)
    done = [name for name in COUNTED if name in claims]
    if len(done) == 1 and not _MEANWHILE.search(phrase) and (action.count > 1 or _ONE.search(phrase)):
        claims["count"] = Claim(f"count {done[0]}", str(action.count))
    return tuple(claims.values())


@cache
def _rules() -> Sequence[_Rule]:
    source = yaml.safe_load((resources.files("kinelex.checking") / "claims.yaml").read_text("utf-8"))

    def compiled(pattern: str) -> re.Pattern[str]:
        for name, words in source["groups"].items():
            pattern = pattern.replace(f"{{{name}}}", words)
        return re.compile(pattern)

    return [
        _Rule(
            rule["question"],
            compiled(rule["pattern"]),
            rule.get("answer") or rule["answers"],
            compiled(rule["unless"]) if "unless" in rule else None,
        )
        for rule in source["rules"]
    ]
