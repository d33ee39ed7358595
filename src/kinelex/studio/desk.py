"""What the parts of one visitor's page work with: the session, the stage, the player, and the line of words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy

import viser

from kinelex.studio.player import Player
from kinelex.studio.session import Session
from kinelex.studio.stage import Stage
from kinelex.studio.status import Status


class Desk:
    """One visitor's things. Everything happens in the event loop of the server.

    Attributes:
        gui: of the visitor.
        session: what was made.
        status: what is being done.
        stage: the scene.
        player: shows the frames.
        refreshers: called after something changed; each brings its part of the page up to date.
        frames: called with the seconds of every frame that is shown.
        place: of the phrase that is worked on.
    """

    def __init__(self, client: viser.ClientHandle, session: Session, status: Status) -> None:
        self.client, self.gui = client, client.gui
        self.session, self.status = session, status
        self.stage = Stage(client.scene, self.choose)
        self.player = Player(self._show)
        self.refreshers: list[Callable[[], None]] = []
        self.frames: list[Callable[[float], None]] = []
        self.place = 0
        self._left = False

    def leave(self) -> None:
        """The visitor is gone: what is still being made is not shown any more."""
        self._left = True
        self.player.stop()

    async def act(self, what: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do something that takes time, then show what came of it; whether it succeeded."""
        done = await self.status.doing(what, work)
        self.refresh()
        return done

    async def make(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that gives other takes, put them on the stage, and play."""

        if await self.act(what, lambda: self._staged(work)):
            self.player.play()

    async def look(self, *, foot_lock: bool | None = None, in_place: bool | None = None) -> None:
        """Turn a switch of the shown takes."""
        seconds, playing = self.player.seconds, self.player.clock.playing

        async def turned() -> None:
            self.session.look(foot_lock=foot_lock, in_place=in_place)

        if await self.act("Posing", lambda: self._staged(turned)):
            self.player.seek(seconds)
            if playing:
                self.player.play()

    async def choose(self, number: int) -> None:
        """Go to another take; those that stand beside it already only change colour."""
        if number == self.session.takes.chosen:
            return
        if number not in self.stage.figures or self.session.takes.take(number).beside != (
            self.session.takes.current.beside
        ):

            async def chosen() -> None:
                self.session.choose(number)

            await self.make("Fetching the take", chosen)
            return
        self.session.choose(number)
        self.stage.choose(number)
        self.refresh()

    def refresh(self) -> None:
        """Bring every part of the page up to date."""
        if self._left:
            return
        self.place = max(0, min(self.place, len(self.session.timeline) - 1))
        for refresh in self.refreshers:
            refresh()
        self.player.refresh()

    async def _staged(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something and show it; what cannot be shown did not happen."""
        before = copy(self.session)
        await work()
        try:
            await self._restage()
        except Exception:
            self.session = before
            raise

    async def _restage(self) -> None:
        puppets = await self.session.puppets()
        if self._left:
            return
        with self.client.atomic():
            self.stage.show(puppets, self.session.takes.chosen)
            self.stage.pose(0.0)
        self.player.put_in(round(self.stage.seconds * self.stage.fps), self.stage.fps)

    def _show(self, frame: int) -> None:
        seconds = frame / self.player.clock.fps
        with self.client.atomic():
            self.stage.pose(seconds)
            for show in self.frames:
                show(seconds)
