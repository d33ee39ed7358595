"""A queue: what waits is worked on together, what is too much is refused, and what was accepted is finished."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kinelex.service.batching import Batcher, OverloadedError


class Squares:
    """Squares numbers, waits for `go`, and remembers what came together; negative numbers are a mistake."""

    def __init__(self) -> None:
        self.go, self.batches = threading.Event(), []

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        assert self.go.wait(30)
        self.batches.append(list(numbers))
        if min(numbers) < 0:
            raise ValueError(f"negative: {numbers}")
        return [number * number for number in numbers]


def run(squares: Squares, use: Any, **options: Any) -> Any:
    """Await `use(batcher)` while a batcher runs."""

    async def whole() -> Any:
        with ThreadPoolExecutor(1) as thread:
            batcher = Batcher(squares, thread, **{"size": 4, "gather": 0.0, "capacity": 20, **options})
            batcher.start()
            try:
                return await use(batcher)
            finally:
                squares.go.set()
                await batcher.stop()

    return asyncio.run(whole())


async def together(batcher: Batcher[int, int], numbers: Sequence[int], squares: Squares) -> list[Any]:
    """Ask for the first, then, while that is worked on, for the others."""
    tasks = [asyncio.create_task(batcher.submit(numbers[0], 30))]
    await asyncio.sleep(0.1)
    tasks += [asyncio.create_task(batcher.submit(number, 30)) for number in numbers[1:]]
    await asyncio.sleep(0)
    squares.go.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


def test_what_waits_is_worked_on_together_and_everyone_gets_their_own_answer() -> None:
    squares = Squares()
    assert run(squares, lambda batcher: together(batcher, range(8), squares)) == [n * n for n in range(8)]
    assert squares.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]


def test_a_mistake_is_only_the_one_who_made_it() -> None:
    squares = Squares()
    first, good, bad, other = run(squares, lambda batcher: together(batcher, [1, 2, -3, 4], squares))
    assert (first, good, other) == (1, 4, 16)
    assert isinstance(bad, ValueError)
    assert str(bad) == "negative: [-3]"


def test_more_than_fit_are_refused_and_told_when_to_come_back() -> None:
    squares = Squares()

    async def crowd(batcher: Batcher[int, int]) -> list[Any]:
        return await together(batcher, range(6), squares)

    answers = run(squares, crowd, capacity=3)
    assert answers[:3] == [0, 1, 4]
    assert all(isinstance(answer, OverloadedError) and answer.retry_after >= 1 for answer in answers[3:])


def test_who_waits_too_long_is_told_and_not_worked_on() -> None:
    squares = Squares()

    async def impatient(batcher: Batcher[int, int]) -> int:
        first = asyncio.create_task(batcher.submit(1, 30))
        await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await batcher.submit(2, 0.05)
        squares.go.set()
        assert await first == 1
        return await batcher.submit(3, 30)

    assert run(squares, impatient) == 9
    assert squares.batches == [[1], [3]]


def test_stopping_finishes_what_was_accepted() -> None:
    squares = Squares()

    async def stopped() -> list[int]:
        with ThreadPoolExecutor(1) as thread:
            batcher: Batcher[int, int] = Batcher(squares, thread, size=2, gather=0.0, capacity=20)
            batcher.start()
            tasks = [asyncio.create_task(batcher.submit(number, 30)) for number in range(5)]
            await asyncio.sleep(0)
            stopping: Coroutine[Any, Any, None] = batcher.stop()
            squares.go.set()
            await stopping
            return await asyncio.gather(*tasks)

    assert asyncio.run(stopped()) == [0, 1, 4, 9, 16]


def test_those_who_come_within_the_gathering_time_go_together() -> None:
    squares = Squares()
    squares.go.set()

    async def trickle(batcher: Batcher[int, int]) -> None:
        first = asyncio.create_task(batcher.submit(1, 30))
        await asyncio.sleep(0.05)
        assert await batcher.submit(2, 30) == 4
        assert await first == 1

    run(squares, trickle, size=2, gather=20.0)
    assert squares.batches == [[1, 2]]
