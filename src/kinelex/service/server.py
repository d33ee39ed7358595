"""Run the service."""

from __future__ import annotations

import uvicorn

from kinelex.service.app import create_app
from kinelex.service.engine import Engine


def server(engine: Engine, token: str | None = None) -> uvicorn.Server:
    """A server to run on a socket; a signal to stop lets it finish what it has accepted.

    Args:
        engine: does the work.
        token: that callers must send; None for no token.
    """
    # What was accepted ends within the limit of every request: the wait behind it, the work, and the answer.
    patience = int(2 * engine.limits.timeout) + 1
    config = uvicorn.Config(
        create_app(engine, token),
        log_level="warning",
        timeout_graceful_shutdown=patience,
        server_header=False,
    )
    return uvicorn.Server(config)
