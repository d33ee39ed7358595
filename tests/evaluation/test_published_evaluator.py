"""Evaluator, words and metrics agree with the official implementation within its tolerances."""

from __future__ import annotations

import pytest
import torch

from kinelex.data.captions import Caption
from kinelex.evaluation.evaluator import Evaluator, EvaluatorConfig
from kinelex.evaluation.metrics import fid, matching, mpjpe, pair_distance
from kinelex.evaluation.official import EVALUATOR
from kinelex.evaluation.words import CATEGORIES, PARTS_OF_SPEECH, WordVectorizer
from kinelex.generators.official import rename
from published import Case, load_weights

SIZES = EvaluatorConfig(
    movement_hidden=48, movement=40, word=300, text_hidden=44, motion_hidden=56, embedding=36
)


@torch.no_grad()
def test_text_and_motion_are_embedded_as_published_in_input_order() -> None:
    case = Case.load("t2m_evaluator")
    model = load_weights(Evaluator(SIZES), rename(case.weights, EVALUATOR))
    assert isinstance(model, Evaluator)
    given, lengths = case.inputs, case.inputs["motion_lengths"]
    case.check("movement", model.movement(given["motions"][..., :-4]))
    case.check("motion_embedding", model.embed_motion(given["motions"], lengths))
    case.check("motion_embedding_unpadded", model.embed_motion(given["motions_unpadded"], lengths))
    text = model.embed_text(given["word_embeddings"], given["pos_one_hot"], given["caption_lengths"])
    case.check("text_embedding", text)


def caption(tokens: list[str]) -> Caption:
    words, parts = zip(*(token.split("/") for token in tokens), strict=True)
    return Caption(" ".join(words), words, parts)


def test_words_are_read_as_published() -> None:
    case = Case.load("word_vectorizer")
    assert {name: row for row, name in enumerate(PARTS_OF_SPEECH)} == case.facts["pos_enumerator"]
    assert {name: set(words.split()) for name, words in CATEGORIES.items()} == {
        name: set(words) for name, words in case.facts["vip_dictionary"].items()
    }
    vectorizer = WordVectorizer(case.facts["vocabulary"], case.inputs["word_vectors"], "test")
    rows, parts = zip(*(vectorizer.look_up(*token.split("/")) for token in case.facts["tokens"]), strict=True)
    case.check("word_embeddings", vectorizer.vectors[list(rows)])
    case.check("pos_one_hot", torch.eye(len(PARTS_OF_SPEECH))[list(parts)])
    sentences = vectorizer.encode([caption(tokens) for tokens in case.facts["sentences"]])
    vectors, one_hots = vectorizer(sentences)
    case.check("sentence_word_embeddings", vectors)
    case.check("sentence_pos_one_hot", one_hots)
    case.check("sentence_lengths", sentences.lengths)


@pytest.mark.parametrize("kind", ["real", "predicted"])
def test_matching_and_diversity_are_as_published(kind: str) -> None:
    case = Case.load("metrics")
    motions = case.inputs[f"motion_embeddings_{kind}"]
    result = matching(case.inputs["text_embeddings"], motions)
    case.check(f"r_precision_hits_{kind}", result.hits)
    case.check(f"r_precision_{kind}", torch.tensor(result.r_precision))
    case.check(f"matching_score_{kind}", torch.tensor(result.distance))
    pairs = [case.inputs[f"diversity_{kind}_{member}"] for member in ("first", "second")]
    case.check(f"diversity_{kind}", torch.tensor(pair_distance(motions, *pairs)))


def test_fid_multimodality_and_joint_error_are_as_published() -> None:
    case = Case.load("metrics")
    given = case.inputs
    real, made = given["motion_embeddings_real"], given["motion_embeddings_predicted"]
    case.check("fid", torch.tensor(fid(real, made)))
    case.check("fid_real_vs_real", torch.tensor(fid(real, real)))
    assert fid(real, made) == pytest.approx(case.facts["fid_with_float64_statistics"], abs=1e-9)
    pairs = given["multimodality_first"], given["multimodality_second"]
    varied = pair_distance(given["multimodality_embeddings"].transpose(0, 1), *pairs)
    case.check("multimodality", torch.tensor(varied))
    case.check("mpjpe_per_frame", mpjpe(given["joints_real"], given["joints_predicted"]))
