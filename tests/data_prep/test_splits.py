"""Laws of the splits: whole recordings, strictest wins, everything occurs, nothing moves."""

from __future__ import annotations

from collections import Counter

from kinelex.data.splits import block_splits, diagonal_splits, hashed_splits, official_splits, split_of_group


def test_hashed_splits_have_their_shares_and_do_not_depend_on_other_groups() -> None:
    counts = Counter(split_of_group(f"take {number}") for number in range(4000))
    assert abs(counts["test"] / 4000 - 0.10) < 0.02
    assert abs(counts["val"] / 4000 - 0.05) < 0.02
    assert split_of_group("cmu/02_01") == split_of_group("cmu/02_01")


def test_few_recordings_still_have_one_to_validate_on() -> None:
    for count in range(5, 60):
        groups = [f"folder/take{number}.bvh" for number in range(count)]
        splits = hashed_splits(groups)
        moved = [group for group in groups if splits[group] != split_of_group(group)]
        assert "val" in splits.values()
        assert moved == [] or [splits[group] for group in moved] == ["val"]
    assert hashed_splits(["alone"]) == {"alone": split_of_group("alone")}


def test_a_recording_with_clips_in_several_published_splits_goes_to_the_strictest() -> None:
    splits = official_splits([("a", "train"), ("a", "test"), ("b", "val"), ("b", "train"), ("c", "train")])
    assert splits == {"a": "test", "b": "val", "c": "train"}


def test_every_row_and_column_of_a_diagonal_is_held_out() -> None:
    rows, columns = [f"r{i}" for i in range(6)], [f"c{i}" for i in range(15)]
    cells = diagonal_splits(rows, columns)
    for split in ("val", "test"):
        held = [cell for cell, own in cells.items() if own == split]
        assert {row for row, _ in held} == set(rows)
        assert len({column for _, column in held}) == len(held)
    square = diagonal_splits(columns, columns)
    assert {column for (_, column), own in square.items() if own == "test"} == set(columns)


def test_blocks_keep_neighbours_together() -> None:
    takes = {f"{name}{number}": (name, number) for name in ("walk", "wave") for number in range(40)}
    splits = block_splits(takes)
    for name in ("walk", "wave"):
        order = [splits[f"{name}{number}"] for number in range(40)]
        assert order == ["train"] * 34 + ["val"] * 2 + ["test"] * 4
    assert set(block_splits({"x": ("x", 1), "y": ("x", 2)}).values()) == {"train"}
