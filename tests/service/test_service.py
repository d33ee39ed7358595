"""The service over HTTP: files that parse, answers that do not depend on who else asks, limits that hold."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pygltflib
import pytest
import torch
from prometheus_client.parser import text_string_to_metric_families

from evaluation.subjects import clips, write_store
from kinelex.alignment.segmo import AlignmentConfig, SegmentAlignment
from kinelex.cli import main
from kinelex.errors import KinelexError
from kinelex.generators.model import MotionModel
from kinelex.listening import listening_socket
from kinelex.motion.formats.npz import parse_npz
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.search.grounding import ground
from kinelex.search.index import MotionIndex
from kinelex.search.sources import clip_source
from kinelex.service.engine import Engine
from kinelex.service.limits import Limits
from kinelex.service.uploads import read_upload
from retrieval.models import tiny_retrieval
from rig_clips import recorded_motion
from service.served import WAIT, HeldPipeline, calling, running, until

WALK = {"prompt": "a person walks", "duration": 2.0, "format": "npz"}


@pytest.fixture(scope="module")
def pipeline(model: MotionModel) -> HeldPipeline:
    torch.manual_seed(3)
    sizes = model.masked.config.transformer
    return HeldPipeline(
        replace(model, alignment=SegmentAlignment(AlignmentConfig(), sizes.latent, sizes.heads).eval())
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> MotionIndex:
    folder = tmp_path_factory.mktemp("index")
    write_store(folder / "store", clips(12))
    index = MotionIndex.create(folder / "index", tiny_retrieval(folder / "encoder"), folder)
    index.add(clip_source(folder / "store"))
    return index


@pytest.fixture(scope="module")
def client(pipeline: HeldPipeline, index: MotionIndex) -> Iterator[httpx.Client]:
    limits = Limits(prompt=200, duration=6.0, upload=300_000, upload_seconds=10.0)
    with calling(Engine(pipeline, limits, index)) as client:
        yield client


def npz(answer: httpx.Response) -> Motion:
    assert answer.status_code == 200, answer.text
    return parse_npz(io.BytesIO(answer.content), "the answer")


def upload(name: str, motion: Motion, folder: Path) -> dict[str, str]:
    path = folder / f"clip.{name}"
    motion.save(path)
    return {"format": name, "data": base64.b64encode(path.read_bytes()).decode()}


def held(
    pipeline: HeldPipeline,
    client: httpx.Client,
    bodies: list[dict[str, Any]],
    then: Callable[[], None] = lambda: None,
) -> list[httpx.Response]:
    """Post the first body, the others while it is worked on, then call `then`, and let the work go on."""
    pipeline.go.clear()
    pipeline.reached.clear()
    pipeline.batches.clear()
    with ThreadPoolExecutor(len(bodies)) as callers:
        answers: list[Future[httpx.Response]] = []
        for body in bodies:
            answers.append(callers.submit(client.post, "/v1/motions", json=body))
            assert pipeline.reached.wait(WAIT)
            until(lambda: pending(client) == len(answers) or answers[-1].done())
        then()
        pipeline.go.set()
        return [answer.result(WAIT) for answer in answers]


def pending(client: httpx.Client) -> float:
    return values(client)['kinelex_pending{"queue": "prompts"}']


def values(client: httpx.Client) -> dict[str, float]:
    """The counters by name and labels."""
    page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain")
    return {
        f"{sample.name}{json.dumps(sample.labels, sort_keys=True)}": sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def test_every_format_is_a_file_of_its_kind(client: httpx.Client, tmp_path: Path) -> None:
    kinds = {row["format"]: row["media_type"] for row in client.get("/v1/formats").json()}
    answers = {name: client.post("/v1/motions", json={**WALK, "format": name}) for name in kinds}
    for name, answer in answers.items():
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].split(";")[0] == kinds[name]
        assert f"motion.{name}" in answer.headers["content-disposition"]
    motion = npz(answers["npz"])
    assert motion.seconds == pytest.approx(2.0)
    document = answers["json"].json()
    np.testing.assert_allclose(document["positions"], motion.positions, atol=1e-5)
    assert document["segments"] == [{"text": "a person walks", "start": 0.0, "end": 2.0}]
    assert document["parents"] == list(motion.skeleton.parents)
    (tmp_path / "clip.bvh").write_bytes(answers["bvh"].content)
    assert len(Motion.load(tmp_path / "clip.bvh")) == len(motion)
    (tmp_path / "clip.glb").write_bytes(answers["glb"].content)
    loaded = pygltflib.GLTF2().load(str(tmp_path / "clip.glb"))
    assert loaded is not None
    assert len(loaded.animations) == 1


def test_the_headers_tell_what_the_clip_shows_and_which_seed_gives_it_again(client: httpx.Client) -> None:
    """A random model kicks with neither leg, and of equally bad clips the first is taken."""
    body = {"prompt": "a person kicks with the left leg", "seed": 3, "duration": 2.0, "format": "npz"}
    alone, best = (client.post("/v1/motions", json={**body, "best_of": count}) for count in (1, 4))
    for answer in (alone, best):
        assert answer.headers["kinelex-seed"] == "3"
        assert answer.headers["kinelex-shows"] == ""
        assert answer.headers["kinelex-does-not-show"] == "kick: yes (shows no); foot: left (shows none)"
    np.testing.assert_allclose(npz(alone).positions, npz(best).positions, atol=1e-4)
    happy = client.post("/v1/motions", json={**body, "prompt": "a person is happy", "best_of": 4})
    assert happy.headers["kinelex-does-not-show"] == ""
    assert client.post("/v1/motions", json={**body, "best_of": 17}).status_code == 422


def test_an_estimated_duration_keeps_to_the_limit(model: MotionModel) -> None:
    body = {"prompt": "a person walks, then sits, then runs", "format": "npz"}
    with calling(Engine(Pipeline(model), Limits(duration=30.0))) as client:
        free = npz(client.post("/v1/motions", json=body)).seconds
    with calling(Engine(Pipeline(model), Limits(duration=1.0))) as client:
        assert npz(client.post("/v1/motions", json=body)).seconds <= 1.0 < free


def test_segments_keep_their_durations_and_names_their_preset(client: httpx.Client) -> None:
    parts = [{"text": "a person walks", "duration": 2.0}, {"text": "a person jumps", "duration": 1.0}]
    motion = npz(client.post("/v1/motions", json={"segments": parts, "format": "npz"}))
    assert [(part.text, part.start, part.end) for part in motion.segments] == [
        ("a person walks", 0.0, pytest.approx(2.0)), ("a person jumps", pytest.approx(2.0), pytest.approx(3.0)),
    ]  # fmt: skip
    rig = client.post("/v1/motions", json={**WALK, "format": "bvh", "names": "mixamo"})
    assert "mixamorig:Hips" in rig.text


def test_the_same_seed_gives_the_same_motion_alone_and_in_a_batch(
    client: httpx.Client, pipeline: HeldPipeline
) -> None:
    bodies = [
        {**WALK, "seed": 7},
        {**WALK, "seed": 8},
        {"prompt": "a person runs, then sits down", "duration": 4.0, "seed": 9, "format": "npz"},
        {**WALK, "seed": 7},
    ]
    before = values(client)
    answers = [npz(answer) for answer in held(pipeline, client, bodies)]
    assert pipeline.batches == [1, 3]
    after = values(client)
    assert after["kinelex_batch_size_sum{}"] - before["kinelex_batch_size_sum{}"] == 4
    assert after["kinelex_batch_size_count{}"] - before["kinelex_batch_size_count{}"] == 2
    for body, motion in zip(bodies, answers, strict=True):
        prompt = Prompt(str(body["prompt"]), int(str(body["seed"])), float(str(body["duration"])))
        np.testing.assert_allclose(
            motion.positions, pipeline.generate_batch([prompt])[0].positions, atol=1e-4
        )
    np.testing.assert_allclose(answers[0].positions, answers[3].positions, atol=1e-4)
    assert np.abs(answers[0].positions - answers[1].positions).max() > 5e-4


def test_one_impossible_request_does_not_harm_the_others(
    client: httpx.Client, pipeline: HeldPipeline
) -> None:
    crowded = [
        {"text": text} for text in ("a person walks", "a person runs", "a person sits", "a person jumps")
    ]
    bodies = [WALK, WALK, {"segments": crowded, "duration": 0.5, "format": "npz"}, {**WALK, "seed": 4}]
    answers = held(pipeline, client, bodies)
    assert [answer.status_code for answer in answers] == [200, 200, 422, 200]
    assert "too short for the 4 phrases" in answers[2].json()["error"]


def test_a_full_queue_sheds_and_recovers(pipeline: HeldPipeline) -> None:
    with calling(Engine(pipeline, Limits(queue=2))) as client:
        answers = held(pipeline, client, [WALK] * 4)
        assert sorted(answer.status_code for answer in answers) == [200, 200, 503, 503]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert all("busy" in answer.json()["error"] for answer in refused)
        assert values(client)["kinelex_shed_total{}"] == 2
        assert client.post("/v1/motions", json=WALK).status_code == 200


def test_who_waits_too_long_is_told(pipeline: HeldPipeline) -> None:
    with calling(Engine(pipeline, Limits(timeout=0.2))) as client:
        pipeline.go.clear()
        late = client.post("/v1/motions", json=WALK)
        pipeline.go.set()
        assert late.status_code == 504
        assert "longer than 0.2 s" in late.json()["error"]


def test_stopping_finishes_what_was_accepted(pipeline: HeldPipeline) -> None:
    with (
        running(Engine(pipeline, Limits(batch=1))) as (serving, url),
        httpx.Client(base_url=url, timeout=WAIT) as client,
    ):

        def stop() -> None:
            serving.should_exit = True

        answers = held(pipeline, client, [WALK, {**WALK, "seed": 1}, {**WALK, "seed": 2}], stop)
        assert [answer.status_code for answer in answers] == [200, 200, 200]
        with pytest.raises(httpx.TransportError):
            client.get("/healthz")


def test_sentences_are_split(client: httpx.Client) -> None:
    answer = client.post("/v1/segments", json={"text": "a person sits down after walking"})
    assert answer.json() == {"segments": ["a person walks", "a person sits down"]}


@pytest.mark.parametrize("kind", ["npz", "bvh"])
def test_an_uploaded_motion_is_grounded(
    kind: str, client: httpx.Client, pipeline: HeldPipeline, tmp_path: Path
) -> None:
    sent = upload(kind, recorded_motion(), tmp_path)
    answer = client.post("/v1/ground", json={"query": "a person walks", "motion": sent, "top": 2})
    expected = ground(pipeline.model, Motion.load(tmp_path / f"clip.{kind}"), "a person walks", 2)
    assert answer.json() == {
        "findings": [
            {"start": part.start, "end": part.end, "score": pytest.approx(part.score, abs=1e-5)}
            for part in expected.findings
        ]
    }


def test_the_index_is_searched_by_text_and_by_motion(
    client: httpx.Client, index: MotionIndex, tmp_path: Path
) -> None:
    answer = client.post("/v1/search", json={"query": "a person walks", "top": 3}).json()
    expected = index.search("a person walks", 3)
    assert [(hit["clip"], hit["start"], hit["end"]) for hit in answer["hits"]] == [
        (hit.clip, hit.start, hit.end) for hit in expected
    ]
    assert set(answer["hits"][0]) == {"clip", "start", "end", "score", "caption"}
    sent = upload("npz", recorded_motion(), tmp_path)
    assert len(client.post("/v1/search", json={"motion": sent, "top": 4}).json()["hits"]) == 4


def test_what_the_service_was_not_given_is_said(model: MotionModel, tmp_path: Path) -> None:
    with calling(Engine(HeldPipeline(model), Limits())) as client:
        found = client.post("/v1/search", json={"query": "a person walks"})
        sent = upload("npz", recorded_motion(), tmp_path)
        grounded = client.post("/v1/ground", json={"query": "a person walks", "motion": sent})
    assert found.status_code == grounded.status_code == 409
    assert "--index" in found.json()["error"]
    assert "alignment" in grounded.json()["error"]


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("motions", {}, "either a prompt or segments"),
        ("motions", {"prompt": "walks", "segments": [{"text": "walks"}]}, "either a prompt or segments"),
        ("motions", {"prompt": " ... "}, "prompt: "),
        ("motions", {"prompt": "walks " * 40}, "at most 200"),
        ("motions", {"prompt": "walks", "duration": 7.0}, "at most 6 s"),
        ("motions", {"prompt": "walks", "format": "exe"}, "format: "),
        ("motions", {"prompt": "walks", "sead": 1}, "sead: "),
        ("motions", {"prompt": "walks", "seed": 2**63}, "seed: "),
        (
            "motions",
            {"segments": [{"text": "walks", "duration": 1}, {"text": "runs"}]},
            "every segment or of none",
        ),
        ("segments", {"text": ""}, "text: "),
        ("search", {}, "either a query or a motion"),
        ("search", {"query": "walks", "top": 0}, "top: "),
        ("ground", {"query": "walks", "motion": {"format": "npz", "data": "!"}}, "not base64"),
        ("ground", {"query": "walks", "motion": {"format": "npz", "data": "AAAA"}}, "not a readable .npz"),
        ("ground", {"query": "walks", "motion": {"format": "bvh", "data": "AAAA"}}, "not a BVH file"),
    ],
)
def test_mistakes_are_named(path: str, body: dict[str, Any], message: str, client: httpx.Client) -> None:
    answer = client.post(f"/v1/{path}", json=body)
    assert answer.status_code == 422
    assert message in answer.json()["error"]


def test_bodies_have_a_limit_however_they_come(client: httpx.Client) -> None:
    large = json.dumps({"query": "walks", "motion": {"format": "npz", "data": "A" * 400_000}}).encode()
    header = {"content-type": "application/json"}
    for content in (large, iter([large[:1000], large[1000:]])):  # with its length, and in chunks
        answer = client.post("/v1/ground", content=content, headers=header)
        assert answer.status_code == 413
        assert "300000 bytes" in answer.json()["error"]
    for content in (b"{", b"\xff", b"[]", b'{"prompt": "\\ud800"}', b'{"prompt": "walks", "duration": NaN}'):
        answer = client.post("/v1/motions", content=content, headers=header)
        assert answer.status_code in (400, 422)
        assert set(answer.json()) == {"error"}


def test_uploads_are_held_against_limits_before_they_grow() -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("positions.npy", bytes(70 << 20))
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(KinelexError, match="unpacks to"):
        read_upload(bomb.getvalue(), "npz", 10.0)
    slow = io.BytesIO()
    np.savez(slow, positions=recorded_motion().positions, fps=np.float64(0.2))
    with pytest.raises(KinelexError, match="send at most 10 s"):
        read_upload(slow.getvalue(), "npz", 10.0)
    text = (Path(__file__).parents[1] / "data/clips/bandai_walk_normal.bvh").read_text()
    frozen = "\n".join(
        "Frame Time: 0.9" if line.startswith("Frame Time") else line for line in text.splitlines()
    )
    with pytest.raises(KinelexError, match="send at most 10 s"):
        read_upload(frozen.encode(), "bvh", 10.0)
    pickled = io.BytesIO()
    np.savez(pickled, positions=np.array([object()], dtype=object), fps=np.float64(20))
    with pytest.raises(KinelexError, match="pickle"):
        read_upload(pickled.getvalue(), "npz", 10.0)


def test_a_token_is_asked_for_everywhere_but_for_the_health(pipeline: HeldPipeline) -> None:
    with calling(Engine(pipeline, Limits()), token="s3cret") as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "s3cret"}):
            for answer in (
                client.get("/metrics", headers=headers),
                client.get("/openapi.json", headers=headers),
                client.post("/v1/motions", json=WALK, headers=headers),
            ):
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        allowed = client.post("/v1/motions", json=WALK, headers={"authorization": "Bearer s3cret"})
        assert allowed.status_code == 200


def test_requests_are_counted_by_route(client: httpx.Client) -> None:
    before = values(client)
    client.get("/nowhere/at/all")
    client.get("/v1/formats")
    after = values(client)
    for labels in (
        '"other", "route": "other", "status": "404"',
        '"GET", "route": "/v1/formats", "status": "200"',
    ):
        name = f'kinelex_requests_total{{"method": {labels}}}'
        assert after[name] - before.get(name, 0.0) == 1
    assert client.get("/nowhere").json() == {"error": "Not Found"}
    assert client.get("/v1/motions").status_code == 405


def test_limits_that_nothing_could_pass_are_refused() -> None:
    for change in (
        {"queue": 0},
        {"batch": 0},
        {"upload": 0},
        {"prompt": 2000},
        {"duration": 100.0},
        {"timeout": 0.0},
    ):
        with pytest.raises(KinelexError, match=next(iter(change))):
            Limits(**change)


def test_the_command_serves_until_it_is_told_to_stop(model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    command = ["serve", "--model", str(model_folder), "--port", "0", "--token-file", str(tmp_path / "token")]
    program = [sys.executable, "-m", "kinelex", *command]
    process = subprocess.Popen(
        program, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.split()[2]
        assert url.startswith("http://127.0.0.1:"), line
        header = {"authorization": "Bearer s3cret"}
        with (
            httpx.Client(base_url=url, timeout=WAIT, headers=header) as client,
            ThreadPoolExecutor(1) as caller,
        ):
            assert client.get("/healthz").status_code == 200
            answer = caller.submit(client.post, "/v1/motions", json=WALK)
            until(lambda: pending(client) == 1 or answer.done())
            process.send_signal(signal.SIGTERM)
            assert len(npz(answer.result(WAIT))) == 40
        assert process.wait(WAIT) in (0, -signal.SIGTERM)
    finally:
        process.kill()


def test_mistakes_at_the_command_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["serve", "--queue", "0"]) == 2
    assert main(["serve", "--port", "70000"]) == 2
    assert "choose another --port" in capsys.readouterr().err
    with listening_socket("127.0.0.1", 0) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another --host or --port" in capsys.readouterr().err
    (tmp_path / "token").write_text("\n")
    assert main(["serve", "--token-file", str(tmp_path / "token")]) == 2
    assert main(["serve", "--token-file", str(tmp_path / "absent")]) == 2
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve"]) == 2
    assert "kinelex[serve]" in capsys.readouterr().err
