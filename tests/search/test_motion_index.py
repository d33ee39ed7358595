"""An index finds what comparing with everything finds, however it came to hold what it holds."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from evaluation.subjects import clips, write_store
from kinelex.cli import main
from kinelex.data.store import Store
from kinelex.errors import KinelexError
from kinelex.hub import ModelCard, load_index, save_retrieval
from kinelex.motion.motion import Motion
from kinelex.retrieval.model import RetrievalModel
from kinelex.search.hits import Hit, distinct
from kinelex.search.index import MotionIndex
from kinelex.search.index_files import IndexedClip
from kinelex.search.sources import clip_source
from kinelex.search.windows import clip_windows
from retrieval.models import tiny_retrieval
from rig_clips import recorded_motion

WINDOWS = (1.0, 2.0)
QUERY = "a person walks forward"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a saved model, a store, and a folder of motion files."""
    folder = tmp_path_factory.mktemp("place")
    model = tiny_retrieval(folder / "encoder")
    save_retrieval(model, folder / "model", ModelCard("tiny", "own", "# tiny\n"), dtype=torch.float32)
    write_store(folder / "store", clips())
    take = recorded_motion()
    for number in range(3):
        (folder / "files" / "walks").mkdir(parents=True, exist_ok=True)
        part = Motion(take.positions[30 * number : 30 * number + 70])
        part.save(folder / "files" / "walks" / f"{number}.npz")
    return folder


@pytest.fixture(scope="module")
def retrieval(place: Path) -> RetrievalModel:
    return tiny_retrieval(place / "again")


@pytest.fixture
def index(place: Path, retrieval: RetrievalModel, tmp_path: Path) -> MotionIndex:
    """Of the store."""
    made = MotionIndex.create(tmp_path / "index", retrieval, place / "model", WINDOWS)
    made.add(clip_source(place / "store"))
    return made


def found(hits: list[Hit]) -> dict[str, float]:
    """Best score of every clip; pieces of one recording may tie, so that their order says little."""
    return {hit.clip: round(hit.score, 3) for hit in hits}


@pytest.mark.parametrize("frames", [1, 19, 20, 21, 50, 199, 400, 401])
def test_windows_lie_in_the_clip_and_every_size_covers_it(frames: int) -> None:
    spans = clip_windows(frames, (20, 40), 400)
    sizes = spans[:, 1] - spans[:, 0]
    assert int(spans.min()) == 0
    assert int(spans.max()) == frames
    assert len(spans.unique(dim=0)) == len(spans)
    assert set(sizes.tolist()) == {size for size in (20, 40) if size < frames} | ({frames} - {401})
    for size in sizes.unique():
        seen = torch.zeros(frames, dtype=torch.bool)
        for start, end in spans[sizes == size].tolist():
            seen[start:end] = True
        assert seen.all()


def test_the_best_part_of_every_clip_is_found(
    index: MotionIndex, place: Path, retrieval: RetrievalModel
) -> None:
    query = retrieval.embed_texts([QUERY])[0]
    best = {}
    for clip in Store.open(place / "store"):
        features = torch.from_numpy(np.array(clip.features))
        for start, end in clip_windows(len(features), (20, 40), 400).tolist():
            part = features[None, start:end]
            score = float(retrieval.embed_motions(part, torch.tensor([end - start]))[0] @ query)
            best[clip.id] = max(best.get(clip.id, (-2.0, 0, 0)), (score, start, end))
    hits = index.search(QUERY, top=100)
    assert len(hits) == len(index) == len(best)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert hit.score == pytest.approx(best[hit.clip][0], abs=1e-5)
    assert index.search(QUERY, top=3) == hits[:3]


