"""The best tags of a sentence under HanTa's trigram model, several times faster than HanTa looks for them.

HanTa walks through every tag that may follow a pair of tags; a word has few tags, so this walks through
those. The result is HanTa's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any

BEAM = 5  # states that HanTa carries on from each word
# HanTa takes apart any word, in time that grows with the cube of its letters.
LONGEST_WORD = 45
CUTOFF = 5.0  # nats below the best reading of an unseen word


class SentenceTagger:
    """HanTa's English model as a fast tagger of lower-case words."""

    def __init__(self, model: Any) -> None:
        from HanTa.HanoverTagger import EMPTY, END, START

        self.model = model
        self.start, self.end = (EMPTY, START), END
        self.candidates = lru_cache(maxsize=100_000)(self._candidates)

    def _candidates(self, word: str) -> tuple[tuple[int, float], ...]:
        """Tags of a word with the log probability of the word given the tag; none for an unknown word."""
        model = self.model
        if len(word) > LONGEST_WORD:
            return ()
        readings = model.tag_word(word, cutoff=math.inf, casesensitive=False)
        tags = [(model.tag2int[tag], p) for tag, p in readings if tag != "UNKNOWN"]
        given_tag = sorted(
            ((tag, p - model.LP_wtag[tag]) for tag, p in tags), key=itemgetter(1), reverse=True
        )
        if model.normalize(word) in model.cache:  # seen in training: every reading counts
            return tuple(given_tag)
        return tuple((tag, p) for tag, p in given_tag if p >= given_tag[0][1] - CUTOFF)

    def tags(self, words: Sequence[str]) -> list[str]:
        """HanTa's tag of every word (C5, the tag set of the BNC)."""
        transitions = self.model.LP_trans_word
        row: dict[tuple[int, int], float] = {self.start: 0.0}
        back: list[dict[tuple[int, int], tuple[int, int]]] = []
        for word in words:
            candidates = self.candidates(word)
            bound = sorted(row.values(), reverse=True)[BEAM] - 1 if len(row) > BEAM else -1e6
            following: dict[tuple[int, int], float] = {}
            origin: dict[tuple[int, int], tuple[int, int]] = {}
            for state, lp in row.items():
                if lp < bound:
                    continue
                onward = transitions[state]
                for tag, lp_word in candidates or self._any(onward):
                    step = onward.get(tag)
                    if step is None:
                        continue
                    total, new = lp + step + lp_word, (state[1], tag)
                    if total > -1e6 and (new not in following or total > following[new]):
                        following[new], origin[new] = total, state
            back.append(origin)
            row = following
        state = max(row, key=lambda last: row[last] + transitions[last].get(self.end, -math.inf))
        path = []
        for origin in reversed(back):
            path.append(self.model.int2tag[state[1]])
            state = origin[state]
        return path[::-1]

    def _any(self, onward: dict[int, float]) -> list[tuple[int, float]]:
        """An unknown word may have any tag that can follow."""
        return [(tag, 0.0) for tag in onward if tag != self.end]
