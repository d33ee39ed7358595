"""A store of forty short clips and a tiny saved model, for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinelex.data.captions import Caption
from kinelex.data.store import StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.evaluation.candidate import ModelCandidate
from kinelex.evaluation.samples import seed_of
from kinelex.hub import load_model
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D
from tiny_model import recorded_features

VERBS = ("walks", "runs", "jumps", "turns left", "turns right", "sits down", "waves")


@dataclass(frozen=True)
class TinyModelSource:
    """Opens a saved model in any process."""

    folder: Path

    @property
    def identity(self) -> dict[str, Any]:
        return {"name": self.folder.name, "sha256": seed_of((self.folder / "config.yaml").read_text())}

    def open(self) -> ModelCandidate:
        return ModelCandidate(load_model(self.folder))


def clips(count: int = 40) -> list[StoredClip]:
    """Pieces of the recorded clip of 40 to 72 frames with two captions each; one is short, one is silent."""
    features = recorded_features().numpy()
    made = []
    for number in range(count):
        start, frames = 3 * number % 100, 40 + number % 33
        verb, other = VERBS[number % len(VERBS)], VERBS[(number + 2) % len(VERBS)]
        texts = (f"a person {verb}", f"a person {verb} and {other}")
        made.append(_clip(f"clip{number:02d}", features[start : start + frames], *texts))
    return [*made, _clip("short", features[:20], "a person walks"), _clip("silent", features[:60])]


def _clip(name: str, features: np.ndarray, *texts: str) -> StoredClip:
    seconds = len(features) / HUMANML3D.fps
    half = round(seconds / 2, 2)
    segments = (Segment("a person walks", 0.0, half), Segment("a person runs", half, seconds))
    captions = tuple(Caption.of(text) for text in texts)
    return StoredClip(name, "test", f"test/{name}", f"test/{name}", "own", features, captions, segments)


def write_store(folder: Path, stored: Sequence[StoredClip]) -> Path:
    """A store of these clips; the statistics come from a training clip that is added."""
    folder.mkdir(parents=True)
    writer = StoreWriter(folder, HUMANML3D)
    train = StoredClip("train", "train", "train", "test/train", "own", recorded_features().numpy())
    for clip in (*stored, train):
        writer.add(clip)
    writer.close({"corpus": "test", "fingerprint": "none", "licences": {"own": "test"}}, ())
    return folder
