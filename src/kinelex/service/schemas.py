"""Requests and answers of the service, as OpenAPI shows them."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kinelex.errors import KinelexError
from kinelex.motion.motion import Motion
from kinelex.prompts import (
    MAX_PROMPT_CHARACTERS,
    MAX_SECONDS,
    MIN_PHRASE_SECONDS,
    MIN_SECONDS,
    MOST_PHRASES,
    Prompt,
)
from kinelex.service.uploads import read_upload

MOST_CANDIDATES = 16


def _sayable(text: str) -> str:
    if not any(character.isalnum() for character in text):
        raise ValueError("it says nothing; write what a person does")
    return text


Text = Annotated[
    str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS, pattern=r"\w"), AfterValidator(_sayable)
]
Seconds = Annotated[float, Field(ge=MIN_SECONDS, le=MAX_SECONDS, allow_inf_nan=False)]
Top = Annotated[int, Field(ge=1, le=100)]


class Request(BaseModel):
    """A JSON body; keys that are not known are errors."""

    model_config = ConfigDict(extra="forbid")


class SegmentRequest(Request):
    """A phrase, and how long it takes."""

    text: Text
    duration: Annotated[float, Field(ge=MIN_PHRASE_SECONDS, le=MAX_SECONDS, allow_inf_nan=False)] | None = (
        Field(None, description="Seconds; of all phrases or of none.")
    )


class MotionRequest(Request):
    """What to generate: a `prompt`, or its `segments` one by one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"prompt": "a person walks forward, then waves", "seed": 1, "format": "glb"},
                {
                    "segments": [
                        {"text": "a person walks forward", "duration": 3.0},
                        {"text": "a person waves with the right hand", "duration": 2.0},
                    ],
                    "format": "bvh",
                    "names": "mixamo",
                },
            ]
        },
    )

    prompt: Text | None = Field(None, description="What the person does; it is split into phrases.")
    segments: Annotated[list[SegmentRequest], Field(min_length=1, max_length=MOST_PHRASES)] | None = Field(
        None, description="The phrases in their order, instead of a prompt."
    )
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] = Field(
        0, description="Same request, seed and model: same motion, however busy the service is."
    )
    duration: Seconds | None = Field(None, description="Seconds of the clip; estimated when not given.")
    best_of: Annotated[int, Field(ge=1, le=MOST_CANDIDATES)] = Field(
        1, description="Clips to choose from: the one that shows most of what the phrases say."
    )
    format: Literal["npz", "glb", "bvh", "json"] = Field("glb", description="Kind of file to answer with.")
    names: Literal["smpl", "mixamo", "unreal", "unity", "vrm"] = Field(
        "smpl", description="Joint names of glb and bvh."
    )

    def asked(self) -> Prompt:
        """As the pipeline takes it.

        Raises:
            KinelexError: parts that contradict one another.
        """
        if (self.prompt is None) == (self.segments is None):
            raise KinelexError("give either a prompt or segments")
        if self.segments is None:
            return Prompt(self.prompt, self.seed, self.duration)
        durations = tuple(part.duration for part in self.segments if part.duration is not None)
        if 0 < len(durations) < len(self.segments):
            raise KinelexError("give the duration of every segment or of none")
        return Prompt(
            None, self.seed, self.duration, tuple(part.text for part in self.segments), durations or None
        )


class SegmentsRequest(Request):
    """A sentence to split."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"text": "a person sits down after walking"}]}
    )

    text: Text


class Upload(Request):
    """A motion file."""

    format: Literal["npz", "bvh"] = Field(description="What kind of file it is.")
    data: str = Field(description="Its content in base64.", json_schema_extra={"contentEncoding": "base64"})

    def motion(self, longest: float) -> Motion:
        """The clip.

        Raises:
            KinelexError: not base64, the file is broken, or the clip is too long.
        """
        try:
            content = base64.b64decode("".join(self.data.split()), validate=True)
        except ValueError as error:
            raise KinelexError(
                f"the motion's data is not base64 ({error}); encode the file's bytes"
            ) from error
        return read_upload(content, self.format, longest)


class GroundRequest(Request):
    """When does a motion do what a phrase says?"""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"query": "sits down", "motion": {"format": "bvh", "data": "SElFUkFSQ0hZ"}}]
        },
    )

    query: Text
    motion: Upload
    top: Top = Field(3, description="Windows at most.")


class SearchRequest(Request):
    """Which clips of the index do what a sentence says, or move like a motion?"""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"query": "a person sits down", "top": 5}]}
    )

    query: Text | None = None
    motion: Upload | None = Field(None, description="Instead of a query.")
    top: Top = Field(10, description="Hits at most.")
    per_clip: Top = Field(1, description="Hits of one clip at most.")


class FormatAnswer(BaseModel):
    """A kind of file."""

    format: str
    media_type: str
    holds: str


class SegmentsAnswer(BaseModel):
    """Phrases in the order of time."""

    segments: list[str]


class FindingAnswer(BaseModel):
    """A part of the motion in seconds, and the cosine of phrase and part."""

    start: float
    end: float
    score: float


class GroundAnswer(BaseModel):
    """The best parts, best first."""

    findings: list[FindingAnswer]


class HitAnswer(BaseModel):
    """A clip of the index, its part in seconds, its cosine with the query, and its caption."""

    clip: str
    start: float
    end: float
    score: float
    caption: str


class SearchAnswer(BaseModel):
    """Hits, best first."""

    hits: list[HitAnswer]


class HealthAnswer(BaseModel):
    """The service is there."""

    status: Literal["ok"]


class ErrorAnswer(BaseModel):
    """What is wrong and what to do, in a sentence."""

    error: str
