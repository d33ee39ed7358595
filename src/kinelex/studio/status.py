"""What the page is doing, and what went wrong, for one visitor."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import viser

from kinelex.errors import KinelexError
from kinelex.service.batching import OverloadedError
from kinelex.studio.strips import note

_LOG = logging.getLogger(__name__)
_TICK = 0.25  # seconds


class Status:
    """A bar that moves while something is done, a line that says what, and notices of what went wrong."""

    def __init__(self, client: viser.ClientHandle) -> None:
        self._client = client
        self._bar = client.gui.add_progress_bar(100, animated=True, visible=False)
        self._line = client.gui.add_html(note("Write what the person does, then press Generate."))
        self.busy: str | None = None

    async def doing(self, what: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do something while the page says so; whether it succeeded. One thing at a time.

        What the visitor did wrong is said in the page; what the program did wrong is logged, and said as such.
        """
        if self.busy is not None:
            self.complain(f"{self.busy} is still going on; try again when it is done")
            return False
        self.busy, self._bar.visible = what, True
        ticking = asyncio.create_task(self._tick(what))
        started = time.monotonic()
        try:
            await work()
            self.say(f"{what}: done in {time.monotonic() - started:.1f} s.")
            return True
        except (KinelexError, OverloadedError) as error:
            self.complain(str(error))
        except TimeoutError:
            self.complain("it took too long; ask for less, or try again later")
        except Exception:
            _LOG.exception("%s failed", what)
            self.complain("the program failed; its log says why. What you made is kept.")
        finally:
            ticking.cancel()
            self.busy, self._bar.visible = None, False
        return False

    def say(self, text: str) -> None:
        """A line under the bar."""
        self._line.content = note(text)

    def complain(self, text: str) -> None:
        """A notice, and the same under the bar, where it stays."""
        self._line.content = note(text, "#c0392b")
        self._client.add_notification("That did not work", text, color="red", auto_close_seconds=12.0)

    async def _tick(self, what: str) -> None:
        started = time.monotonic()
        while True:
            self.say(f"{what} … {time.monotonic() - started:.0f} s")
            await asyncio.sleep(_TICK)
