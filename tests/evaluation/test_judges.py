"""The evaluator as a judge: order, padding and length do not matter, broken input is named."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from kinelex.data.captions import Caption
from kinelex.errors import KinelexError
from kinelex.evaluation.evaluator import Evaluator, EvaluatorConfig
from kinelex.evaluation.glove import read_glove
from kinelex.evaluation.judges import EvaluatorJudge, Judge
from kinelex.evaluation.words import WordVectorizer, vectors_of_encoder
from kinelex.motion.skeleton import HUMANML3D
from kinelex.tokenizer.normalization import FeatureNormalizer
from tiny_model import TEXT_WIDTH, recorded_features, tiny_encoder

SIZES = EvaluatorConfig(
    movement_hidden=12, movement=10, word=8, text_hidden=14, motion_hidden=16, embedding=6
)
WORDS = ("sos", "eos", "unk", "a", "person", "walk", "jump", "left")
CAPTIONS = [
    Caption.of(text)
    for text in ("a person walks", "a person jumps to the left and then walks", "a person jumps")
]


def vectorizer() -> WordVectorizer:
    return WordVectorizer(WORDS, torch.randn(8, 8, generator=torch.Generator().manual_seed(1)), "test")


@pytest.fixture(scope="module")
def judge() -> Judge:
    torch.manual_seed(0)
    features = recorded_features()
    normalizer = FeatureNormalizer.from_statistics(features.mean(0), features.std(0), HUMANML3D)
    return EvaluatorJudge("tiny", Evaluator(SIZES), normalizer, vectorizer())


@pytest.fixture(scope="module")
def motion() -> tuple[torch.Tensor, torch.Tensor]:
    """Three pieces of the recorded clip, other frames behind them."""
    features = recorded_features()
    return torch.stack([features[start : start + 80] for start in (0, 30, 60)]), torch.tensor([24, 80, 43])


def test_every_text_and_motion_is_embedded_as_if_alone(
    judge: Judge, motion: tuple[torch.Tensor, torch.Tensor]
) -> None:
    features, lengths = motion
    together = judge.embed_motion(features, lengths)
    alone = [judge.embed_motion(f[None, :n], n[None]) for f, n in zip(features, lengths, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone))
    texts = judge.embed_text(CAPTIONS)
    torch.testing.assert_close(texts, torch.cat([judge.embed_text([caption]) for caption in CAPTIONS]))


def test_what_lies_beyond_the_length_is_not_seen(
    judge: Judge, motion: tuple[torch.Tensor, torch.Tensor]
) -> None:
    features, lengths = motion
    beyond = torch.arange(80) >= lengths[:, None] // 4 * 4
    for value in (0.0, 1e3, math.nan):
        changed = features.masked_fill(beyond[..., None], value)
        # The last unit of the third clip is not whole, so its three frames are not looked at.
        changed[2, 40:43] = 7.0
        assert torch.equal(judge.embed_motion(changed, lengths), judge.embed_motion(features, lengths))


def test_the_longest_motion_is_padded_as_published(judge: EvaluatorJudge) -> None:
    """The published tensors always have 196 frames: nothing behind a motion of 196, zeros behind others."""
    features = recorded_features()[:196].expand(2, -1, -1)
    features = torch.cat([features, features], 1)[:, :196]
    lengths = torch.tensor([196, 192])
    full = judge.normalizer(features).masked_fill((torch.arange(196) >= lengths[:, None])[..., None], 0)
    with torch.no_grad():
        expected = judge.evaluator.embed_motion(full, lengths)
    torch.testing.assert_close(judge.embed_motion(features, lengths), expected)


def test_the_description_names_words_and_weights(judge: EvaluatorJudge) -> None:
    assert "words: test" in judge.description
    other = EvaluatorJudge("tiny", Evaluator(SIZES), judge.normalizer, judge.vectorizer)
    assert judge.weights_hash[:16] in judge.description
    assert other.weights_hash != judge.weights_hash


def test_broken_input_is_named(judge: Judge, motion: tuple[torch.Tensor, torch.Tensor]) -> None:
    features, lengths = motion
    broken = features.clone()
    broken[1, 3, 7] = math.nan
    for judged, message in (
        (lambda: judge.embed_motion(broken, lengths), "NaN or infinite; leave the broken clip out"),
        (lambda: judge.embed_motion(features[..., :10], lengths), r"give \(N, T, 263\)"),
        (lambda: judge.embed_motion(features, lengths[:2]), r"give \(N, T, 263\)"),
        (lambda: judge.embed_motion(features, lengths + 1), "they must lie between 4 and the 80"),
        (lambda: judge.embed_motion(features, torch.tensor([3, 9, 9])), "from 3 to 9 frames"),
        (lambda: judge.embed_motion(features[:0], lengths[:0]), "no motion to judge"),
        (lambda: judge.embed_text([]), "no captions to read"),
        (lambda: judge.embed_text([Caption("walks", (), ())]), "no tagged words"),
    ):
        with pytest.raises(KinelexError, match=message):
            judged()


def test_parts_of_different_releases_are_refused(judge: EvaluatorJudge) -> None:
    with pytest.raises(KinelexError, match="take all from one release"):
        EvaluatorJudge("mixed", judge.evaluator, FeatureNormalizer(251), judge.vectorizer)


def test_words_of_an_encoder_are_mean_rows_of_its_table(tmp_path: Path) -> None:
    encoder = tiny_encoder(tmp_path)
    words = vectors_of_encoder(encoder, ["walks", "jumps", "zebra"], "tiny")
    assert words.dim == TEXT_WIDTH
    assert "text encoder tiny" in words.source
    table = encoder.word_embeddings.weight.detach()
    table = (table - table.mean(0)) / table.std()
    walks = encoder.tokenizer.convert_tokens_to_ids("walks")
    assert isinstance(walks, int)
    torch.testing.assert_close(words.vectors[words.look_up("walks", "VERB")[0]], table[walks])
    # Unknown to the encoder: the vector of its unknown token.
    torch.testing.assert_close(words.vectors[words.look_up("zebra", "NOUN")[0]], table[1])


def write_glove(folder: Path) -> Path:
    """The published files, small: rows are not in the order of the words."""
    folder.mkdir()
    np.save(folder / "our_vab_data.npy", np.arange(24, dtype=np.float64).reshape(8, 3))
    (folder / "our_vab_words.pkl").write_bytes(pickle.dumps(list(WORDS)))
    rows = {word: len(WORDS) - 1 - row for row, word in enumerate(WORDS)}
    (folder / "our_vab_idx.pkl").write_bytes(pickle.dumps(rows))
    return folder


def test_glove_files_are_read_by_row(tmp_path: Path) -> None:
    words = read_glove(write_glove(tmp_path / "glove"))
    assert words.vectors[words.look_up("left", "ADV")[0]].tolist() == [0.0, 1.0, 2.0]
    assert words.source == "GloVe, 8 words of 3 numbers"


class Harmful:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple:
        return (Path.touch, (Path("harmed"),))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("our_vab_words.pkl", None, r"lacks our_vab_words\.pkl"),
        ("our_vab_words.pkl", b"damaged", "as plain words"),
        ("our_vab_idx.pkl", pickle.dumps(Harmful()), "as plain words"),
        ("our_vab_idx.pkl", pickle.dumps({"sos": 0}), "do not name rows"),
        ("our_vab_idx.pkl", pickle.dumps(dict.fromkeys(WORDS, 99)), "do not name rows"),
        ("our_vab_words.pkl", pickle.dumps(3), "do not name rows"),
        ("our_vab_data.npy", b"damaged", "download it again"),
    ],
)
def test_broken_glove_files_are_refused(
    name: str, content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_glove(tmp_path / "glove")
    monkeypatch.chdir(tmp_path)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(KinelexError, match=message):
        read_glove(folder)
    assert not (tmp_path / "harmed").exists()
