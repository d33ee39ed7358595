"""Accuracy, speed and counts of the rule-based segmenter: `python benchmarks/segmenter.py CAPTIONS [--plot PNG]`.

CAPTIONS is the unpacked caption folder of HumanML3D (texts, train.txt, val.txt, test.txt). The plot shows how many
segments its captions have, as Fig. 8 of the SegMo paper does for Qwen3 8B. Speed is of one core, process time.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kinelex.evaluation.text_segments import HALVES, read_labels, segmenter_agreement
from kinelex.text.segmenter import segment

LABELS = Path(__file__).parents[1] / "tests" / "data" / "segments.tsv"
SPLITS = ("train", "val", "test")
LIMIT, REQUIRED = 5, 2000


def captions_of(folder: Path) -> dict[str, list[str]]:
    """Captions of the original clips by split; "none" for the two clips in no split."""
    split_of = {name: split for split in SPLITS for name in (folder / f"{split}.txt").read_text().split()}
    captions: dict[str, list[str]] = {split: [] for split in (*SPLITS, "none")}
    for path in sorted((folder / "texts").glob("[0-9]*.txt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        captions[split_of.get(path.stem, "none")] += [line.split("#")[0] for line in lines if line]
    return captions


def show_accuracy(console: Console) -> None:
    table = Table("labelled captions", "number", "exact segments", "same count")
    labels = read_labels(LABELS)
    for half in HALVES:
        agreement = segmenter_agreement(segment, [label for label in labels if label.half == half])
        table.add_row(half, str(agreement.captions), f"{agreement.exact:.1%}", f"{agreement.count:.1%}")
    console.print(table)


def counted(captions: Mapping[str, Sequence[str]], console: Console) -> dict[str, Counter[int]]:
    """Segment everything, print the speed, and count the segments of each caption by split."""
    segment("read the tagger's model before the clock runs")
    start = time.process_time()
    counts = {split: Counter(len(segment(text)) for text in texts) for split, texts in captions.items()}
    seconds = time.process_time() - start
    number = sum(map(len, captions.values()))
    console.print(
        f"{number} captions in {seconds:.1f} s: {number / seconds:.0f} a second (required: {REQUIRED})"
    )
    return counts


def show_counts(counts: Mapping[str, Counter[int]], console: Console) -> None:
    table = Table("segments", *(str(number) for number in range(1, LIMIT + 1)), "more than one")
    for split, counter in counts.items():
        total = counter.total()
        shares = [f"{counter[number] / total:.1%}" for number in range(1, LIMIT + 1)]
        table.add_row(split, *shares, f"{1 - counter[1] / total:.1%}")
    console.print(table)


def plot(counts: Mapping[str, Counter[int]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.2), layout="constrained")
    numbers = range(1, LIMIT + 1)
    for place, split in enumerate(SPLITS):
        shares = [100 * counts[split][number] / counts[split].total() for number in numbers]
        axes.bar([number + 0.27 * (place - 1) for number in numbers], shares, 0.25, label=split)
    axes.set(xlabel="segments of a caption", ylabel="% of captions", xticks=list(numbers))
    axes.set_title("HumanML3D captions, segmented by rules")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("captions", type=Path, help="unpacked caption folder of HumanML3D")
    parser.add_argument("--plot", type=Path, metavar="PNG", help="picture of the counts to write")
    options = parser.parse_args()
    console = Console()
    show_accuracy(console)
    counts = counted(captions_of(options.captions), console)
    show_counts(counts, console)
    if options.plot is not None:
        plot(counts, options.plot)


if __name__ == "__main__":
    main()
