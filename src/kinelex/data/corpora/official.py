"""HumanML3D clips whose source is a CMU trial: which frames, which captions, which split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kinelex.data.captions import read_humanml3d_captions
from kinelex.data.source import SourceFolder
from kinelex.data.splits import official_splits, split_of_group
from kinelex.data.takes import Cut, Labels, Take


@dataclass(frozen=True)
class OfficialClips:
    """Cuts by trial, and the split of each trial that has some."""

    cuts: dict[str, tuple[Cut, ...]]
    splits: dict[str, str]

    def split(self, trial: str) -> str:
        """The published split; a trial without HumanML3D clips is split by a hash of its name."""
        return self.splits.get(trial) or split_of_group(f"cmu/{trial}")


def official_clips(source: SourceFolder) -> OfficialClips:
    """Read the caption pack and cmu-humanml3d.csv, for all trials of all packs.

    Frame k of a HumanML3D clip is frame k of the trial at 20 a second, from the first frame of motion.
    """
    folder = source.pack("humanml3d-captions")
    assert folder is not None
    rows = source.table("cmu-humanml3d.csv")
    cuts: defaultdict[str, list[Cut]] = defaultdict(list)
    for row in rows:
        path = source.use(
            folder / "texts" / f"{row['new_name']}.txt", f"humanml3d-captions/{row['new_name']}.txt"
        )
        captions = tuple(read_humanml3d_captions(path))
        cuts[row["trial"]].append(
            Cut(row["new_name"], int(row["start_frame"]), int(row["end_frame"]), captions)
        )
    return OfficialClips(
        {trial: tuple(own) for trial, own in cuts.items()},
        official_splits((row["trial"], row["split"]) for row in rows),
    )


def trial_take(
    source: SourceFolder, pack: str, trial: str, row: Mapping[str, str], corpus: str,
    official: OfficialClips, labels: Labels,
) -> Take:  # fmt: skip
    """One file of a CMU pack as its index row describes it, with the clips that HumanML3D cuts from its trial."""
    file = f"{pack}/{row['file']}"
    return Take(
        id=f"cmu_{trial}",
        path=source.use(needed(source.pack(pack)) / row["file"], file),
        file=file,
        group=f"cmu/{trial}",
        split=official.split(trial),
        licence="CMU",
        corpus=corpus,
        fps=float(row["fps"]),
        cuts=official.cuts.get(trial, ()),
        labels=labels,
    )


def is_one_activity(description: str) -> bool:
    """Whether a CMU description names one thing that goes on: "swordplay", not "jump, balance"."""
    return "," not in description and "/" not in description and " to " not in description.lower()


def needed(folder: Path | None) -> Path:
    """A pack that `SourceFolder.pack` was told to find, for the type checker."""
    assert folder is not None
    return folder
