"""`kinelex check CLIP`: does a motion show what its phrases say."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from kinelex.cli.options import add_command, print_findings
from kinelex.errors import KinelexError

DESCRIPTION = """Look in a motion for what its phrases say: sides, directions, counts, actions.

  kinelex check take.npz
  kinelex check take.bvh "a person kicks twice with the left leg"
  kinelex check take.npz --json

Rules read from each phrase what geometry can tell ("kicks with the left leg": kick yes, foot left), and the probes of
`kinelex probe` are asked about the seconds of that phrase. No network is asked. What they cannot see, such as moods, is
not looked for. Clips in npz files know their phrases; for others say in one phrase what they should show.
Exit code 1 when something is not shown, so that a script can tell."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = add_command(commands, "check", "look in a motion for what its phrases say", DESCRIPTION)
    parser.add_argument("clip", metavar="CLIP", help="motion file")
    parser.add_argument("text", nargs="?", help="one phrase about the whole clip, instead of its own")
    parser.add_argument("--json", action="store_true", help="print a list of findings")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check a clip."""
    from kinelex.checking.check import check
    from kinelex.motion.motion import Motion, Segment
    from kinelex.text.imperative import described
    from kinelex.text.segmenter import segment

    motion = Motion.load(options.clip)
    if options.text is not None:
        phrases = segment(described(options.text))
        if len(phrases) > 1:
            raise KinelexError(
                f"{options.text!r} has {len(phrases)} phrases, and nothing says when each happens; give one, or a "
                "clip that knows its phrases"
            )
        motion = motion.with_segments((Segment(phrases[0], 0.0, motion.seconds),))
    findings = check(motion)
    if options.json:
        print(json.dumps([asdict(finding) | {"right": finding.right} for finding in findings]))
    elif findings:
        print_findings(findings)
    else:
        print("nothing that the probes can see is said of this clip")
    return 0 if all(finding.right for finding in findings) else 1
