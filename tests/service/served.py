"""A service that runs in a thread on a free port, over a pipeline that can be held up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import uvicorn

from kinelex.generators.model import MotionModel
from kinelex.listening import listening_socket
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.service.engine import Engine
from kinelex.service.server import server

WAIT = 60.0  # seconds; for machines that are busy with other things


class HeldPipeline(Pipeline):
    """The real pipeline; every batch sets `reached`, then waits until `go` is set."""

    def __init__(self, model: MotionModel) -> None:
        super().__init__(model)
        self.go = threading.Event()
        self.go.set()
        self.reached = threading.Event()
        self.batches: list[int] = []

    def generate_batch(self, prompts: Sequence[Prompt], *, foot_lock: bool = True) -> list[Motion]:
        self.reached.set()
        assert self.go.wait(WAIT)
        self.batches.append(len(prompts))
        return super().generate_batch(prompts, foot_lock=foot_lock)


@contextmanager
def running(engine: Engine, token: str | None = None) -> Iterator[tuple[uvicorn.Server, str]]:
    """The server and its URL; it is stopped at the end."""
    with listening_socket("127.0.0.1", 0) as socket:
        serving = server(engine, token)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [socket]})
        thread.start()
        url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        try:
            until(lambda: serving.started)
            yield serving, url
        finally:
            serving.should_exit = True
            thread.join(WAIT)
        assert not thread.is_alive()


@contextmanager
def calling(engine: Engine, token: str | None = None) -> Iterator[httpx.Client]:
    """A client of a running service."""
    with running(engine, token) as (_, url), httpx.Client(base_url=url, timeout=WAIT) as client:
        yield client


def until(true) -> None:  # type: ignore[no-untyped-def]
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)
