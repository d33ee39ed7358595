"""The published release's layout, made on the spot, imports with every number in its place."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.generators.durations import LengthEstimator, LengthEstimatorConfig
from kinelex.generators.masked import MaskTransformer, MaskTransformerConfig
from kinelex.generators.official import MASK_TRANSFORMER, RESIDUAL_TRANSFORMER
from kinelex.generators.residual import ResidualTransformer, ResidualTransformerConfig
from kinelex.generators.transformer import TransformerConfig
from kinelex.hub import import_momask
from kinelex.hub.checkpoints import read_options
from kinelex.hub.folder import load_weights, read_config, verify_files
from kinelex.tokenizer.rvqvae import RVQVAE, RVQVAEConfig

SIZES = TransformerConfig(latent=24, layers=2, heads=2, feedforward=32)
TOKENIZER = RVQVAEConfig(width=16, code_width=20, codes=24, quantizers=4)
OPTIONS = {
    "rvq": {
        "width": 16,
        "code_dim": 20,
        "nb_code": 24,
        "num_quantizers": 4,
        "vq_norm": "None",
        "is_train": True,
    },
    "transformer": {
        "latent_dim": 24,
        "n_layers": 2,
        "n_heads": 2,
        "ff_size": 32,
        "share_weight": True,
        "lr": 2e-4,
    },
}


def official_names(state: dict, renames: tuple) -> dict:
    """Our state dict under the published names."""
    back = [(ours, theirs) for theirs, ours in renames]
    return {
        next((theirs + key[len(ours) :] for ours, theirs in back if key.startswith(ours)), key): value
        for key, value in state.items()
    }


def write_options(path: Path, options: dict) -> None:
    lines = [f"{key}: {value}" for key, value in sorted(options.items())]
    dashes = "-" * 12
    path.write_text("\n".join([f"{dashes} Options {dashes}", *lines, f"{dashes} End {dashes}"]))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    root = tmp_path / "checkpoints" / "t2m"
    tokenizer = RVQVAE(TOKENIZER)
    for layer in tokenizer.quantizer.codebooks:
        layer.codebook.normal_()
    networks = {
        "rvq_nq6": ("net_best_fid.tar", "net", OPTIONS["rvq"], {
            key: value for key, value in tokenizer.state_dict().items()
            if not key.endswith(("code_sum", "code_count", "initialized"))
        }),
        "t2m_nlayer8": ("latest.tar", "t2m_transformer", OPTIONS["transformer"], {
            **official_names(MaskTransformer(MaskTransformerConfig(512, 24, 20, SIZES)).state_dict(), MASK_TRANSFORMER),
            "position_enc.pe": torch.zeros(5000, 1, 24), "clip_model.weight": torch.zeros(1),
        }),
        "tres_nlayer8": ("net_best_fid.tar", "res_transformer", OPTIONS["transformer"], official_names(
            ResidualTransformer(ResidualTransformerConfig(512, 24, 20, 4, SIZES)).state_dict(), RESIDUAL_TRANSFORMER
        )),
        "length_estimator": ("finest.tar", "estimator", {}, LengthEstimator(LengthEstimatorConfig(512)).state_dict()),
    }  # fmt: skip
    for folder, (file, key, options, state) in networks.items():
        (root / folder / "model").mkdir(parents=True)
        write_options(root / folder / "opt.txt", options)
        torch.save({key: state, "ep": 3}, root / folder / "model" / file)
    (root / "rvq_nq6" / "meta").mkdir()
    np.save(root / "rvq_nq6" / "meta" / "mean.npy", np.arange(263) / 100)
    np.save(root / "rvq_nq6" / "meta" / "std.npy", 1 + np.arange(263) / 50)
    return root


def test_weights_arrive_under_our_names(release: Path, tmp_path: Path) -> None:
    import_momask(release, tmp_path / "model")
    config = read_config(tmp_path / "model")
    masked = MaskTransformer(config.masked)
    load_weights(masked, tmp_path / "model" / "masked.safetensors")
    saved = torch.load(release / "t2m_nlayer8" / "model" / "latest.tar", weights_only=True)["t2m_transformer"]
    assert torch.equal(masked.head.norm.weight, saved["output_process.LayerNorm.weight"])
    assert torch.equal(masked.token_embedding.weight, saved["token_emb.weight"])
    assert not config.masked.segments, "the published weights never saw a phrase beside its sentence"
    assert not config.residual.segments
    assert config.tokenizer.code_width == 20
    assert config.text_encoder == "openai/clip-vit-base-patch32"


def test_a_lacking_weight_is_listed(release: Path, tmp_path: Path) -> None:
    path = release / "tres_nlayer8" / "model" / "net_best_fid.tar"
    saved = torch.load(path, weights_only=True)
    del saved["res_transformer"]["quant_emb.bias"]
    torch.save(saved, path)
    with pytest.raises(KinelexError, match=r"missing: layer_projection\.bias"):
        import_momask(release, tmp_path / "model")


def test_the_published_length_estimator_goes_into_a_model_that_reads_clip(
    release: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "model"
    import_momask(release, folder)
    other = LengthEstimator(LengthEstimatorConfig(512))
    torch.save({"estimator": other.state_dict(), "epoch": 2}, release / "length_estimator/model/finest.tar")
    for source in (release, release / "length_estimator"):
        assert main(["import", "length", str(source), "--output", str(folder)]) == 0
        config = read_config(folder)
        verify_files(folder, config.files)
        imported = LengthEstimator(config.length)
        load_weights(imported, folder / "length.safetensors")
        assert torch.equal(imported.output[-1].bias, other.output[-1].bias)
    assert main(["import", "length", str(release), "--output", str(model_folder)]) == 2
    assert "give a model with CLIP" in capsys.readouterr().err
    assert main(["import", "length", str(tmp_path), "--output", str(folder)]) == 2
    assert "finest.tar is missing" in capsys.readouterr().err
    assert main(["import", "length", str(release), "--output", str(folder), "--text-encoder", "clip"]) == 2
    assert "--text-encoder is for kinelex import momask, mdm" in capsys.readouterr().err


class Harmful:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("harmed"),))


def test_a_pickle_that_would_run_code_is_refused(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (release / "length_estimator" / "model" / "finest.tar").write_bytes(
        pickle.dumps({"estimator": Harmful()})
    )
    with pytest.raises(KinelexError, match=r"finest\.tar"):
        import_momask(release, tmp_path / "model")
    assert not (tmp_path / "harmed").exists()


def test_the_wrong_folder_says_which_is_right(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="checkpoints/t2m"):
        import_momask(tmp_path, tmp_path / "model")


def test_option_values_are_typed(tmp_path: Path) -> None:
    write_options(
        tmp_path / "opt.txt", {"a": True, "b": 12, "c": 0.5, "d": "1e-05", "e": "None", "f": [50000]}
    )
    assert read_options(tmp_path / "opt.txt") == {
        "a": True,
        "b": 12,
        "c": 0.5,
        "d": "1e-05",
        "e": "None",
        "f": "[50000]",
    }
