"""Requests that come at the same time are worked on together."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, TypeVar

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

_MEMORY = 0.8  # how much the time of earlier batches says about the next one


class OverloadedError(Exception):
    """The queue is full; `retry_after` is in how many seconds it should have room."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the service is busy; try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass
class _Job(Generic[Ask, Answer]):
    ask: Ask
    answer: asyncio.Future[Answer]


class Batcher(Generic[Ask, Answer]):
    """A queue whose front is worked on, several at a time, in a thread; one batch after the other.

    Args:
        work: answers several asks, in their order; when it fails, each is asked alone, so that nobody's mistake is
            another's.
        thread: where it works.
        size: asks of a batch at most.
        gather: seconds that the first of a batch waits for others.
        capacity: asks that are accepted and not answered; more are refused.
        seen: told the size of every batch.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Ask]], Sequence[Answer]],
        thread: Executor,
        *,
        size: int,
        gather: float,
        capacity: int,
        seen: Callable[[int], object] = lambda size: None,
    ) -> None:
        self._work, self._thread, self._seen = work, thread, seen
        self._size, self._gather, self._capacity = size, gather, capacity
        self._queue: asyncio.Queue[_Job[Ask, Answer] | None] = asyncio.Queue()
        self._runner: asyncio.Task[None] | None = None
        self._seconds_each = 0.0
        self.pending = 0

    def start(self) -> None:
        """Begin to work; called in the event loop that `submit` is called in."""
        self._runner = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish what was accepted, then stop."""
        await self._queue.put(None)
        if self._runner is not None:
            await self._runner

    async def submit(self, ask: Ask, timeout: float) -> Answer:
        """The answer to one ask.

        Raises:
            OverloadedError: too many wait already.
            TimeoutError: it took longer than `timeout` seconds; if its turn had not come, it is not worked on.
            Exception: what the work on it alone raises.
        """
        if self.pending >= self._capacity:
            raise OverloadedError(max(1, math.ceil(self.pending * self._seconds_each)))
        job = _Job(ask, asyncio.get_running_loop().create_future())
        self.pending += 1
        try:
            self._queue.put_nowait(job)
            return await asyncio.wait_for(job.answer, timeout)
        finally:
            self.pending -= 1

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while (batch := await self._next()) is not None:
            batch = [job for job in batch if not job.answer.done()]
            if not batch:
                continue
            started = time.monotonic()
            answers = await loop.run_in_executor(self._thread, self._answers, [job.ask for job in batch])
            each = (time.monotonic() - started) / len(batch)
            known = _MEMORY if self._seconds_each else 0.0
            self._seconds_each = known * self._seconds_each + (1 - known) * each
            self._seen(len(batch))
            for job, answer in zip(batch, answers, strict=True):
                _settle(job.answer, answer)

    async def _next(self) -> list[_Job[Ask, Answer]] | None:
        """The next batch; None when there will be no more."""
        job = await self._queue.get()
        if job is None:
            return None
        batch, deadline = [job], time.monotonic() + self._gather
        while len(batch) < self._size and (job := await self._another(deadline)) is not None:
            batch.append(job)
        return batch

    async def _another(self, deadline: float) -> _Job[Ask, Answer] | None:
        """What waits already, or comes before the deadline."""
        if self._queue.empty():
            try:
                job = await asyncio.wait_for(self._queue.get(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return None
        else:
            job = self._queue.get_nowait()
        if job is None:
            self._queue.put_nowait(None)  # for the next call of `_next`
        return job

    def _answers(self, asks: Sequence[Ask]) -> Sequence[Answer | Exception]:
        try:
            return self._work(asks)
        except Exception as error:
            if len(asks) == 1:
                return [error]
            return [answer for ask in asks for answer in self._answers([ask])]


def _settle(future: asyncio.Future[Answer], answer: Answer | Exception) -> None:
    """Hand over, unless nobody waits any more."""
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