def test_a_motion_finds_itself(index: MotionIndex, place: Path) -> None:
    store = Store.open(place / "store")
    clip = store[5]
    features = torch.from_numpy(np.array(clip.features))
    vector = index.model.embed_motions(features[None], torch.tensor([len(features)]))[0]
    hit = next(hit for hit in index.nearest(vector, top=3, per_clip=1) if hit.clip == clip.id)
    assert (hit.start, hit.end) == (0.0, len(features) / 20)
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert hit.caption == clip.captions[0].text
    index.add(clip_source(place / "files"))
    (same,) = index.search_motion(Motion.load(place / "files/walks/1.npz"), top=1)
    assert (same.clip, round(same.score, 4)) == ("walks/1.npz", 1.0)
    take = Motion.load(place / "files/walks/1.npz")
    np.testing.assert_array_equal(
        same.motion().positions, take.positions[:-1]
    )  # features lack the last frame
    part = replace(same, start=1.0, end=2.5).motion()
    np.testing.assert_array_equal(part.positions, take.positions[20:50])


def test_several_parts_of_a_clip_do_not_repeat_one_another(index: MotionIndex) -> None:
    hits = index.search(QUERY, top=500, per_clip=5)
    assert len(hits) > len(index)
    for one in hits:
        for other in hits:
            if one is not other and one.clip == other.clip:
                shared = min(one.end, other.end) - max(one.start, other.start)
                assert shared <= 0.5 * min(one.end - one.start, other.end - other.start) + 1e-9
    alike = [
        Hit("a", "s", 0.0, 4.0, 0.9, ""),
        Hit("a", "s", 1.0, 3.0, 0.8, ""),
        Hit("b", "s", 0.0, 4.0, 0.7, ""),
    ]
    assert distinct(alike, 3, 2) == [alike[0], alike[2]]


def test_adding_and_removing_equals_building_anew(
    index: MotionIndex, place: Path, retrieval: RetrievalModel, tmp_path: Path
) -> None:
    index.add(clip_source(place / "files"))
    assert index.remove("clip0*") == 10
    grown = MotionIndex.open(index.files.folder, retrieval)
    write_store(tmp_path / "rest", [clip for clip in clips() if not clip.id.startswith("clip0")])
    fresh = MotionIndex.create(tmp_path / "fresh", retrieval, place / "model", WINDOWS)
    fresh.add(clip_source(place / "files"))
    fresh.add(clip_source(tmp_path / "rest"))
    assert (len(grown), grown.vectors) == (len(fresh), fresh.vectors)
    assert found(grown.search(QUERY, 100)) == found(fresh.search(QUERY, 100))
    assert not any(hit.clip.startswith("clip0") for hit in grown.search(QUERY, 100, per_clip=9))


def test_what_is_there_is_not_embedded_again_and_what_changed_is(
    place: Path, retrieval: RetrievalModel, tmp_path: Path
) -> None:
    take, folder = recorded_motion(), tmp_path / "takes"
    folder.mkdir()
    for number in range(2):
        Motion(take.positions[number : number + 60]).save(folder / f"{number}.npz")
    Motion(take.positions[:2]).save(folder / "short.npz")
    index = MotionIndex.create(tmp_path / "index", retrieval, place / "model")
    first = index.add(clip_source(folder))
    assert (first.added, first.kept, list(first.skipped)) == (2, 0, ["short.npz"])
    vectors = index.files.folder / "vectors.f32"
    size = vectors.stat().st_size
    assert index.add(clip_source(folder)).kept == 2
    assert vectors.stat().st_size == size
    Motion(take.positions[50:120]).save(folder / "1.npz")
    (folder / "0.npz").unlink()
    later = index.add(clip_source(folder), prune=True)
    assert (later.added, later.replaced, later.removed) == (0, 1, 1)
    (hit,) = index.search(QUERY)
    assert (hit.clip, len(index)) == ("1.npz", 1)


