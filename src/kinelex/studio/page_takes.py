"""The takes that were made, the switches of how they are looked at, and loading one from a file."""

from __future__ import annotations

from typing import Any

from kinelex.studio.desk import Desk

_NONE: str = "no takes yet"


def add_takes(desk: Desk) -> None:
    """Add the list and the switches."""
    gui = desk.gui
    which = gui.add_dropdown("Take", (_NONE,), hint="Or click a figure.")
    lock = gui.add_checkbox("Foot lock", True, hint="Planted feet are held in place. Files come without.")
    place = gui.add_checkbox("In place", False, hint="The body stays where it starts, for game engines.")

    @which.on_update
    async def _(event: Any) -> None:
        if event.client_id is not None and which.value != _NONE:
            await desk.choose(int(which.value.split()[0]))

    @lock.on_update
    async def _(event: Any) -> None:
        if event.client_id is not None:
            await desk.look(foot_lock=lock.value)

    @place.on_update
    async def _(event: Any) -> None:
        if event.client_id is not None:
            await desk.look(in_place=place.value)

    def refresh() -> None:
        takes = desk.session.takes
        names = tuple(take.name for take in reversed(takes.kept)) or (_NONE,)
        if which.options != names:
            which.options = names
        which.value = _NONE if takes.chosen is None else takes.current.name
        lock.value, place.value = desk.session.view.foot_lock, desk.session.view.in_place

    desk.refreshers.append(refresh)


def add_loading(desk: Desk) -> None:
    """Add the button that takes a file."""
    button = desk.gui.add_upload_button("Load a motion (.npz, .bvh)")

    @button.on_upload
    async def _(event: Any) -> None:
        file = button.value
        await desk.make(f"Loading {file.name}", lambda: desk.session.load(file.name, file.content))
