"""Segments from a language model: against llama.cpp's server, and a server that fails in every way it can."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from random_llm import start_server, write_random_llama

from kinelex.errors import KinelexError
from kinelex.text.llm import LONGEST_CAPTION, LlmSegmenter
from kinelex.text.prompt import messages, parsed
from kinelex.text.providers import segment_captions
from kinelex.text.segment_cache import SegmentCache
from kinelex.text.segmenter import segment

CAPTION = "a person sits after walking"
PHRASES = ["a person walks", "a person sits"]
GOOD = json.dumps({"segments": PHRASES})
USELESS = {
    "no JSON": "certainly! here you go",
    "cut off": GOOD[:-4],
    "another schema": json.dumps({"phrases": PHRASES}),
    "a bare list": json.dumps(PHRASES),
    "no phrase": json.dumps({"segments": []}),
    "an empty phrase": json.dumps({"segments": ["a person walks", " "]}),
    "too many": json.dumps({"segments": ["a person walks"] * 6}),
    "numbers": json.dumps({"segments": [1, 2]}),
}


class ScriptedServer(ThreadingHTTPServer):
    """Answers chat completions from a script; the last entry stays. An entry is a status, or an answer's text."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[int | str] = [GOOD]
        self.delay = 0.0
        self.requests: list[dict[str, Any]] = []
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def next_answer(self, request: dict[str, Any]) -> int | str:
        with self.lock:
            self.requests.append(request)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_POST(self) -> None:
        server = self.server
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = server.next_answer(request)
        with server.lock:
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        time.sleep(server.delay)
        with server.lock:
            server.at_once -= 1
        failed = isinstance(answer, int)
        body = {"error": {"message": "not now"}} if failed else _completion(answer)
        content = json.dumps(body).encode()
        try:
            self.send_response(answer if failed else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            pass  # the client gave up waiting

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""


def _completion(answer: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer}
    return {
        "id": "1", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }  # fmt: skip


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    threading.Thread(target=scripted.serve_forever, daemon=True).start()
    yield scripted
    scripted.shutdown()
    scripted.server_close()


def asking(server: ScriptedServer, **settings: Any) -> LlmSegmenter:
    return LlmSegmenter("m", server.endpoint, **{"first_wait": 0.01, "retries": 2, **settings})


def test_the_schema_and_the_principles_are_sent(server: ScriptedServer) -> None:
    model = asking(server)
    assert model(CAPTION, limit=3) == PHRASES
    (request,) = server.requests
    assert request["messages"][-1] == {"role": "user", "content": CAPTION}
    schema = request["response_format"]["json_schema"]["schema"]["properties"]["segments"]
    assert (schema["minItems"], schema["maxItems"]) == (1, 3)
    assert (model.usage.requests, model.usage.prompt_tokens, model.usage.answer_tokens) == (1, 100, 20)


def test_examples_keep_to_the_limit() -> None:
    for limit in (1, 2, 5):
        answers = [entry["content"] for entry in messages(CAPTION, limit) if entry["role"] == "assistant"]
        assert answers
        assert all(1 <= len(parsed(answer, limit)) <= limit for answer in answers)


def test_thinking_aloud_is_skipped() -> None:
    assert parsed(f"<think>first he walks</think>\n{GOOD}", 5) == PHRASES


@pytest.mark.parametrize("trouble", [429, 500, 503, *USELESS])
def test_it_asks_again_after_trouble(server: ScriptedServer, trouble: int | str) -> None:
    answer = trouble if isinstance(trouble, int) else USELESS[trouble]
    server.script = [answer, GOOD]
    assert asking(server)(CAPTION) == PHRASES
    assert len(server.requests) == 2
    assert server.requests[1]["temperature"] > 0


@pytest.mark.parametrize(("answer", "requests"), [(429, 3), (500, 3), (404, 1), (401, 1), ("no JSON", 3)])
def test_it_gives_up_with_one_sentence(server: ScriptedServer, answer: int | str, requests: int) -> None:
    server.script = [answer]
    with pytest.raises(KinelexError, match="could not segment") as caught:
        asking(server)(CAPTION)
    assert "\n" not in str(caught.value)
    assert len(server.requests) == requests


def test_a_time_out_is_trouble_too(server: ScriptedServer) -> None:
    server.delay = 1.0
    with pytest.raises(KinelexError, match="timed out"):
        asking(server, timeout=0.1, retries=1)(CAPTION)


def test_nobody_there_is_one_sentence() -> None:
    with pytest.raises(KinelexError, match="check the endpoint"):
        LlmSegmenter("m", "http://127.0.0.1:9/v1", retries=0)(CAPTION)


def test_the_rules_step_in_only_when_asked(server: ScriptedServer, tmp_path: Path) -> None:
    server.script = [404]
    cache = SegmentCache(tmp_path / "cache.jsonl")
    model = asking(server, fallback=True, cache=cache)
    assert model(CAPTION) == segment(CAPTION)
    assert model.usage.by_rules == 1
    assert len(cache) == 0


def test_answers_are_cached_by_model_and_limit_and_outlive_a_kill(
    server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / "cache.jsonl"
    cache = SegmentCache(path)
    asking(server, cache=cache)(CAPTION)
    asking(server, cache=cache)("a person wavés ✋")
    cache.close()
    with path.open("ab") as file:
        file.write(b'{"model": "m", "prompt"')  # killed while writing
    model = asking(server, cache=SegmentCache(path))
    assert model(CAPTION) == PHRASES
    assert model.usage.cached == 1
    assert len(server.requests) == 2
    model(CAPTION, limit=3)
    LlmSegmenter("other", server.endpoint, cache=SegmentCache(path))(CAPTION)
    assert len(server.requests) == 4
    assert len(SegmentCache(path)) == 4


def test_a_foreign_cache_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk\n")
    with pytest.raises(KinelexError, match="line 1"):
        SegmentCache(path)
    with pytest.raises(KinelexError, match="cannot use the cache"):
        SegmentCache(tmp_path)


def test_requests_at_a_time_are_bounded_and_order_is_kept(server: ScriptedServer) -> None:
    server.delay = 0.05
    captions = [f"a person walks {n} steps" for n in range(12)]
    model = asking(server)
    assert list(segment_captions(model, captions, workers=3)) == [PHRASES] * 12
    assert 2 <= server.most_at_once <= 3
    assert model.usage.requests == 12
    with pytest.raises(KinelexError, match="at least 1"):
        list(segment_captions(model, captions, workers=0))


def test_the_first_error_ends_a_run(server: ScriptedServer) -> None:
    server.script = [404]
    with pytest.raises(KinelexError):
        list(segment_captions(asking(server), [f"he jumps {n} times" for n in range(100)], workers=2))
    assert len(server.requests) < 50


def test_rules_keep_the_contract() -> None:
    assert list(segment_captions(segment, [CAPTION, "he jumps"])) == [PHRASES, ["he jumps"]]


@pytest.mark.parametrize(
    ("caption", "limit", "sentence"),
    [
        ("", 5, "no word"),
        ("?! …", 5, "no word"),
        ("a " * LONGEST_CAPTION, 5, "too long"),
        ("he sits", 0, "limit"),
        ("he sits \ud83d", 5, "Unicode"),
    ],
)
def test_bad_input_is_never_sent(server: ScriptedServer, caption: str, limit: int, sentence: str) -> None:
    with pytest.raises(KinelexError, match=sentence):
        asking(server, fallback=True)(caption, limit)
    assert not server.requests


def test_the_endpoint_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINELEX_LLM_ENDPOINT", "localhost:1")
    with pytest.raises(KinelexError, match="no URL"):
        LlmSegmenter()


def test_a_real_server_with_random_weights_keeps_to_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "random.gguf"
    write_random_llama(path)
    llama = start_server(path)
    cache = SegmentCache(tmp_path / "cache.jsonl")
    model = LlmSegmenter("random", f"{llama.listening_address}/v1", cache=cache, first_wait=0.01)
    phrases = model(CAPTION, limit=2)
    assert 1 <= len(phrases) <= 2
    assert model.usage.answer_tokens > 0
    assert model(CAPTION, limit=2) == phrases
    assert model.usage.cached == 1
