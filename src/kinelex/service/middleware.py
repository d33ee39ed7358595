"""What happens to every request: it is counted, must be authorised, and its body must not be too large."""

from __future__ import annotations

import asyncio
import hmac
import time

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kinelex.service.metrics import Metrics

_OPEN = ("/healthz",)  # what orchestrators ask without a token


class Counted:
    """Counts answers and their time by route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, status = time.perf_counter(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            # Only paths that exist become labels: a scanner must not fill the memory.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if route != "other" else "other"
            self._metrics.requests.labels(route, method, status).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)


class Authorised:
    """Refuses requests without the bearer token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._expected = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] not in _OPEN:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = JSONResponse(
                    {"error": "send the header Authorization: Bearer TOKEN with the service's token"},
                    401,
                    {"WWW-Authenticate": "Bearer"},
                )
                return await refusal(scope, receive, send)
        return await self._app(scope, receive, send)


class BoundedBody:
    """Reads the body, up to a size and for a time, before anything else is done with the request."""

    def __init__(self, app: ASGIApp, size: int, seconds: float) -> None:
        self._app, self._size, self._seconds = app, size, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(receive)
        except TimeoutError:
            return await JSONResponse({"error": "the body did not arrive in time"}, 408)(scope, receive, send)
        if body is None:
            refusal = JSONResponse({"error": f"the body is larger than {self._size} bytes; send less"}, 413)
            return await refusal(scope, receive, send)
        read = False

        async def replayed() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": body, "more_body": False}

        return await self._app(scope, replayed, send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The whole body; None when it is too large. Of a caller who left, what had come."""
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._size:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)
