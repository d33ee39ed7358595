"""Collect the labelled recordings that measure the word probes: python benchmarks/probe_recordings.py STORE ...

Writes src/kinelex/evaluation/probes/recordings/heldout.npz from stores made by `kinelex prepare bandai-namco` and
`kinelex prepare hdm05`.
"""

import argparse
from pathlib import Path

from kinelex.evaluation.probes import recordings

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="+", type=Path)
    stores = parser.parse_args().stores
    path = Path(recordings.__file__).parent / recordings.BUNDLED
    clips = recordings.held_out(stores)
    recordings.save_recordings(clips, path)
    print(f"{len(clips)} recordings, {path.stat().st_size / 2**20:.1f} MB: {path}")
