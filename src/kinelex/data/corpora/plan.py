"""What a corpus has to say before any motion is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from kinelex.data.store_writer import Skipped
from kinelex.data.takes import Take


@dataclass
class Plan:
    """Files to process, in the order of the store, and files left out from the start."""

    takes: list[Take] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
