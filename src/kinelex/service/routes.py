"""The paths of the service."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse

from kinelex.errors import KinelexError
from kinelex.prompts import Prompt
from kinelex.search.grounding import ground
from kinelex.search.hits import Hit
from kinelex.service.encoding import FORMATS, encode
from kinelex.service.engine import Engine
from kinelex.service.schemas import (
    ErrorAnswer,
    FindingAnswer,
    FormatAnswer,
    GroundAnswer,
    GroundRequest,
    HealthAnswer,
    HitAnswer,
    MotionRequest,
    SearchAnswer,
    SearchRequest,
    SegmentsAnswer,
    SegmentsRequest,
)

METRICS_TYPE = "text/plain; version=1.0.0; charset=utf-8"


def _error(description: str, **more: Any) -> dict[str, Any]:
    return {"model": ErrorAnswer, "description": description, **more}


_RETRY = {
    "Retry-After": {"description": "Seconds until there should be room.", "schema": {"type": "integer"}}
}
ALWAYS = {401: _error("The bearer token is missing or wrong; only where the service has one.")}
POSTED = {
    **ALWAYS,
    400: _error("The body is no JSON."),
    408: _error("The body did not arrive in time."),
    413: _error("The body is too large."),
    422: _error("The request is not understood, or asks for what cannot be made."),
    503: _error("The queue is full.", headers=_RETRY),
    504: _error("It took too long."),
}
_BYTES, _DOCUMENT = {"type": "string", "format": "binary"}, {"type": "object"}
_FILES = {
    form.media_type: {"schema": _DOCUMENT if name == "json" else _BYTES} for name, form in FORMATS.items()
}


_TOLD = {
    name: {"description": description, "schema": {"type": kind}}
    for name, kind, description in (
        ("Kinelex-Seed", "integer", "Gives this clip again, without best_of."),
        ("Kinelex-Shows", "string", "What the phrases say and the clip shows, as far as the probes see."),
        ("Kinelex-Does-Not-Show", "string", "What the phrases say and the clip does not show."),
        (
            "Kinelex-Floating",
            "number",
            "Share of the frames above the floor in which the body does not fall.",
        ),
    )
}


def engine_of(request: Request) -> Engine:
    """What does the work."""
    return request.app.state.engine


Worker = Annotated[Engine, Depends(engine_of)]
router = APIRouter()


@router.post(
    "/v1/motions",
    summary="Generate a motion",
    response_class=Response,
    responses={**POSTED, 200: {"content": _FILES, "description": "The file's bytes.", "headers": _TOLD}},
)
async def motions(asked: MotionRequest, engine: Worker) -> Response:
    """A clip that does what the prompt says, as a file; the headers tell what the probes see of it."""
    chosen = await engine.best_of(asked.asked(), asked.best_of)
    content = await asyncio.to_thread(encode, chosen.motion, asked.format, asked.names)
    headers = {
        "Content-Disposition": f'attachment; filename="motion.{asked.format}"',
        "Kinelex-Seed": str(chosen.seed),
        "Kinelex-Shows": "; ".join(str(finding) for finding in chosen.findings if finding.right),
        "Kinelex-Does-Not-Show": "; ".join(map(str, chosen.wrong)),
        "Kinelex-Floating": f"{chosen.floating:.3f}",
    }
    return Response(content, media_type=FORMATS[asked.format].media_type, headers=headers)


@router.get("/v1/formats", summary="List the formats", responses={**ALWAYS})
async def formats() -> list[FormatAnswer]:
    """What `format` of a motion may be."""
    return [
        FormatAnswer(format=name, media_type=form.media_type, holds=form.holds)
        for name, form in FORMATS.items()
    ]


@router.post("/v1/segments", summary="Split a sentence", responses={**POSTED})
async def segments(asked: SegmentsRequest, engine: Worker) -> SegmentsAnswer:
    """The sentence as phrases in the order of time, each standing alone."""
    engine.check_text(asked.text)
    phrases = await engine.answer(lambda: list(Prompt(asked.text).phrases))
    return SegmentsAnswer(segments=phrases)


@router.post(
    "/v1/ground",
    summary="Find a phrase in a motion",
    responses={**POSTED, 409: _error("The service's model was trained without alignment.")},
)
async def ground_phrase(asked: GroundRequest, engine: Worker) -> GroundAnswer:
    """When the motion does what the phrase says; needs a model with segment alignment."""
    engine.check_text(asked.query)
    engine.check_alignment()
    longest = engine.limits.upload_seconds
    found = await engine.answer(
        lambda: ground(engine.pipeline.model, asked.motion.motion(longest), asked.query, asked.top)
    )
    return GroundAnswer(
        findings=[FindingAnswer(start=part.start, end=part.end, score=part.score) for part in found.findings]
    )


@router.post(
    "/v1/search",
    summary="Search the index",
    responses={**POSTED, 409: _error("The service was started without an index.")},
)
async def search(asked: SearchRequest, engine: Worker) -> SearchAnswer:
    """Clips that do what the query says, or move like the motion."""
    if (asked.query is None) == (asked.motion is None):
        raise KinelexError("give either a query or a motion")
    engine.check_text(asked.query or "")
    index, longest = engine.index, engine.limits.upload_seconds

    def hits() -> list[Hit]:
        if asked.query is not None:
            return index.search(asked.query, asked.top, asked.per_clip)
        assert asked.motion is not None
        return index.search_motion(asked.motion.motion(longest), asked.top, asked.per_clip)

    return SearchAnswer(
        hits=[
            HitAnswer(clip=hit.clip, start=hit.start, end=hit.end, score=hit.score, caption=hit.caption)
            for hit in await engine.answer(hits)
        ]
    )


@router.get("/healthz", summary="Is it there?")
async def health() -> HealthAnswer:
    """Answers as long as the service takes requests; needs no token."""
    return HealthAnswer(status="ok")


@router.get(
    "/metrics",
    summary="Counters for Prometheus",
    response_class=PlainTextResponse,
    responses={**ALWAYS},
)
async def metrics(engine: Worker) -> Response:
    """Requests, latencies, batch sizes, queues, seconds of motion."""
    return Response(engine.metrics.text(), media_type=METRICS_TYPE)
