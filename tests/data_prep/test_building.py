"""A store is built by one process at a time, and what killed ones leave behind goes with the next run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mocap import walker

from kinelex.data.building import built_beside, remove_leftovers
from kinelex.data.prepare import prepare
from kinelex.errors import KinelexError

# Builds the store of argv[1] for a minute, if it is let.
BUILDER = """
import sys, time
from pathlib import Path
from kinelex.data.building import built_beside
with built_beside(Path(sys.argv[1])) as building:
    (building / "clips-00000.arrow").write_bytes(b"half")
    print("begun", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def builder(tmp_path: Path):
    """A process that is building `tmp_path / "store"`."""
    process = subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    yield process
    process.kill()
    process.wait()


def prepared(tmp_path: Path):
    source = tmp_path / "mocap"
    source.mkdir(exist_ok=True)
    np.save(source / "glide.npy", walker(60))
    return prepare("folder", source, tmp_path / "store", workers=1)


def test_what_is_built_takes_the_place_of_what_stood_there(tmp_path: Path) -> None:
    store = tmp_path / "deep" / "store"
    for text in ("one", "two"):
        with built_beside(store) as building:
            (building / text).write_text(text)
            assert building.parent == store.parent
        assert names(store) == {text}
    assert names(store.parent) == {"store"}


def test_a_failure_keeps_what_stood_there(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with built_beside(store) as building:
        (building / "kept").touch()

    def fail(failure: Exception) -> None:
        with built_beside(store) as building:
            (building / "half").touch()
            raise failure

    with pytest.raises(KinelexError, match=r"cannot write .*store: No space left on device; free some space"):
        fail(OSError(28, "No space left on device"))
    with pytest.raises(ValueError, match="broken"):
        fail(ValueError("broken"))
    assert names(tmp_path) == {"store"}
    assert names(store) == {"kept"}


def test_two_processes_do_not_build_the_same_store(tmp_path: Path, builder: subprocess.Popen) -> None:
    before = names(tmp_path)
    with pytest.raises(KinelexError, match=r"another kinelex prepare is writing .*store; wait"):
        prepared(tmp_path)
    remove_leftovers(tmp_path / "store")
    assert names(tmp_path) == before | {"mocap"}
    with built_beside(tmp_path / "other"):
        pass
    assert builder.poll() is None


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path: Path, builder: subprocess.Popen) -> None:
    builder.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    builder.wait()
    assert any(name.endswith(".building") for name in names(tmp_path))
    assert prepared(tmp_path).changed
    assert names(tmp_path) == {"mocap", "store"}


def test_also_when_nothing_else_is_to_be_done(tmp_path: Path) -> None:
    prepared(tmp_path)
    for name in (".store.k2j4h6g8.building", ".store.two.k2j4h6g8.building", ".store.k2j4h6g8", ".store"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clips-00000.arrow").touch()
    began = time.monotonic()
    assert not prepared(tmp_path).changed
    assert time.monotonic() - began < 60
    assert names(tmp_path) == {
        "mocap", "store", ".store.two.k2j4h6g8.building", ".store.k2j4h6g8", ".store"
    }  # fmt: skip
