"""Errors as RFC 9457 problem details: a stable `type`, what happened, the field at fault, the next step."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pagelens.api.server.concurrency import Overloaded
from pagelens.core.errors import (
    CollectionLocked,
    CollectionMismatch,
    CollectionNotFound,
    GenerationError,
    NotFound,
    PageLensError,
    ReadError,
    StoreError,
    UsageError,
    WeightsError,
)

logger = logging.getLogger(__name__)

MEDIA = "application/problem+json"
TYPES = "urn:pagelens:problem:"

_PLACES = re.compile(r"/\S*\.pagelens/uploads/[^/\s]+/[0-9a-f]{32}/|/\S*/tmp\w+\.picture|/tmp/\S+\.picture")


class Problem(Exception):
    """An error of the door itself. `fields` are (field, what is wrong with it)."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        next_step: str = "",
        fields: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.next_step, self.fields = next_step, fields
        self.headers = dict(headers or {})

    def response(self, request_id: str = "") -> JSONResponse:
        """Return the problem as it goes out."""
        body: dict[str, Any] = {
            "type": TYPES + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": public(self.detail),
        }
        if self.next_step:
            body["next_step"] = self.next_step
        if self.fields:
            body["errors"] = [{"field": public(field), "detail": public(said)} for field, said in self.fields]
        if request_id:
            body["instance"] = f"urn:pagelens:request:{request_id}"
        return JSONResponse(body, self.status, self.headers, media_type=MEDIA)


def public(text: str) -> str:
    """Return a message without the server's own folders, and without what JSON in UTF-8 cannot carry."""
    return _PLACES.sub("", text).encode("utf-8", "replace").decode()


_KINDS: Sequence[tuple[type[PageLensError], int, str, str]] = (
    (CollectionNotFound, 404, "collection-not-found", "GET /v1/collections lists those there are."),
    (NotFound, 404, "not-found", "GET /v1/documents lists what the collection holds."),
    (CollectionLocked, 409, "collection-busy", "Try again when what is being written is done: see GET /v1/jobs."),
    (CollectionMismatch, 409, "collection-changed", "Try again: it was moved to other models in this moment."),
    (UsageError, 422, "unusable-value", ""),
    (ReadError, 422, "unreadable-file", ""),
    (StoreError, 503, "store-unavailable", "Try again; GET /readyz tells whether its servers answer."),
    (WeightsError, 503, "models-missing", "The server's operator: run pagelens doctor."),
)
_GENERATION = {"busy": 503, "timed-out": 504, "too-long": 422, "no-pictures": 422, "no-model": 409}
_NO_MODEL = "The server's operator: set PAGELENS_LLM_MODEL (and PAGELENS_LLM_URL), or start it with --model."


def problem_of(error: PageLensError) -> Problem:
    """Return what an error of PageLens is on the wire."""
    if isinstance(error, GenerationError):
        status = _GENERATION.get(error.code, 502)
        headers = {"Retry-After": "10"} if status == 503 else {}
        step = _NO_MODEL if error.code == "no-model" else "Ask again later."
        return Problem(status, f"model-{error.code}", str(error), next_step=step, headers=headers)
    for kind, status, name, step in _KINDS:
        if isinstance(error, kind):
            headers = {"Retry-After": "2"} if status == 409 else {}
            return Problem(status, name, str(error), next_step=step, headers=headers)
    logger.error("a collection cannot be used: %s", error)
    return Problem(500, "collection-unusable", str(error), next_step="The server's operator: run pagelens doctor.")


def _of_validation(error: RequestValidationError) -> Problem:
    found = [(".".join(str(part) for part in one["loc"]), str(one["msg"])) for one in error.errors()[:20]]
    detail = "; ".join(f"{field}: {said}" for field, said in found)
    step = "GET /openapi.json describes every field."
    return Problem(422, "invalid-request", detail, next_step=step, fields=found)


_HTTP = {
    400: ("malformed-request", "GET /openapi.json describes the request."),
    404: ("no-such-address", "GET /openapi.json lists every address."),
    405: ("method-not-allowed", "The Allow header lists the methods."),
}


def _of_http(error: HTTPException) -> Problem:
    kind, step = _HTTP.get(error.status_code, ("http-error", ""))
    return Problem(error.status_code, kind, str(error.detail), next_step=step, headers=error.headers)


def install(app: FastAPI) -> None:
    """Let every error of an app leave as a problem."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, Problem):
            problem = error
        elif isinstance(error, PageLensError):
            problem = problem_of(error)
        elif isinstance(error, RequestValidationError):
            problem = _of_validation(error)
        elif isinstance(error, HTTPException):
            problem = _of_http(error)
        elif isinstance(error, Overloaded):
            problem = overloaded(error)
        else:
            problem = fault(error)
        return problem.response(getattr(request.state, "request_id", ""))

    for kind in (Problem, PageLensError, RequestValidationError, HTTPException, Overloaded):
        app.add_exception_handler(kind, answer)


def overloaded(error: Overloaded) -> Problem:
    """Return what a turn that is not to be had is on the wire."""
    step = f"Try again in {error.retry_after} s."
    headers = {"Retry-After": str(error.retry_after)}
    return Problem(503, "overloaded", str(error), next_step=step, headers=headers)


def fault(error: Exception) -> Problem:
    """Return what a fault of ours is on the wire: nothing of what it says, which may quote a document."""
    logger.error("a fault of ours", exc_info=error)
    return Problem(
        500, "fault", "PageLens made a mistake.", next_step="Report it with the X-Request-Id of this answer."
    )
