"""Segments that a language model has already given."""

from __future__ import annotations

import os
from typing import Any

from kinelex.journal import Journal

Key = tuple[str, int, int, str]  # model, prompt version, limit, caption


class SegmentCache:
    """A JSONL file of answers, safe to use from several threads of one process."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read what is there; a last line that a killed run left incomplete is cut off.

        Raises:
            KinelexError: the file cannot be read or written, or holds other things.
        """
        self._journal = Journal(path)
        self._answers = dict(
            self._answer(entry, number) for number, entry in enumerate(self._journal.entries, start=1)
        )

    def _answer(self, entry: dict[str, Any], number: int) -> tuple[Key, list[str]]:
        try:
            key = (entry["model"], entry["prompt"], entry["limit"], entry["caption"])
            return key, [str(phrase) for phrase in entry["segments"]]
        except (KeyError, TypeError) as error:
            raise self._journal.foreign(number) from error

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Key) -> list[str] | None:
        """The segments stored under a key; None if there are none."""
        return self._answers.get(key)

    def put(self, key: Key, segments: list[str]) -> None:
        """Store segments; they are in the file when this returns.

        Raises:
            KinelexError: the disk is full.
        """
        names = ("model", "prompt", "limit", "caption")
        self._journal.add({**dict(zip(names, key, strict=True)), "segments": segments})
        self._answers[key] = segments

    def close(self) -> None:
        """Close the file."""
        self._journal.close()
