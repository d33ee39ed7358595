"""The sheet of film strips that shows several models side by side."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from kinelex.hub import save_model
from kinelex.hub.folder import ModelCard
from tiny_model import tiny_model

SCRIPT = Path(__file__).parents[2] / "runs" / "comparison" / "strips.py"


def test_every_prompt_has_a_strip_of_every_model(tmp_path: Path) -> None:
    save_model(tiny_model(tmp_path / "encoder"), tmp_path / "model", ModelCard("tiny", "MIT", "Random."))
    prompts, sheet = tmp_path / "prompts.txt", tmp_path / "sheet.png"
    heights = []
    for texts, models in ((1, 1), (2, 2)):
        prompts.write_text("a person walks forward\n" * texts)
        asked = [str(tmp_path / "model")] * models
        command = [sys.executable, str(SCRIPT), *asked, "--prompts", str(prompts), "--output", str(sheet)]
        subprocess.run([*command, "--poses", "2"], check=True)
        heights.append(Image.open(sheet).height)
    assert heights[1] > 3 * heights[0]
