"""Time of localisation: `python benchmarks/localisation.py MODEL --corpus STORE`.

Clips of ten seconds are put together from the store's motion and cut into three phrases. The clock runs over the
embedding of their windows, which is the transformer's work, and over the search for the boundaries, which begins at the
embedded windows. Run it on a quiet machine; processor time stands beside wall time for those that are not.
"""

from __future__ import annotations

import argparse
import time

import torch
from torch import Tensor

from kinelex.data.store import Store
from kinelex.hub import load_retrieval
from kinelex.retrieval.localisation import best_bounds, grid_places, segment_costs, useful_windows

FRAMES, PHRASES, SHORTEST = 200, ("a person walks forward", "a person jumps", "a person sits down"), 16
SEARCHES = 20


def long_clips(store: Store, count: int) -> list[Tensor]:
    """Features (200, D) of clips one after the other; joints do not meet, which costs no time."""
    frames = [torch.from_numpy(store.features(index).copy()) for index in store.indices("test")]
    whole = torch.cat(frames)
    return [
        whole[FRAMES * number : FRAMES * (number + 1)] for number in range(min(count, len(whole) // FRAMES))
    ]


def report(part: str, clips: int, wall: float, processor: float) -> None:
    """One line of the table."""
    print(f"| {part} | {clips / wall:.2f} | {clips / processor:.2f} |")


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="folder of a retrieval model")
    parser.add_argument("--corpus", required=True, help="a store with motion in its test split")
    parser.add_argument("--clips", type=int, default=10)
    parser.add_argument("--step", type=int, default=4, help="frames between the places of boundaries")
    options = parser.parse_args()
    model, clips = load_retrieval(options.model), long_clips(Store.open(options.corpus), options.clips)
    places = grid_places(FRAMES, options.step)
    useful = useful_windows(places, len(PHRASES), SHORTEST)
    starts, ends = (places[axis] for axis in useful.nonzero().unbind(1))

    wall, processor = time.perf_counter(), time.process_time()
    windows = [model.embed_windows(clip, starts, ends) for clip in clips]
    embedding = time.perf_counter() - wall, time.process_time() - processor

    texts = model.embed_texts(PHRASES)
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(SEARCHES):
        costs = torch.stack([segment_costs(texts, own, useful) for own in windows])
        best_bounds(costs, torch.full((len(clips),), len(places) - 1))
    search = (time.perf_counter() - wall) / SEARCHES, (time.process_time() - processor) / SEARCHES

    print(f"{len(clips)} clips of {FRAMES} frames, {len(PHRASES)} phrases, {len(starts)} windows a clip,")
    print(f"{torch.get_num_threads()} threads\n")
    print("| part | clips a second | clips a second of processor time |")
    print("|---|---|---|")
    report("embedding the windows", len(clips), *embedding)
    report("search", len(clips), *search)
    report("both", len(clips), *(sum(pair) for pair in zip(embedding, search, strict=True)))


if __name__ == "__main__":
    main()
