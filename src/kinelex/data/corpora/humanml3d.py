"""Folders laid out as HumanML3D and KIT-ML: features or joints, texts, and lists of ids.

Features stay in the published unit (KIT-ML: millimetres).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kinelex.data.captions import read_humanml3d_captions
from kinelex.data.corpora.plan import Plan
from kinelex.data.published import read_published
from kinelex.data.source import SourceFolder
from kinelex.data.store_writer import LIST, Skipped
from kinelex.data.takes import PrepareOptions, Take
from kinelex.errors import KinelexError
from kinelex.motion.skeleton import HUMANML3D, KIT, Skeleton

_SPLITS = ("train", "val", "test")
_USES = {"train": "train on", "val": "validate with", "test": "test with"}


@dataclass(frozen=True)
class ClipFile:
    """Where the motion of a clip is.

    Attributes:
        path: an array of features or joints.
        name: among the inputs of the store.
        origin: its name in reports.
        licence: of the motion.
        mirrored: whether left and right of its joints are to be exchanged.
    """

    path: Path
    name: str
    origin: str
    licence: str = "own"
    mirrored: bool = False


def plan_humanml3d(source: SourceFolder, options: PrepareOptions) -> Plan:
    """A folder of HumanML3D; see `plan_published`."""
    return plan_published(source, options, "humanml3d", HUMANML3D)


def plan_kit(source: SourceFolder, options: PrepareOptions) -> Plan:
    """A folder of KIT-ML; see `plan_published`."""
    return plan_published(source, options, "kit", KIT)


def plan_published(source: SourceFolder, options: PrepareOptions, corpus: str, skeleton: Skeleton) -> Plan:
    """One take an id of train.txt, val.txt and test.txt; captions about a part keep its times.

    Motion comes from new_joint_vecs if that is there, else from new_joints.

    Raises:
        KinelexError: no motion folder, no texts, no list of ids, or motion of another skeleton.
    """
    folder = source.folder
    motions = next(
        (folder / name for name in ("new_joint_vecs", "new_joints") if (folder / name).is_dir()), None
    )
    if motions is None or not (folder / "texts").is_dir():
        raise KinelexError(
            f"{folder} is not laid out as HumanML3D; it needs texts and new_joint_vecs or new_joints"
        )

    def motion_file(name: str) -> ClipFile:
        path = motions / f"{name}.npy"
        if not path.is_file():
            raise KinelexError(f"{motions.name}/{path.name} is missing")
        file = f"{motions.name}/{path.name}"
        return ClipFile(path, file, file)

    plan = plan_listed(source, options, corpus, motion_file)
    plan.skeleton = skeleton
    _check_skeleton(plan)
    return plan


def _check_skeleton(plan: Plan) -> None:
    """See that the first file that can be read has the plan's skeleton; the others are reported one by one."""
    for take in plan.takes:
        try:
            found = read_published(take.path).skeleton
        except KinelexError:
            continue
        if found is not plan.skeleton:
            raise KinelexError(
                f"{take.path} is of the skeleton {found.name}; use kinelex prepare {found.name}"
            )
        return


def plan_listed(
    source: SourceFolder, options: PrepareOptions, corpus: str, motion_file: Callable[[str], ClipFile]
) -> Plan:
    """One take an id of train.txt, val.txt and test.txt of the source.

    Mirrored clips (M000001) are left out unless `keep_mirrored`, since training mirrors motion and captions
    itself.

    Args:
        source: has the lists and the folder texts.
        options: of the store.
        corpus: its name.
        motion_file: the motion of an id; a KinelexError is the reason to leave the clip out.

    Raises:
        KinelexError: no list of ids.
    """
    plan = Plan()
    known: set[str] = set()
    for split in _SPLITS:
        names = _ids(source, split)
        if not names:
            reason = (
                f"names no clip, so that the store has none to {_USES[split]}; put the ids of the split there"
            )
            plan.skipped.append(Skipped(f"{split}.txt", LIST, reason))
        for name in names:
            if name in known:
                plan.skipped.append(Skipped(name, split, "listed in an earlier split already"))
            elif name.startswith("M") and not options.keep_mirrored:
                plan.skipped.append(Skipped(name, split, "a mirrored copy; clips are mirrored in training"))
            else:
                _add(plan, source, corpus, motion_file, name, split)
            known.add(name)
    if not known:
        raise KinelexError(
            f"{source.folder} has no ids in train.txt, val.txt or test.txt; put the split lists there"
        )
    return plan


def _ids(source: SourceFolder, split: str) -> list[str]:
    path = source.folder / f"{split}.txt"
    if not path.is_file():
        return []
    try:
        return source.use(path, path.name).read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read {path}: {error}; give one id a line") from error


def _add(
    plan: Plan, source: SourceFolder, corpus: str, motion_file: Callable[[str], ClipFile],
    name: str, split: str,
) -> None:  # fmt: skip
    text = source.folder / "texts" / f"{name}.txt"
    try:
        motion = motion_file(name)
        if not text.is_file():
            raise KinelexError(f"texts/{text.name} is missing")
        captions = read_humanml3d_captions(source.use(text, f"texts/{text.name}"))
    except KinelexError as error:
        plan.skipped.append(Skipped(name, split, str(error)))
        return
    plan.takes.append(
        Take(
            id=name, path=source.use(motion.path, motion.name), file=motion.origin,
            group=f"{corpus}/{name}", split=split, licence=motion.licence, corpus=corpus,
            captions=tuple(captions), ready=True, mirrored=motion.mirrored,
        )
    )  # fmt: skip
