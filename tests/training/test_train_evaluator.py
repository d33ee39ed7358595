"""Training of the evaluator: its loss, its pairs, and a run that learns, stops and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic import write_store
from test_loop import assert_equal

from kinelex.cli import main
from kinelex.data.captions import Caption
from kinelex.data.store import Store, StoredClip
from kinelex.data.store_writer import StoreWriter
from kinelex.errors import KinelexError
from kinelex.evaluation.words import UNKNOWN
from kinelex.hub import load_evaluator
from kinelex.motion.features import mirror_features
from kinelex.motion.holding import hold_still
from kinelex.motion.skeleton import HUMANML3D
from kinelex.training.evaluator import (
    EvaluatorRecipe,
    EvaluatorStage,
    load_evaluator_recipe,
    matching_loss,
    read_vectors,
    train_evaluator,
)
from kinelex.training.pairs import mirrored_captions, read_pieces
from kinelex.training.recipes import load_recipe
from tiny_model import TEXT_WIDTH, recorded_features, tiny_encoder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store and a tiny text encoder."""
    folder = tmp_path_factory.mktemp("evaluator")
    (folder / "store").mkdir()
    write_store(folder / "store")
    tiny_encoder(folder / "encoder")
    return folder


def changes(place: Path) -> list[str]:
    return [f"text.vectors={place / 'encoder'}", f"model.word={TEXT_WIDTH}"]


@pytest.fixture(scope="module")
def recipe(place: Path) -> EvaluatorRecipe:
    return load_evaluator_recipe("evaluator-debug", changes(place))


@pytest.fixture(scope="module")
def stage(place: Path, recipe: EvaluatorRecipe) -> EvaluatorStage:
    store = Store.open(place / "store")
    return EvaluatorStage(recipe, store, read_vectors(recipe.text.vectors, store), torch.device("cpu"))


def test_only_mismatched_pairs_within_the_margin_are_pushed() -> None:
    distances = torch.tensor([[1.0, 4.0, 12.0], [4.0, 2.0, 7.0], [12.0, 7.0, 3.0]])
    different = ~torch.eye(3, dtype=torch.bool)
    pull, push = matching_loss(distances, different, margin=10.0)
    assert pull == pytest.approx((1 + 4 + 9) / 3)
    assert push == pytest.approx((36 + 0 + 36 + 9 + 0 + 9) / 6)
    # The first two have the same caption: nothing pushes them apart.
    different[0, 1] = different[1, 0] = False
    assert matching_loss(distances, different, margin=10.0)[1] == pytest.approx((0 + 9 + 0 + 9) / 4)
    assert matching_loss(distances, torch.zeros(3, 3, dtype=torch.bool), margin=10.0)[1] == 0


def test_pieces_are_what_their_captions_describe(place: Path) -> None:
    store = Store.open(place / "store")
    pieces = read_pieces(store, "train", 40, 100)
    assert pieces.lengths.min() >= 40
    assert pieces.lengths.max() <= 100
    tagged = [row for row, own in enumerate(pieces.captions) if any("waves" in c.text for c in own)]
    assert pieces.lengths[tagged].tolist() == [60, 60, 60]
    clip = next(clip for clip in store if clip.split == "train" and len(clip.features) == 120)
    assert torch.equal(
        pieces.padded(torch.tensor(tagged[:1]), torch.tensor([5]), torch.tensor([55]))[0],
        torch.from_numpy(clip.features[25:80].copy()),
    )


def test_no_piece_says_what_to_change(place: Path) -> None:
    with pytest.raises(KinelexError, match=r"no captioned motion of 150 to 196 frames.*data\.min_frames"):
        read_pieces(Store.open(place / "store"), "train", 150, 196)


def test_mirrored_captions_are_tagged_anew() -> None:
    plain, sided = Caption.of("a person walks"), Caption.of("a person turns left")
    ((same, turned),) = mirrored_captions([[plain, sided]])
    assert same is plain
    assert turned == Caption.of("a person turns right")


