"""Which clips are trained on and which are held out: always whole recordings, the same on every machine."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kinelex.errors import KinelexError

TEST_SHARE, VAL_SHARE = 0.10, 0.05
_STRICTNESS = {"train": 0, "val": 1, "test": 2}


def split_of_group(group: str, test: float = TEST_SHARE, val: float = VAL_SHARE) -> str:
    """The split of a recording, from a hash of its name alone: adding recordings moves no other."""
    place = _place(group)
    if place < test:
        return "test"
    return "val" if place < test + val else "train"


def hashed_splits(groups: Iterable[str]) -> dict[str, str]:
    """`split_of_group` of every recording; of few, none of which that validates on, the next in line is val.

    A training cannot do without one: it chooses its best weights by it.
    """
    splits = {group: split_of_group(group) for group in groups}
    train = [group for group, split in splits.items() if split == "train"]
    if "val" not in splits.values() and len(train) > 1:
        splits[min(train, key=_place)] = "val"
    return splits


def _place(group: str) -> float:
    """From 0 to 1, by a hash of the name."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64


def official_splits(splits: Iterable[tuple[str, str]]) -> dict[str, str]:
    """One split for each recording from the published split of its clips.

    A recording with clips in several splits goes to the strictest of them (test before val before train). So
    what is published as test is never trained on, and neither is anything recorded right before or after it.

    Args:
        splits: (recording, published split of one of its clips).

    Raises:
        KinelexError: an unknown split.
    """
    result: dict[str, str] = {}
    for group, split in splits:
        if split not in _STRICTNESS:
            raise KinelexError(f"{group} is in the unknown split {split!r}; use train, val or test")
        result[group] = max(result.get(group, "train"), split, key=_STRICTNESS.__getitem__)
    return result


def diagonal_splits(rows: Sequence[str], columns: Sequence[str]) -> dict[tuple[str, str], str]:
    """Splits of the cells of a table, such that every row and column is held out once or more, no cell twice.

    Cell (i, j) is test when i + j is a multiple of the larger side, val when it is one more.
    """
    side = max(len(rows), len(columns))
    names = {0: "test", 1 % side: "val"} if side > 1 else {}
    return {
        (row, column): names.get((i + j) % side, "train")
        for i, row in enumerate(sorted(rows))
        for j, column in enumerate(sorted(columns))
    }


def block_splits(
    takes: Mapping[str, tuple[str, int]], test: float = TEST_SHARE, val: float = VAL_SHARE
) -> dict[str, str]:
    """Splits of numbered takes: the last block of each series is test, the block before it val.

    Takes with neighbouring numbers were recorded one after the other; blocks keep them together, where a
    random choice would put nearly every held-out take beside a training one.

    Args:
        takes: for each take its series and its number within.
    """
    series: defaultdict[str, list[str]] = defaultdict(list)
    for take, (name, _) in takes.items():
        series[name].append(take)
    result: dict[str, str] = {}
    for members in series.values():
        members.sort(key=lambda take: takes[take][1])
        tests = max(1, round(test * len(members))) if len(members) > 2 else 0
        vals = max(1, round(val * len(members))) if len(members) > 2 else 0
        for place, take in enumerate(members):
            left = len(members) - place
            result[take] = "test" if left <= tests else "val" if left <= tests + vals else "train"
    return result
