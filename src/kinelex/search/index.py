"""Many clips, found by a sentence or by a motion.

Whole clips and windows of them are embedded by a retrieval model (TMR, Petrovich et al. 2023, section 3). Up to a
hundred thousand vectors a query is compared with every one; beyond, a graph finds the nearest, and only vectors
that came after the graph are compared one by one.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinelex.errors import KinelexError
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.motion import Motion
from kinelex.motion.skeleton import SKELETONS, Skeleton, skeleton_named
from kinelex.retrieval.model import SHORTEST, RetrievalModel
from kinelex.search.features import motion_features
from kinelex.search.graph import Graph
from kinelex.search.hits import Hit, distinct
from kinelex.search.index_files import FORMAT, Header, IndexFiles
from kinelex.search.sources import ClipSource
from kinelex.search.update import Changes, Update
from kinelex.search.windows import LONGEST_SECONDS, WINDOW_SECONDS, check_window_seconds

EXACT_BELOW = 100_000
_CANDIDATES = 16  # vectors looked at for each hit at first: windows of one clip resemble one another


@dataclass(frozen=True)
class Ranking:
    """The vectors nearest to Q queries, best first.

    Attributes:
        rows: (Q, R) their numbers.
        cosines: (Q, R); -inf where there are no more that count.
    """

    rows: NDArray[np.int64]
    cosines: NDArray[np.float32]


class MotionIndex:
    """An index folder together with the model that made it: `MotionIndex.open(folder, model).search("sits down")`."""

    def __init__(self, files: IndexFiles, model: RetrievalModel, *, exact_below: int = EXACT_BELOW) -> None:
        """See `open` and `create`.

        Args:
            files: of the index.
            model: that made it.
            exact_below: more vectors than this are searched through the graph.

        Raises:
            KinelexError: the index is of another model, or its graph cannot be read.
        """
        _check_model(files, model)
        self.files, self.model, self.exact_below = files, model, exact_below
        self.skeleton: Skeleton = skeleton_named(files.header.skeleton)
        self._graph: Graph | None = None
        self._refresh()

    @classmethod
    def open(cls, folder: str | os.PathLike[str], model: RetrievalModel) -> MotionIndex:
        """An index that is there.

        Raises:
            KinelexError: there is none, it is damaged, or of another model.
        """
        return cls(IndexFiles(folder), model)

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        model: RetrievalModel,
        model_folder: str | os.PathLike[str],
        windows: Sequence[float] = WINDOW_SECONDS,
    ) -> MotionIndex:
        """A new, empty index.

        Args:
            folder: where; must not hold anything.
            model: embeds clips and queries.
            model_folder: where it was loaded from, to be found again.
            windows: seconds of the parts that are embedded besides whole clips.

        Raises:
            KinelexError: the folder is taken, or a window is too short or too long.
        """
        skeleton = _skeleton_of(model)
        header = Header(
            format=FORMAT,
            model=model.name,
            model_sha256=model.weights_hash,
            model_folder=str(Path(model_folder).resolve()),
            skeleton=skeleton.name,
            windows=check_window_seconds(windows, SHORTEST / skeleton.fps),
            width=model.width,
        )
        return cls(IndexFiles.create(folder, header), model)

    def __len__(self) -> int:
        """How many clips are in it."""
        return len(self.files.clips) - len(self.files.header.removed)

    @property
    def vectors(self) -> int:
        """How many vectors a search looks through."""
        return int(self._live.sum())

    def search(self, query: str, top: int = 10, per_clip: int = 1) -> list[Hit]:
        """Clips that do what a sentence says, best first.

        Args:
            query: a sentence.
            top: hits at most.
            per_clip: hits of one clip at most.

        Raises:
            KinelexError: the query is empty, a number is less than 1, or faiss is needed and missing.
        """
        if not any(character.isalnum() for character in query):
            raise KinelexError("the query is empty; say what to look for, as in 'a person sits down'")
        return self.nearest(self.model.embed_texts([query])[0], top, per_clip)

    def search_motion(self, motion: Motion, top: int = 10, per_clip: int = 1) -> list[Hit]:
        """Clips that move like another one, best first; arguments as in `search`.

        Raises:
            KinelexError: as there, or the motion is on another skeleton, too short or too long.
        """
        if motion.seconds > LONGEST_SECONDS:
            raise KinelexError(
                f"the clip takes {motion.seconds:.1f} s; search with a part of at most {LONGEST_SECONDS:g} s"
            )
        features = motion_features(motion, self.skeleton, SHORTEST)
        vectors = self.model.embed_motions(features[None], torch.tensor([len(features)]))
        return self.nearest(vectors[0], top, per_clip)

    def nearest(self, vector: Tensor, top: int, per_clip: int) -> list[Hit]:
        """Hits of a unit vector (D,) in the model's space; see `search`."""
        if top < 1 or per_clip < 1:
            raise KinelexError(f"top is {top} and per clip {per_clip}; ask for at least one hit")
        query = vector.detach().cpu().numpy()[None]
        count, live = top * _CANDIDATES, self.vectors
        while True:
            hits = distinct(self._hits(self.rank(query, min(count, live))), top, per_clip)
            if len(hits) == top or count >= live:
                return hits
            count *= 4

    def rank(self, queries: NDArray[np.float32], count: int) -> Ranking:
        """The vectors of the highest cosine with queries (Q, D).

        Raises:
            KinelexError: there are many vectors and the graph is missing.
        """
        if len(self.files.vectors) - self._linked > self.exact_below:
            raise KinelexError(
                f"{self.files.folder} has {len(self.files.vectors)} vectors and no graph over them; run kinelex "
                f"index --output {self.files.folder} to make it"
            )
        rows = self._compared(queries, count)
        if self._graph is not None:
            near = self._graph.nearest(queries, min(count, self._linked), self._live[: self._linked])
            rows = np.concatenate((near, rows), axis=1)
        cosines = np.einsum("qrd,qd->qr", self.files.vectors[rows], queries)
        cosines[(rows < 0) | ~self._live[rows]] = -np.inf
        order = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        return Ranking(np.take_along_axis(rows, order, axis=1), np.take_along_axis(cosines, order, axis=1))

    def _compared(self, queries: NDArray[np.float32], count: int) -> NDArray[np.int64]:
        """(Q, count) the best of the rows that no graph covers, by comparing with all of them."""
        first = self._linked
        vectors = torch.from_numpy(self.files.vectors[first:])
        cosines = torch.from_numpy(queries) @ vectors.T
        cosines[:, ~torch.from_numpy(self._live[first:])] = -torch.inf
        return cosines.topk(min(count, len(vectors))).indices.numpy() + first

    def _hits(self, ranking: Ranking) -> Iterator[Hit]:
        """Of the first query."""
        for row, cosine in zip(ranking.rows[0].tolist(), ranking.cosines[0].tolist(), strict=True):
            if cosine > -np.inf:
                number, start, end = self.files.spans[row].tolist()
                clip, fps = self.files.clips[number], self.skeleton.fps
                yield Hit(clip.id, clip.source, start / fps, end / fps, cosine, clip.caption)

    def add(self, source: ClipSource, *, prune: bool = False) -> Changes:
        """Bring what is new or changed in a source into the index.

        Clips are written as they are embedded: a killed run goes on where it was.

        Args:
            source: from `clip_source`.
            prune: take out what is no longer in the source.

        Raises:
            KinelexError: another process changes the index, the disk is full, or nothing could be embedded.
        """
        with self.files.changing():
            changes = Update(self.files, self.model, self.skeleton, source).run(prune=prune)
        self._refresh()
        return changes

    def remove(self, pattern: str) -> int:
        """Take out the clips whose id matches a pattern with * and ?; how many there were.

        Raises:
            KinelexError: none matches, or another process changes the index.
        """
        with self.files.changing():
            numbers = [
                number
                for (_, name), number in self.files.present().items()
                if fnmatch.fnmatchcase(name, pattern)
            ]
            if not numbers:
                raise KinelexError(
                    f"no clip of {self.files.folder} is called {pattern}; see kinelex search --json"
                )
            self.files.remove(numbers)
        self._refresh()
        return len(numbers)

    def link(self) -> int:
        """Bring the graph up to date where one is needed; how many vectors it got.

        Raises:
            KinelexError: faiss is not installed, another process changes the index, or the disk is full.
        """
        with self.files.changing():
            missing = len(self.files.vectors) - self._linked
            if len(self.files.vectors) <= self.exact_below or not missing:
                return 0
            old = self.files.graph.exists()
            graph = Graph.open(self.files.graph, growing=True) if old else Graph.empty(self.model.width)
            graph.extend(self.files.vectors[graph.rows :])
            graph.save(self.files.graph)
        self._refresh()
        return missing

    @property
    def _linked(self) -> int:
        """Vectors that the graph covers."""
        return 0 if self._graph is None else self._graph.rows

    def _refresh(self) -> None:
        """See the files as they are now."""
        many = len(self.files.vectors) > self.exact_below
        self._graph = Graph.open(self.files.graph) if many and self.files.graph.exists() else None
        self._live = self.files.live()


def _check_model(files: IndexFiles, model: RetrievalModel) -> None:
    header = files.header
    if model.weights_hash != header.model_sha256:
        raise KinelexError(
            f"{files.folder} was made with another model than {model.name}: {header.model}, hash "
            f"{header.model_sha256[:12]}, from {header.model_folder}; search it with that one, or make a new index"
        )


def _skeleton_of(model: RetrievalModel) -> Skeleton:
    features = model.networks.config.features
    for skeleton in SKELETONS.values():
        if FeatureLayout.of(skeleton).size == features:
            return skeleton
    raise KinelexError(
        f"the model reads {features} numbers a frame, which are the features of no known skeleton"
    )
