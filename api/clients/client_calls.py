"""The HTTP calls of the Python clients, without sending them: one for each method, and what their replies are."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypedDict, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel

from pagelens.api import responses
from pagelens.core.errors import PageLensError, UsageError
from pagelens.core.reviews import Decision
from pagelens.core.types import DEFAULT_DEPTH, Depth, Filters

Reply = TypeVar("Reply", bound=BaseModel)

TIMEOUT = httpx2.Timeout(30.0, read=300.0)  # a language model may take its time
EVENTS = {"Accept": "text/event-stream"}
JOB_FILES = 1_000  # results of a job that are read at once
LIST_SIZE = 500  # documents of one part of the listing

AskEvent = str | responses.CitationOut | responses.AnswerResponse
"""An item of a streamed answer: a piece of its text, a checked citation, or, last, the whole answer."""


class ServerError(PageLensError):
    """An error response of the server. `kind`: its problem type, a stable name; the message is for people."""

    def __init__(self, status: int, kind: str, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after  # seconds


class SearchParameters(TypedDict, total=False):
    """What a search may be given beside its text. `filters`: `Filters`, or as in the body of POST /v1/search;
    `arrangement`: its fields `sort`, `group_by`, `per_group` and `facets`; `image`: the bytes of a picture;
    `image_options`: its fields `text_share` and `not_itself`, and bytes of pictures in lists, `more_images` and
    `not_like`. `depth`: how much work."""

    image: bytes | None
    k: int
    filters: Filters | Mapping[str, Any] | None
    lanes: Sequence[str] | None
    fold: bool
    neighbours: int
    cursor: str | None
    arrangement: Mapping[str, Any] | None
    image_options: Mapping[str, Any] | None
    spelling: bool
    rerank: bool | None
    depth: Depth


class AskParameters(TypedDict, total=False):
    """What a question may be given beside its text. `image`: the bytes of a picture that it is about; with one the
    question may be empty. `history`: (question, answer) pairs before it. `bundle`: with an evidence bundle, for others
    to check (docs/evidence.md). `across`: whether by a row for each document that meets the question (None: where it
    can be nothing else). `as_of`: a commit or a date of the collection's history."""

    image: bytes | None
    k: int
    filters: Filters | Mapping[str, Any] | None
    history: Sequence[tuple[str, str]]
    depth: Depth
    bundle: bool
    across: bool | None
    as_of: str | None


@dataclass(frozen=True, slots=True)
class Call(Generic[Reply]):
    """A request, and the model of its reply."""

    method: str
    path: str
    reply: type[Reply]
    parts: Mapping[str, Any] = field(default_factory=dict)  # as httpx takes them: json, data, files, params


class ClientCalls:
    """Makes the calls of one collection of a server (None: the default one)."""

    def __init__(self, collection: str | None) -> None:
        self.root = f"/v1/collections/{quote(collection, safe='')}" if collection else "/v1"

    def search(
        self,
        query: str,
        *,
        image: bytes | None = None,
        k: int = 10,
        filters: Filters | Mapping[str, Any] | None = None,
        lanes: Sequence[str] | None = None,
        fold: bool = False,
        neighbours: int = 0,
        cursor: str | None = None,
        arrangement: Mapping[str, Any] | None = None,
        image_options: Mapping[str, Any] | None = None,
        spelling: bool = True,
        rerank: bool | None = None,
        depth: Depth = DEFAULT_DEPTH,
    ) -> Call[responses.SearchResponse]:
        """Return the call of a search, see `SearchParameters`."""
        body = {"k": k, "filters": filters_body(filters), "fold": fold, "neighbours": neighbours}
        body |= arrangement or {}
        body |= {"query": query, "lanes": lanes, "cursor": cursor, "spelling": spelling}
        if image is None:
            body |= {"rerank": rerank, "depth": depth}  # pages found by a picture are not reranked
            return Call("POST", f"{self.root}/search", responses.SearchResponse, {"json": body})
        form = {name: json.dumps(value) if name == "filters" else value for name, value in body.items() if value}
        form["spelling"] = spelling
        options = dict(image_options or {})
        files = [("image", ("image", image))]
        for name in ("more_images", "not_like"):
            files += [(name, ("image", data)) for data in options.pop(name, ())]
        form |= {name: value for name, value in options.items() if value is not None}
        return Call("POST", f"{self.root}/search/image", responses.SearchResponse, {"data": form, "files": files})

    def ask(
        self,
        question: str,
        *,
        image: bytes | None = None,
        k: int = 6,
        filters: Filters | Mapping[str, Any] | None = None,
        history: Sequence[tuple[str, str]] = (),
        depth: Depth = DEFAULT_DEPTH,
        bundle: bool = False,
        across: bool | None = None,
        as_of: str | None = None,
    ) -> Call[responses.AnswerResponse]:
        """Return the call of a question, see `AskParameters`."""
        exchanges = [{"question": earlier, "answer": answer} for earlier, answer in history]
        body = {"question": question, "k": k, "filters": filters_body(filters), "history": exchanges, "depth": depth}
        body |= {"bundle": bundle, "across": across, "as_of": as_of} | (
            {} if image is None else {"image": base64.b64encode(image).decode()}
        )
        return Call("POST", f"{self.root}/answer", responses.AnswerResponse, {"json": body})

    def extract(
        self, document: str, schema: Mapping[str, Any] | str, k: int, all_pages: bool | None
    ) -> Call[responses.ExtractResponse]:
        """Return the call that extracts values from a document."""
        given = schema if isinstance(schema, str) else dict(schema)
        body = {"document": document, "schema": given, "k": k, "all_pages": all_pages}
        return Call("POST", f"{self.root}/extract", responses.ExtractResponse, {"json": body})

    def review(self, *, decided: bool, limit: int) -> Call[responses.ReviewResponse]:
        """Return the call that lists what is unsure, or was decided."""
        given = {"params": {"decided": decided, "limit": limit}}
        return Call("GET", f"{self.root}/review", responses.ReviewResponse, given)

    def decide(self, item: str, decision: Decision, value: object) -> Call[responses.ReviewItemOut]:
        """Return the call that decides on an item."""
        body = {"decision": decision, "value": value}
        url = f"{self.root}/review/{quote(item, safe='')}/decision"
        return Call("POST", url, responses.ReviewItemOut, {"json": body})

    def submit(self, files: Sequence[Any], idempotency_key: str | None) -> Call[responses.JobOut]:
        """Return the call that uploads open files, each named as it is."""
        parts = [("files", (name, file)) for name, file in files]
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return Call("POST", f"{self.root}/documents", responses.JobOut, {"files": parts, "headers": headers})

    def remove(self, document: str) -> Call[responses.JobOut]:
        """Return the call that removes a document."""
        return Call("DELETE", f"{self.root}/documents/{quote(document, safe='')}", responses.JobOut)

    def job(self, job: str) -> Call[responses.JobResponse]:
        """Return the call that reads a job with the results of its files."""
        return Call("GET", f"/v1/jobs/{job}", responses.JobResponse, {"params": {"limit": JOB_FILES}})

    def documents(self, cursor: str | None) -> Call[responses.DocumentsResponse]:
        """Return the call of a part of the documents."""
        params = {"limit": LIST_SIZE} | ({"cursor": cursor} if cursor else {})
        return Call("GET", f"{self.root}/documents", responses.DocumentsResponse, {"params": params})

    def page(self, page: str) -> Call[responses.PageOut]:
        """Return the call that reads a page's words."""
        return Call("GET", f"{self.root}/pages/{quote(page, safe='')}", responses.PageOut)


