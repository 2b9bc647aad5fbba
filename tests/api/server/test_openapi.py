"""The OpenAPI page: its examples run as they stand, and nothing made from it breaks the server."""

import base64
import json
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from pagelens.api.server import examples
from pagelens.index import review_log
from tests.api.server.conftest import Live, Server, Started
from tests.generate.model_server import Complete, ModelServer

# What a cursor or a query means stands in no schema: that such a case is refused is no fault.
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations(server: Server) -> list[tuple[str, str, Any]]:
    page = server.client.get("/openapi.json").json()
    return [(method, path, page["paths"][path][method]) for path in page["paths"] for method in page["paths"][path]]


def example_of(parameter: Any) -> Any:
    """The value that a parameter's example shows; None where it may be left out."""
    given = parameter.get("examples", {})
    if given:
        return next(iter(given.values()))["value"]
    shown = parameter["schema"].get("examples") or [parameter.get("example")]
    assert shown[0] is not None or not parameter.get("required"), parameter
    return shown[0]


def json_examples(server: Server, operation: Any) -> list[Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is None:
        return [None]
    page = server.client.get("/openapi.json").json()
    name = body["schema"]["$ref"].rsplit("/", 1)[1]
    found = page["components"]["schemas"][name]["examples"]
    assert found, f"{name} has no example"
    return list(found)


def order(one: tuple[str, str, Any]) -> tuple[int, str]:
    """The story: make a collection, upload, cancel and think again, look, remove what was uploaded."""
    method, path, _ = one
    endings = ("/collections", "/documents", "/cancel", "/retry")
    place = [method == "post" and path.endswith(ending) for ending in endings]
    return (9 if method == "delete" else place.index(True) if any(place) else 5, path)


REPLIES = {
    "/answer": "Timber grew to 52,300 tonnes in 2024 [1].",
    "/completions": "Timber grew to 52,300 tonnes in 2024 [1].",
    "/summary": "Timber grew to 52,300 tonnes in 2024 [1].",
    "/extract": '{"data": {"timber": 52300}, "pages": {"/timber": 1}}',
}


def test_every_example_runs_as_it_stands(start: Started, model: ModelServer) -> None:
    server = start()
    server.service.feedback = True  # off, every judgement is refused
    ran = set()
    for method, path, operation in sorted(operations(server), key=order):
        parameters = {(one["in"], one["name"]): example_of(one) for one in operation.get("parameters", ())}
        url = path
        for (place, name), value in parameters.items():
            url = url.replace(f"{{{name}}}", str(value)) if place == "path" else url
        query = {name: value for (place, name), value in parameters.items() if place == "query" and value is not None}
        headers = {name: value for (place, name), value in parameters.items() if place == "header" and value}
        if method == "delete" and "{document}" in path:
            server.add({examples.NAME: examples.PDF})  # each removal needs something to remove
        if "{item}" in path:
            collection = parameters.get(("path", "collection"), "default")
            server.service.use(collection, lambda engine: review_log.add(engine.layout, [examples.REVIEW_ITEM]))
        for body in json_examples(server, operation):
            sent: dict[str, Any] = {"json": body} if body is not None else {}
            if "multipart/form-data" in operation.get("requestBody", {}).get("content", {}):
                field, data = (
                    ("image", base64.b64decode(examples.IMAGE)) if "image" in path else ("files", examples.PDF)
                )
                sent = {"files": [(field, (examples.NAME, data))]}
            model.replies = [Complete([text]) for ending, text in REPLIES.items() if path.endswith(ending)]
            answer = server.client.request(method, url, params=query, headers=headers, **sent)
            expected = {int(code) for code in operation["responses"] if code.isdecimal()}
            assert answer.status_code in expected, (method, path, answer.status_code, answer.text)
            assert not model.replies, "the model was not asked"
            ran.add((method, path))
        if order((method, path, operation))[0] >= 3:
            server.worker.drain()
    assert len(ran) == len(operations(server)) > 25


def test_the_page_names_no_html_and_every_operation_says_what_it_does(server: Server) -> None:
    for method, path, operation in operations(server):
        assert operation["summary"], (method, path)
        assert "4XX" in operation["responses"], (method, path)
        assert "422" not in operation["responses"]


def real_ids(live: Live) -> dict[str, str]:
    """Return what there is, by the names of the addresses' parts."""
    document = httpx2.get(f"{live.address}/v1/documents").json()["documents"][0]["id"]
    job = httpx2.get(f"{live.address}/v1/jobs").json()["jobs"][-1]["id"]
    return {
        "collection": "default",
        "document": document,
        "page": f"{document}-1",
        "job": job,
        "model": "pagelens",
        "item": "0" * 16,
    }


def check_cases(live: Live, most: int) -> dict[str, int]:
    """Send what schemathesis makes of the page; return how many cases there were, by status."""
    schema = schemathesis.openapi.from_url(f"{live.address}/openapi.json")
    statuses: dict[str, int] = {}
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    assert len(found) > 25
    there = real_ids(live)
    for operation in found:

        @given(case=operation.as_strategy(), lead_somewhere=st.booleans())
        @settings(
            max_examples=max(1, most // len(found)),
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
            database=None,
        )
        def send(case: Any, lead_somewhere: bool) -> None:
            if lead_somewhere:  # made-up ids lead nowhere, and one would never see what lies behind
                case.path_parameters.update({name: there[name] for name in case.path_parameters})
            answer = case.call(base_url=live.address)
            statuses[str(answer.status_code)] = statuses.get(str(answer.status_code), 0) + 1
            assert answer.status_code < 500, answer.text
            case.validate_response(answer, checks=CHECKS)

        send()
    return statuses


def test_cases_made_from_the_page_meet_no_fault_and_no_surprise(live: Live) -> None:
    statuses = check_cases(live, 220)
    assert sum(statuses.values()) >= 150
    assert "200" in statuses


@pytest.mark.slow
def test_five_thousand_cases_meet_no_fault_and_no_surprise(live: Live) -> None:
    statuses = check_cases(live, 6_000)
    print(json.dumps(statuses))
    assert sum(statuses.values()) >= 5_000
