"""The timeline: phrases and their boundaries, the moment that is shown, and where something was found."""

from __future__ import annotations

import math
from typing import Any

from kinelex.errors import KinelexError
from kinelex.prompts import MIN_PHRASE_SECONDS
from kinelex.studio.desk import Desk
from kinelex.studio.strips import heat_strip, moment, phrase_strip

_PLAY, _START, _END = "Play / pause", "To start", "To end"


class _Timeline:
    """The controls and the scale that they share."""

    def __init__(self, desk: Desk) -> None:
        gui, self.desk, self.scale = desk.gui, desk, 4.0
        self.now = 0.0
        self.moment = gui.add_html(moment((), 0.0, 0.0, (False,) * 4))
        self.heat = gui.add_html("", visible=False)
        self.strip = gui.add_html("")
        self.ends = gui.add_multi_slider(
            "Phrase ends", 0.0, self.scale, 0.1, (2.0,), min_range=MIN_PHRASE_SECONDS, visible=False,
            hint="Drag a boundary; the last one is the end of the clip. Then generate, or draw the phrase again.",
        )  # fmt: skip
        self.time = gui.add_multi_slider("Time", 0.0, self.scale, 0.05, (0.0,))
        self.buttons = gui.add_button_group("Playback", (_START, _PLAY, _END))

    def connect(self) -> None:
        """Listen to the visitor."""
        player = self.desk.player

        @self.ends.on_update
        async def _(event: Any) -> None:
            if event.client_id is not None:
                self.dragged()

        @self.time.on_update
        async def _(event: Any) -> None:
            if event.client_id is not None:
                player.seek(self.time.value[0])

        @self.buttons.on_click
        async def _(event: Any) -> None:
            if self.buttons.value == _PLAY:
                (player.pause if player.clock.playing else player.play)()
            else:
                player.seek(0.0 if self.buttons.value == _START else self.desk.stage.seconds)

    def dragged(self) -> None:
        """The visitor moved a boundary."""
        session = self.desk.session
        try:
            session.timeline = session.timeline.dragged(self.ends.value)
        except KinelexError as error:
            self.desk.status.complain(str(error))
        self.desk.refresh()

    def refresh(self) -> None:
        """Bring it up to date with the session."""
        session = self.desk.session
        longest = max(session.timeline.seconds, self.desk.stage.seconds)
        if longest > self.scale or longest < 0.6 * self.scale:
            # Room to the right, so that the last boundary can be dragged further.
            self.scale = max(4.0, 2.0 * math.ceil(0.6 * longest))
            self.ends.max = self.time.max = self.scale
        self.ends.visible = bool(session.timeline.phrases)
        if session.timeline.phrases:
            self.ends.value = tuple(round(end, 2) for end in session.timeline.ends)
        self.heat.visible = session.found is not None
        if session.found is not None:
            self.heat.content = heat_strip(session.found, self.scale)
        self.draw()

    def draw(self) -> None:
        """The phrases, with the line at this moment."""
        session = self.desk.session
        chosen = self.desk.place if session.timeline.phrases else None
        self.strip.content = phrase_strip(session.segments, self.scale, self.now, chosen)

    def show(self, seconds: float) -> None:
        """A frame is shown."""
        self.now, session, figure = seconds, self.desk.session, self.desk.stage.current
        self.time.value = (round(seconds, 2),)
        if figure is not None:
            segments = session.takes.current.motion.segments
            self.moment.content = moment(segments, seconds, self.desk.stage.seconds, figure.planted(seconds))
        self.draw()


def add_timeline(desk: Desk) -> None:
    """Add the controls."""
    timeline = _Timeline(desk)
    timeline.connect()
    desk.refreshers.append(timeline.refresh)
    desk.frames.append(timeline.show)
