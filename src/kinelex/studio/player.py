"""Plays: one task a visitor that shows frames while the clock runs, and sleeps while it stands."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kinelex.studio.clock import Clock


class Player:
    """Drives a clock in the running event loop.

    Args:
        show: called with a frame when it is time for it; never more often than the clip has frames.
    """

    def __init__(self, show: Callable[[int], None]) -> None:
        self.clock = Clock()
        self._show = show
        self._moved = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch the clock; called in the event loop."""
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        """Never show a frame again."""
        if self._task is not None:
            self._task.cancel()

    @property
    def seconds(self) -> float:
        """The moment that is shown."""
        return self.clock.frame(time.monotonic()) / self.clock.fps

    def put_in(self, frames: int, fps: float) -> None:
        """Another clip, from its beginning."""
        self.clock.frames, self.clock.fps = max(frames, 1), fps
        self.clock.seek(0, time.monotonic())
        self.refresh()

    def play(self) -> None:
        """Go on; from the beginning when it stands at the end."""
        self.clock.play(time.monotonic())
        self._moved.set()

    def pause(self) -> None:
        """Stand."""
        self.clock.pause(time.monotonic())

    def seek(self, seconds: float) -> None:
        """Stand at a moment."""
        self.pause()
        self.clock.seek(round(seconds * self.clock.fps), time.monotonic())
        self.refresh()

    def pace(self, speed: float) -> None:
        """Play slower or faster."""
        self.clock.pace(speed, time.monotonic())

    def refresh(self) -> None:
        """Show the frame of this moment, although the clock may stand."""
        self._moved.set()

    async def _run(self) -> None:
        while True:
            await self._moved.wait()
            self._moved.clear()
            self._show(self.clock.frame(time.monotonic()))
            while self.clock.playing:
                await asyncio.sleep(self.clock.wait(time.monotonic()))
                self._show(self.clock.frame(time.monotonic()))
