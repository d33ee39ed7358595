"""The CMU trials: HumanML3D's clips with their captions, the rest with the database's descriptions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kinelex.data.corpora.official import is_one_activity, needed, official_clips, trial_take
from kinelex.data.corpora.plan import Plan
from kinelex.data.source import SourceFolder
from kinelex.data.takes import Labels, PrepareOptions

# Rows 0 to 15 of a bvh-daz file blend out of the T-pose.
DAZ_SETTLE = 0.15


def plan_cmu(source: SourceFolder, options: PrepareOptions) -> Plan:
    """One take a trial; what no HumanML3D clip uses becomes clips of its own.

    Official splits are kept, made whole by trial (see `official_splits`). A description becomes captions of a
    trial used as a whole; of pieces of a trial only if it names a single activity.
    """
    folder = needed(source.pack("cmu-mocap"))
    official = official_clips(source)
    plan = Plan()
    for row in source.table("cmu-index.csv"):
        labels = Labels("cmu", {"description": row["trial_desc"]}, is_one_activity(row["trial_desc"]))
        take = trial_take(source, "cmu-mocap", row["trial"], row, "cmu", official, labels)
        plan.takes.append(
            replace(
                take,
                asf=_asf(source, folder, row),
                first_row=int(row["first_row"]),
                settle=DAZ_SETTLE if row["flavour"] == "bvh-daz" else 0.0,
            )
        )
    return plan


def _asf(source: SourceFolder, folder: Path, row: dict[str, str]) -> Path | None:
    """The skeleton: an AMC file needs one; of a BVH the subject's own repairs missing bones exactly."""
    if row["asf"] and (row["flavour"] == "asfamc" or (row["flavour"] == "bvh-mb" and row["asf_own"] == "1")):
        return source.use(folder / row["asf"], f"cmu-mocap/{row['asf']}")
    return None
