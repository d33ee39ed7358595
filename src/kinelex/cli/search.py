"""`kinelex search INDEX "sits down"`: clips that do what a sentence says, or move like another clip."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinelex.cli.options import add_command, seconds_between
from kinelex.errors import KinelexError

if TYPE_CHECKING:
    from kinelex.search.hits import Hit
    from kinelex.search.index import MotionIndex

DESCRIPTION = """Find clips, or parts of clips, by a sentence or by a motion, in an index made by kinelex index.

  kinelex search moves.index "a person sits down"
  kinelex search moves.index "turns left" --top 20 --json
  kinelex search moves.index "a person waves" --top 5 --picture waves.png
  kinelex search moves.index --motion take.bvh --between 1.5:3

Prints cosine, part in seconds, clip and its caption, best first. A sentence should say what a caption would: the
retrieval model has learnt from those. --picture draws the parts that were found, one film strip each."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "search", "find clips by a sentence or by a motion", DESCRIPTION)
    parser.add_argument("index", metavar="INDEX", help="folder made by kinelex index")
    parser.add_argument("query", nargs="?", help="what to look for")
    parser.add_argument("--motion", metavar="FILE", help="look for clips that move like this one instead")
    parser.add_argument(
        "--between", metavar="START:END", help="with --motion: seconds of the part to look for"
    )
    parser.add_argument("--top", type=int, default=10, metavar="N", help="hits at most (default: 10)")
    parser.add_argument(
        "--per-clip", type=int, default=1, metavar="N", help="hits of one clip at most (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print a list of objects")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw what was found (png)")
    parser.add_argument("--model", metavar="DIR", help="where the index's model is now, if it was moved")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or mps (default: cpu)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Search, print and draw."""
    if (options.query is None) == (options.motion is None):
        raise KinelexError('give a sentence or --motion FILE, as in kinelex search INDEX "sits down"')
    if options.between is not None and options.motion is None:
        raise KinelexError("--between is a part of the clip of --motion; give one")
    from kinelex.hub.motion_index import load_index

    hits = _hits(load_index(options.index, options.model, options.device), options)
    if options.picture is not None and hits:
        from kinelex.search.sheet import draw_hits

        draw_hits(hits, options.picture)
    if options.json:
        print(json.dumps([asdict(hit) for hit in hits], ensure_ascii=False))
        return
    for hit in hits:
        print(f"{hit.score:+.3f}  {hit.start:6.2f} to {hit.end:6.2f} s  {hit.clip}  {hit.caption}".rstrip())


def _hits(index: MotionIndex, options: argparse.Namespace) -> list[Hit]:
    if options.query is not None:
        return index.search(options.query, options.top, options.per_clip)
    from kinelex.motion.motion import Motion
    from kinelex.search.sheet import part_of

    motion = Motion.load(options.motion)
    part = part_of(motion, *seconds_between(options.between or ":", motion.seconds))
    return index.search_motion(part, options.top, options.per_clip)
