"""HDM05 cut clips: single actions of five actors, labelled by class."""

from __future__ import annotations

from kinelex.data.corpora.official import needed
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.splits import diagonal_splits
from kinelex.data.takes import Labels, PrepareOptions, Take

_FPS = 120.0
_TEST_ACTOR = "mm"


def plan_hdm05(source: SourceFolder, options: PrepareOptions) -> Plan:
    """A clip a file. Test is one actor; val is one actor's clips of each class, on a diagonal."""
    folder = needed(source.pack("hdm05"))
    rows = source.table("hdm05.csv")
    others = sorted({row["actor"] for row in rows} - {_TEST_ACTOR})
    labels = sorted({row["label"] for row in rows})
    cells = diagonal_splits(labels, others)
    plan = Plan()
    for row in rows:
        # The diagonal's second set is held out; the first is trained on, as an actor is the test.
        cell = cells.get((row["label"], row["actor"]), "train")
        split = "test" if row["actor"] == _TEST_ACTOR else "val" if cell == "val" else "train"
        name = f"hdm05/{row['file']}"
        plan.takes.append(
            Take(
                id=f"hdm05_{row['label']}_{row['actor']}_{row['clip']}",
                path=source.use(folder / row["file"], name),
                file=name,
                group=f"hdm05/{row['label']}/{row['actor']}",
                split=split,
                licence="CC BY-SA 3.0",
                corpus="hdm05",
                asf=source.use(folder / row["asf"], f"hdm05/{row['asf']}"),
                fps=_FPS,
                labels=Labels("hdm05", row),
            )
        )
    return plan
