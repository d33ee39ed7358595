"""What a corpus has to say before any motion is read."""

from __future__ import annotations

from dataclasses import dataclass, field

from kinelex.data.store_writer import Skipped
from kinelex.data.takes import Take
from kinelex.motion.skeleton import HUMANML3D, Skeleton


@dataclass
class Plan:
    """Files to process, in the order of the store, files left out from the start, and the skeleton of all."""

    takes: list[Take] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    skeleton: Skeleton = HUMANML3D
