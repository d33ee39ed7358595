"""HumanML3D made from AMASS, in two steps: joints of every clip, each a file of its own, then the store.

The joints lie in a folder beside the store, STORE.joints. A run that was killed goes on with the clips that are not
there yet, and so does one after a missing sub-data-set has been added.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from kinelex.atomic import atomic_path
from kinelex.data.amass.folders import (
    RecordingFolder,
    body_model_files,
    caption_folder,
    recording_folders,
)
from kinelex.data.amass.index import HUMANACT12, IndexedRecording, read_index
from kinelex.data.amass.joints import Job, write_clips
from kinelex.data.corpora.humanml3d import ClipFile, plan_listed
from kinelex.data.prepare import PrepareReport, carry_out, check_output, manifest_of, run_parallel
from kinelex.data.source import open_source
from kinelex.data.takes import PrepareOptions
from kinelex.errors import KinelexError
from kinelex.hashing import file_hash
from kinelex.motion.smplh import read_smplh

CORPUS = "humanml3d"
ORIGIN = "origin.json"
# Raised whenever the same recordings would give other joints.
_EXTRACTION = 1


@dataclass(frozen=True)
class AmassSources:
    """What HumanML3D is made from.

    Attributes:
        amass: holds the unpacked sub-data-sets, a folder each.
        body_models: holds smplh/male/model.npz and smplh/female/model.npz.
        captions: HumanML3D's repository: index.csv, texts, split lists, and pose_data/humanact12.
    """

    amass: Path
    body_models: Path
    captions: Path


def prepare_from_amass(
    sources: AmassSources, output: Path, options: PrepareOptions | None = None, *,
    workers: int | None = None, force: bool = False,
) -> PrepareReport:  # fmt: skip
    """Make the store of HumanML3D from AMASS.

    Args:
        sources: where everything is.
        output: the store; joints are kept beside it in OUTPUT.joints.
        options: of the store; `keep_mirrored` also adds the mirrored clips that published results count.
        workers: processes; all cores when not given. Does not change the result.
        force: make the store again even when nothing changed; joints that are there are used.

    Raises:
        KinelexError: something is missing altogether, nothing is usable, or OUTPUT.joints is from other sources.
    """
    began = time.monotonic()
    options = options or PrepareOptions()
    check_output(output)
    captions = caption_folder(sources.captions)
    joints = output.parent / f"{output.name}.joints"
    recordings = read_index(captions.index)
    folders = recording_folders(sources.amass, captions.humanact12)
    models = body_model_files(sources.body_models)
    bodies = {gender: read_smplh(path) for gender, path in models.items()}
    _claim(joints, {"index.csv": captions.index, **models})
    jobs, reasons = _jobs(recordings, folders, joints)
    work = partial(write_clips, bodies=bodies, folder=joints)
    for skipped in run_parallel(work, jobs, workers, "reading AMASS"):
        reasons |= {each.part: each.reason for each in skipped}
    clips = _ClipFiles(joints, {clip.id: own for own in recordings for clip in own.clips}, reasons)
    with open_source(captions.texts) as data:
        plan = plan_listed(data, options, CORPUS, clips.find)
        data.use(captions.index, "index.csv")
        licences = ("AMASS", "HumanAct12", "HumanML3D captions")
        about = manifest_of(CORPUS, asdict(options), data.hashes(), licences)
        return carry_out(plan, about, output, options, workers, force, began)


def _claim(folder: Path, inputs: Mapping[str, Path]) -> None:
    """Make the folder of joints, or see that the one that is there is of the same inputs."""
    origin = {"extraction": _EXTRACTION, **{name: file_hash(path) for name, path in inputs.items()}}
    path = folder / ORIGIN
    if not path.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise KinelexError(f"{folder} is not empty and was not made by kinelex prepare; move it away")
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(origin, indent=1), encoding="utf-8")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise KinelexError(f"cannot read {path}: {error}; delete {folder} to start again") from error
    if found != origin:
        raise KinelexError(
            f"{folder} was made from another index.csv or other body models; delete it to start again, "
            "or choose another --output"
        )


def _jobs(
    recordings: Iterable[IndexedRecording], folders: Mapping[str, RecordingFolder], joints: Path
) -> tuple[list[Job], dict[str, str]]:
    """What is still to be read, and by clip why something cannot be."""
    done = {path.stem for path in joints.glob("*.npy")}
    jobs: list[Job] = []
    reasons: dict[str, str] = {}
    for recording in recordings:
        wanted = tuple(clip for clip in recording.clips if clip.id not in done)
        if not wanted:
            continue
        try:
            if recording.subset not in folders:
                raise KinelexError(f"{recording.subset} is no sub-data-set of AMASS that HumanML3D uses")
            jobs.append(Job(recording, folders[recording.subset].find(recording), wanted))
        except KinelexError as error:
            reasons |= {clip.id: str(error) for clip in wanted}
    return jobs, reasons


@dataclass(frozen=True)
class _ClipFiles:
    """The joints of HumanML3D's clips; a mirrored clip is made from those of its original."""

    folder: Path
    recordings: Mapping[str, IndexedRecording]
    reasons: Mapping[str, str]

    def find(self, name: str) -> ClipFile:
        """The joints of a clip.

        Raises:
            KinelexError: why there are none.
        """
        original = name.removeprefix("M")
        if original not in self.recordings:
            raise KinelexError("not in index.csv")
        if original in self.reasons:
            raise KinelexError(self.reasons[original])
        recording = self.recordings[original]
        licence = "HumanAct12" if recording.subset == HUMANACT12 else "AMASS"
        path = self.folder / f"{original}.npy"
        return ClipFile(path, f"joints/{path.name}", recording.name, licence, original != name)
