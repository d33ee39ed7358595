"""A journal holds all that was added to it, whatever ends the run that adds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kinelex.errors import KinelexError
from kinelex.journal import Journal


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    entries = [{"number": number, "text": "wavés ✋"} for number in range(40)]
    journal = Journal(tmp_path / "new" / "journal.jsonl")
    assert journal.entries == []
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(journal.add, entries))
    # Not closed: as if the run had been killed.
    found = Journal(journal.path).entries
    assert sorted(found, key=lambda entry: entry["number"]) == entries


@pytest.mark.parametrize("kept", range(1, 14))
def test_a_line_that_was_not_finished_is_cut_off(tmp_path: Path, kept: int) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add({"a": 1})
    whole = journal.path.read_bytes()
    journal.add({"second": 22})
    journal.path.write_bytes(journal.path.read_bytes()[: len(whole) + kept])
    again = Journal(journal.path)
    assert again.entries == [{"a": 1}]
    again.add({"b": 2})
    assert Journal(journal.path).entries == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("line", ["no json", "[1, 2]", "3"])
def test_other_files_are_refused_and_stay(tmp_path: Path, line: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text('{"a": 1}\n' + line + "\n")
    with pytest.raises(KinelexError, match="line 2, is no cached answer"):
        Journal(path)
    assert path.read_text() == '{"a": 1}\n' + line + "\n"
    with pytest.raises(KinelexError, match="cannot use the cache"):
        Journal(tmp_path)
