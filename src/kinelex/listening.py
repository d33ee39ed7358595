"""Take an address to listen on, or say why it cannot be had."""

from __future__ import annotations

import ipaddress
import socket

from kinelex.errors import KinelexError


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


def is_loopback(host: str) -> bool:
    """Only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_of(host: str, port: int) -> str:
    """What to type into a browser."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
