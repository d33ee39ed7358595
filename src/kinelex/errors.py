"""The one exception that a user's mistake or a bad file raises: a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class KinelexError(Exception):
    """Bad input from outside: names the file or value and the remedy in one sentence. The CLI exits with 2."""


@contextmanager
def found_in(place: str) -> Iterator[None]:
    """Errors of what is done here begin with the place that it came from: a file and line, the number of a prompt."""
    try:
        yield
    except KinelexError as error:
        raise KinelexError(f"{place}: {error}") from error