def test_a_folder_is_found_with_its_captions_as_they_are_now(
    index: MotionIndex, place: Path, tmp_path: Path
) -> None:
    take, folder = recorded_motion(), tmp_path / "captioned"
    folder.mkdir()
    for number in range(2):
        Motion(take.positions[number : number + 60]).save(folder / f"{number}.npz")
    (folder / "captions.csv").write_text("file,caption\n0.npz,a person walks forward\n")
    (folder / "1.txt").write_text("someone strolls\n")

    def captions() -> dict[str, str]:
        return {clip.id: clip.caption for clip in index.files.clips if clip.source == str(folder.resolve())}

    index.add(clip_source(folder))
    assert captions() == {"0.npz": "a person walks forward", "1.npz": "someone strolls"}
    (folder / "1.txt").write_text("someone saunters\n")
    changes = index.add(clip_source(folder))
    assert (changes.kept, changes.replaced) == (1, 1)
    assert captions()["1.npz"] == "someone saunters"
    (folder / "captions.csv").write_text("file,caption\n0.npz,\n")
    with pytest.raises(KinelexError, match="line 2"):
        index.add(clip_source(folder))
    assert clip_source(folder).motion("1.npz").seconds == 3.0


def test_a_killed_change_is_undone_by_the_next(
    index: MotionIndex, place: Path, retrieval: RetrievalModel
) -> None:
    before = found(index.search(QUERY, 50))
    for name in ("vectors.f32", "spans.i32", "clips.jsonl"):
        with (index.files.folder / name).open("ab") as stream:
            stream.write(b"\x01\x02\x03\n")
    again = MotionIndex.open(index.files.folder, retrieval)
    assert found(again.search(QUERY, 50)) == before
    again.add(clip_source(place / "files"))
    assert {
        clip: score for clip, score in found(again.search(QUERY, 50)).items() if "npz" not in clip
    } == before
    # Who opened the index before the change goes on seeing what was there.
    assert found(index.search(QUERY, 50)) == before


def test_two_changes_at_once_are_refused(index: MotionIndex, place: Path, retrieval: RetrievalModel) -> None:
    other = MotionIndex.open(index.files.folder, retrieval)
    with other.files.changing(), pytest.raises(KinelexError, match="another command is changing"):
        index.remove("*")


def test_a_graph_finds_what_comparing_finds(
    index: MotionIndex, place: Path, retrieval: RetrievalModel
) -> None:
    files = index.files
    before = found(index.search(QUERY, 50))
    linked = MotionIndex(files, retrieval, exact_below=100)
    with pytest.raises(KinelexError, match="no graph over them"):
        linked.search(QUERY)
    assert linked.link() == linked.vectors > 100
    assert linked.link() == 0
    assert found(linked.search(QUERY, 50)) == before
    # Vectors behind the graph are compared one by one; removed clips are passed over on both sides.
    linked.add(clip_source(place / "files"))
    linked.remove("clip1*")
    linked.remove("walks/0.npz")
    exact = found(MotionIndex(files, retrieval).search(QUERY, 50))
    assert {"walks/1.npz", "walks/2.npz"} < set(exact)
    assert found(linked.search(QUERY, 50)) == exact
    assert linked.link() > 0
    assert found(linked.search(QUERY, 50)) == exact


def test_many_random_vectors_are_found_through_the_graph(
    place: Path, retrieval: RetrievalModel, tmp_path: Path
) -> None:
    index = MotionIndex.create(tmp_path / "index", retrieval, place / "model")
    draws = np.random.default_rng(0)
    vectors = draws.normal(size=(3000, retrieval.width)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    numbers = np.repeat(np.arange(300, dtype=np.int32), 10)
    spans = np.column_stack((numbers, np.zeros_like(numbers), np.full_like(numbers, 40)))
    index.files.append([IndexedClip("s", f"{n}", "", "", 40) for n in range(300)], spans, vectors)
    index.files.remove(list(range(0, 300, 7)))
    index = MotionIndex(index.files, retrieval, exact_below=1000)
    index.link()
    queries = vectors[:200] + draws.normal(size=(200, retrieval.width)).astype(np.float32) * 0.1
    rows = index.rank(queries, 10).rows
    products = np.where(numbers % 7 == 0, -np.inf, queries @ vectors.T)
    truth = np.argsort(-products, axis=1)[:, :10]
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(rows.tolist(), truth.tolist(), strict=True)])
    assert recall > 0.95


