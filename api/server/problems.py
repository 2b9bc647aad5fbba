"""Errors as problem details (RFC 9457): a stable `type`, the detail, the fields at fault, the next step."""

import errno
import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from pagelens.api.server.auth.keys import KeyDamaged
from pagelens.api.server.concurrency import Overloaded
from pagelens.api.server.field_errors import describe_errors
from pagelens.api.server.server_folder import ServerDatabaseDamaged
from pagelens.core.errors import (
    CollectionLocked,
    CollectionMismatch,
    CollectionNotFound,
    CollectionReadOnly,
    DiskFull,
    GenerationError,
    NotFound,
    PageLensError,
    RankingExpired,
    ReadError,
    StoreError,
    UsageError,
    WeightsError,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:pagelens:problem:"

_SERVER_PATHS = re.compile(
    r"/\S*\.pagelens/uploads/[^/\s]+/[0-9a-f]{32}/|/\S*/tmp\w+\.picture|/tmp/\S+\.picture"
    r"|(?<![\w:/.])/(?:[^\s/]+/)*(?=(?:vectors|words|pictures|originals)/|catalog\.sqlite|collection\.json)"
)


class Problem(Exception):
    """An error of the HTTP API with its status. `fields` are (field, what is wrong with it)."""

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
        """Return the HTTP response."""
        body: dict[str, Any] = {
            "type": TYPE_PREFIX + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": redact(self.detail),
        }
        if self.next_step:
            body["next_step"] = self.next_step
        if self.fields:
            body["errors"] = [{"field": redact(field), "detail": redact(detail)} for field, detail in self.fields]
        if request_id:
            body["instance"] = f"urn:pagelens:request:{request_id}"
        return JSONResponse(body, self.status, self.headers, media_type=MEDIA_TYPE)


def redact(text: str) -> str:
    """Return a message without paths of the server's own folders and without characters that UTF-8 cannot encode."""
    return _SERVER_PATHS.sub("", text).encode("utf-8", "replace").decode()


_KINDS: Sequence[tuple[type[PageLensError], int, str, str]] = (
    (CollectionNotFound, 404, "collection-not-found", "GET /v1/collections lists them."),
    (RankingExpired, 410, "collection-changed", "Search again from the first page: leave `cursor` out."),
    (NotFound, 404, "not-found", "GET /v1/documents lists what the collection holds."),
    (CollectionLocked, 409, "collection-busy", "Try again when the current job has ended: see GET /v1/jobs."),
    (CollectionMismatch, 409, "collection-changed", "Try again: its models were changed during the request."),
    (CollectionReadOnly, 503, "read-only", "The server's operator: make the collection's folder writable."),
    (KeyDamaged, 401, "key-damaged", "Ask the operator for another key: pagelens keys create --scope read"),
    (ServerDatabaseDamaged, 503, "server-database-damaged", "The server's operator: see the log."),
    (DiskFull, 507, "disk-full", "The server's operator: free disk space, then send it again."),
    (UsageError, 422, "unusable-value", ""),
    (ReadError, 422, "unreadable-file", ""),
    (StoreError, 503, "store-unavailable", "Try again; GET /readyz tells whether its servers answer."),
    (WeightsError, 503, "models-missing", "The server's operator: run pagelens doctor."),
)
_GENERATION = {"busy": 503, "timed-out": 504, "too-long": 422, "no-pictures": 422, "no-model": 409}
_NO_MODEL = "The server's operator: set PAGELENS_LLM_MODEL (and PAGELENS_LLM_URL), or start it with --model."


def to_problem(error: Exception) -> Problem:
    """Return the problem of any exception; an unexpected one is logged and becomes status 500."""
    if isinstance(error, Problem):
        return error
    if _is_disk_full(error):
        detail = "expected room on the server's disk (its folder, or TMPDIR for uploads), found it full"
        return _pagelens_problem(DiskFull(detail))
    if isinstance(error, PageLensError):
        return _pagelens_problem(error)
    if isinstance(error, HTTPException):
        return _http_problem(error)
    if isinstance(error, Overloaded):
        return _overload_problem(error)
    return internal_problem(error)


def _is_disk_full(error: BaseException | None) -> bool:
    """Return whether an exception, or one that caused it (FastAPI's while it parses an upload), is a full disk."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def _pagelens_problem(error: PageLensError) -> Problem:
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


_HTTP = {
    400: ("malformed-request", "GET /openapi.json describes the request."),
    404: ("no-such-path", "GET /openapi.json lists every path."),
    405: ("method-not-allowed", "The Allow header lists the methods."),
}


def _http_problem(error: HTTPException) -> Problem:
    kind, step = _HTTP.get(error.status_code, ("http-error", ""))
    return Problem(error.status_code, kind, str(error.detail), next_step=step, headers=error.headers)


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error of an app with problem details."""

    def answer(request: Request, error: Exception) -> JSONResponse:
        if isinstance(error, RequestValidationError):
            problem = _validation_problem(request, error)
        else:
            problem = to_problem(error)
        return problem.response(getattr(request.state, "request_id", ""))

    for kind in (Problem, PageLensError, RequestValidationError, HTTPException, Overloaded, OSError):
        app.add_exception_handler(kind, answer)


def _validation_problem(request: Request, error: RequestValidationError) -> Problem:
    fields = describe_errors(error.errors()[:20], request)
    detail = "; ".join(f"{field}: {message}" for field, message in fields)
    return Problem(422, "invalid-request", detail, next_step="GET /openapi.json describes every field.", fields=fields)


def _overload_problem(error: Overloaded) -> Problem:
    step = f"Try again in {error.retry_after} s."
    headers = {"Retry-After": str(error.retry_after)}
    return Problem(503, "overloaded", str(error), next_step=step, headers=headers)


def internal_problem(error: Exception) -> Problem:
    """Log an unexpected exception and return its problem, without its message, which may quote a document."""
    logger.error("unexpected exception", exc_info=error)
    return Problem(
        500, "internal-error", "PageLens failed unexpectedly.", next_step="Report it with this answer's X-Request-Id."
    )
