"""Time and recall of searching many vectors: `python benchmarks/search.py --model MODEL --corpus STORE`.

The index is filled with the windows of the store, repeated with random changes until there are enough; queries are
captions of the store. Without --model and --corpus both are random unit vectors around random centres. The same index
is searched through the graph and by comparing with every vector, which is the truth that recall is counted against.
One query at a time; the clock runs over `MotionIndex.nearest`, after the sentence was encoded, whose own time stands
beside. Processor time stands beside wall time for machines that are not quiet.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from kinelex.data.store import Store
from kinelex.generators.transformer import TransformerConfig
from kinelex.hub import load_retrieval
from kinelex.retrieval.model import RetrievalModel
from kinelex.retrieval.networks import RetrievalConfig, RetrievalNetworks
from kinelex.search.index import MotionIndex
from kinelex.search.index_files import IndexedClip
from kinelex.search.sources import clip_source
from kinelex.text.encoders import TextEncoder
from kinelex.tokenizer.normalization import FeatureNormalizer

TOP, WINDOWS_A_CLIP, CENTRES, SPREAD = 10, 10, 2000, 0.5
Vectors = NDArray[np.float32]


def unit(vectors: NDArray[np.floating[Any]]) -> Vectors:
    """Rows of length 1."""
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def near(centres: Vectors, count: int, draws: np.random.Generator) -> Vectors:
    """(count, D) unit vectors, each at an angle of about atan(SPREAD) from one of the centres."""
    noise = unit(draws.normal(size=(count, centres.shape[1])))
    return unit(centres[np.arange(count) % len(centres)] + SPREAD * noise)


def random_model() -> RetrievalModel:
    """Random networks of 128 numbers a vector; nothing of it is timed but its width."""
    encoder = TextEncoder.load("minilm")
    width = encoder.model.config.hidden_size
    config = RetrievalConfig(text_width=width, transformer=TransformerConfig(128, 2, 4, 128, 0.1))
    model = RetrievalModel("random", RetrievalNetworks(config), FeatureNormalizer(config.features), encoder)
    return model.eval().requires_grad_(False)


def filled(folder: Path, model: RetrievalModel, centres: Vectors, count: int) -> MotionIndex:
    """An index of `count` vectors around the centres, ten a clip."""
    index = MotionIndex.create(folder, model, folder)
    vectors = near(centres, count, np.random.default_rng(0))
    numbers = (np.arange(count) // WINDOWS_A_CLIP).astype(np.int32)
    spans = np.column_stack((numbers, np.zeros_like(numbers), np.full_like(numbers, 40)))
    clips = [IndexedClip("benchmark", f"clip{n}", "", "", 40) for n in range(int(numbers[-1]) + 1)]
    index.files.append(clips, spans, vectors)
    return MotionIndex.open(folder, model)


def each(ask: Callable[[Vectors], object], queries: Vectors) -> tuple[float, float, float]:
    """Median and 95th percentile of wall time, and mean processor time of a query, in ms."""
    walls, processor = [], time.process_time()
    for query in queries:
        start = time.perf_counter()
        ask(query)
        walls.append(time.perf_counter() - start)
    spent = (time.process_time() - processor) / len(queries)
    return float(np.median(walls)) * 1e3, float(np.quantile(walls, 0.95)) * 1e3, spent * 1e3


def recall(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Share of the true neighbours that were found."""
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, truth, strict=True)]))


def real(options: argparse.Namespace, folder: Path) -> tuple[RetrievalModel, Vectors, list[str]]:
    """A trained model, the windows of the store, and its captions in random order."""
    model, store = load_retrieval(options.model), Store.open(options.corpus)
    index = MotionIndex.create(folder, model, options.model)
    start = time.perf_counter()
    index.add(clip_source(options.corpus))
    seconds = time.perf_counter() - start
    print(f"{len(index)} clips of the store, {index.vectors} windows, indexed in {seconds:.1f} s")
    captions = sorted({caption["text"] for clip in store.column("captions") for caption in clip})
    random.Random(0).shuffle(captions)
    return model, np.array(index.files.vectors), captions


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="folder of a retrieval model")
    parser.add_argument("--corpus", help="a store")
    parser.add_argument("--vectors", type=int, default=120_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1, help="processor cores to use")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        measure(options, Path(folder))


def measure(options: argparse.Namespace, folder: Path) -> None:
    """Fill the index, search it both ways."""
    draws = np.random.default_rng(1)
    if options.model:
        model, centres, captions = real(options, folder / "store")
        start = time.perf_counter()
        for caption in captions[: options.queries]:
            model.embed_texts([caption])
        encoding = (time.perf_counter() - start) / min(options.queries, len(captions)) * 1e3
        queries = model.embed_texts(captions[: options.queries]).numpy()
        print(f"encoding a sentence: {encoding:.1f} ms")
    else:
        model = random_model()
        centres = unit(draws.normal(size=(CENTRES, model.width)))
        queries = near(centres, options.queries, draws)
    index = filled(folder / "many", model, centres, options.vectors)
    wall, processor = time.perf_counter(), time.process_time()
    index.link()
    print(f"graph over {options.vectors} vectors: {time.perf_counter() - wall:.1f} s, "
          f"{time.process_time() - processor:.1f} s of processor time\n")  # fmt: skip

    print("| way | ms a query (median) | 95th percentile | processor ms | recall@10 |")
    print("| --- | ---: | ---: | ---: | ---: |")
    exact = MotionIndex(index.files, model, exact_below=options.vectors)
    truth = exact.rank(queries, TOP).rows
    for name, way in (("graph", index), ("every vector compared", exact)):
        median, tail, spent = each(
            lambda query, way=way: way.nearest(torch.from_numpy(query), TOP, 1), queries
        )
        share = recall(way.rank(queries, TOP).rows, truth)
        print(f"| {name} | {median:.2f} | {tail:.2f} | {spent:.2f} | {share:.3f} |")


if __name__ == "__main__":
    main()
