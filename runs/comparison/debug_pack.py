"""The bundled labelled recordings as a folder of motion files with captions: data for `runs/reproduce.sh debug`.

python runs/comparison/debug_pack.py FOLDER
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from kinelex.evaluation.probes.recordings import load_recordings

EVERY = 3  # a third of them is enough
CAPTIONS = {
    "walk": "a person walks", "run": "a person runs", "walk-turn-left": "a person turns left",
    "walk-turn-right": "a person turns right", "raise-up-left-hand": "a person raises their left hand",
    "raise-up-right-hand": "a person raises their right hand", "raise-up-both-hands": "a person raises both hands",
    "wave-left-hand": "a person waves with the left hand", "wave-right-hand": "a person waves with the right hand",
    "wave-both-hands": "a person waves with both hands", "squat1Reps": "a person squats",
    "kickLFront1Reps": "a person kicks with the left leg", "depositFloorR": "a person puts something down",
    "grabHighR": "a person reaches up", "throwBasketball": "a person throws a ball",
}  # fmt: skip


def main() -> None:
    """Write joints as npz files, and captions.csv beside them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    described = [each for each in load_recordings() if each.label in CAPTIONS][::EVERY]
    rows = []
    for number, recording in enumerate(described):
        name = f"{number:03d}.npz"
        recording.motion.save(folder / name)
        rows.append((name, CAPTIONS[recording.label]))
    with open(folder / "captions.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "caption"), *rows])
    print(f"{folder}: {len(rows)} recordings")


if __name__ == "__main__":
    main()
