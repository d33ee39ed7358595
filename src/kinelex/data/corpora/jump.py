"""Further CMU trials (runs, jumps, acrobatics, getting up), which exist as DeepMimic JSON."""

from __future__ import annotations

from kinelex.data.corpora.official import official_clips, trial_take
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import Labels, PrepareOptions


def plan_jump(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a file; a description is a sequence of events, so it holds only for a whole trial."""
    source.pack("cmu-jump")
    official = official_clips(source)
    plan = Plan()
    for row in source.table("cmu-jump.csv"):
        labels = Labels("cmu", {"description": row["trial_desc"]}, part_is_enough=False)
        plan.takes.append(trial_take(source, "cmu-jump", row["trial"], row, "jump", official, labels))
    return plan
