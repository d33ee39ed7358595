"""runs/reproduce.sh debug: the comparison, from recordings to tables, with networks that learn nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from debug_runs import ROOT, debug_run
from kinelex.training.recipes import load_recipe

ARMS = ("momask", "guided", "segmo+mate")  # every part of the script in half the time of all arms


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_the_comparison_runs_whole_and_goes_on_where_it_was(tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = reproduce(work)
    table = (work / "results" / "comparison.md").read_text("utf-8")
    assert f"| | {' | '.join(ARMS)} |" in table
    for row in ("word probes ↑", "FID ↓", "MM-Dist, second judge ↓", "place"):
        cells = next(line for line in table.splitlines() if line.startswith(f"| {row} |")).split("|")[2:-1]
        assert len(cells) == len(ARMS)
        assert all(any(letter.isdigit() for letter in cell) for cell in cells)
    with Image.open(work / "results" / "comparison.png") as picture:
        picture.verify()
    # One arm lacks its probes: only they are measured again.
    (work / "arms" / "guided-1" / "probes.json").unlink()
    trained = (work / "arms" / "guided-1" / "model" / "masked.safetensors").stat().st_mtime_ns
    again = reproduce(work)
    assert "train MATE's encoder: about" in first
    assert "train MATE's encoder: there already" in again
    assert (work / "arms" / "guided-1" / "probes.json").is_file()
    assert (work / "arms" / "guided-1" / "model" / "masked.safetensors").stat().st_mtime_ns == trained
    assert (work / "results" / "comparison.md").read_text("utf-8") == table
    # What is written down is kept where the trainings are not.
    subprocess.run(
        [
            sys.executable,
            ROOT / "runs/comparison/table.py",
            tmp_path / "elsewhere",
            "--output",
            work / "results",
        ],
        check=True,
    )
    assert (work / "results" / "comparison.md").read_text("utf-8") == table


def test_wrong_use_ends_in_a_sentence(tmp_path: Path) -> None:
    for arguments, message, setting in (
        (["all"], "knows debug", {}),
        ([], "PACKS=packs", {}),
        (["debug"], "MATE=nowhere is no folder", {"MATE": "nowhere"}),
    ):
        ended = subprocess.run(
            ["bash", ROOT / "runs/reproduce.sh", *arguments], capture_output=True, text=True, check=False,
            env={key: value for key, value in os.environ.items() if key != "PACKS"} | setting,
        )  # fmt: skip
        assert ended.returncode != 0
        assert message in ended.stderr


def reproduce(work: Path) -> str:
    """What the script says."""
    return debug_run("reproduce.sh", work, ARMS=" ".join(ARMS))


def test_every_arm_is_a_recipe() -> None:
    for line in (ROOT / "runs/comparison/arms.txt").read_text("utf-8").splitlines()[1:]:
        _, encoder, *changes = line.split()
        assert encoder in ("minilm", "mate")
        assert load_recipe("comparison", changes) != load_recipe("comparison") or not changes
