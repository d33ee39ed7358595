"""The models that come with Kinelex: they are whole, say under what licence they are, and walk."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kinelex.evaluation.probes import questions
from kinelex.evaluation.probes.body import Body
from kinelex.hub.folder import BUNDLED, CARD, CONFIG, model_folder
from kinelex.pipeline import load
from kinelex.prompts import Prompt

README = Path(__file__).parents[2] / "README.md"
MEGABYTE = 1_000_000


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_walks_forward_runs_and_jumps(name: str) -> None:
    prompts = [Prompt("a person walks forward", seed) for seed in range(4)]
    walked, ran, jumped = (
        [Body.of(motion) for motion in load(name).generate_batch(prompts)]
        for prompts in (
            prompts,
            [Prompt("a person runs forward", seed) for seed in range(4)],
            [Prompt("a person jumps", seed) for seed in range(4)],
        )
    )
    assert [questions.answer("direction", body) for body in walked] == ["forward"] * 4
    assert [questions.answer("gait", body) for body in walked].count("walk") >= 3
    assert [questions.answer("gait", body) for body in ran].count("run") >= 3
    assert [questions.answer("jump", body) for body in jumped].count("yes") >= 3


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_model_is_small_and_says_its_licence(name: str) -> None:
    folder = model_folder(name)
    licence = yaml.safe_load((folder / CONFIG).read_text("utf-8"))["licence"]
    assert licence in (folder / CARD).read_text("utf-8")
    row = next(line for line in README.read_text("utf-8").splitlines() if f"models/{name}`" in line)
    assert licence in row
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert max(sizes) < 50 * MEGABYTE
    assert sum(sizes) < 80 * MEGABYTE


def test_the_permissive_model_is_of_no_data_that_may_not_be_sold() -> None:
    card = (model_folder("permissive") / CARD).read_text("utf-8")
    assert "BY-NC" not in yaml.safe_load((model_folder("permissive") / CONFIG).read_text("utf-8"))["licence"]
    assert "Bandai" not in card.partition("Nothing of it is from the Bandai-Namco sets.")[0]
