"""Words on two spheres, before and after, the second turned to fit the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from kinelex.words.comparison import WordComparison
from kinelex.words.dosnes import SphereMap, doubly_stochastic, embed_on_sphere, neighbour_similarities

PERPLEXITY = 12.0
ASKED = "asked for"
# The ten colours of matplotlib's default cycle; words that were asked for are black.
_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf",
)  # fmt: skip


@dataclass(frozen=True)
class WordMap:
    """Words with their groups on two spheres.

    Attributes:
        words: N of them.
        groups: of each word.
        colours: of each group, as #rrggbb.
        before, after: (N, 3) float64 unit vectors.
        losses: Kullback-Leibler divergence of the map before and of the one after.
    """

    words: tuple[str, ...]
    groups: tuple[str, ...]
    colours: Mapping[str, str]
    before: Tensor
    after: Tensor
    losses: tuple[float, float]


def map_words(comparison: WordComparison, groups: Mapping[str, str], seed: int = 0) -> WordMap:
    """The DOSNES maps of both tables. The second starts from the first: what did not change stays.

    Args:
        comparison: words and their embeddings.
        groups: of the words; others count as asked for.
        seed: of the first map.
    """
    before = embed_on_sphere(_target(comparison.before), seed=seed)
    after = embed_on_sphere(_target(comparison.after), seed=seed, start=before)
    names = tuple(groups.get(word, ASKED) for word in comparison.words)
    colours: dict[str, str] = dict(zip(dict.fromkeys(groups.values()), _COLOURS, strict=True))
    if ASKED in names:
        colours[ASKED] = "#000000"
    return WordMap(
        comparison.words, names, colours, before.points, _turned(after, before),
        (before.losses[-1], after.losses[-1]),
    )  # fmt: skip


def _target(vectors: Tensor) -> Tensor:
    return doubly_stochastic(neighbour_similarities(vectors.cpu(), PERPLEXITY))


def _turned(found: SphereMap, other: SphereMap) -> Tensor:
    """(N, 3) points of one map, rotated as a whole to lie as near as possible to another's."""
    rotation = Rotation.align_vectors(other.points.numpy(), found.points.numpy())[0]
    return torch.from_numpy(rotation.apply(found.points.numpy()))
