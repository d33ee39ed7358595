"""The CMU dance and martial-arts trials that the acRNN authors converted."""

from __future__ import annotations

from kinelex.data.corpora.cmu import DAZ_SETTLE
from kinelex.data.corpora.official import is_one_activity, needed, official_clips
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import Labels, PrepareOptions, Take

_UNKNOWN = {"indian": "indian dance", "martial": "martial arts", "salsa": "salsa dance"}


def plan_acrnn(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a file, at the frame rate of the index (the headers of the salsa files are wrong)."""
    folder = needed(source.pack("cmu-acrnn"))
    official = official_clips(source)
    plan = Plan()
    for row in source.table("cmu-acrnn.csv"):
        trial = row["cmu_trial"]
        description = row["cmu_desc"] if row["cmu_desc"] != "Unknown" else _UNKNOWN[row["category"]]
        plan.takes.append(
            Take(
                id=f"cmu_{trial}",
                path=source.use(folder / row["file"], f"cmu-acrnn/{row['file']}"),
                file=f"cmu-acrnn/{row['file']}",
                group=f"cmu/{trial}",
                split=official.split(trial),
                licence="CMU",
                corpus="acrnn",
                fps=float(row["fps"]),
                first_row=int(row["first_row"]),
                settle=DAZ_SETTLE,
                cuts=official.cuts.get(trial, ()),
                labels=Labels("cmu", {"description": description}, is_one_activity(description)),
            )
        )
    return plan
