"""runs/hosts.sh debug: hosts on two encoders and samplers, from recordings to tables."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from debug_runs import ROOT, debug_run
from kinelex.text.encoder_files import minilm_folder

HOSTS = ("mdm", "mmm")  # one that diffuses and one that has a tokenizer


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_hosts_and_samplers_are_compared(tmp_path: Path) -> None:
    debug_run("hosts.sh", tmp_path, HOSTS=" ".join(HOSTS), MATE=str(minilm_folder()))
    table = (tmp_path / "results" / "hosts.md").read_text("utf-8").splitlines()
    for figure in ("FID ↓", "MM-Dist ↓", "probes, place ↑"):
        rows = [line.split("|")[2:-1] for line in table if line.startswith(f"| {figure} |")]
        assert len(rows) == len(HOSTS)
        assert all(any(letter.isdigit() for letter in cell) for cells in rows for cell in cells)
        # The second encoder is the first one here: what differs would be an error of the comparison.
        assert all("+0.000" in cells[2] for cells in rows)
    drawn = [line.replace(" ", "").split("|")[1:4] for line in table if line.startswith(("| mdm", "| mmm"))]
    # The four steps are those of the recipes.
    assert drawn == [
        *(["mdm", sampler, steps] for sampler, steps in (("ddim", "10"), ("ddpm", "50"))),
        *(["mdm", "dpm++", steps] for steps in ("4", "5", "20")),
        *(["mmm", "masked", steps] for steps in ("4", "5", "20")),
    ]


def test_an_unknown_host_ends_in_a_sentence() -> None:
    ended = subprocess.run(
        ["bash", ROOT / "runs/hosts.sh", "debug"], capture_output=True, text=True, check=False,
        env=os.environ | {"HOSTS": "mdm smpl"},
    )  # fmt: skip
    assert ended.returncode == 2
    assert "there is no host smpl" in ended.stderr
