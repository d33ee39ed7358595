"""What goes into a store comes out, and what does not belong there stays out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from mocap import JOINTS, make_store, stored, walker

from kinelex.data.statistics import FeatureStatistics, combined
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.motion.features import mirror_features
from kinelex.motion.layout import FeatureLayout
from kinelex.motion.motion import Segment
from kinelex.motion.skeleton import HUMANML3D
from kinelex.training.corpus import read_corpus
from kinelex.training.recipes import DataRecipe


def some_clips() -> list:
    first = stored("a", JOINTS, "a person sidesteps", "someone nearly falls")
    second = dataclasses.replace(stored("b", walker(50)), segments=(Segment("a person glides", 0.5, 1.5),))
    return [first, second, stored("c", walker(30, 2.0), "a person glides", split="test")]


def test_clips_come_back_as_they_were(tmp_path: Path) -> None:
    clips = some_clips()
    store = make_store(tmp_path / "store", clips)
    assert len(store) == 3
    for own, back in zip(clips, store, strict=True):
        assert np.array_equal(own.features, back.features)
        assert dataclasses.replace(own, features=back.features) == back
    assert store[-1].id == "c"
    assert store.indices("test") == [2]
    assert store.column("frames") == [len(clip.features) for clip in clips]


def test_features_are_views_into_the_file(tmp_path: Path) -> None:
    features = make_store(tmp_path / "store", some_clips()).features(0)
    assert not features.flags.owndata
    assert not features.flags.writeable


def test_float16_takes_half_the_room_and_loses_little(tmp_path: Path) -> None:
    full, half = (make_store(tmp_path / kind, some_clips(), kind) for kind in ("float32", "float16"))
    sizes = [sum(file.stat().st_size for file in store.folders[0].glob("*.arrow")) for store in (full, half)]
    assert sizes[1] < 0.6 * sizes[0]
    assert np.abs(full.features(0) - half.features(0)).max() < 2e-3
    assert half.features(0).dtype == np.float32


def test_normalization_is_of_training_clips_and_their_mirror_images(tmp_path: Path) -> None:
    clips = some_clips()
    mean, deviation = make_store(tmp_path / "store", clips).normalization
    frames = torch.from_numpy(np.concatenate([clip.features for clip in clips[:2]]))
    both = torch.cat(
        [frames, *(mirror_features(torch.from_numpy(clip.features), HUMANML3D) for clip in clips[:2])]
    )
    assert np.allclose(mean, both.double().mean(0), atol=1e-5)
    layout = FeatureLayout.of(HUMANML3D)
    for part in (layout.positions, layout.contacts, layout.root_height):
        expected = both.double()[:, part].std(0, correction=0).mean()
        assert np.allclose(deviation[part], expected, rtol=1e-4, atol=1e-6)


def test_statistics_of_parts_combine_to_those_of_the_whole() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4))

    def statistics(rows: np.ndarray) -> FeatureStatistics:
        return FeatureStatistics(len(rows), rows.mean(0), rows.var(0))

    whole, parts = statistics(values), combined([statistics(values[:13]), statistics(values[13:])])
    assert np.allclose(whole.mean, parts.mean)
    assert np.allclose(whole.variance, parts.variance)


def test_several_stores_read_as_one(tmp_path: Path) -> None:
    clips = some_clips()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, part in zip(folders, (clips[:1], clips[1:]), strict=True):
        make_store(folder, part)
    store = Store.open(folders)
    assert [clip.id for clip in store] == ["a", "b", "c"]
    assert store.store_of.tolist() == [0, 1, 1]
    whole = make_store(tmp_path / "whole", clips)
    assert np.allclose(store.normalization[1], whole.normalization[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"id": "a"}, "two clips"), ({"group": "train/a", "split": "val"}, "two splits"),
     ({"split": "dev"}, "unknown split"), ({"features": np.full((20, 263), np.nan, np.float32)}, "NaN"),
     ({"features": np.zeros((20, 251), np.float32)}, "shape")],
)  # fmt: skip
def test_clips_that_do_not_belong_are_refused(tmp_path: Path, change: dict, message: str) -> None:
    clips = some_clips()
    with pytest.raises(KinelexError, match=message):
        make_store(tmp_path / "store", [clips[0], dataclasses.replace(clips[1], **change)])


@pytest.mark.parametrize("name", ["clips-00000.arrow", "statistics.npz"])
def test_what_was_changed_after_writing_is_not_trained_on(tmp_path: Path, name: str) -> None:
    clips = [*some_clips(), stored("v", walker(60), "a person glides", split="val")]
    store = make_store(tmp_path / "store", clips)
    store.verify()
    assert read_corpus([tmp_path / "store"], DataRecipe()).train.parts
    path = tmp_path / "store" / name
    whole = path.read_bytes()
    place = whole.index(clips[0].features.tobytes()) if name.endswith(".arrow") else len(whole) // 2
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    for read in (store.verify, lambda: read_corpus([tmp_path / "store"], DataRecipe())):
        with pytest.raises(KinelexError, match=rf"{name} is not as it was written; prepare the store again"):
            read()
    path.write_bytes(whole)
    store.verify()


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": 1}', '{"format": 0}'])
def test_a_manifest_that_says_too_little_is_named(tmp_path: Path, text: str) -> None:
    make_store(tmp_path / "store", some_clips())
    (tmp_path / "store" / "manifest.json").write_text(text)
    with pytest.raises(
        KinelexError, match=r"manifest\.json.*make the store again with kinelex prepare --force"
    ):
        Store.open(tmp_path / "store")


def test_broken_stores_say_so(tmp_path: Path) -> None:
    with pytest.raises(KinelexError, match="not a store"):
        Store.open(tmp_path)
    store = make_store(tmp_path / "store", some_clips())
    shard = next(store.folders[0].glob("*.arrow"))
    shard.write_bytes(shard.read_bytes()[:1000])
    with pytest.raises(KinelexError, match=r"cannot read .*arrow"):
        Store.open(tmp_path / "store")
