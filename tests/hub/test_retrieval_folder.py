"""A retrieval folder gives back the model, and is a judge like an evaluator's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from kinelex.data.captions import Caption
from kinelex.errors import KinelexError
from kinelex.evaluation.judges import RetrievalJudge
from kinelex.hub import ModelCard, judge_identity, load_evaluator, load_judge, load_retrieval, save_retrieval
from kinelex.retrieval.model import RetrievalModel
from kinelex.tokenizer.normalization import FeatureNormalizer
from retrieval.models import tiny_retrieval
from tiny_model import recorded_features

CARD = ModelCard("saved", "MIT", "# saved\n")
TEXTS = ["a person walks to the left", "someone jumps"]


@pytest.fixture
def retrieval(tmp_path: Path) -> RetrievalModel:
    return tiny_retrieval(tmp_path / "encoder")


def motions() -> tuple[torch.Tensor, torch.Tensor]:
    features = recorded_features()
    return torch.stack([features[:60], features[40:100]]), torch.tensor([60, 41])


@pytest.mark.parametrize("inside", [True, False])
def test_a_saved_model_embeds_the_same(retrieval: RetrievalModel, tmp_path: Path, inside: bool) -> None:
    folder, encoder = tmp_path / "model", str(tmp_path / "encoder")
    where = {} if inside else {"text_encoder": encoder}
    save_retrieval(retrieval, folder, CARD, dtype=torch.float32, **where)
    assert (folder / "text_encoder").is_dir() == inside
    loaded = load_retrieval(folder)
    torch.testing.assert_close(loaded.embed_texts(TEXTS), retrieval.embed_texts(TEXTS))
    torch.testing.assert_close(loaded.embed_motions(*motions()), retrieval.embed_motions(*motions()))
    assert loaded.name == "saved"
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_half_precision_keeps_the_statistics(retrieval: RetrievalModel, tmp_path: Path) -> None:
    save_retrieval(retrieval, tmp_path / "half", CARD)
    loaded = load_retrieval(tmp_path / "half")
    assert torch.equal(loaded.normalizer.mean, retrieval.normalizer.mean)
    torch.testing.assert_close(
        loaded.embed_motions(*motions()), retrieval.embed_motions(*motions()), atol=5e-3, rtol=5e-2
    )


def test_a_changed_or_foreign_folder_is_refused(
    retrieval: RetrievalModel, model_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    save_retrieval(retrieval, folder, CARD)
    (folder / "networks.safetensors").write_bytes(b"changed")
    with pytest.raises(KinelexError, match=r"networks\.safetensors differs from the hash"):
        load_retrieval(folder)
    with pytest.raises(KinelexError, match="kind"):
        load_retrieval(model_folder)
    with pytest.raises(KinelexError, match="no model folder"):
        load_judge(tmp_path / "nowhere")
    with pytest.raises(KinelexError):
        load_evaluator(folder)


def test_vectors_are_of_unit_length_and_do_not_depend_on_their_company(retrieval: RetrievalModel) -> None:
    features, lengths = motions()
    together = retrieval.embed_motions(features, lengths)
    torch.testing.assert_close(together.norm(dim=1), torch.ones(2))
    alone = retrieval.embed_motions(features[1:, :41], lengths[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)
    features[1, 41:] = torch.nan
    assert torch.equal(retrieval.embed_motions(features, lengths), together)
    texts = retrieval.embed_texts(TEXTS)
    torch.testing.assert_close(texts.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(retrieval.embed_texts(TEXTS[1:])[0], texts[1], atol=1e-5, rtol=1e-4)


def test_what_cannot_be_embedded_is_refused(retrieval: RetrievalModel) -> None:
    features, lengths = motions()
    broken = features.clone()
    broken[0, 3, 7] = torch.nan
    for call, message in (
        (lambda: retrieval.embed_motions(features[..., :-1], lengths), r"give \(N, T, 263\)"),
        (lambda: retrieval.embed_motions(features, lengths[:1]), r"give \(N, T, 263\)"),
        (lambda: retrieval.embed_motions(features[:0], lengths[:0]), "no motion"),
        (lambda: retrieval.embed_motions(features, torch.tensor([3, 60])), "between 4 and the 60"),
        (lambda: retrieval.embed_motions(features, torch.tensor([5, 61])), "between 4 and the 60"),
        (lambda: retrieval.embed_motions(broken, lengths), "NaN"),
        (lambda: retrieval.embed_texts([]), "no texts"),
        (lambda: retrieval.embed_texts(["a person walks", " "]), "is empty"),
        (
            lambda: RetrievalModel("odd", retrieval.networks, FeatureNormalizer(251), retrieval.encoder),
            "take all from one model",
        ),
    ):
        with pytest.raises(KinelexError, match=message):
            call()


def test_a_retrieval_folder_is_a_judge(retrieval: RetrievalModel, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    save_retrieval(retrieval, folder, CARD, dtype=torch.float32)
    judge = load_judge(folder)
    assert isinstance(judge, RetrievalJudge)
    assert judge.name == "saved"
    assert retrieval.weights_hash[:16] in judge.description
    captions = [Caption.of(text) for text in TEXTS]
    torch.testing.assert_close(judge.embed_text(captions), retrieval.embed_texts(TEXTS))
    torch.testing.assert_close(judge.embed_motion(*motions()), retrieval.embed_motions(*motions()))
    identity = judge_identity(folder)
    assert (identity["name"], identity["text_encoder"]) == ("saved", "text_encoder")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["kind"] == "retrieval"
