"""A model folder gives back the model, and tells plainly what is wrong with it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from kinelex.errors import KinelexError
from kinelex.generators.model import MotionModel
from kinelex.generators.sampling import SamplingOptions
from kinelex.hub import ModelCard, load_model, save_model
from kinelex.hub.folder import TRAINING_STATE
from kinelex.pipeline import Pipeline


@pytest.fixture
def copy(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "model"))


def test_saved_and_loaded_weights_are_equal(model: MotionModel, model_folder: Path) -> None:
    loaded = load_model(model_folder)
    for name, part in model.weights.items():
        for key, value in part.state_dict().items():
            if key.endswith(TRAINING_STATE):
                continue
            assert torch.equal(loaded.weights[name].state_dict()[key], value), f"{name}.{key}"
    sentence = ["a person walks forward"]
    assert torch.allclose(loaded.encoder.embed(sentence), model.encoder.embed(sentence), atol=1e-6)


def test_half_precision_halves_the_file_and_keeps_three_digits(
    model: MotionModel, model_folder: Path, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "half", ModelCard("tiny", "Apache-2.0", "# tiny\n"))
    full, half = (folder / "masked.safetensors" for folder in (model_folder, tmp_path / "half"))
    assert half.stat().st_size < 0.75 * full.stat().st_size
    original = model.masked.head.final.weight
    stored = load_model(tmp_path / "half").masked.head.final.weight
    assert torch.allclose(stored, original, rtol=1e-3, atol=1e-6)


def test_a_changed_file_is_refused(copy: Path) -> None:
    path = copy / "masked.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(KinelexError, match=r"masked\.safetensors differs"):
        load_model(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_a_changed_text_encoder_is_refused(copy: Path, name: str) -> None:
    """Fewer layers or other tokens would move the figure otherwise, without a word."""
    path = copy / "text_encoder" / name
    path.write_text(path.read_text() + " ")
    with pytest.raises(KinelexError, match=rf"{name} differs"):
        load_model(copy)


def test_models_may_share_a_text_encoder(copy: Path, model: MotionModel) -> None:
    other, shared = copy.parent / "other", "../model/text_encoder"
    save_model(model, other, ModelCard("tiny", "Apache-2.0", "# tiny\n"), text_encoder=shared)
    assert not (other / "text_encoder").exists()
    sentence = ["a person walks forward"]
    assert torch.equal(load_model(other).encoder.embed(sentence), load_model(copy).encoder.embed(sentence))
    (copy / "text_encoder" / "config.json").write_text("{}")
    with pytest.raises(KinelexError, match=r"config\.json differs"):
        load_model(other)
    shutil.rmtree(copy)
    with pytest.raises(KinelexError, match=r"text_encoder.* is missing"):
        load_model(other)
    with pytest.raises(KinelexError, match="no text encoder"):
        save_model(model, other, ModelCard("tiny", "Apache-2.0", "# tiny\n"), text_encoder=shared)


def test_an_encoder_that_is_shared_now_leaves_no_trace_of_its_copy(copy: Path, model: MotionModel) -> None:
    shared = Path(shutil.copytree(copy / "text_encoder", copy.parent / "shared"))
    card = ModelCard("tiny", "Apache-2.0", "# tiny\n")
    for where in ("../shared", str(shared.resolve())):
        save_model(model, copy, card, text_encoder=where)
        shutil.rmtree(copy / "text_encoder", ignore_errors=True)
        sentence = ["a person walks forward"]
        assert torch.equal(load_model(copy).encoder.embed(sentence), model.encoder.embed(sentence))


@pytest.mark.parametrize("name", ["residual.safetensors", "text_encoder/model.safetensors"])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(KinelexError, match=name):
        load_model(copy)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="no model folder"):
        load_model(tmp_path / "nowhere")


def test_an_unknown_key_and_another_format_are_refused(copy: Path) -> None:
    config = yaml.safe_load((copy / "config.yaml").read_text())
    (copy / "config.yaml").write_text(yaml.safe_dump({**config, "tokeniser": 1}))
    with pytest.raises(KinelexError, match=r"tokeniser.*tokenizer"):
        load_model(copy)
    (copy / "config.yaml").write_text(yaml.safe_dump({**config, "format": 99}))
    with pytest.raises(KinelexError, match="format 1"):
        load_model(copy)


def test_sizes_that_do_not_fit_the_weights_are_refused(copy: Path) -> None:
    config = yaml.safe_load((copy / "config.yaml").read_text())
    config["masked"]["codes"] += 1
    (copy / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(KinelexError, match=r"masked\.safetensors do not fit"):
        load_model(copy)


def test_a_model_draws_as_its_folder_says(model: MotionModel, tmp_path: Path) -> None:
    sampling = SamplingOptions(steps=3, guidance=1.5, top_k=0.5)
    save_model(
        replace(model, sampling=sampling), tmp_path / "model", ModelCard("sampling", "MIT", "# sampling")
    )
    assert load_model(tmp_path / "model").sampling == sampling
    assert Pipeline(load_model(tmp_path / "model")).options == sampling


def test_impossible_sampling_in_a_folder_is_refused(model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(model_folder, tmp_path / "model")
    config = tmp_path / "model" / "config.yaml"
    tree = yaml.safe_load(config.read_text())
    tree["sampling"]["steps"] = 0
    config.write_text(yaml.safe_dump(tree))
    with pytest.raises(KinelexError, match="at least one step"):
        load_model(tmp_path / "model")
