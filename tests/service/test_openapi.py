"""Whatever fits the service's own description, or nearly fits it, is answered without failing."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from evaluation.subjects import clips, write_store
from kinelex.generators.model import MotionModel
from kinelex.pipeline import Pipeline
from kinelex.search.index import MotionIndex
from kinelex.search.sources import clip_source
from kinelex.service.engine import Engine
from kinelex.service.limits import Limits
from retrieval.models import tiny_retrieval
from service.served import running

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def url(model: MotionModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("index")
    write_store(folder / "store", clips(3))
    index = MotionIndex.create(folder / "index", tiny_retrieval(folder / "encoder"), folder)
    index.add(clip_source(folder / "store"))
    with running(Engine(Pipeline(model), Limits(duration=2.0, gather=0.0), index)) as (_, url):
        yield url


@pytest.mark.parametrize(
    "path", ["motions", "formats", "segments", "ground", "search", "/healthz", "/metrics"]
)
def test_nothing_makes_the_service_fail(path: str, url: str) -> None:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    (operation,) = schema.include(path_regex=f"{path}$").get_all_operations()

    @given(case=operation.ok().as_strategy())
    @settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def answered(case: schemathesis.Case) -> None:
        case.call_and_validate(checks=CHECKS)

    answered()


def test_every_post_shows_an_example_that_works(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    shown = document["components"]["schemas"]
    posts = [path for path, methods in document["paths"].items() if "post" in methods]
    assert len(posts) == 4
    for path in posts:
        reference = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"][
            "$ref"
        ]
        for example in shown[reference.rsplit("/", 1)[1]]["examples"]:
            if "duration" in str(example) or path == "/v1/ground":
                continue  # the limit of this service, and a file too short to be one
            answer = httpx.post(f"{url}{path}", json=example, timeout=60)
            assert answer.status_code == 200, answer.text


def test_the_page_needs_no_internet(url: str) -> None:
    page = httpx.get(f"{url}/docs").text
    wanted = re.findall(r"""(?:src|href)=["']([^"']+)""", page)
    assert any(name.endswith(".js") for name in wanted)
    for name in wanted:
        assert name.startswith("/"), "it is the service's own"
        assert httpx.get(f"{url}{name}").raise_for_status().content
