"""The CMU dance and martial-arts trials that the acRNN authors converted."""

from __future__ import annotations

from dataclasses import replace

from kinelex.data.corpora.cmu import DAZ_SETTLE
from kinelex.data.corpora.official import is_one_activity, official_clips, trial_take
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import Labels, PrepareOptions

_UNKNOWN = {"indian": "indian dance", "martial": "martial arts", "salsa": "salsa dance"}


def plan_acrnn(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a file, at the frame rate of the index (the headers of the salsa files are wrong)."""
    source.pack("cmu-acrnn")
    official = official_clips(source)
    plan = Plan()
    for row in source.table("cmu-acrnn.csv"):
        description = row["cmu_desc"] if row["cmu_desc"] != "Unknown" else _UNKNOWN[row["category"]]
        labels = Labels("cmu", {"description": description}, is_one_activity(description))
        take = trial_take(source, "cmu-acrnn", row["cmu_trial"], row, "acrnn", official, labels)
        plan.takes.append(replace(take, first_row=int(row["first_row"]), settle=DAZ_SETTLE))
    return plan
