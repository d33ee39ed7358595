"""Worker processes end with the process that started them, and tell when one of them is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

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


def lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(os.name == "nt", reason="asking for a process would end it there")
def test_workers_do_not_outlive_a_killed_parent(tmp_path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert lives(worker)
    parent.kill()
    parent.wait()
    end = time.monotonic() + 30
    while lives(worker) and time.monotonic() < end:
        time.sleep(0.05)
    assert not lives(worker)


def lose_a_worker() -> None:
    with process_pool(1, "kinelex.processes", remedy="give fewer") as pool:
        os.kill(pool.submit(os.getpid).result(), signal.SIGKILL)
        pool.submit(time.sleep, 60).result()


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_worker_is_told() -> None:
    with pytest.raises(KinelexError, match=r"killed.*give fewer"):
        lose_a_worker()
