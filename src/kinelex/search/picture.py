"""Draw how well a phrase fits a motion over time."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from kinelex.atomic import atomic_path
from kinelex.errors import KinelexError
from kinelex.search.grounding import Grounding


def draw_similarity(grounding: Grounding, path: Path) -> None:
    """Write a png; see `similarity_png`.

    Raises:
        KinelexError: matplotlib is not installed, or the file cannot be written.
    """
    picture = similarity_png(grounding)
    with atomic_path(path) as partial:
        partial.write_bytes(picture)


def similarity_png(grounding: Grounding) -> bytes:
    """The bytes of a png: similarity over seconds, the findings shaded, the best one darkest.

    Raises:
        KinelexError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise KinelexError(
            'pictures need matplotlib; install it with pip install "kinelex[render]"'
        ) from error
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(grounding.times.numpy(), grounding.similarity.cpu().numpy(), color="#1f5fbf", linewidth=2)
    for rank, part in enumerate(grounding.findings):
        axes.axvspan(part.start, part.end, color="#f28e2b", alpha=0.45 / (1 + rank), linewidth=0)
    axes.set(xlabel="seconds", ylabel="cosine")
    axes.set_title(grounding.query, parse_math=False)
    axes.margins(x=0)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()
