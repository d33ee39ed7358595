"""Files appear whole or not at all, alone and together."""

from __future__ import annotations

from pathlib import Path

import pytest

from kinelex.atomic import atomic_path, together
from kinelex.errors import KinelexError


def write(path: Path, text: str) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def write_both(one: Path, other: Path) -> None:
    with together():
        write(one, "new")
        assert not one.exists() or one.read_text() != "new"
        write(other, "new")


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), atomic_path(tmp_path / "a") as temporary:
        temporary.write_text(str(1 // 0))
    assert texts(tmp_path) == {"a": "old"}


def test_several_appear_at_once(tmp_path: Path) -> None:
    write_both(tmp_path / "a", tmp_path / "b")
    assert texts(tmp_path) == {"a": "new", "b": "new"}


def test_none_of_several_appears_after_a_failure(tmp_path: Path) -> None:
    write(tmp_path / "a", "old")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KinelexError, match=r"cannot write .*file/b"):
        write_both(tmp_path / "a", tmp_path / "file" / "b")
    assert texts(tmp_path) == {"a": "old", "file": "in the way"}


def test_a_name_that_is_taken_by_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    with pytest.raises(KinelexError, match=r"cannot write .*/b: .*choose another path"):
        write_both(tmp_path / "a", tmp_path / "b")
    assert not any(path.name.startswith(".") for path in tmp_path.iterdir())
    write(tmp_path / "c", "3")
    assert (tmp_path / "c").read_text() == "3"
