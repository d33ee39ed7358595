"""Seams of edited clips against recordings: `python benchmarks/editing.py [--model FOLDER] [--edits N]`.

Draws the middle of bundled recordings again, says something else there, and gives it another duration; the jumps in
velocity of root and joints at the seams are compared with the 99th percentile over all places of all recordings.
"""

from __future__ import annotations

import argparse
import random

import torch
from rich.console import Console
from rich.table import Table

from kinelex.evaluation.probes.recordings import Recording, load_recordings
from kinelex.motion.seams import PERCENTILE, Jumps, jumps_at, velocity_jumps
from kinelex.pipeline import Pipeline, load
from kinelex.progress import track

TEXTS = (
    "a person walks forward",
    "a person waves with the right hand",
    "a person turns left",
    "a person jumps",
)
SHORTEST = 80  # frames: four seconds, of which the middle two are drawn again
EDITS = ("drawn again", "another length")


def edited(pipeline: Pipeline, clip: Recording, kind: str, seed: int) -> Jumps:
    """Jumps at both seams of one edit of the clip's middle."""
    # Whole tokens, so that the seams are where the part begins and ends.
    unit = pipeline.seconds_per_token
    start, end = (round(share * clip.motion.seconds / unit) * unit for share in (0.25, 0.75))
    duration = None if kind == "drawn again" else 1.4 * (end - start)
    text = TEXTS[seed % len(TEXTS)]
    motion = pipeline.inbetween(clip.motion, start, end, text, duration=duration, seed=seed)
    first = round(start * motion.fps)
    part = next(part for part in motion.segments if part.text == text)
    return jumps_at(torch.from_numpy(motion.positions), motion.fps, [first, round(part.end * motion.fps)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="default")
    parser.add_argument("--edits", type=int, default=60)
    options = parser.parse_args()
    recordings = [clip for clip in load_recordings() if len(clip.motion) >= SHORTEST]
    real = Jumps.joined(
        [velocity_jumps(torch.from_numpy(clip.motion.positions), clip.motion.fps) for clip in recordings]
    )
    pipeline = load(options.model)
    chosen = random.Random(0).sample(recordings, options.edits)
    root, joints = real.quantile(PERCENTILE)
    table = Table(
        "places", "number", "root median", "root 99 %", "joints median", "joints 99 %", "seams below"
    )
    table.add_row("recordings", str(len(real.root)), *_figures(real), "")
    for kind in EDITS:
        seams = Jumps.joined(
            [edited(pipeline, clip, kind, seed) for seed, clip in enumerate(track(chosen, kind))]
        )
        below = ((seams.root < root) & (seams.joints < joints)).float().mean()
        table.add_row(kind, str(len(seams.root)), *_figures(seams), f"{float(below):.1%}")
    Console().print(table)
    print("jumps in m/s; 'seams below' have both root and joints below the recordings' 99th percentile")


def _figures(jumps: Jumps) -> tuple[str, str, str, str]:
    medians, tops = jumps.quantile(0.5), jumps.quantile(PERCENTILE)
    return f"{medians[0]:.2f}", f"{tops[0]:.2f}", f"{medians[1]:.2f}", f"{tops[1]:.2f}"


if __name__ == "__main__":
    main()