def test_motion_of_a_batch_is_normalised_whole_units_and_zero_beyond(stage: EvaluatorStage) -> None:
    count = len(stage.train.lengths)
    index = torch.tensor([0, 2, count + 2])
    shorter = torch.tensor([False, True, True])
    features, lengths = stage.motion(index, torch.tensor([0.0, 0.999, 0.999]), shorter)
    for row, (own, length) in enumerate(zip(features, lengths.tolist(), strict=True)):
        piece = int(index[row]) % count
        start, frames = int(stage.train.starts[piece]), int(stage.train.lengths[piece])
        assert length == (frames // 4 - int(shorter[row])) * 4
        first = start + (frames - length if row else 0)
        expected = stage.train.features[first : first + length]
        expected = mirror_features(expected, HUMANML3D) if row == 2 else expected
        torch.testing.assert_close(own[:length], stage.normalizer(expected), atol=1e-4, rtol=1e-4)
        assert not own[length:].any()


def test_dropped_words_are_unknown_and_the_frame_of_the_sentence_stays(stage: EvaluatorStage) -> None:
    words = stage.captions.words
    dropped = stage.drop_words(words, torch.Generator().manual_seed(0))
    changed = dropped.words != words.words
    unknown, _ = stage.vectorizer.look_up(UNKNOWN, "")
    assert changed.any()
    assert (dropped.words[changed] == unknown).all()
    ends = words.lengths[:, None] - 1
    assert not changed[:, 0].any()
    assert not changed.gather(1, ends).any()


def test_a_stopped_training_goes_on_to_the_same_weights(
    place: Path, recipe: EvaluatorRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = train_evaluator(recipe, [place / "store"], tmp_path / "straight", device="cpu")
    stopped = train_evaluator(recipe, [place / "store"], tmp_path / "two", device="cpu", max_minutes=0)
    assert not stopped.result.finished
    again = train_evaluator(recipe, [place / "store"], tmp_path / "two", device="cpu")
    assert again.result.finished
    assert_equal(straight.judge.state_dict(), again.judge.state_dict())
    assert {"missed", "top1", "top2", "top3", "distance"} <= set(straight.result.metrics)


def write_walking_and_standing(folder: Path) -> None:
    """Two kinds of clip, each with a caption of its own."""
    features = recorded_features()
    writer = StoreWriter(folder, HUMANML3D)
    for number in range(24):
        walk = features[5 * number : 5 * number + 48]
        stand = hold_still(walk[:1], 0, 47, HUMANML3D)
        for text, motion in (("a person walks", walk), ("someone stands", stand)):
            writer.add(
                StoredClip(
                    id=f"{text} {number}", split="val" if number % 4 == 0 else "train", group=f"{number}",
                    source="recorded", licence="MIT", features=motion.numpy().copy(), captions=(Caption.of(text),),
                )
            )  # fmt: skip
    writer.close({"corpus": "synthetic"}, ())


def test_the_evaluator_learns_which_sentence_is_whose(
    place: Path, recipe: EvaluatorRecipe, tmp_path: Path
) -> None:
    (tmp_path / "store").mkdir()
    write_walking_and_standing(tmp_path / "store")
    longer = replace(recipe, train=replace(recipe.train, steps=100, lr=3e-3, validate_every=100, ema=0.9))
    judge = train_evaluator(longer, [tmp_path / "store"], tmp_path, device="cpu").judge
    unseen = read_pieces(Store.open(tmp_path / "store"), "val", 24, 196)
    rows = torch.arange(len(unseen.lengths))
    motions = judge.embed_motion(unseen.padded(rows, torch.zeros_like(rows), unseen.lengths), unseen.lengths)
    texts = judge.embed_text([Caption.of("a person walks"), Caption.of("someone stands")])
    stands = torch.tensor(["stands" in own[0].text for own in unseen.captions])
    assert torch.equal(torch.cdist(motions, texts).argmin(1).bool(), stands)


def test_the_command_trains_a_judge(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = [part for change in changes(place) for part in ("--set", change)]
    arguments = ["train", "evaluator-debug", "--store", str(place / "store"), "--output", str(tmp_path)]
    assert main([*arguments, *sets, "--device", "cpu"]) == 0
    assert "ready to judge" in capsys.readouterr().out
    judge = load_evaluator(tmp_path / "model")
    assert judge.name == "evaluator-debug"
    assert str(place / "encoder") in judge.description
    assert load_evaluator_recipe(tmp_path / "recipe.yaml").train.steps == 20
    assert main([*arguments, "--stage", "masked"]) == 2
    assert "no stages" in capsys.readouterr().err


def test_mistakes_are_named(place: Path, recipe: EvaluatorRecipe, tmp_path: Path) -> None:
    wide = replace(recipe, model=replace(recipe.model, word=300))
    with pytest.raises(KinelexError, match=r"need 263 and 16"):
        train_evaluator(wide, [place / "store"], tmp_path, device="cpu")
    for change, message in (
        ("margn=3", "did you mean margin"),
        ("margin=0", "give more than 0"),
        ("text.word_dropout=1", "give 0 to less than 1"),
        ("data.min_frames=4", "give 8 to max_frames"),
        ("model.embedding=0", "embedding is 0"),
        ("kind=judge", "choose one of evaluator"),
    ):
        with pytest.raises(KinelexError, match=message):
            load_evaluator_recipe("evaluator", [change])
    with pytest.raises(KinelexError, match="unknown key"):
        load_recipe("evaluator")


def test_the_recipe_fits_in_a_wheel() -> None:
    """Networks and a thousand words in half floats."""
    from kinelex.evaluation.evaluator import Evaluator

    recipe = load_evaluator_recipe("evaluator")
    numbers = sum(value.numel() for value in Evaluator(recipe.model).state_dict().values())
    assert 2 * (numbers + 1000 * recipe.model.word) < 12e6
