"""The one exception that a user's mistake or a bad file raises: a sentence that says what to do."""

from __future__ import annotations


class KinelexError(Exception):
    """Bad input from outside: names the file or value and the remedy in one sentence. The CLI exits with 2."""
