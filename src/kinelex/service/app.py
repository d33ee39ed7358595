"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from kinelex.errors import KinelexError
from kinelex.service.batching import OverloadedError
from kinelex.service.engine import Engine, MissingPartError
from kinelex.service.middleware import Authorised, BoundedBody, Counted
from kinelex.service.routes import router

DESCRIPTION = """3D human motion from a sentence. `POST /v1/motions` answers with a file; requests that come at the same
time are generated together, and the same request with the same seed gives the same motion."""


def create_app(engine: Engine, token: str | None = None) -> FastAPI:
    """The service as an application for any ASGI server.

    Args:
        engine: does the work; it is started and stopped with the application.
        token: that callers must send; None for no token.
    """

    @asynccontextmanager
    async def working(app: FastAPI) -> AsyncIterator[None]:
        engine.start()
        yield
        await engine.stop()

    # Its page /docs works where there is no internet.
    app = FastAPIOffline(
        title="Kinelex", version=version("kinelex"), description=DESCRIPTION, lifespan=working
    )
    app.state.engine = engine
    app.include_router(router)
    _explain_errors(app, engine)
    app.add_middleware(BoundedBody, size=engine.limits.upload, seconds=engine.limits.timeout)
    if token is not None:
        app.add_middleware(Authorised, token=token)
    app.add_middleware(Counted, metrics=engine.metrics)
    return app


def _explain_errors(app: FastAPI, engine: Engine) -> None:
    """Every error is a sentence under the key `error`."""

    @app.exception_handler(KinelexError)
    async def mistaken(request: Request, error: KinelexError) -> JSONResponse:
        return _answer(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(422, "; ".join(_complaint(found) for found in error.errors()))

    @app.exception_handler(MissingPartError)
    async def missing(request: Request, error: MissingPartError) -> JSONResponse:
        return _answer(409, str(error))

    @app.exception_handler(OverloadedError)
    async def overloaded(request: Request, error: OverloadedError) -> JSONResponse:
        engine.metrics.shed.inc()
        return _answer(503, str(error), {"Retry-After": str(error.retry_after)})

    @app.exception_handler(TimeoutError)
    async def late(request: Request, error: TimeoutError) -> JSONResponse:
        return _answer(
            504, f"it took longer than {engine.limits.timeout:g} s; ask for less, or try again later"
        )

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:
        return _answer(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> JSONResponse:
        # The server logs the error itself; what it says is not for callers.
        return _answer(500, "the service failed; its log says why")


def _complaint(found: dict[str, object]) -> str:
    """One of pydantic's findings: where, and what."""
    place = found["loc"]
    names = [str(part) for part in place if part != "body"] if isinstance(place, tuple | list) else []
    return f"{'.'.join(names) or 'the body'}: {found['msg']}"


def _answer(status: int, sentence: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": sentence}, status, headers)
