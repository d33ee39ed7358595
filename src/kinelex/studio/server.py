"""Serve the page: a visitor, a session."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
from typing import Any

import viser

from kinelex.errors import KinelexError
from kinelex.studio.page import Page
from kinelex.studio.worker import Worker

_CAMERA, _LOOK_AT = (1.6, 1.7, 4.6), (0.0, 0.75, 0.0)
_PATIENCE = 10.0  # seconds for the worker to finish
_LOG = logging.getLogger(__name__)


class _LocalServer(viser.ViserServer):
    """viser that never asks a machine outside for a public address, whatever a visitor's page sends."""

    def request_share_url(self, verbose: bool = True) -> str | None:
        """There is none."""
        return None


class Studio:
    """The page, served until it is stopped.

    Args:
        worker: makes the motion for all visitors; it is started and stopped with the page.
        host, port: to listen on.

    Attributes:
        pages: of the visitors who are there, by viser's number of them.

    Raises:
        KinelexError: the port is taken.
    """

    def __init__(self, worker: Worker, host: str, port: int) -> None:
        self._worker = worker
        self.pages: dict[int, Page] = {}
        with contextlib.redirect_stdout(io.StringIO()):  # viser announces itself
            self._server = _LocalServer(host, port, label="Kinelex Studio", verbose=False)
        if self.port != port:  # viser goes on to the next port without a word
            self._server.stop()
            raise KinelexError(f"port {port} was taken meanwhile; choose another --port")
        self._furnish()
        self._run(self._start())
        self._server.on_client_connect(self._welcome)
        self._server.on_client_disconnect(self._goodbye)

    @property
    def port(self) -> int:
        """That it listens on."""
        return self._server.get_port()

    def stop(self) -> None:
        """Finish what was accepted, if it does not take long, and close the page."""
        try:
            self._run(self._worker.stop())
        except TimeoutError:
            _LOG.warning("the studio closes while something is still being made; it is given up")
        finally:
            self._server.stop()

    def _furnish(self) -> None:
        """What is the same for everybody."""
        scene, gui, camera = self._server.scene, self._server.gui, self._server.initial_camera
        scene.set_up_direction("+y")
        scene.world_axes.visible = False
        camera.position, camera.look_at = _CAMERA, _LOOK_AT
        gui.configure_theme(show_logo=False, show_share_button=False, brand_color=(31, 95, 191))

    async def _start(self) -> None:
        self._worker.start()

    async def _welcome(self, client: viser.ClientHandle) -> None:
        self.pages[client.client_id] = Page(client, self._worker)

    async def _goodbye(self, client: viser.ClientHandle) -> None:
        page = self.pages.pop(client.client_id, None)
        if page is not None:
            page.close()

    def _run(self, work: Any) -> None:
        """Do something in the event loop of the server, and wait for it."""
        asyncio.run_coroutine_threadsafe(work, self._server.get_event_loop()).result(_PATIENCE)
