"""The scripts in runs/, with networks that learn nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]


def debug_run(script: str, work: Path, **settings: str) -> str:
    """What a script says in its debug run."""
    ended = subprocess.run(
        ["bash", ROOT / "runs" / script, "debug"], capture_output=True, text=True, check=False,
        env=os.environ | {"WORK": str(work), "JOBS": "1", "OMP_NUM_THREADS": "1"} | settings,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout
