"""Run the service."""

from __future__ import annotations

import socket

import uvicorn

from kinelex.errors import KinelexError
from kinelex.service.app import create_app
from kinelex.service.engine import Engine


def listening_socket(host: str, port: int) -> socket.socket:
    """An address taken before the model is loaded, so that a taken one is known at once.

    Args:
        host: name or address.
        port: 0 for any free one.

    Raises:
        KinelexError: the address cannot be listened on.
    """
    if not 0 <= port < 2**16:  # which getaddrinfo would take for another one
        raise KinelexError(f"port {port} does not exist; choose another --port, from 0 to 65535")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise KinelexError(
            f"cannot listen on {host}, port {port}: {error}; choose another --host or --port"
        ) from error


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
