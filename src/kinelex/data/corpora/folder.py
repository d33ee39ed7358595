"""Any directory of motion files with captions: a studio's own mocap."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from kinelex.data.captions import Caption, is_humanml3d_line, parse_humanml3d_line
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder, read_table
from kinelex.data.splits import hashed_splits
from kinelex.data.store import MANIFEST, STATISTICS
from kinelex.data.store_writer import CAPTIONS, Skipped
from kinelex.data.takes import PrepareOptions, Take
from kinelex.errors import KinelexError, found_in
from kinelex.motion.formats.amc import find_asf
from kinelex.motion.formats.npz import read_npz

SUFFIXES = (".bvh", ".fbx", ".amc", ".npy", ".npz", ".json")
INDEX = "captions.csv"


@dataclass
class _Described:
    """What is said about one file; `group` stays in one split."""

    captions: list[Caption] = field(default_factory=list)
    subject: str = ""
    group: str = ""


def plan_folder(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a motion file, at any depth; a store that lies there, made before, is none.

    Captions come from captions.csv (columns file, caption; optional start and end in seconds, and subject), from a .txt
    beside the motion (a caption a line, plain or in HumanML3D's format), and from the phrases of Kinelex's own npz
    files. Files are split by subject where the csv names subjects, else file by file.

    Raises:
        KinelexError: no motion files, or a broken index.
    """
    folder = source.folder
    files = motion_files(folder)
    if not files:
        raise KinelexError(f"{folder} holds no motion file; put {', '.join(SUFFIXES)} files there")
    index = _index(source)
    described = {path: _described(source, path, index) for path in files}
    _group(folder, described)
    splits = hashed_splits(each.group for each in described.values())
    ids = unique_ids([path.relative_to(folder).as_posix() for path in files])
    numbered = _numbered(ids.values())
    plan = Plan()
    for path, about in described.items():
        name = path.relative_to(folder).as_posix()
        if not about.captions:
            plan.skipped.append(
                Skipped(
                    name,
                    CAPTIONS,
                    "no caption in captions.csv or a .txt of the same name (kinelex describe makes some); motion kept",
                )
            )
        plan.takes.append(
            Take(
                id=ids[name],
                path=source.use(path, name),
                file=name,
                group=about.group,
                split=splits[about.group],
                licence="own",
                corpus="folder",
                asf=_asf(source, path),
                fps=options.amc_fps if path.suffix.lower() == ".amc" else None,
                captions=tuple(about.captions),
                taken=numbered[ids[name]],
            )
        )
    plan.skipped += [
        Skipped(name, "", f"named in {INDEX}, but there is no such motion file") for name in index
    ]
    return plan


def motion_files(folder: Path) -> list[Path]:
    """The files with motion at any depth, in order, but for those of stores."""
    stores = {path.parent for path in folder.rglob(MANIFEST) if (path.parent / STATISTICS).is_file()}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in SUFFIXES and path.parent not in stores
    )


def unique_ids(names: Sequence[str]) -> dict[str, str]:
    """Ids of motion files: day2/take1.bvh is day2_take1.

    Of files that would have the same id the first has it; in that of the others is their kind, too (take1_fbx), and a
    number where that is not enough.

    Args:
        names: paths within the folder, in their order.
    """
    plain = {name: name.rpartition(".")[0].replace("/", "_") for name in names}
    first = {own: name for name, own in reversed(plain.items())}
    ids = {name: own for own, name in first.items()}
    for name in names:
        if name not in ids:
            own = f"{plain[name]}_{name.rpartition('.')[2]}"
            choices = (own if number == 1 else f"{own}_{number}" for number in count(1))
            used = set(ids.values())
            ids[name] = next(choice for choice in choices if choice not in used)
    return ids


def _numbered(ids: Collection[str]) -> defaultdict[str, frozenset[str]]:
    """For every id those others that its clips would have, were it cut: walk_00 for walk."""
    numbered: defaultdict[str, frozenset[str]] = defaultdict(frozenset)
    for own in ids:
        take, _, number = own.rpartition("_")
        if number.isdecimal() and len(number) > 1:
            numbered[take] |= {own}
    return numbered


def _asf(source: SourceFolder, path: Path) -> Path | None:
    """The skeleton of an AMC file; that there is none is told of when its motion is read."""
    if path.suffix.lower() != ".amc":
        return None
    try:
        asf = find_asf(path)
    except KinelexError:
        return None
    return source.use(asf, Path(os.path.relpath(asf, source.folder)).as_posix())


def folder_captions(folder: Path, files: Sequence[Path]) -> dict[Path, tuple[Caption, ...]]:
    """What is said about motion files of a folder, in the places that `plan_folder` names.

    Raises:
        KinelexError: a broken index or side-car.
    """
    with ExitStack() as stack:
        source = SourceFolder(folder, stack)
        index = _index(source)
        return {path: tuple(_described(source, path, index).captions) for path in files}


def _described(source: SourceFolder, path: Path, index: dict[str, _Described]) -> _Described:
    """What the index, whose entry is used up, and the side-car say of a file."""
    name = path.relative_to(source.folder).as_posix()
    described = index.pop(name, None) or index.pop(path.stem, None) or _Described()
    described.captions += _side_car(source, path)
    if path.suffix.lower() == ".npz":
        described.captions += _phrases(path)
    return described


def _group(folder: Path, described: dict[Path, _Described]) -> None:
    """Set what stays in one split: what a subject does, else a file and those of its name in other formats."""
    first = {path.with_suffix(""): path for path in reversed(described)}
    for path, about in described.items():
        recording = first[path.with_suffix("")].relative_to(folder).as_posix()
        about.group = f"folder/{about.subject or recording}"


def _phrases(path: Path) -> list[Caption]:
    """What a Kinelex clip says of its own parts; a broken file is told of when its motion is read."""
    try:
        return [Caption.of(part.text, part.start, part.end) for part in read_npz(path).segments]
    except KinelexError:
        return []


def _index(source: SourceFolder) -> dict[str, _Described]:
    path = source.folder / INDEX
    if not path.is_file():
        return {}
    index: defaultdict[str, _Described] = defaultdict(_Described)
    for number, row in enumerate(read_table(source.use(path, INDEX)), 2):
        if not row.get("file") or not row.get("caption"):
            raise KinelexError(f"{path}, line {number}: needs the columns file and caption, both filled in")
        described = index[row["file"]]
        described.captions.append(_caption(row, f"{path}, line {number}"))
        described.subject = row.get("subject", "") or described.subject
    return dict(index)


def _caption(row: dict[str, str], place: str) -> Caption:
    try:
        start, end = (float(row.get(key) or 0) for key in ("start", "end"))
    except ValueError:
        raise KinelexError(f"{place}: start and end must be seconds") from None
    if (start or end) and not 0 <= start < end < float("inf"):
        raise KinelexError(f"{place}: the part from {start:g} to {end:g} s is empty; give 0 <= start < end")
    with found_in(place):
        return Caption.of(row["caption"].strip(), start, end)


def _side_car(source: SourceFolder, motion: Path) -> list[Caption]:
    path = motion.with_suffix(".txt")
    if not path.is_file():
        return []
    source.use(path, path.relative_to(source.folder).as_posix())
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KinelexError(f"cannot read {path}: {error}; save it as UTF-8 text") from error
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    return [_line(line, path, number) for number, line in numbered]


def _line(line: str, path: Path, number: int) -> Caption:
    if is_humanml3d_line(line):
        return parse_humanml3d_line(line, str(path), number)
    with found_in(f"{path}, line {number}"):
        return Caption.of(line)
