"""Segments that a language model has already given, one JSON object a line; a killed run loses none of them."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from kinelex.errors import KinelexError

Key = tuple[str, int, int, str]  # model, prompt version, limit, caption


class SegmentCache:
    """A JSONL file of answers, safe to use from several threads of one process."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read what is there; a last line that a killed run left incomplete is cut off.

        Raises:
            KinelexError: the file cannot be read or written, or holds other things.
        """
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            content = self.path.read_bytes() if self.path.exists() else b""
            self._file = self.path.open("ab")
            complete = content.rfind(b"\n") + 1
            if complete < len(content):
                self._file.truncate(complete)
        except (OSError, ValueError) as error:
            raise KinelexError(f"cannot use the cache {self.path}: {error}; choose another file") from error
        lines = content[:complete].splitlines()
        self._answers = dict(self._entry(line, number) for number, line in enumerate(lines, start=1))

    def _entry(self, line: bytes, number: int) -> tuple[Key, list[str]]:
        try:
            entry: dict[str, Any] = json.loads(line)
            key = (entry["model"], entry["prompt"], entry["limit"], entry["caption"])
            return key, [str(phrase) for phrase in entry["segments"]]
        except (ValueError, KeyError, TypeError) as error:
            raise KinelexError(
                f"{self.path}, line {number}, is no cached answer; remove the line or choose another file"
            ) from error

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
        entry = {**dict(zip(names, key, strict=True)), "segments": segments}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            self._answers[key] = segments
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                raise KinelexError(f"cannot write {self.path}: {error.strerror}; free some space") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
