"""A graph of neighbours over many vectors (HNSW; Malkov and Yashunin 2020), by faiss.

It stores half-precision copies of the vectors in the order of their rows, grows without being built again, and never
forgets: rows that do not count are passed over while searching.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.progress import track

NEIGHBOURS, BUILD_EFFORT, SEARCH_EFFORT = 32, 120, 128
_BATCH = 4096


class Graph:
    """Approximate nearest neighbours by inner product.

    Attributes:
        rows: how many vectors are in it: the first ones of the index.
    """

    def __init__(self, graph: Any) -> None:
        self._graph = graph
        self.rows = int(graph.ntotal)

    @classmethod
    def empty(cls, width: int) -> Graph:
        """A graph of no vectors of `width` numbers.

        Raises:
            KinelexError: faiss is not installed.
        """
        module = _faiss()
        kind = module.ScalarQuantizer.QT_fp16
        graph = module.IndexHNSWSQ(width, kind, NEIGHBOURS, module.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = BUILD_EFFORT
        graph.train(np.zeros((1, width), np.float32))
        return cls(graph)

    @classmethod
    def open(cls, path: Path, *, growing: bool = False) -> Graph:
        """Read a graph; memory-mapped, unless it is going to grow.

        Raises:
            KinelexError: faiss is not installed, or the file is damaged.
        """
        module = _faiss()
        try:
            return cls(module.read_index(str(path), 0 if growing else module.IO_FLAG_MMAP_IFC))
        except RuntimeError as error:
            raise KinelexError(
                f"cannot read {path}: it is damaged; remove it and run kinelex index again"
            ) from error

    def extend(self, vectors: NDArray[np.float32]) -> None:
        """Add rows (N, D) behind those in it."""
        starts = range(0, len(vectors), _BATCH)
        for start in track(starts, "linking neighbours"):
            self._graph.add(np.ascontiguousarray(vectors[start : start + _BATCH]))
        self.rows = int(self._graph.ntotal)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            KinelexError: it cannot be written.
        """
        with atomic_path(path) as temporary:
            _faiss().write_index(self._graph, str(temporary))

    def nearest(self, vectors: NDArray[np.float32], count: int, live: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(Q, count) rows of about the highest products with vectors (Q, D), best first; -1 where there are no more.

        Args:
            vectors: what to look for.
            count: rows for each.
            live: (rows,) False for rows that do not count.
        """
        module = _faiss()
        effort = max(SEARCH_EFFORT, 2 * count)
        bits = np.packbits(live, bitorder="little")
        selector = None if live.all() else module.IDSelectorBitmap(len(live), module.swig_ptr(bits))
        search = module.SearchParametersHNSW(efSearch=effort, sel=selector)
        return self._graph.search(np.ascontiguousarray(vectors), count, params=search)[1]


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise KinelexError(
            'an index of so many vectors is searched with faiss; install it with pip install "kinelex[search]"'
        ) from error
    return faiss