def filters_body(filters: Filters | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return filters as the body of a request has them. Raises UsageError for those that no body has."""
    if not isinstance(filters, Filters):
        return dict(filters or {})
    if filters.titles or filters.all_of or filters.none_of:
        raise UsageError(
            "expected filters of paths, kinds, dates, pages, metadata or labels, found others: write them in the query "
            "(title:report, -kind:photo)"
        )
    fields = {
        "paths": list(filters.paths),
        "kinds": list(filters.kinds),
        "since": filters.since,
        "until": filters.until,
        "first_page": filters.first_page,
        "last_page": filters.last_page,
        "metadata": dict(filters.metadata),
        "labels": list(filters.labels),
    }
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items() if value
    }


def headers_of(key: str | None) -> dict[str, str]:
    """Return the headers that carry an API key."""
    return {"Authorization": f"Bearer {key}"} if key else {}


def ask_event(name: str, data: str) -> AskEvent | None:
    """Return an event of a streamed answer; None for others. Raises ServerError for a problem."""
    if name == "text":
        return str(json.loads(data)["text"])
    if name == "citation":
        return responses.CitationOut.model_validate_json(data)
    if name == "problem":
        problem = json.loads(data)
        raise _server_error(int(problem["status"]), problem, None)
    return responses.AnswerResponse.model_validate_json(data) if name == "answer" else None


class EventReader:
    """Puts the lines of Server-Sent Events together."""

    def __init__(self) -> None:
        self._name = ""

    def read(self, line: str) -> tuple[str, str] | None:
        """Return (name, data) at an event's data, None at its other lines."""
        if line.startswith("event: "):
            self._name = line.removeprefix("event: ")
        return (self._name, line.removeprefix("data: ")) if line.startswith("data: ") else None


def require_success(response: httpx2.Response) -> None:
    """Raise ServerError for an error response, whose body has been read."""
    if response.is_success:
        return
    try:
        problem = response.json()
    except ValueError:
        problem = {}
    wait = response.headers.get("retry-after", "")
    raise _server_error(response.status_code, problem, float(wait) if wait.isdecimal() else None)


def _server_error(status: int, problem: Mapping[str, Any], retry_after: float | None) -> ServerError:
    detail = str(problem.get("detail") or f"expected a PageLens server's answer, found status {status}")
    kind = str(problem.get("type", "")).rpartition(":")[2]
    return ServerError(status, kind, " ".join(filter(None, (detail, problem.get("next_step")))), retry_after)


def page_metadata(hit: responses.HitOut) -> dict[str, str | int | float]:
    """Return the facts of a hit as plain metadata for other programs' retrievers; unknown ones are left out."""
    facts: dict[str, str | int | float | None] = {
        "page": hit.page,
        "document": hit.document,
        "source": hit.name,
        "page_number": hit.number,
        "page_label": hit.label,
        "title": hit.title,
        "kind": hit.kind,
        "score": hit.score,
        "quote": next((evidence.quote for evidence in hit.evidence if evidence.quote), None),
    }
    return {name: value for name, value in facts.items() if value is not None}