def test_what_cannot_be_searched_is_named(
    index: MotionIndex,
    place: Path,
    retrieval: RetrievalModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = tiny_retrieval(tmp_path / "other")
    changed.networks.text.tokens.add_(0.01)
    with pytest.raises(KinelexError, match=r"made with another model than tiny: tiny, hash [0-9a-f]{12}"):
        MotionIndex.open(index.files.folder, changed)
    with pytest.raises(KinelexError, match="empty"):
        index.search(" ?")
    with pytest.raises(KinelexError, match="at least one"):
        index.search(QUERY, top=0)
    with pytest.raises(KinelexError, match="a part of at most 20 s"):
        index.search_motion(Motion(np.repeat(recorded_motion().positions, 3, axis=0)))
    with pytest.raises(KinelexError, match="no index"):
        load_index(place / "store")
    with pytest.raises(KinelexError, match="exists and is no index"):
        MotionIndex.create(place / "store", retrieval, place / "model")
    with pytest.raises(KinelexError, match=r"windows of 0\.1 seconds"):
        MotionIndex.create(tmp_path / "new", retrieval, place / "model", [0.1])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(KinelexError, match="no motion files"):
        clip_source(tmp_path / "nothing")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(KinelexError, match=r"kinelex\[search\]"):
        MotionIndex(index.files, retrieval, exact_below=100).link()
    with (index.files.folder / "vectors.f32").open("r+b") as stream:
        stream.truncate(1000)
    with pytest.raises(KinelexError, match="damaged"):
        MotionIndex.open(index.files.folder, retrieval)


def test_the_commands(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output, model = str(tmp_path / "moves.index"), str(place / "model")
    assert main(["index", str(place / "store"), "--output", output]) == 2
    assert "give --model" in capsys.readouterr().err
    assert main(["index", str(place / "store"), "--model", model, "--output", output, "--window", "2"]) == 0
    assert main(["index", str(place / "files"), "--output", output]) == 0
    assert main(["index", "--remove", "walks/2*", "--output", output]) == 0
    printed = capsys.readouterr().out
    assert "43 added" in printed
    assert "3 added" in printed
    assert "removed 1 clips" in printed
    assert f"{output}: 45 clips" in printed
    picture = tmp_path / "found.png"
    assert main(["search", output, QUERY, "--top", "3", "--json", "--picture", str(picture)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [set(row) for row in rows] == [{"clip", "source", "start", "end", "score", "caption"}] * 3
    hits = load_index(output).search(QUERY, top=3)
    assert [(row["clip"], row["start"]) for row in rows] == [(hit.clip, hit.start) for hit in hits]
    with Image.open(picture) as sheet:
        assert sheet.height > 1000
        assert len(set(sheet.convert("L").tobytes())) > 50
    take = str(place / "files" / "walks" / "1.npz")
    assert main(["search", output, "--motion", take, "--top", "1"]) == 0
    assert "walks/1.npz" in capsys.readouterr().out
    assert main(["search", output, "--motion", take, "--between", "0.5:2.5", "--top", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "INDEX"], "give a sentence or --motion"),
        (["search", "INDEX", "walks", "--between", "1:2"], "--between is a part of"),
        (["search", "INDEX", "--motion", "TAKE", "--between", "9:12"], "no part of a clip"),
        (["search", "INDEX", "--motion", "TAKE", "--between", "nan:2"], "no part of a clip"),
        (["index", "--output", "INDEX", "--prune"], "go with a SOURCE"),
        (["index", "--output", "INDEX", "--remove", "nobody"], "is called nobody"),
        (["index", "STORE", "--output", "INDEX", "--window", "3"], "has its windows already"),
    ],
)
def test_mistakes_at_the_command_are_named(
    arguments: list[str], message: str, index: MotionIndex, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {
        "INDEX": str(index.files.folder),
        "TAKE": str(place / "files/walks/0.npz"),
        "STORE": str(place / "store"),
    }
    assert main([names.get(word, word) for word in arguments]) == 2
    assert message in capsys.readouterr().err
