"""How playback runs, and what the camera does."""

from __future__ import annotations

from typing import Any

from kinelex.studio.desk import Desk

_SPEEDS = {"half": 0.5, "normal": 1.0, "double": 2.0}


def add_viewing(desk: Desk) -> None:
    """Add the controls."""
    gui = desk.gui
    loop = gui.add_checkbox("Loop", True, hint="Begin anew at the end.")
    speed = gui.add_dropdown("Speed", tuple(_SPEEDS), initial_value="normal")
    follow = gui.add_checkbox("Follow", True, hint="The figures stay in the picture; the floor passes below.")

    @loop.on_update
    async def _(event: Any) -> None:
        desk.player.clock.loop = loop.value

    @speed.on_update
    async def _(event: Any) -> None:
        desk.player.pace(_SPEEDS[speed.value])

    @follow.on_update
    async def _(event: Any) -> None:
        desk.stage.follow = follow.value
        desk.player.refresh()
