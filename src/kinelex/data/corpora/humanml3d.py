"""Folders laid out as HumanML3D (and KIT-ML): features or joints, texts, and lists of ids.

The first clip says which skeleton it is; features stay in the published unit (KIT-ML: millimetres).
"""

from __future__ import annotations

from pathlib import Path

from kinelex.data.captions import read_humanml3d_captions
from kinelex.data.corpora.plan import Plan
from kinelex.data.published import read_published
from kinelex.data.source import SourceFolder
from kinelex.data.store_writer import Skipped
from kinelex.data.takes import PrepareOptions, Take
from kinelex.errors import KinelexError

_SPLITS = ("train", "val", "test")


def plan_humanml3d(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take an id of train.txt, val.txt and test.txt; captions about a part keep its times.

    Motion comes from new_joint_vecs if that is there, else from new_joints. Mirrored clips (M000001) are left
    out unless `keep_mirrored`, since training mirrors motion and captions itself.

    Raises:
        KinelexError: no motion folder, no texts, or no list of ids.
    """
    folder = source.folder
    motions = next(
        (folder / name for name in ("new_joint_vecs", "new_joints") if (folder / name).is_dir()), None
    )
    if motions is None or not (folder / "texts").is_dir():
        raise KinelexError(
            f"{folder} is not laid out as HumanML3D; it needs texts and new_joint_vecs or new_joints"
        )
    plan = Plan()
    known: set[str] = set()
    for split in _SPLITS:
        for name in _ids(source, split):
            if name in known:
                plan.skipped.append(Skipped(name, split, "listed in an earlier split already"))
            elif name.startswith("M") and not options.keep_mirrored:
                plan.skipped.append(Skipped(name, split, "a mirrored copy; clips are mirrored in training"))
            else:
                _add(plan, source, motions, name, split)
            known.add(name)
    if not known:
        raise KinelexError(
            f"{folder} has no ids in train.txt, val.txt or test.txt; put the split lists there"
        )
    if plan.takes:
        plan.skeleton = read_published(plan.takes[0].path).skeleton
    return plan


def _ids(source: SourceFolder, split: str) -> list[str]:
    path = source.folder / f"{split}.txt"
    if not path.is_file():
        return []
    try:
        return source.use(path, path.name).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read {path}: {error}; give one id a line") from error


def _add(plan: Plan, source: SourceFolder, motions: Path, name: str, split: str) -> None:
    motion, text = motions / f"{name}.npy", source.folder / "texts" / f"{name}.txt"
    for path in (motion, text):
        if not path.is_file():
            plan.skipped.append(Skipped(name, split, f"{path.parent.name}/{path.name} is missing"))
            return
    try:
        captions = read_humanml3d_captions(source.use(text, f"texts/{text.name}"))
    except KinelexError as error:
        plan.skipped.append(Skipped(name, split, str(error)))
        return
    file = f"{motions.name}/{motion.name}"
    plan.takes.append(
        Take(
            id=name, path=source.use(motion, file), file=file, group=f"humanml3d/{name}", split=split,
            licence="own", corpus="humanml3d", captions=tuple(captions), ready=True,
        )
    )  # fmt: skip
