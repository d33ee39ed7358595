"""A store of a recorded walk cut into pieces, with captions that say what length and side they have."""

from __future__ import annotations

from pathlib import Path

from kinelex.data.captions import Caption
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D
from tiny_model import recorded_features

LENGTHS = (40, 70, 100, 30, 64, 90, 120, 50)


def write_store(folder: Path, copies: int = 3) -> Path:
    """Train and validation clips of 30 to 120 frames; one has a time-tagged caption, one exact segments."""
    features = recorded_features().numpy()
    writer = StoreWriter(folder, HUMANML3D)
    for number, length in enumerate(LENGTHS * copies):
        start = (7 * number) % (len(features) - length)
        captions = [
            Caption.of("a person walks forward then turns left"),
            Caption.of(f"someone {'runs' if length > 60 else 'jumps'}"),
        ]
        if length == 120:
            captions.append(Caption.of("a person waves with the right hand", 1.0, 4.0))
        segments = (
            (Segment("walks forward", 0.0, 2.0), Segment("turns left", 2.0, 4.5)) if length == 90 else ()
        )
        split = "val" if number % len(LENGTHS) in (2, 7) else "train"
        writer.add(
            StoredClip(
                id=f"clip{number}", split=split, group=f"{split}{number}", source="recorded", licence="MIT",
                features=features[start : start + length].copy(), captions=tuple(captions), segments=segments,
            )
        )  # fmt: skip
    writer.close({"corpus": "synthetic"}, ())
    return folder
