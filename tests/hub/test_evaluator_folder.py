"""An evaluator folder gives back the judge; the published layout, made on the spot, imports number by number."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.cli import main
from kinelex.data.captions import Caption
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import Evaluator, EvaluatorConfig
from kinelex.evaluation.judges import EvaluatorJudge
from kinelex.evaluation.official import EVALUATOR, NETWORKS
from kinelex.evaluation.words import WordVectorizer
from kinelex.hub import ModelCard, import_evaluator, load_evaluator, save_evaluator
from kinelex.tokenizer.normalization import FeatureNormalizer
from tiny_model import recorded_features

SIZES = EvaluatorConfig(
    movement_hidden=12, movement=10, word=8, text_hidden=14, motion_hidden=16, embedding=6
)
WORDS = ["sos", "eos", "unk", "a", "person", "walk", "jump", "left"]
CAPTIONS = [Caption.of("a person walks to the left"), Caption.of("a person jumps")]


@pytest.fixture
def judge() -> EvaluatorJudge:
    torch.manual_seed(0)
    normalizer = FeatureNormalizer(263)
    normalizer.mean.copy_(torch.arange(263) / 100)
    normalizer.deviation.copy_(1 + torch.arange(263) / 50)
    return EvaluatorJudge(
        "tiny", Evaluator(SIZES), normalizer, WordVectorizer(WORDS, torch.randn(8, 8), "test")
    )


def assert_judges_alike(judge: EvaluatorJudge, other: EvaluatorJudge) -> None:
    features, lengths = recorded_features()[None, :60], torch.tensor([60])
    torch.testing.assert_close(judge.embed_text(CAPTIONS), other.embed_text(CAPTIONS))
    torch.testing.assert_close(judge.embed_motion(features, lengths), other.embed_motion(features, lengths))


def test_a_saved_judge_judges_the_same(judge: EvaluatorJudge, tmp_path: Path) -> None:
    save_evaluator(judge, tmp_path, ModelCard("saved", "MIT", "# saved\n"), dtype=torch.float32)
    loaded = load_evaluator(tmp_path)
    assert_judges_alike(judge, loaded)
    assert loaded.name == "saved"
    assert loaded.description == judge.description


def test_half_precision_keeps_the_statistics(judge: EvaluatorJudge, tmp_path: Path) -> None:
    save_evaluator(judge, tmp_path, ModelCard("half", "MIT", "# half\n"))
    loaded = load_evaluator(tmp_path)
    assert torch.equal(loaded.normalizer.mean, judge.normalizer.mean)
    torch.testing.assert_close(loaded.embed_text(CAPTIONS), judge.embed_text(CAPTIONS), atol=5e-3, rtol=1e-2)


def test_a_changed_or_foreign_folder_is_refused(
    judge: EvaluatorJudge, model_folder: Path, tmp_path: Path
) -> None:
    save_evaluator(judge, tmp_path, ModelCard("saved", "MIT", "# saved\n"))
    (tmp_path / "words.txt").write_text("walk")
    with pytest.raises(KinelexError, match=r"words\.txt differs from the hash"):
        load_evaluator(tmp_path)
    (tmp_path / "words.txt").unlink()
    with pytest.raises(KinelexError, match=r"words\.txt is missing"):
        load_evaluator(tmp_path)
    with pytest.raises(KinelexError, match="unknown key skeleton"):
        load_evaluator(model_folder)
    with pytest.raises(KinelexError, match="is no model folder"):
        load_evaluator(tmp_path / "nowhere")


def official_name(name: str) -> str:
    return next(theirs + name[len(ours) :] for theirs, ours in EVALUATOR if name.startswith(ours))


@pytest.fixture
def release(judge: EvaluatorJudge, tmp_path: Path) -> Path:
    """checkpoints/t2m and glove as the release unpacks them, with the weights of `judge`."""
    root = tmp_path / "checkpoints" / "t2m"
    weights = {official_name(name): value for name, value in judge.evaluator.state_dict().items()}
    saved: dict = {
        network: {key.removeprefix(f"{network}."): v for key, v in weights.items() if key.startswith(network)}
        for network in NETWORKS
    }
    for folder in (root / "text_mot_match" / "model", root / "Comp_v6_KLD005" / "meta", tmp_path / "glove"):
        folder.mkdir(parents=True)
    torch.save({**saved, "epoch": 3, "iter": 9}, root / "text_mot_match" / "model" / "finest.tar")
    for name, value in (("mean", judge.normalizer.mean), ("std", judge.normalizer.deviation)):
        np.save(root / "Comp_v6_KLD005" / "meta" / f"{name}.npy", value.numpy())
    np.save(tmp_path / "glove" / "our_vab_data.npy", judge.vectorizer.vectors.numpy())
    (tmp_path / "glove" / "our_vab_words.pkl").write_bytes(pickle.dumps(WORDS))
    rows = {word: row for row, word in enumerate(WORDS)}
    (tmp_path / "glove" / "our_vab_idx.pkl").write_bytes(pickle.dumps(rows))
    return root


def test_the_published_layout_imports(
    judge: EvaluatorJudge, release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "evaluator", str(release), "--output", str(tmp_path / "judge")]) == 0
    assert "ready to judge" in capsys.readouterr().out
    imported = load_evaluator(tmp_path / "judge")
    assert imported.evaluator.config == SIZES
    assert imported.name == "evaluator-t2m"
    assert "GloVe, 8 words" in imported.description
    assert_judges_alike(judge, imported)


@pytest.mark.parametrize(
    "name", ["text_mot_match/model/finest.tar", "Comp_v6_KLD005/meta/std.npy", "../../glove/our_vab_idx.pkl"]
)
def test_what_is_missing_is_named(name: str, release: Path, tmp_path: Path) -> None:
    (release / name).unlink()
    with pytest.raises(KinelexError, match=f"lacks .*{Path(name).name}"):
        import_evaluator(release, tmp_path / "judge")


def test_missing_word_vectors_and_weights_are_named(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "glove").rename(tmp_path / "elsewhere")
    with pytest.raises(KinelexError, match=r"no folder glove .*name it with --glove"):
        import_evaluator(release, tmp_path / "judge")
    import_evaluator(release, tmp_path / "judge", tmp_path / "elsewhere")
    path = release / "text_mot_match" / "model" / "finest.tar"
    saved = torch.load(path, weights_only=True)
    del saved["text_encoder"]["gru.bias_hh_l0"]
    torch.save(saved, path)
    with pytest.raises(KinelexError, match=r"missing: text\.gru\.bias_hh_l0"):
        import_evaluator(release, tmp_path / "judge", tmp_path / "elsewhere")
    arguments = ["import", "momask", str(release), "--output", str(tmp_path / "x"), "--glove", "glove"]
    assert main(arguments) == 2
    assert "leave it out" in capsys.readouterr().err
