"""Bring an index up to date with a store or a folder of files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.skeleton import Skeleton
from kinelex.progress import track
from kinelex.retrieval.model import SHORTEST, RetrievalModel
from kinelex.search.index_files import IndexedClip, IndexFiles
from kinelex.search.sources import ClipSource, SourceClip
from kinelex.search.windows import LONGEST_SECONDS, clip_windows

_BATCH = 64  # clips that are embedded, and written, together


@dataclass
class Changes:
    """What became of the clips of a source.

    Attributes:
        added: how many were not in the index.
        replaced: how many had other content, or another caption.
        kept: how many were there already.
        removed: how many of the index are no longer in the source, and were taken out.
        skipped: ids, and why they could not be embedded.
    """

    added: int = 0
    replaced: int = 0
    kept: int = 0
    removed: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _New:
    """A clip to embed: features (T, D), and the number of the one that it replaces."""

    clip: SourceClip
    features: Tensor
    replaces: int | None


class Update:
    """One run over a source.

    Args:
        files: of the index, locked by the caller.
        model: that embeds.
        skeleton: whose features it reads.
        source: what to index.
    """

    def __init__(
        self, files: IndexFiles, model: RetrievalModel, skeleton: Skeleton, source: ClipSource
    ) -> None:
        self._files, self._model, self._skeleton, self._source = files, model, skeleton, source
        self._root, self._changes = str(source.root), Changes()
        self._present = {
            name: number for (root, name), number in files.present().items() if root == self._root
        }
        fps = skeleton.fps
        self._sizes = [round(length * fps) for length in files.header.windows]
        self._longest = round(LONGEST_SECONDS * fps)

    def run(self, *, prune: bool) -> Changes:
        """Embed what is new or changed; with `prune`, take out what is gone.

        Raises:
            KinelexError: the disk is full, or nothing of the source could be embedded.
        """
        seen: set[str] = set()
        wanted = self._wanted(seen)
        while batch := list(islice(wanted, _BATCH)):
            self._append(batch)
        changes = self._changes
        if prune:
            gone = [number for name, number in self._present.items() if name not in seen]
            self._files.remove(gone)
            changes.removed = len(gone)
        if changes.skipped and not (changes.added or changes.replaced or changes.kept):
            name, reason = next(iter(changes.skipped.items()))
            raise KinelexError(f"nothing in {self._root} could be indexed; {name}: {reason}")
        return changes

    def _wanted(self, seen: set[str]) -> Iterator[_New]:
        """Clips that are to be embedded; what becomes of all is noted in the changes."""
        changes = self._changes
        for clip in track(self._source, "indexing", len(self._source)):
            seen.add(clip.id)
            number = self._present.get(clip.id)
            if number is not None and self._is_same(number, clip):
                changes.kept += 1
                continue
            try:
                features = _checked(clip.features(self._skeleton))
            except KinelexError as error:
                changes.skipped[clip.id] = str(error)
                continue
            changes.added += number is None
            changes.replaced += number is not None
            yield _New(clip, features, number)

    def _is_same(self, number: int, clip: SourceClip) -> bool:
        """Whether the index has a clip as it is, and as it is described, now."""
        there = self._files.clips[number]
        return (there.sha256, there.caption) == (clip.sha256, clip.caption)

    def _append(self, batch: Sequence[_New]) -> None:
        """Embed the windows of clips, joined end to end so that equal lengths go through the model together."""
        windows = [clip_windows(len(new.features), self._sizes, self._longest) for new in batch]
        lengths = torch.tensor([len(new.features) for new in batch])
        firsts = lengths.cumsum(0) - lengths
        starts, ends = torch.cat([own + first for own, first in zip(windows, firsts, strict=True)]).unbind(1)
        vectors = self._model.embed_windows(torch.cat([new.features for new in batch]), starts, ends)
        numbers = torch.repeat_interleave(torch.tensor([len(own) for own in windows]))
        self._files.append(
            [
                IndexedClip(self._root, new.clip.id, new.clip.caption, new.clip.sha256, len(new.features))
                for new in batch
            ],
            torch.column_stack((numbers, torch.cat(windows))).numpy().astype(np.int32),
            vectors.cpu().numpy(),
            [new.replaces for new in batch if new.replaces is not None],
        )


def _checked(features: Tensor) -> Tensor:
    if len(features) < SHORTEST:
        raise KinelexError(f"it has {len(features)} frames; give at least {SHORTEST}")
    if not features.isfinite().all():
        raise KinelexError("it has features that are NaN or infinite; repair it or leave it out")
    return features
