"""Text files of sentences, one a line."""

from __future__ import annotations

from pathlib import Path

from kinelex.errors import KinelexError


def sentences_in(path: Path) -> list[str]:
    """The lines that say something: neither blank nor a comment, which begins with #.

    Raises:
        KinelexError: the file cannot be read, is no UTF-8, or has no such line.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read sentences from {path}: {error}; give a UTF-8 text file") from error
    sentences = [line for line in lines if line and not line.startswith("#")]
    if not sentences:
        raise KinelexError(f"{path} has no sentences; write one a line")
    return sentences
