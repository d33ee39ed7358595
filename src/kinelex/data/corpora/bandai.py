"""Bandai-Namco Research Motiondataset 1 and 2: acted contents in acted styles, labelled by file name."""

from __future__ import annotations

from pathlib import Path

from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.splits import block_splits, diagonal_splits
from kinelex.data.store_writer import Skipped
from kinelex.data.takes import Labels, PrepareOptions, Take
from kinelex.errors import KinelexError

# Of dataset 1, contents recorded in every style; the others exist in one or two and are all trained on.
_MOST_MISSING_STYLES = 3

# Found by comparing the heading at the end of every turning walk with the name of its file, then by eye.
_WRONG_WAY = {
    "dataset-2_walk-turn-left_masculine_006", "dataset-2_walk-turn-left_masculine_007",
    "dataset-2_walk-turn-right_masculine_006", "dataset-2_walk-turn-right_masculine_007",
}  # fmt: skip


def plan_bandai(source: SourceFolder, options: PrepareOptions) -> Plan:
    """A clip a file.

    Held out are, of dataset 1, a diagonal of the content-style table, of dataset 2 the last takes of every
    content and style, so that all contents and styles occur in val and test.
    """
    packs = {name: source.pack(name, needed=False) for name in ("bandai-namco-1", "bandai-namco-2")}
    if not any(packs.values()):
        raise KinelexError(f"{source.folder} has neither bandai-namco-1 nor bandai-namco-2; put a pack there")
    rows = [row for row in source.table("bandai-namco.csv") if packs[row["file"].split("/")[0]] is not None]
    splits = _splits(rows)
    plan = Plan()
    for row in rows:
        name, _, inside = row["file"].partition("/")
        if Path(inside).stem in _WRONG_WAY:
            plan.skipped.append(Skipped(row["file"], "", "turns to the other side than its name says"))
            continue
        folder = packs[name]
        assert folder is not None
        split = splits[row["file"]]
        series = f"bandai-namco-{row['dataset']}/{row['content']}/{row['style']}"
        plan.takes.append(
            Take(
                id=f"bandai{row['dataset']}_{row['content']}_{row['style']}_{row['clip']}",
                path=source.use(folder / inside, row["file"]),
                file=row["file"],
                group=f"{series}/{split}",
                split=split,
                licence="CC BY-NC 4.0",
                corpus="bandai-namco",
                labels=Labels("bandai-namco", row, _part_is_enough(row["content"])),
            )
        )
    return plan


def _splits(rows: list[dict[str, str]]) -> dict[str, str]:
    second = {
        row["file"]: (f"{row['content']}/{row['style']}", int(row["clip"]))
        for row in rows
        if row["dataset"] == "2"
    }
    splits = block_splits(second)
    first = [row for row in rows if row["dataset"] == "1"]
    styles = sorted({row["style"] for row in first})
    table = {content: {row["style"] for row in first if row["content"] == content}
             for content in {row["content"] for row in first}}  # fmt: skip
    complete = [content for content, have in table.items() if len(have) >= len(styles) - _MOST_MISSING_STYLES]
    cells = diagonal_splits(complete, styles)
    for row in first:
        splits[row["file"]] = cells.get((row["content"], row["style"]), "train")
    return splits


def _part_is_enough(content: str) -> bool:
    """Whether any ten seconds of a longer take show what the labels say."""
    return not content.startswith(("walk-turn", "raise-up", "kick"))
