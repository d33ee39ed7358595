"""Commands that use a retrieval model: measuring it, cutting motion with it, training and judging with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from evaluation.subjects import clips
from evaluation.subjects import write_store as write_clips
from kinelex.cli import main
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.retrieval import measure_retrieval, retrieval_table
from kinelex.hub import ModelCard, save_retrieval
from kinelex.retrieval.localisation import RetrievalSegmenter
from kinelex.retrieval.metrics import dissimilar_captions
from kinelex.retrieval.model import RetrievalModel
from kinelex.training.corpus import read_corpus
from kinelex.training.cuts import segment_table, segmenter_of
from kinelex.training.mate import load_mate_recipe
from kinelex.training.recipes import DataRecipe, load_recipe
from kinelex.training.run import train
from retrieval.models import tiny_retrieval
from tiny_model import tiny_encoder
from training.synthetic import write_store


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved model, a store of forty test clips, and one to train on."""
    folder = tmp_path_factory.mktemp("place")
    model = tiny_retrieval(folder / "encoder")
    save_retrieval(model, folder / "model", ModelCard("tiny", "own", "# tiny\n"), dtype=torch.float32)
    write_clips(folder / "clips", clips())
    (folder / "store").mkdir()
    write_store(folder / "store")
    return folder


def test_recall_is_measured_in_every_protocol(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = place / "retrieval.json"
    arguments = ["evaluate-retrieval", str(place / "model"), "--corpus", str(place / "clips")]
    assert main([*arguments, "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    for protocol in ("all", "threshold", "dissimilar", "small batches"):
        assert printed.count(f"| {protocol} |") == 2
    document = json.loads(output.read_text())
    found = document["protocols"]
    assert found["all"]["text_to_motion"]["candidates"] == 41
    assert found["small batches"]["motion_to_text"]["candidates"] == 32
    # What counts as right in addition can only help.
    for direction in ("text_to_motion", "motion_to_text"):
        better, worse = found["threshold"][direction], found["all"][direction]
        assert all(better["at"][k] >= worse["at"][k] for k in worse["at"])
        assert better["median_rank"] <= worse["median_rank"]


def test_a_split_without_captions_is_refused(place: Path, tmp_path: Path) -> None:
    model = tiny_retrieval(tmp_path)
    with pytest.raises(KinelexError, match="no captioned clip of 4 frames"):
        measure_retrieval(model, Store.open(place / "clips"), "train")
    few = measure_retrieval(model, Store.open(place / "store"), "val")
    assert "small batches" not in few
    assert "| all | motion to text |" in retrieval_table(few)


def test_dissimilar_captions_are_none_of_them_alike() -> None:
    vectors = torch.nn.functional.normalize(
        torch.randn(60, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    chosen = dissimilar_captions(vectors, 10, threshold=0.9)
    cosines = vectors[chosen] @ vectors[chosen].T
    assert len(chosen) == 10
    assert float((cosines - torch.eye(10)).max()) <= 0.8 + 1e-6
    everything = dissimilar_captions(vectors, 60, threshold=0.9)
    assert ((vectors @ vectors[everything].T) > 0.8).any(1).all()


def test_segments_are_measured_beside_the_others(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["evaluate-segments", "--corpus", str(place / "clips"), "--segmenter", "uniform"]
    assert main([*arguments, "--retrieval", str(place / "model")]) == 0
    printed = capsys.readouterr().out
    assert "| uniform |" in printed
    assert "| retrieval |" in printed


def test_a_generator_is_trained_on_the_segments_that_are_found(place: Path, tmp_path: Path) -> None:
    sets = ["masked.alignment.segments=retrieval", "durations.localised=true", f"retrieval={place / 'model'}"]
    train_with("segmo-cpu-debug", sets, place, tmp_path)
    found = (tmp_path / "cache" / "cuts.jsonl").read_text()
    # Alignment and durations ask for the same cuts.
    keys = [json.loads(line)["key"] for line in found.splitlines()]
    assert len(keys) == len(set(keys)) > 0


def test_words_are_trained_on_the_segments_that_are_found(place: Path, tmp_path: Path) -> None:
    tiny_encoder(tmp_path).save(tmp_path / "tiny")
    sets = ["segments=retrieval", f"retrieval={place / 'model'}", f"encoder={tmp_path / 'tiny'}"]
    train_with("mate-minilm-cpu-debug", sets, place, tmp_path / "run")
    assert (tmp_path / "run" / "cache" / "cuts.jsonl").stat().st_size


def train_with(recipe: str, sets: list[str], place: Path, output: Path) -> None:
    """A training by the command."""
    arguments = ["train", recipe, "--store", str(place / "store"), "--output", str(output), "--device", "cpu"]
    assert main([*arguments, *(part for change in sets for part in ("--set", change))]) == 0
    assert (output / "model").is_dir()


def test_found_segments_fill_the_motion(place: Path, tmp_path: Path) -> None:
    model: RetrievalModel = tiny_retrieval(tmp_path)
    corpus = read_corpus([place / "store"], DataRecipe())
    segmenter = segmenter_of("retrieval", corpus, tmp_path, RetrievalSegmenter(model, step=10))
    table = segment_table(corpus.train, segmenter, 4, known=False)
    expected = [
        (part.frames // 4, len(sentence.phrases))
        for part in corpus.train.parts
        for sentence in part.sentences
    ]
    assert [(int(row.sum()), int((row > 0).sum())) for row in table] == expected


def test_half_of_the_setting_is_refused(place: Path, tmp_path: Path) -> None:
    for change in ("masked.alignment.segments=retrieval", "durations.localised=true"):
        with pytest.raises(KinelexError, match="and the recipe names none"):
            load_recipe("segmo-cpu-debug", [change])
    with pytest.raises(KinelexError, match="nothing in the recipe asks for the retrieval model"):
        load_recipe("segmo-cpu-debug", ["retrieval=model"])
    with pytest.raises(KinelexError, match="and the recipe names none"):
        load_mate_recipe("mate-minilm-cpu-debug", ["segments=retrieval"])
    recipe = load_recipe("segmo-cpu-debug", ["masked.alignment.segments=retrieval", "retrieval=model"])
    with pytest.raises(KinelexError, match="no segmenter was given"):
        train(recipe, [place / "store"], tmp_path, device="cpu")


def test_a_retrieval_model_judges_a_generator(
    place: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", str(model_folder), "--corpus", str(place / "clips"), "--multimodality", "0"]
    judge = ["--judge", str(place / "model"), "--repeats", "1", "--no-plots", "--output", str(tmp_path)]
    assert main([*arguments, *judge]) == 0
    assert "Judge: tiny" in capsys.readouterr().out
