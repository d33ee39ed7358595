"""The words of a corpus: pieces, lemmas, weights, and which of them explain motion."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kinelex.errors import KinelexError
from kinelex.mate.words import Lexicon, frequency_weights, kinematic_scores
from kinelex.text.lemmas import TaggedWord, tag
from kinelex.text.whole_words import mean_of_pieces, word_pieces
from tiny_model import tiny_encoder

WORDS = ["ax", "ay", "ay", "bx", "ax", "ay", "cx", "cy", "cz", "cz"]


def test_a_lexicon_numbers_words_lemmas_and_pieces(tmp_path: Path) -> None:
    encoder = tiny_encoder(tmp_path)
    spoken = [word for text in ("a person walks", "a person walks", "a man is walking") for word in tag(text)]
    lexicon = Lexicon.of_words(spoken, encoder)
    rows = lexicon.rows
    assert list(rows) == sorted({"a", "person", "walks", "man", "is", "walking"})
    assert lexicon.counts[rows["walks"]] == 2
    walk = lexicon.lemmas.index("walk")
    assert {int(lexicon.lemma[rows[word]]) for word in ("walks", "walking")} == {walk}
    assert lexicon.words[lexicon.lemma_words[walk]] == "walks"
    for word, pieces in zip(lexicon.words, lexicon.pieces, strict=True):
        (ids,) = word_pieces(encoder, [word])
        assert pieces[pieces >= 0].tolist() == ids
        assert set(ids) <= lexicon.token_ids
    with pytest.raises(KinelexError, match="no words"):
        Lexicon.of_words([], encoder)


def test_every_lemma_starts_from_its_own_commonest_word(tmp_path: Path) -> None:
    spoken = [
        TaggedWord(word, word[0], "VERB")
        for word in ["ax", "ay", "ay", "bx", "ax", "ay", "cx", "cy", "cz", "cz"]
    ]
    lexicon = Lexicon.of_words(spoken, tiny_encoder(tmp_path))
    commonest = [lexicon.words[row] for row in lexicon.lemma_words]
    assert dict(zip(lexicon.lemmas, commonest, strict=True)) == {"a": "ay", "b": "bx", "c": "cz"}


def test_a_word_is_the_mean_of_its_pieces() -> None:
    table = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    found = mean_of_pieces(torch.nn.Embedding.from_pretrained(table), torch.tensor([[3, -1, -1], [1, 8, 2]]))
    torch.testing.assert_close(found, torch.stack([table[3], table[[1, 8, 2]].mean(0)]))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_frequency_weights_keep_the_mean_and_even_out(power: float) -> None:
    counts = torch.tensor([1000, 10, 1])
    weights = frequency_weights(counts, power)
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)
    total = weights * counts
    assert float(total[0] / total[2]) == pytest.approx(1000 ** (1 - power), rel=1e-4)


def test_a_lemma_that_decides_motion_scores_high_and_a_random_one_none() -> None:
    generator = torch.Generator().manual_seed(0)
    presence = torch.rand(400, 3, generator=generator) < torch.tensor([0.5, 0.5, 0.02])
    motion = torch.randn(400, 6, generator=generator)
    motion[:, 0] += 6 * presence[:, 0]
    decides, random, rare = kinematic_scores(presence, motion).tolist()
    assert decides == pytest.approx(0.9 / 6, abs=0.02)
    assert abs(random) < 0.01
    assert abs(rare) < 0.01
