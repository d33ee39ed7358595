"""MATE trained for a few steps on a small real store: what moves, what does not, and what it is drawn from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic import write_store

from kinelex.errors import KinelexError
from kinelex.mate.model import MateLosses
from kinelex.text.encoders import TextEncoder
from kinelex.text.lemmas import tag
from kinelex.training.cache import said_sentences
from kinelex.training.corpus import read_corpus
from kinelex.training.mate import MateRecipe, MateStage, MateWords, load_mate_recipe, train_mate
from kinelex.training.recipe_files import RECIPES
from kinelex.training.sampler import Rows
from tiny_model import tiny_encoder


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    tiny_encoder(folder).save(folder / "tiny")
    return folder / "tiny"


def recipe_of(encoder_folder: Path, *changes: str) -> MateRecipe:
    return load_mate_recipe("mate-minilm-cpu-debug", [f"encoder={encoder_folder}", *changes])


def stage_of(recipe: MateRecipe, store: Path, output: Path) -> MateStage:
    corpus = read_corpus([store], recipe.data)
    torch.manual_seed(0)
    return MateStage(recipe, corpus, TextEncoder.load(recipe.encoder), output, torch.device("cpu"))


def test_only_the_words_of_the_corpus_change(store: Path, encoder_folder: Path, tmp_path: Path) -> None:
    recipe = recipe_of(encoder_folder)
    trained = train_mate(recipe, [store], tmp_path, device="cpu")
    assert trained.result.finished
    before, after = TextEncoder.load(encoder_folder), trained.encoder
    words = dict(before.model.named_parameters())
    table = next(name for name, value in words.items() if value is before.word_embeddings.weight)
    for name, value in after.model.state_dict().items():
        if name != table:
            assert torch.equal(value, before.model.state_dict()[name]), name
    moved = (after.word_embeddings.weight != before.word_embeddings.weight).any(1).nonzero()[:, 0].tolist()
    corpus = stage_of(recipe, store, tmp_path).lexicon.token_ids
    assert moved
    assert set(moved) <= corpus
    trained.encoder.save(tmp_path / "enhanced")
    again = TextEncoder.load(tmp_path / "enhanced")
    assert torch.equal(again.word_embeddings.weight, after.word_embeddings.weight)


def test_training_goes_on_where_it_stopped(store: Path, encoder_folder: Path, tmp_path: Path) -> None:
    recipe = recipe_of(encoder_folder)
    straight = train_mate(recipe, [store], tmp_path / "straight", device="cpu")
    half = replace(recipe, train=replace(recipe.train, steps=5))
    train_mate(half, [store], tmp_path / "halves", device="cpu")
    halves = train_mate(recipe, [store], tmp_path / "halves", device="cpu")
    torch.testing.assert_close(
        halves.encoder.word_embeddings.weight, straight.encoder.word_embeddings.weight, rtol=0, atol=1e-6
    )


def test_a_batch_says_what_is_in_it(store: Path, encoder_folder: Path, tmp_path: Path) -> None:
    recipe = recipe_of(encoder_folder, "data.max_frames=60")
    stage, generator = stage_of(recipe, store, tmp_path), torch.Generator().manual_seed(0)
    said = said_sentences(read_corpus([store], recipe.data).train, mirror=True)
    index = torch.randint(len(said), (64,), generator=generator)
    batch = stage._batch("train", index, generator)
    assert batch.prior is not None
    assert batch.contains.diagonal().all()
    assert int(batch.lengths.max()) == 60
    for row, motion in enumerate(index.tolist()):
        text = stage.train.texts[int(batch.sentence[row])]
        sentence = next(sentence for sentence in said[motion] if sentence.text == text)
        spoken = {word.word for phrase in sentence.phrases for word in tag(phrase)}
        assert stage.lexicon.words[int(batch.words[row])] in spoken
        lemmas = {word.lemma for own in said[motion] for phrase in own.phrases for word in tag(phrase)}
        present = stage.train.presence[motion].nonzero()[:, 0].tolist()
        assert {stage.lexicon.lemmas[lemma] for lemma in present} == lemmas
        frames = int(batch.lengths[row])
        assert (batch.motions[row, frames:] == 0).all()
        # The prior peaks in the word's segment, and that is inside the motion that is read.
        assert int(batch.prior[row].argmax()) < frames // 4


def test_every_loss_can_be_left_out(store: Path, encoder_folder: Path, tmp_path: Path) -> None:
    rows = Rows(torch.arange(6), 100)
    names = ("reconstruction", "own", "cross", "align", "sentence")
    everything = stage_of(recipe_of(encoder_folder), store, tmp_path)
    found = everything.losses(rows, torch.Generator().manual_seed(0))
    weighted = found["reconstruction"] + 0.1 * sum(found[name] for name in names[1:])
    torch.testing.assert_close(found["loss"], weighted)
    for name in names:
        stage = stage_of(recipe_of(encoder_folder, f"model.losses.{name}=false"), store, tmp_path)
        assert set(stage.losses(rows, torch.Generator().manual_seed(0))) == {"loss", *names} - {name}
    with pytest.raises(KinelexError, match="every loss"):
        MateLosses(**dict.fromkeys(names, False))


@pytest.mark.parametrize("kind", ["none", "upper", "all", "lora"])
def test_other_parts_of_the_encoder_can_be_trained(
    store: Path, encoder_folder: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "lora":
        pytest.importorskip("peft")
    recipe = recipe_of(encoder_folder, f"trained.kind={kind}", "trained.layers=1", "train.steps=3")
    after = train_mate(recipe, [store], tmp_path, device="cpu").encoder.model.state_dict()
    before = TextEncoder.load(encoder_folder).model.state_dict()
    changed = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert bool(changed) is (kind != "none")
    assert any("embeddings" in name for name in changed) is (kind == "all")


def test_kinematic_words_are_drawn_and_weights_follow_frequency(
    store: Path, encoder_folder: Path, tmp_path: Path
) -> None:
    plain = stage_of(recipe_of(encoder_folder, "words.frequency_power=1.0"), store, tmp_path)
    chosen = stage_of(
        recipe_of(encoder_folder, "words.selection=kinematic", "words.share=0.3"), store, tmp_path
    )
    drawn = {stage.lexicon.words[row] for stage in (chosen,) for row in chosen.train.word.unique()}
    assert drawn < {plain.lexicon.words[row] for row in plain.train.word.unique()}
    counts = plain.lexicon.counts
    assert plain.weights[counts.argmin()] > plain.weights[counts.argmax()]


@pytest.mark.parametrize("changes", [{"share": 0.0}, {"share": 1.5}, {"frequency_power": -1.0}])
def test_impossible_words_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(KinelexError, match="words"):
        MateWords(**changes)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("mate-*.yaml")), ids=lambda path: path.stem)
def test_every_recipe_of_mate_loads_and_ablations_change_one_thing(path: Path) -> None:
    recipe = load_mate_recipe(path)
    assert recipe.name == path.stem
    base = load_mate_recipe("mate-minilm-base")
    changed = {
        name
        for name in ("encoder", "trained", "data", "segments", "prior", "words", "model", "train")
        if getattr(recipe, name) != getattr(base, name)
    }
    if path.stem.startswith("mate-minilm-base-") and not path.stem.endswith("-debug"):
        assert len(changed) == 1
