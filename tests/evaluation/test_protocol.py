"""Laws of a repeat: its numbers hang on seed, repeat and clip alone, and the truth is beside them."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from evaluation.stand_ins import TinyJudge
from evaluation.subjects import clips, write_store
from kinelex.data.captions import Caption
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.evaluation.candidate import ModelCandidate
from kinelex.evaluation.metrics import fid
from kinelex.evaluation.protocol import Evaluation, ProtocolOptions, RepeatResult
from kinelex.evaluation.samples import read_samples, real_motion
from kinelex.evaluation.scores import METRICS
from kinelex.generators.model import MotionModel

OPTIONS = ProtocolOptions(multimodality=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store.open(write_store(tmp_path_factory.mktemp("stores") / "clips", clips()))


@pytest.fixture(scope="module")
def evaluation(model: MotionModel, store: Store) -> Evaluation:
    return Evaluation(ModelCandidate(model), [TinyJudge()], store, OPTIONS)


@pytest.fixture(scope="module")
def result(evaluation: Evaluation) -> RepeatResult:
    return evaluation.repeat(1)


def numbers(result: RepeatResult) -> dict[str, Any]:
    """Everything but the time."""
    tree = asdict(replace(result, generation_seconds=0.0, seconds=0.0))
    flat: dict[str, Any] = {}

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                walk(f"{prefix}.{key}", item)
        elif value is not None:
            flat[prefix] = value

    walk("", tree)
    return flat


def test_every_metric_is_there_for_model_and_truth(result: RepeatResult) -> None:
    scores = result.judges["tiny"]
    assert set(scores.metrics) == set(scores.ground_truth) == set(METRICS)
    assert scores.ground_truth["multimodality"] is None
    assert scores.metrics["diversity"] is None, "forty clips are too few to draw a hundred"
    assert all(value is not None for name, value in scores.metrics.items() if name != "diversity")
    assert result.quality.jerk_m_s3 > 0
    assert result.real_quality.bone_length_deviation_cm < 1
    assert len(result.duration_errors) == result.clips == 40
    assert 0 < result.generation_seconds < result.seconds


def test_a_repeat_gives_the_same_numbers_in_any_order_and_anew(
    evaluation: Evaluation, result: RepeatResult
) -> None:
    other = evaluation.repeat(0)
    assert numbers(evaluation.repeat(1)) == numbers(result)
    assert other.judges["tiny"].metrics["fid"] != result.judges["tiny"].metrics["fid"]


@pytest.mark.parametrize("batch_size", [7, 1000])
def test_the_batch_size_does_not_change_the_numbers(
    batch_size: int, model: MotionModel, store: Store, result: RepeatResult
) -> None:
    again = Evaluation(ModelCandidate(model), [TinyJudge()], store, OPTIONS, batch_size).repeat(1)
    expected = numbers(result)
    for name, value in numbers(again).items():
        assert value == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


def test_recordings_against_themselves_have_no_distance(store: Store) -> None:
    real = TinyJudge().embed_motion(*real_motion(read_samples(store).samples, store))
    assert fid(real, real) == pytest.approx(0.0, abs=1e-4)


class Replay:
    """A candidate that knows the recordings by heart: the best that any model can do."""

    frames_per_token = 4

    def __init__(self, store: Store) -> None:
        self.skeleton = store.skeleton
        samples = read_samples(store).samples
        features, lengths = real_motion(samples, store)
        self.known = {
            caption.text: (own, frames // 4)
            for sample, own, frames in zip(samples, features, lengths.tolist(), strict=True)
            for caption in sample.captions
        }

    def prepare(self, texts: list[str]) -> None:
        assert set(texts) <= set(self.known)

    def generate(self, texts: list[str], tokens: torch.Tensor, seeds: list[int]) -> torch.Tensor:
        assert [self.known[text][1] for text in texts] == tokens.tolist()
        return torch.stack([self.known[text][0] for text in texts])

    def estimate(self, texts: list[str]) -> torch.Tensor:
        return torch.tensor([self.known[text][1] for text in texts])


def test_a_model_that_replays_the_recordings_gets_the_row_of_the_truth(tmp_path: Path) -> None:
    named = [
        replace(clip, captions=(Caption.of(f"person {number} walks"),))
        for number, clip in enumerate(clips()[:40])
    ]
    store = Store.open(write_store(tmp_path / "store", named))
    result = Evaluation(Replay(store), [TinyJudge()], store, OPTIONS).repeat(0)
    scores = result.judges["tiny"]
    for name in ("top1", "top2", "top3", "mm_dist"):
        assert scores.metrics[name] == pytest.approx(scores.ground_truth[name])
    assert scores.metrics["fid"] == pytest.approx(0.0, abs=1e-4)
    assert scores.metrics["multimodality"] == pytest.approx(0.0, abs=1e-4)
    assert asdict(result.quality) == pytest.approx(asdict(result.real_quality))
    assert result.duration_errors == [0.0] * 40


def test_what_does_not_count_is_counted(store: Store) -> None:
    found = read_samples(store)
    assert found.left_out == {"too short": 1, "without a caption": 1}
    assert all(sample.frames % 4 == 0 for sample in found.samples)


def test_a_limit_takes_a_part_of_what_a_larger_limit_takes(store: Store) -> None:
    few, more = ({sample.key for sample in read_samples(store, limit=limit).samples} for limit in (10, 35))
    assert len(few) == 10
    assert few < more


def test_a_caption_with_times_is_a_sample_of_its_own(tmp_path: Path) -> None:
    whole, part = Caption.of("a person walks"), Caption.of("a person turns left", 0.5, 2.75)
    clip = replace(clips(1)[0], features=np.resize(clips(1)[0].features, (120, 263)), captions=(whole, part))
    samples = read_samples(Store.open(write_store(tmp_path / "store", [clip]))).samples
    assert [(sample.start, sample.frames) for sample in samples] == [(0, 120), (10, 44)]


def test_bad_input_is_named(model: MotionModel, store: Store, tmp_path: Path) -> None:
    candidate, judges = ModelCandidate(model), [TinyJudge()]
    with pytest.raises(KinelexError, match="val split"):
        Evaluation(candidate, judges, store, replace(OPTIONS, split="val"))
    with pytest.raises(KinelexError, match="at least 32"):
        Evaluation(candidate, judges, store, replace(OPTIONS, limit=31))
    with pytest.raises(KinelexError, match="limit of 0"):
        read_samples(store, limit=0)
    with pytest.raises(KinelexError, match="multimodality"):
        ProtocolOptions(multimodality=-1)
    with pytest.raises(KinelexError, match="no captioned clip"):
        read_samples(Store.open(write_store(tmp_path / "silent", [clips()[-1]])))
