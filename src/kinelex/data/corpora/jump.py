"""Further CMU trials (runs, jumps, acrobatics, getting up), which exist as DeepMimic JSON."""

from __future__ import annotations

from kinelex.data.corpora.official import needed, official_clips
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import Labels, PrepareOptions, Take


def plan_jump(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a file; a description is a sequence of events, so it holds only for a whole trial."""
    folder = needed(source.pack("cmu-jump"))
    official = official_clips(source)
    plan = Plan()
    for row in source.table("cmu-jump.csv"):
        trial = row["trial"]
        plan.takes.append(
            Take(
                id=f"cmu_{trial}",
                path=source.use(folder / row["file"], f"cmu-jump/{row['file']}"),
                file=f"cmu-jump/{row['file']}",
                group=f"cmu/{trial}",
                split=official.split(trial),
                licence="CMU",
                corpus="jump",
                fps=float(row["fps"]),
                cuts=official.cuts.get(trial, ()),
                labels=Labels("cmu", {"description": row["trial_desc"]}, part_is_enough=False),
            )
        )
    return plan
