"""`kinelex describe CLIP`: what a motion shows, in words."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.atomic import atomic_path
from kinelex.cli.options import add_command, refuse_own_input
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.motion.motion import Motion

TABLE = ".csv"
_LONGEST_WHOLE = 9.8  # seconds; longer takes are cut by `kinelex prepare`
DESCRIPTION = """Say what a motion shows: which way it goes and turns, walk or run, kicks, jumps, squats, hands.

  kinelex describe take.bvh
  kinelex describe take.bvh --output take.npz
  kinelex describe mocap/*.bvh --captions 4 --output mocap/captions.csv

Rules read it off the joints; no network is asked. Seconds for which they have no certain word stay without one.
--output with a .csv name writes sentences for all clips, of takes over 9.8 s phrases with their seconds, as `kinelex
prepare folder` reads them; look through it before you train. Any other name writes the one clip with its phrases in
time, for `kinelex edit`, `check` and the Studio. To describe all clips of prepared stores, with exact segments: kinelex
prepare describe."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = add_command(commands, "describe", "say what a motion shows", DESCRIPTION)
    parser.add_argument("clips", nargs="+", metavar="CLIP", help="motion file")
    parser.add_argument("--captions", type=int, default=1, metavar="N", help="sentences a clip (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="of the wording (default: 0)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="captions.csv, or a motion file")
    parser.add_argument("--force", action="store_true", help="replace a captions.csv that exists")
    parser.add_argument("--json", action="store_true", help="print a list of clips")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Describe clips."""
    from kinelex.describing.describe import captions, describe
    from kinelex.motion.motion import Motion
    from kinelex.progress import track

    _check(options)
    told: list[Described] = []
    for clip in track(options.clips, "describing") if len(options.clips) > 1 else options.clips:
        motion = Motion.load(clip)
        try:
            sentences = captions(motion, options.captions, f"{options.seed}|{Path(clip).name}")
            told.append(Described(Path(clip), motion.with_segments(describe(motion)), sentences))
        except KinelexError as error:
            raise KinelexError(f"{clip}: {error}") from error
    if options.json:
        print(json.dumps([each.as_json() for each in told]))
    else:
        for each in told:
            print(each.text(named=len(told) > 1))
    if options.output is None:
        return
    if options.output.suffix.lower() == TABLE:
        _write_table(options.output, told)
    else:
        told[0].motion.save(options.output)


@dataclass(frozen=True)
class Described:
    """A clip with its phrases, and sentences about it."""

    path: Path
    motion: Motion
    captions: tuple[str, ...]

    def text(self, *, named: bool) -> str:
        """For the terminal: sentences, then the phrases in time."""
        lines = [str(self.path)] if named else []
        if not self.captions:
            return "\n".join((*lines, "nothing that the rules have a word for"))
        lines += self.captions
        lines += [f"{part.start:6.1f} to {part.end:4.1f} s  {part.text}" for part in self.motion.segments]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """For a program."""
        segments = [asdict(part) for part in self.motion.segments]
        return {"file": str(self.path), "captions": self.captions, "segments": segments}


def _check(options: argparse.Namespace) -> None:
    """Say before the work what cannot be done.

    Raises:
        KinelexError: no caption is asked for, or the output cannot be written or would replace captions.
    """
    if options.captions < 1:
        raise KinelexError(f"{options.captions} captions say nothing; give at least one")
    output: Path | None = options.output
    if output is None:
        return
    if output.suffix.lower() != TABLE:
        if len(options.clips) > 1:
            raise KinelexError(f"{output} holds one clip; give one, or a name that ends in {TABLE}")
        from kinelex.motion.formats import check_writable

        refuse_own_input(options.clips[0], [output])
        check_writable(output)
    elif output.exists() and not options.force:
        raise KinelexError(f"{output} exists, and its captions would be lost; add --force to replace them")


def _write_table(output: Path, told: Sequence[Described]) -> None:
    """A row a caption or, of a long take, a phrase; files are named as they lie beneath the table's folder."""
    folder = output.parent.resolve()
    rows = []
    for each in told:
        path = each.path.resolve()
        name = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
        # A long take is cut when it is prepared: only what is said of a part finds its piece.
        if each.motion.seconds <= _LONGEST_WHOLE:
            rows += [(name, caption, "", "") for caption in each.captions]
        else:
            rows += [
                (name, part.text, f"{part.start:.2f}", f"{part.end:.2f}") for part in each.motion.segments
            ]
    with atomic_path(output) as place, place.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "caption", "start", "end"))
        table.writerows(rows)
    without = sum(not each.captions for each in told)
    print(
        f"{output}: {len(rows)} captions of {len(told)} clips" + (f", {without} without" if without else "")
    )
