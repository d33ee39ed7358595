"""Take the chosen take home as a file."""

from __future__ import annotations

from typing import Any

from kinelex.motion.rig_names import NAME_PRESETS
from kinelex.studio.desk import Desk

KINDS = ("glb", "bvh", "npz", "mp4")


def add_export(desk: Desk) -> None:
    """Add the controls."""
    gui = desk.gui
    kind = gui.add_dropdown("Format", KINDS, hint="npz keeps the phrases, to go on later.")
    names = gui.add_dropdown("Rig names", tuple(NAME_PRESETS), hint="Joint names of glb and bvh.")
    button = gui.add_button("Download", hint="As it is seen: with the foot lock and in-place switches.")

    @button.on_click
    async def _(event: Any) -> None:
        async def written() -> None:
            name, content = await desk.session.export(kind.value, names.value)
            desk.client.send_file_download(name, content, save_immediately=True)

        await desk.act(f"Writing {kind.value}", written)

    def refresh() -> None:
        button.disabled = desk.session.takes.chosen is None

    desk.refreshers.append(refresh)
