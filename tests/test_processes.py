"""Worker processes end with the process that started them, and tell when one of them is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kinelex.errors import KinelexError
from kinelex.processes import process_pool

PARENT = """
import os, time
from kinelex.processes import process_pool

if __name__ == "__main__":
    with process_pool(1, "kinelex.processes", remedy="") as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) != parent.pid
        parent.kill()
        # The pipe closes when the last process that could write to it is gone.
        parent.communicate(timeout=30)


def lose_a_worker() -> None:
    with process_pool(1, "kinelex.processes", remedy="give fewer") as pool:
        os.kill(pool.submit(os.getpid).result(), signal.SIGKILL)
        pool.submit(time.sleep, 60).result()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_worker_is_told() -> None:
    with pytest.raises(KinelexError, match=r"killed.*give fewer"):
        lose_a_worker()
