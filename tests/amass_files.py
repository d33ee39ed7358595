"""AMASS, body models and HumanML3D's repository in small, in the published layouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kinelex.data.amass.prepare import AmassSources
from smplh_model import write_body_model


def recording(frames: int, seed: int = 0) -> dict[str, NDArray]:
    """A person who stands upright, turns, waves its limbs and wanders: Z up, as AMASS has it."""
    random = np.random.default_rng(seed)
    time = np.linspace(0, 3, frames)[:, None]
    poses = 0.3 * np.sin(time * random.uniform(1, 3, 156) + random.uniform(0, 6, 156))
    poses[:, :3] = (np.pi / 2, 0.0, 0.0)
    path = np.concatenate((time, 0.5 * np.sin(time), 0.9 + 0.02 * np.cos(4 * time)), axis=1)
    return {
        "poses": poses, "trans": path, "betas": random.standard_normal(16), "dmpls": np.zeros((frames, 8)),
        "gender": np.array("female" if seed % 2 else "male"), "mocap_framerate": np.array(120.0),
    }  # fmt: skip


@dataclass
class AmassWorld:
    """Folders under `root`; what is added to the index is written by `finish`."""

    root: Path
    rows: list[str] = field(default_factory=list)
    splits: dict[str, list[str]] = field(default_factory=lambda: {"train": [], "val": [], "test": []})

    def __post_init__(self) -> None:
        for seed, gender in enumerate(("male", "female")):
            write_body_model(self.model(gender), seed)
        (self.repository / "HumanML3D" / "texts").mkdir(parents=True)
        self.amass.mkdir()

    @property
    def amass(self) -> Path:
        return self.root / "AMASS"

    @property
    def repository(self) -> Path:
        return self.root / "HumanML3D"

    @property
    def sources(self) -> AmassSources:
        return AmassSources(self.amass, self.root / "body_models", self.repository)

    @property
    def arguments(self) -> list[str]:
        """Of the command line, all but --output."""
        return ["prepare", "humanml3d", "--amass", str(self.amass), "--body-models",
                str(self.root / "body_models"), "--captions", str(self.repository), "--workers", "1"]  # fmt: skip

    def model(self, gender: str) -> Path:
        return self.root / "body_models" / "smplh" / gender / "model.npz"

    def recorded(self, name: str, arrays: Mapping[str, NDArray]) -> Path:
        """An AMASS file, NAME as CMU/01/01_01_poses."""
        path = self.amass / f"{name}.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **arrays)
        return path

    def humanact12(self, name: str, joints: NDArray) -> None:
        """Joints (T, 24, 3) as the zip of the repository unpacks them."""
        folder = self.repository / "pose_data" / "humanact12" / "humanact12"
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", joints)
        self.indexed(f"humanact12/humanact12/{name}", 0, -1)

    def indexed(self, name: str, start: int, end: int, split: str = "train", clip: str = "") -> str:
        """A row of index.csv with its captions, and its mirrored copy; returns the clip's id."""
        clip = clip or f"{len(self.rows):06d}"
        self.rows.append(f"./pose_data/{name}.npy,{start},{end},{clip}.npy")
        for own, side in ((clip, "left"), (f"M{clip}", "right")):
            text = (
                f"a person waves the {side} hand#a/DET person/NOUN wave/VERB {side}/ADJ hand/NOUN#0.0#0.0\n"
            )
            (self.repository / "HumanML3D" / "texts" / f"{own}.txt").write_text(text)
            self.splits[split].append(own)
        return clip

    def finish(self) -> AmassWorld:
        """Write the index and the lists."""
        lines = ("source_path,start_frame,end_frame,new_name", *self.rows)
        (self.repository / "index.csv").write_text("".join(f"{line}\n" for line in lines))
        for split, names in self.splits.items():
            (self.repository / "HumanML3D" / f"{split}.txt").write_text("".join(f"{own}\n" for own in names))
        return self
