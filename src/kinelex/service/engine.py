"""What the service does, apart from HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from kinelex.best_of import Chosen, best, check_candidates, looked_at, other_candidates
from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.search.embedding import aligned_model
from kinelex.search.index import MotionIndex
from kinelex.service.limits import Limits
from kinelex.service.metrics import Metrics
from kinelex.service.model_thread import ModelThread

Result = TypeVar("Result")


class MissingPartError(Exception):
    """The service was started without what the request needs."""


class Engine:
    """A pipeline, perhaps an index, and who waits for them.

    Attributes:
        limits: of the service.
        metrics: what it counts.
    """

    def __init__(self, pipeline: Pipeline, limits: Limits, index: MotionIndex | None = None) -> None:
        self.limits, self.metrics = limits, Metrics()
        self._pipeline, self._index = pipeline, index
        self._thread = ModelThread(pipeline.generate_batch, limits, self.metrics.batch_size.observe)
        self.metrics.watch("prompts", lambda: self._thread.prompts)
        self.metrics.watch("questions", lambda: self._thread.questions)

    @property
    def pipeline(self) -> Pipeline:
        """For questions about motions; to be used inside `answer` only."""
        return self._pipeline

    @property
    def index(self) -> MotionIndex:
        """To search; to be used inside `answer` only.

        Raises:
            MissingPartError: there is none.
        """
        if self._index is None:
            raise MissingPartError("this service has no index to search; start it with --index INDEX")
        return self._index

    def check_alignment(self) -> None:
        """Raise MissingPartError if the model cannot compare phrases with motions."""
        try:
            aligned_model(self._pipeline.model)
        except KinelexError as error:
            raise MissingPartError(str(error)) from error

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was accepted."""
        await self._thread.stop()

    async def generate(self, prompt: Prompt) -> Motion:
        """A clip, made together with those that others ask for; one whose duration is estimated keeps to the limit.

        Raises:
            KinelexError: the prompt asks for too much.
            OverloadedError, TimeoutError: see `Batcher.submit`.
        """
        self.check_text(prompt.text or "")
        seconds = max(prompt.seconds or 0.0, prompt.named_seconds)
        if seconds > self.limits.duration:
            raise KinelexError(
                f"duration is {seconds:g} s; this service makes clips of at most {self.limits.duration:g} s"
            )
        motion = await self._thread.generate(replace(prompt, longest=self.limits.duration))
        self.metrics.seconds.inc(motion.seconds)
        return motion

    async def best_of(self, prompt: Prompt, candidates: int) -> Chosen:
        """Of several clips the one that shows most of what the phrases say; see `kinelex.best_of`.

        Raises:
            KinelexError, OverloadedError, TimeoutError: what `generate` raises.
        """
        if candidates > 1:
            check_candidates(self._pipeline, candidates)
        first = await asyncio.to_thread(looked_at, await self.generate(prompt), prompt.seed)
        if first.flawless or candidates == 1:
            return first
        others = other_candidates(prompt, candidates)
        drawing = [asyncio.ensure_future(self.generate(other)) for other in others]
        try:
            motions = await asyncio.gather(*drawing)
        finally:
            for each in drawing:
                each.cancel()
        seeds = [other.seed for other in others]
        return best([first, *await asyncio.to_thread(lambda: list(map(looked_at, motions, seeds)))])

    async def answer(self, question: Callable[[], Result]) -> Result:
        """Call something in the model's thread.

        Raises:
            Exception: what it raises.
            OverloadedError, TimeoutError: see `Batcher.submit`.
        """
        return await self._thread.answer(question)

    def check_text(self, text: str) -> None:
        """Raise KinelexError for a text that is too long."""
        if len(text) > self.limits.prompt:
            raise KinelexError(
                f"the text has {len(text)} characters; this service reads at most {self.limits.prompt}"
            )
