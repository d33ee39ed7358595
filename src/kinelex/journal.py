"""Results that took long to get, one JSON object a line; a killed run loses none of them."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from kinelex.errors import KinelexError


class Journal:
    """A JSONL file that only grows, safe to add to from several threads of one process.

    Attributes:
        path: of the file.
        entries: what was in it when it was opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Read what is there; a last line that a killed run left incomplete is cut off.

        Raises:
            KinelexError: the file cannot be read or written, or a line of it is no JSON object.
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
        self.entries = [self._entry(line, number) for number, line in enumerate(lines, start=1)]

    def _entry(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise self.foreign(number) from error
        if not isinstance(entry, dict):
            raise self.foreign(number)
        return entry

    def foreign(self, number: int) -> KinelexError:
        """The error of a line (from 1) that is something else than expected."""
        return KinelexError(
            f"{self.path}, line {number}, is no cached answer; remove the line or choose another file"
        )

    def add(self, entry: dict[str, Any]) -> None:
        """Write an entry; it is in the file when this returns.

        Raises:
            KinelexError: the disk is full.
        """
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with self._lock:
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                raise KinelexError(f"cannot write {self.path}: {error.strerror}; free some space") from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()
