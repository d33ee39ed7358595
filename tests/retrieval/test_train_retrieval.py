"""Training of the retrieval model: its pairs, and a run that learns, stops and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kinelex.cli import main
from kinelex.data.captions import Caption
from kinelex.data.store import Store, StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.errors import KinelexError
from kinelex.hub import load_retrieval
from kinelex.motion.features import mirror_features
from kinelex.motion.holding import hold_still
from kinelex.motion.skeleton import HUMANML3D
from kinelex.text.encoders import TextEncoder
from kinelex.training.pairs import read_pieces
from kinelex.training.recipes import load_recipe
from kinelex.training.retrieval import (
    CaptionRows,
    RetrievalRecipe,
    RetrievalStage,
    load_retrieval_recipe,
    named_sides,
    train_retrieval,
)
from kinelex.training.text_features import text_features
from retrieval.models import changes
from tiny_model import recorded_features, tiny_encoder
from training.synthetic import write_store

RECIPES = ("retrieval-cpu", "retrieval-base")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a tiny text encoder."""
    folder = tmp_path_factory.mktemp("retrieval")
    (folder / "store").mkdir()
    write_store(folder / "store")
    tiny_encoder(folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def recipe(place: Path) -> RetrievalRecipe:
    return load_retrieval_recipe("retrieval-cpu-debug", changes(place / "encoder"))


@pytest.fixture(scope="module")
def stage(place: Path, recipe: RetrievalRecipe) -> RetrievalStage:
    encoder = TextEncoder.load(place / "encoder")
    return RetrievalStage(recipe, Store.open(place / "store"), encoder, place / "cache", torch.device("cpu"))


def test_sides_and_turns_are_read_in_their_order() -> None:
    assert named_sides("A person turns Left, then kicks with the right leg") == "lr"
    assert named_sides("someone spins counterclockwise and clockwise") == "ac"
    assert named_sides("a person left the room right away") == ""


def test_captions_of_opposite_sides_are_told_apart() -> None:
    texts = ["kicks with the left leg", "kicks with the right leg", "punches with the left hand", "kicks"]
    rows = CaptionRows.of([texts[:2], texts[2:]], texts)
    opposed = rows.opposed(torch.arange(4))
    assert opposed.nonzero().tolist() == [[0, 1], [1, 0], [1, 2], [2, 1]]
    drawn = rows.draw(torch.tensor([0, 0, 1, 1]), torch.tensor([0.0, 0.999, 0.0, 1.0]))
    assert drawn.tolist() == [0, 1, 2, 3]


def test_token_features_are_those_of_the_encoder_and_kept(place: Path, tmp_path: Path) -> None:
    encoder = TextEncoder.load(place / "encoder")
    texts = ["a person walks forward", "someone jumps", "a person turns left and waves"]
    table = text_features(texts, encoder, tmp_path)
    rows = torch.tensor([2, 0])
    tokens, count = table.padded(rows)
    expected = encoder.encode([texts[row] for row in rows])
    assert torch.equal(count, expected.mask.sum(1))
    for own, theirs, length in zip(tokens, expected.tokens, count, strict=True):
        torch.testing.assert_close(own[:length], theirs[:length], atol=2e-3, rtol=2e-3)
    torch.testing.assert_close(table.sentences.norm(dim=1), torch.ones(3))
    (file,) = tmp_path.iterdir()
    assert torch.equal(text_features(texts, encoder, tmp_path).tokens, table.tokens)
    file.write_bytes(b"damaged")
    with pytest.raises(KinelexError, match="delete it"):
        text_features(texts, encoder, tmp_path)


def test_a_batch_is_normalised_zero_beyond_and_mirrored_with_its_caption(stage: RetrievalStage) -> None:
    count = len(stage.train.lengths)
    index = torch.tensor([0, count, 2])
    chosen = stage.captions.draw(index, torch.zeros(3))
    batch = stage.batch(index, chosen)
    assert batch.frames.tolist() == stage.train.lengths[index % count].tolist()
    assert batch.motions.shape[1] == int(batch.frames.max())
    for row, (own, length) in enumerate(zip(batch.motions, batch.frames.tolist(), strict=True)):
        start = int(stage.train.starts[index[row] % count])
        expected = stage.train.features[start : start + length]
        expected = mirror_features(expected, HUMANML3D) if row == 1 else expected
        torch.testing.assert_close(own[:length], stage.retrieval.normalizer(expected), atol=1e-4, rtol=1e-4)
        assert not own[length:].any()
    # "... turns left" and its mirror image may be close, but are negatives of one another.
    assert stage.captions.opposed(chosen)[0, 1]
    assert not batch.ignored[0, 1]
    assert batch.ignored[0, 2]


def test_a_stopped_training_goes_on_to_the_same_weights(
    place: Path, recipe: RetrievalRecipe, tmp_path: Path
) -> None:
    straight = train_retrieval(recipe, [place / "store"], tmp_path / "straight", device="cpu")
    stopped = train_retrieval(recipe, [place / "store"], tmp_path / "two", device="cpu", max_minutes=0)
    assert not stopped.result.finished
    again = train_retrieval(recipe, [place / "store"], tmp_path / "two", device="cpu")
    assert again.result.finished
    own, other = straight.model.state_dict(), again.model.state_dict()
    assert all(torch.equal(value, other[name]) for name, value in own.items())
    assert {"missed", "t2m_r3_small", "m2t_r3_small", "t2m_median_all"} <= set(straight.result.metrics)


def write_walking_and_standing(folder: Path) -> Path:
    """Two kinds of clip, each with a caption of its own."""
    folder.mkdir()
    features = recorded_features()
    writer = StoreWriter(folder, HUMANML3D)
    for number in range(24):
        walk = features[5 * number : 5 * number + 48]
        stand = hold_still(walk[:1], 0, 47, HUMANML3D)
        for text, motion in (("a person walks", walk), ("someone sits down", stand)):
            writer.add(
                StoredClip(
                    id=f"{text} {number}", split="val" if number % 4 == 0 else "train", group=f"{number}",
                    source="recorded", licence="MIT", features=motion.numpy().copy(), captions=(Caption.of(text),),
                )
            )  # fmt: skip
    writer.close({"corpus": "synthetic"}, ())
    return folder


def test_the_model_learns_which_sentence_is_whose(recipe: RetrievalRecipe, tmp_path: Path) -> None:
    store = write_walking_and_standing(tmp_path / "store")
    train = replace(recipe.train, steps=80, batch_size=16, lr=3e-3, milestones=(), ema=0.9, validate_every=80)
    # A random language model puts all its sentences close together.
    longer = replace(recipe, train=train, loss=replace(recipe.loss, threshold=0.9999))
    model = train_retrieval(longer, [store], tmp_path / "run", device="cpu").model
    unseen = read_pieces(Store.open(store), "val", 24, 196)
    rows = torch.arange(len(unseen.lengths))
    motions = model.embed_motions(unseen.padded(rows, torch.zeros_like(rows), unseen.lengths), unseen.lengths)
    texts = model.embed_texts(["a person walks", "someone sits down"])
    sits = torch.tensor(["sits" in own[0].text for own in unseen.captions])
    assert torch.equal((motions @ texts.T).argmax(1).bool(), sits)


def test_the_command_trains_and_saves_a_model(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sets = [part for change in changes(place / "encoder") for part in ("--set", change)]
    arguments = ["train", "retrieval-base-debug", "--store", str(place / "store"), "--output", str(tmp_path)]
    assert main([*arguments, *sets, "--device", "cpu"]) == 0
    assert "ready for --retrieval" in capsys.readouterr().out
    assert load_retrieval(tmp_path / "model").name == "retrieval-base-debug"
    assert load_retrieval_recipe(tmp_path / "recipe.yaml").train.steps == 20
    assert main([*arguments, "--stage", "masked"]) == 2
    assert "no stages" in capsys.readouterr().err


@pytest.mark.parametrize("name", RECIPES)
def test_recipes_load_and_have_a_debug_twin(name: str) -> None:
    recipe, twin = load_retrieval_recipe(name), load_retrieval_recipe(f"{name}-debug")
    assert (recipe.name, recipe.model.text_width) == (name, 384)
    assert twin.train.steps <= 50
    assert (twin.data, twin.loss, twin.encoder) == (recipe.data, recipe.loss, recipe.encoder)


def test_mistakes_are_named(place: Path, recipe: RetrievalRecipe, tmp_path: Path) -> None:
    wide = replace(recipe, model=replace(recipe.model, text_width=300))
    with pytest.raises(KinelexError, match=r"need 263 and 16"):
        train_retrieval(wide, [place / "store"], tmp_path, device="cpu")
    for change, message in (
        ("los.kl=3", "did you mean loss"),
        ("loss.temperature=0", "temperature is 0"),
        ("loss.threshold=2", "give 0 to 1"),
        ("loss.kl=-1", "kl is -1"),
        ("data.min_frames=2", "give 4 to max_frames"),
        ("data.feat_bias=0", "feat_bias is 0"),
        ("model.decoder_layers=0", "decoder_layers is 0"),
        ("model.transformer.heads=3", "even multiple of heads"),
        ("kind=finder", "choose one of retrieval"),
    ):
        with pytest.raises(KinelexError, match=message):
            load_retrieval_recipe("retrieval-cpu", [change])
    with pytest.raises(KinelexError, match="unknown key"):
        load_recipe("retrieval-cpu")
