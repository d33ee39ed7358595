"""What the visitors of the page share: the model in its thread, and a thread that writes files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from kinelex.best_of import Chosen, looked_at
from kinelex.checking.check import can_check
from kinelex.describing.describe import FEWEST_FRAMES, describe
from kinelex.generators.base import MAX_SEGMENTS
from kinelex.motion.motion import Motion
from kinelex.pipeline import Pipeline
from kinelex.prompts import Prompt
from kinelex.search.grounding import Grounding, ground
from kinelex.service.encoding import encode
from kinelex.service.limits import Limits
from kinelex.service.model_thread import ModelThread
from kinelex.service.uploads import read_upload
from kinelex.studio.puppet import Puppet, puppet
from kinelex.studio.timeline import Timeline
from kinelex.studio.view import View

Result = TypeVar("Result")
_WARM_UP = "a person walks forward, then waves"


class Worker:
    """Makes motion for the visitors; each asks without knowing of the others.

    Attributes:
        limits: of what one visitor may ask for.
    """

    def __init__(self, pipeline: Pipeline, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._pipeline = pipeline
        self._model = ModelThread(partial(pipeline.generate_batch, foot_lock=False), self.limits)
        self._files = ThreadPoolExecutor(1, "kinelex-files")

    def warm_up(self) -> None:
        """Do everything once, so that the first visitor does not wait for what is only loaded when it is used."""
        motion = self._pipeline.generate_batch([Prompt(_WARM_UP, duration=2.0)], foot_lock=False)[0]
        puppet(motion, View())

    def start(self) -> None:
        """Begin to work, in the running event loop."""
        self._model.start()

    async def stop(self) -> None:
        """Finish what was accepted."""
        await self._model.stop()
        await asyncio.to_thread(self._files.shutdown)

    async def plan(self, sentence: str) -> Timeline:
        """A sentence as phrases, each as long as it is predicted to take."""
        prompt = Prompt(sentence, most=MAX_SEGMENTS)
        segments = (await self._model.answer(lambda: self._pipeline.plan([prompt]))).segments[0]
        return Timeline.of(segments, segments[-1].end, sentence)

    async def generate(self, prompts: Sequence[Prompt]) -> list[Motion]:
        """A clip a prompt, feet not locked."""
        return list(await asyncio.gather(*(self._model.generate(prompt) for prompt in prompts)))

    async def edit(self, change: Callable[[Pipeline], Motion]) -> Motion:
        """What a call of the pipeline gives."""
        return await self._model.answer(lambda: change(self._pipeline))

    async def ground(self, motion: Motion, query: str, top: int = 3) -> Grounding:
        """When a clip does what a phrase says."""
        return await self._model.answer(lambda: ground(self._pipeline.model, motion, query, top))

    async def look_at(self, motion: Motion) -> Chosen:
        """What a clip shows of its phrases, where its joints can be checked."""
        return await asyncio.to_thread(looked_at, motion, 0)

    async def puppet(self, motion: Motion, view: View) -> Puppet:
        """A clip made ready for drawing."""
        return await asyncio.to_thread(puppet, motion, view)

    async def read(self, content: bytes, kind: str) -> Motion:
        """A clip from the bytes of a file; where it has no phrases, with those that it shows."""
        return await self._in_file_thread(
            lambda: _with_phrases(read_upload(content, kind, self.limits.upload_seconds))
        )

    async def encode(self, motion: Motion, kind: str, names: str) -> bytes:
        """A clip as the bytes of a file."""
        return await self._in_file_thread(lambda: encode(motion, kind, names))

    async def _in_file_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._files, call)


def _with_phrases(motion: Motion) -> Motion:
    """A clip with its own phrases or, of joints that the rules know, with those that it shows."""
    known = can_check(motion.skeleton) and len(motion.positions) >= FEWEST_FRAMES
    return motion.with_segments(describe(motion)) if known and not motion.segments else motion
