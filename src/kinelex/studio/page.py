"""The page of one visitor: the desk, and the parts around it."""

from __future__ import annotations

import viser

from kinelex.studio.desk import Desk
from kinelex.studio.page_export import add_export
from kinelex.studio.page_find import add_find
from kinelex.studio.page_part import add_part
from kinelex.studio.page_phrases import add_phrases
from kinelex.studio.page_prompt import add_prompt
from kinelex.studio.page_shown import add_shown
from kinelex.studio.page_takes import add_loading, add_takes
from kinelex.studio.page_timeline import add_timeline
from kinelex.studio.page_viewing import add_viewing
from kinelex.studio.session import Session
from kinelex.studio.status import Status
from kinelex.studio.worker import Worker

_WIDTH = 360  # pixels of the panel at the right
_TIMELINE = {"x": 12.0, "y": -12.0, "width": 640.0}  # beside the other panel from 1024 pixels on


class Page:
    """What a visitor sees, from the first moment until the tab is closed.

    Args:
        client: the visitor's connection.
        worker: makes the motion.
    """

    def __init__(self, client: viser.ClientHandle, worker: Worker) -> None:
        gui = client.gui
        gui.main_panel.dock_right()
        gui.main_panel.set_width(_WIDTH)
        gui.set_panel_label("Kinelex Studio")
        folder = gui.add_folder("What happens")
        with folder:
            show_prompt = add_prompt(gui)
            status = Status(client)
        self.desk = Desk(client, Session(worker), status)
        show_prompt(self.desk)
        with folder:
            add_shown(self.desk)
        tabs = gui.add_tab_group()
        for name, add in (
            ("Phrases", add_phrases), ("Takes", add_takes), ("Edit", add_part), ("Find", add_find),
            ("Files", _add_files), ("View", add_viewing),
        ):  # fmt: skip
            with tabs.add_tab(name):
                add(self.desk)
        panel = gui.add_panel()
        panel.float(**_TIMELINE)
        with panel.add_tab("Timeline"):
            add_timeline(self.desk)
        self.desk.player.start()
        self.desk.refresh()

    def close(self) -> None:
        """The visitor has left: nothing plays any more, and what was made is forgotten."""
        self.desk.leave()


def _add_files(desk: Desk) -> None:
    add_export(desk)
    add_loading(desk)
