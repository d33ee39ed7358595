"""The words and sentences that two encoders are compared on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

Pairs = dict[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True)
class WordLists:
    """What `pairs.yaml` and `vocabulary.txt` hold.

    Attributes:
        groups: each word of motion and its group, such as turns or body.
        words, sentences: pairs of them under opposites and kin.
        shown: words whose neighbours are printed when none is asked for.
    """

    groups: dict[str, str]
    words: Pairs
    sentences: Pairs
    shown: tuple[str, ...]


@cache
def word_lists() -> WordLists:
    """The lists that come with Kinelex."""
    tree = yaml.safe_load(_read("pairs.yaml"))
    return WordLists(_groups(), _pairs(tree["words"]), _pairs(tree["sentences"]), tuple(tree["shown"]))


def _groups() -> dict[str, str]:
    sections = re.findall(r"^\[(\w+)\]\n([^\[]*)", _read("vocabulary.txt"), flags=re.MULTILINE)
    return {word: group for group, text in sections for word in text.split()}


def _pairs(tree: dict[str, list[list[str]]]) -> Pairs:
    return {kind: tuple((first, second) for first, second in pairs) for kind, pairs in tree.items()}


def _read(name: str) -> str:
    return (resources.files("kinelex.words") / name).read_text("utf-8")
