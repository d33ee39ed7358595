"""`kinelex compare REPORT REPORT ...`: do models differ by more than the noise?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kinelex.cli.options import add_command

DESCRIPTION = """Compare reports of kinelex evaluate: one table with differences and their 95 % intervals.

  kinelex compare reports/baseline reports/mine
  kinelex compare reports/baseline reports/mine reports/other --output comparison.md

The first report is what the others are compared with. Where two reports have the same clips, captions and seeds,
repeat is compared with repeat, which takes most of the noise out. A difference whose interval includes 0 is called
"within noise": those repeats cannot tell the models apart."""


def add_parser(commands: Any) -> None:
    """Register the command."""
    parser = add_command(commands, "compare", "compare reports of several models", DESCRIPTION)
    parser.add_argument(
        "reports", nargs="+", type=Path, metavar="REPORT", help="report folder or report.json"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the table as Markdown, too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print the table, and write it if asked."""
    from kinelex.atomic import atomic_path
    from kinelex.evaluation.comparison import compare, comparison_table, read_report

    lines = compare([read_report(path) for path in options.reports])
    table = comparison_table(_names(options.reports), lines)
    print(table)
    if options.output is not None:
        with atomic_path(options.output) as path:
            path.write_text(table, "utf-8")


def _names(paths: Sequence[Path]) -> list[str]:
    """What tells the reports apart: the folders' names, or the paths where those are the same."""
    folders = [path if path.suffix != ".json" else path.parent for path in paths]
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return names
