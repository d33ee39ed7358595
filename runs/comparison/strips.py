"""Film strips of the same prompts and seeds by several models.

`python runs/comparison/strips.py MODEL MODEL --output PNG`
Every prompt gets a strip of each model, one under another, with the last two names of the model's path in front.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from kinelex.motion.formats.filmstrip import contact_sheet
from kinelex.motion.motion import Motion
from kinelex.pipeline import load
from kinelex.prompts import Prompt

PROMPTS = Path(__file__).parents[2] / "docs" / "prompts.txt"


def drawn(model: str, texts: list[str], seed: int) -> list[Motion]:
    """A clip of every text, as the model draws by itself."""
    return load(model).generate_batch([Prompt(text, seed) for text in texts])


def main() -> None:
    """Draw all and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL", help="names or folders of models")
    parser.add_argument(
        "--prompts", type=Path, default=PROMPTS, help="a sentence a line (default: docs/prompts.txt)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every clip (default: 0)")
    parser.add_argument("--poses", type=int, default=6, help="moments of a strip (default: 6)")
    parser.add_argument("--output", type=Path, required=True, help="PNG file")
    options = parser.parse_args()
    texts = [line.strip() for line in options.prompts.read_text("utf-8").splitlines() if line.strip()]
    names = ["/".join(Path(model).parts[-2:]) for model in options.models]
    made = [drawn(model, texts, options.seed) for model in options.models]
    contact_sheet(
        [clip for clips in zip(*made, strict=True) for clip in clips],
        [f"{name}: {text}" for text in texts for name in names],
        options.output,
        poses=options.poses,
    )


if __name__ == "__main__":
    main()
