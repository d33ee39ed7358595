"""Tiny sources made on the spot: a studio folder, packs in the layout of the corpora, stores."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinelex.data.captions import Caption
from kinelex.data.cutting import features_of
from kinelex.data.store import Store, StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.motion.skeleton import HUMANML3D

CLIPS = Path(__file__).parents[1] / "data" / "clips"
JOINTS: NDArray[np.float32] = np.load(Path(__file__).parents[1] / "data" / "012314_joints.npy").astype(
    np.float32
)


def walker(frames: int, speed: float = 1.2, turn: float = 0.0) -> NDArray[np.float32]:
    """(T, 22, 3) a stiff body that glides forward at `speed` m/s and turns by `turn` degrees in all."""
    angle = np.radians(np.linspace(0, turn, frames))
    step = speed / HUMANML3D.fps * np.stack((np.sin(angle), np.zeros(frames), np.cos(angle)), -1)
    path = np.concatenate((np.zeros((1, 3)), step[:-1].cumsum(0)))
    body = JOINTS[0] - JOINTS[0, 0] * np.array([1, 0, 1])
    x, z = body[:, 0], body[:, 2]
    turned = np.stack((np.cos(angle)[:, None] * x + np.sin(angle)[:, None] * z,
                       np.broadcast_to(body[:, 1], (frames, 22)),
                       -np.sin(angle)[:, None] * x + np.cos(angle)[:, None] * z), -1)  # fmt: skip
    return (turned + path[:, None]).astype(np.float32)


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """A csv with the first row's keys as header."""
    rows = list(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def studio_folder(folder: Path) -> Path:
    """A BVH with captions in the csv, an AMC with a side-car, an npy in a subfolder, a broken file."""
    folder.mkdir()
    (folder / "day2").mkdir()
    shutil.copy(CLIPS / "bandai_walk_normal.bvh", folder / "walk.bvh")
    shutil.copy(CLIPS / "cmu_08_01.amc", folder)
    shutil.copy(CLIPS / "cmu_08.asf", folder)
    (folder / "cmu_08_01.txt").write_text("a man walks\nsteps#step/NOUN#0.0#0.0\n")
    np.save(folder / "day2" / "glide.npy", walker(90))
    (folder / "cut_off.bvh").write_text("HIERARCHY\nROOT Hips {\n")
    columns = ("file", "caption", "start", "end", "subject")
    rows = (
        ("walk.bvh", "a person walks forward", "", "", "ann"),
        ("day2/glide.npy", "a person glides, then on", "1", "2.5", ""),
        ("gone.bvh", "a person jumps", "", "", ""),
    )
    write_csv(folder / "captions.csv", [dict(zip(columns, row, strict=True)) for row in rows])
    return folder


def make_store(folder: Path, clips: Iterable[StoredClip], dtype: str = "float32") -> Store:
    """A store of these clips."""
    folder.mkdir(parents=True)
    writer = StoreWriter(folder, HUMANML3D, dtype)
    for clip in clips:
        writer.add(clip)
    writer.close({"corpus": "test", "fingerprint": "none", "licences": {"own": "test"}}, ())
    return Store.open(folder)


def stored(name: str, joints: NDArray[np.float32], *texts: str, split: str = "train") -> StoredClip:
    """A clip of joints with captions of the whole."""
    import torch

    features = features_of(torch.from_numpy(joints), HUMANML3D)
    captions = tuple(Caption.of(text) for text in texts)
    return StoredClip(name, split, f"{split}/{name}", f"test/{name}", "own", features, captions)
