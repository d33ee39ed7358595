"""One model for many callers: a thread that it works in, and queues before it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from kinelex.motion.motion import Motion
from kinelex.prompts import Prompt
from kinelex.service.batching import Batcher
from kinelex.service.limits import Limits

Result = TypeVar("Result")


class ModelThread:
    """Prompts of all callers drawn together, and other work on the model in between.

    Models and tokenizers are not made for several threads: everything that uses them happens in one, a batch of
    prompts and a question about a motion in turns.

    Args:
        generate: draws a batch of prompts.
        limits: of queues, batches and time.
        seen: told the size of every batch.
    """

    def __init__(
        self,
        generate: Callable[[Sequence[Prompt]], Sequence[Motion]],
        limits: Limits,
        seen: Callable[[int], object] = lambda size: None,
    ) -> None:
        self._timeout = limits.timeout
        self._thread = ThreadPoolExecutor(1, "kinelex-model")
        self._prompts: Batcher[Prompt, Motion] = Batcher(
            generate, self._thread, size=limits.batch, gather=limits.gather, capacity=limits.queue, seen=seen
        )
        self._questions: Batcher[Callable[[], Any], Any] = Batcher(
            lambda calls: [call() for call in calls], self._thread, size=1, gather=0.0, capacity=limits.queue
        )

    @property
    def prompts(self) -> int:
        """That wait or are drawn."""
        return self._prompts.pending

    @property
    def questions(self) -> int:
        """That wait or are worked on."""
        return self._questions.pending

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._prompts.start()
        self._questions.start()

    async def stop(self) -> None:
        """Finish what was accepted."""
        await self._prompts.stop()
        await self._questions.stop()
        self._thread.shutdown()

    async def generate(self, prompt: Prompt) -> Motion:
        """A clip, made together with those that others ask for.

        Raises:
            OverloadedError, TimeoutError: see `Batcher.submit`.
            Exception: what drawing it alone raises.
        """
        return await self._prompts.submit(prompt, self._timeout)

    async def answer(self, question: Callable[[], Result]) -> Result:
        """Call something in the model's thread.

        Raises:
            Exception: what it raises.
            OverloadedError, TimeoutError: see `Batcher.submit`.
        """
        return await self._questions.submit(question, self._timeout)
