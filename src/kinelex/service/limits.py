"""How much one caller may ask for, and how much may wait."""

from __future__ import annotations

from dataclasses import dataclass

from kinelex.errors import KinelexError
from kinelex.prompts import MAX_PROMPT_CHARACTERS, MAX_SECONDS, MIN_SECONDS

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of the service.

    Attributes:
        prompt: characters of a text.
        duration: seconds of a generated clip.
        upload: bytes of a request's body.
        upload_seconds: of an uploaded clip.
        batch: prompts that are generated together.
        gather: seconds that a prompt waits for others to be generated with, when nothing else is going on.
        queue: requests that are accepted and not yet answered; more are refused.
        timeout: seconds until an accepted request is given up.

    Raises:
        KinelexError: a limit that nothing could pass, or that the model's own limits do not allow.
    """

    prompt: int = MAX_PROMPT_CHARACTERS
    duration: float = 30.0
    upload: int = 8 * MEBIBYTE
    upload_seconds: float = 120.0
    batch: int = 8
    gather: float = 0.01
    queue: int = 64
    timeout: float = 60.0

    def __post_init__(self) -> None:
        for name in ("upload", "batch", "queue"):
            if getattr(self, name) < 1:
                raise KinelexError(f"{name} is {getattr(self, name)}; give at least 1")
        if not 1 <= self.prompt <= MAX_PROMPT_CHARACTERS:
            raise KinelexError(f"prompt is {self.prompt} characters; give 1 to {MAX_PROMPT_CHARACTERS}")
        if not MIN_SECONDS <= self.duration <= MAX_SECONDS:
            raise KinelexError(f"duration is {self.duration:g} s; give {MIN_SECONDS:g} to {MAX_SECONDS:g} s")
        if not (self.timeout > 0 and self.gather >= 0 and self.upload_seconds > 0):
            raise KinelexError("timeout, gather and upload_seconds are seconds; give more than 0")
