"""The published releases at their full sizes, with random weights: they import, and the result generates and judges."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from kinelex.cli import main
from kinelex.data.captions import Caption
from kinelex.hub import load_evaluator
from kinelex.hub.folder import load_model
from kinelex.motion.motion import Motion
from published import FOLDER
from tiny_encoders import SIZE, word_tokenizer

LAYOUTS = json.loads((FOLDER / "checkpoint_layouts.json").read_text())["models"]
WIDTHS = {"t2m": 263, "kit": 251}


def random_weights(model: str, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        key: 0.02 * torch.randn(*shape, generator=generator) for key, shape in LAYOUTS[model]["keys"].items()
    }


def saved(path: Path, **content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**content, "ep": 1}, path)


def statistics(folder: Path, width: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "mean.npy", np.zeros(width))
    np.save(folder / "std.npy", np.full(width, 0.1))


def clip(folder: Path) -> Path:
    """A random CLIP text model of few layers whose sentence vectors are as wide as those of ViT-B/32."""
    config = CLIPTextConfig(
        vocab_size=SIZE, hidden_size=16, intermediate_size=32, projection_dim=512, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=12, pad_token_id=0, bos_token_id=2, eos_token_id=3,
    )  # fmt: skip
    torch.manual_seed(0)
    CLIPTextModelWithProjection(config).save_pretrained(folder)
    word_tokenizer(12).save_pretrained(folder)
    return folder


def momask_release(root: Path, data: str) -> Path:
    """checkpoints/t2m or kit as the MoMask release unpacks it, under its own folder names."""
    kit = "_k" if data == "kit" else ""
    tokenizer = root / f"rvq_nq6_dc512_nc512_noshare_qdp0.2{kit}"
    masked = root / f"t2m_nlayer8_nhead6_ld384_ff1024_cdp0.1_rvq6ns{kit}"
    residual = root / f"tres_nlayer8_ld384_ff1024_rvq6ns_cdp0.2_sw{kit}"
    saved(tokenizer / "model" / "net_best_fid.tar", vq_model=random_weights(f"RVQVAE_{data}"))
    statistics(tokenizer / "meta", WIDTHS[data])
    saved(masked / "model" / "latest.tar", t2m_transformer=random_weights("MaskTransformer"), total_it=9)
    saved(residual / "model" / "net_best_fid.tar", res_transformer=random_weights("ResidualTransformer"))
    saved(root / "length_estimator" / "model" / "finest.tar", estimator=random_weights("LengthEstimator"))
    (tokenizer / "opt.txt").write_text("num_quantizers: 6\nvq_norm: None\n")
    (masked / "opt.txt").write_text("n_layers: 8\nlatent_dim: 384\n")
    (residual / "opt.txt").write_text("share_weight: True\n")
    return root


@pytest.mark.parametrize("data", ["t2m", "kit"])
def test_a_momask_release_imports_and_generates(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = str(momask_release(tmp_path / "checkpoints" / data, data))
    encoder = str(clip(tmp_path / "clip"))
    assert main(["import", "momask", source, "--output", "model", "--text-encoder", encoder]) == 0
    prompt = ["a person walks forward", "--duration", "2", "--model", "model", "--output", "walk.npz"]
    assert main(["generate", *prompt]) == 0
    motion = Motion.load("walk.npz")
    assert len(motion) == pytest.approx(2 * motion.fps, abs=4)
    assert motion.skeleton.name == {"t2m": "humanml3d", "kit": "kit"}[data]
    model = load_model("model")
    counted = {"tokenizer": f"RVQVAE_{data}", "masked": "MaskTransformer", "residual": "ResidualTransformer"}
    for part, layout in counted.items():
        parameters = sum(each.numel() for each in model.weights[part].parameters())
        assert parameters == LAYOUTS[layout]["parameters"]


@pytest.mark.parametrize("data", ["t2m", "kit"])
def test_a_release_of_the_evaluator_imports_and_judges(data: str, tmp_path: Path) -> None:
    root, words = tmp_path / "checkpoints" / data, ["sos", "eos", "unk", "a", "person", "walk"]
    networks = {
        "movement_encoder": f"Evaluator_movement_encoder_{data}",
        "text_encoder": "Evaluator_text_encoder",
        "motion_encoder": "Evaluator_motion_encoder",
    }
    weights = {name: random_weights(layout) for name, layout in networks.items()}
    saved(root / "text_mot_match" / "model" / "finest.tar", **weights)
    statistics(root / "Comp_v6_KLD005" / "meta", WIDTHS[data])
    (tmp_path / "glove").mkdir()
    np.save(tmp_path / "glove" / "our_vab_data.npy", np.zeros((len(words), 300)))
    rows = {word: row for row, word in enumerate(words)}
    for name, content in (("words", words), ("idx", rows)):
        (tmp_path / "glove" / f"our_vab_{name}.pkl").write_bytes(pickle.dumps(content))
    assert main(["import", "evaluator", str(root), "--output", str(tmp_path / "judge")]) == 0
    judge = load_evaluator(tmp_path / "judge")
    motions = judge.embed_motion(torch.zeros(2, 60, WIDTHS[data]), torch.tensor([60, 40]))
    assert motions.shape == judge.embed_text([Caption.of("a person walks")] * 2).shape == (2, 512)
