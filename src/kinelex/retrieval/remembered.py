"""Cuts that were once found, kept in a file: localising a corpus takes long, and a killed training goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import sha256

from torch import Tensor

from kinelex.journal import Journal
from kinelex.retrieval.localisation import RetrievalSegmenter


class RememberedCuts:
    """A retrieval segmenter that finds each cut once. See `MotionSegmenter`.

    The file holds the cuts under a hash of the retrieval model, the grid, the motion and the phrases.
    """

    def __init__(self, segmenter: RetrievalSegmenter, path: str | os.PathLike[str]) -> None:
        """Read what is there.

        Raises:
            KinelexError: the file cannot be read or written, or holds other things.
        """
        self.segmenter, self._journal = segmenter, Journal(path)
        self._prefix = f"{segmenter.model.weights_hash} {segmenter.step} {segmenter.shortest}".encode()
        self._cuts: dict[str, tuple[int, ...]] = {}
        for number, entry in enumerate(self._journal.entries, start=1):
            try:
                self._cuts[str(entry["key"])] = tuple(map(int, entry["cuts"]))
            except (KeyError, TypeError, ValueError) as error:
                raise self._journal.foreign(number) from error

    def __len__(self) -> int:
        return len(self._cuts)

    def __call__(self, features: Tensor, phrases: Sequence[str]) -> tuple[int, ...]:
        """See `RetrievalSegmenter`; new cuts are in the file when this returns.

        Raises:
            KinelexError: as there, or the disk is full.
        """
        if len(phrases) == 1:
            return ()
        content = features.detach().cpu().contiguous().numpy().tobytes()
        said = "\n".join(phrases).encode()
        key = sha256(b"\0".join((self._prefix, said, content))).hexdigest()
        if key not in self._cuts:
            self._cuts[key] = self.segmenter(features, phrases)
            self._journal.add({"key": key, "cuts": self._cuts[key]})
        return self._cuts[key]
