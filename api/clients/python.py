"""A Python client for a PageLens server: search, answers, uploads, pages.

    with PageLensClient("http://127.0.0.1:8000") as client:
        client.upload([Path("report.pdf")])
        for hit in client.search("timber 2024").hits:
            print(hit.name, hit.number)

Methods return the response models of the HTTP API, `pagelens.api.responses`.
"""

import base64
import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel

from pagelens.api import responses
from pagelens.core.errors import PageLensError
from pagelens.core.types import DEFAULT_DEPTH, Depth

Reply = TypeVar("Reply", bound=BaseModel)

TIMEOUT = httpx2.Timeout(30.0, read=300.0)  # a language model may take its time


class ServerError(PageLensError):
    """An error response of the server. `kind`: its problem type, a stable name; the message is for people."""

    def __init__(self, status: int, kind: str, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after  # seconds


class PageLensClient:
    """One collection of a server (None: the default one). Threads may share a client; a context manager closes it."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        collection: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`key`: an API key of the server. `transport`: sends the requests instead of the network, for tests."""
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT, transport=transport)
        self._root = f"/v1/collections/{quote(collection, safe='')}" if collection else "/v1"

    def __enter__(self) -> "PageLensClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def search(
        self,
        query: str = "",
        *,
        image: bytes | None = None,
        k: int = 10,
        filters: Mapping[str, Any] | None = None,
        lanes: Sequence[str] | None = None,
        fold: bool = False,
        neighbours: int = 0,
        cursor: str | None = None,
        arrangement: Mapping[str, Any] | None = None,
        image_options: Mapping[str, Any] | None = None,
        spelling: bool = True,
        rerank: bool | None = None,
        depth: Depth = DEFAULT_DEPTH,
    ) -> responses.SearchResponse:
        """Return the best pages for a text, an image's bytes, or both. `filters`: as in the body of POST /v1/search;
        `arrangement`: its fields `sort`, `group_by`, `per_group` and `facets`; `image_options`: its fields `text_share`
        and `not_itself`, and the bytes of pictures in lists, `more_images` and `not_like`. `depth`: how much work."""
        body = {"k": k, "filters": dict(filters or {}), "fold": fold, "neighbours": neighbours}
        body |= arrangement or {}
        body |= {"query": query, "lanes": lanes, "cursor": cursor, "spelling": spelling}
        if image is None:
            body |= {"rerank": rerank, "depth": depth}  # pages found by a picture are not reranked
            return self._post("/search", body, responses.SearchResponse)
        form = {name: json.dumps(value) if name == "filters" else value for name, value in body.items() if value}
        form["spelling"] = spelling
        options = dict(image_options or {})
        files = [("image", ("image", image))]
        for name in ("more_images", "not_like"):
            files += [(name, ("image", data)) for data in options.pop(name, ())]
        form |= {name: value for name, value in options.items() if value is not None}
        response = self._send("POST", f"{self._root}/search/image", data=form, files=files)
        return responses.SearchResponse.model_validate_json(response.content)

    def answer(
        self,
        question: str = "",
        *,
        image: bytes | None = None,
        k: int = 6,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[tuple[str, str]] = (),
        depth: Depth = DEFAULT_DEPTH,
        bundle: bool = False,
    ) -> responses.AnswerResponse:
        """Return an answer with its citations; its text says so if the documents do not answer the question.

        `image`: the bytes of a picture that the question is about; with one the question may be empty. `bundle`: with
        an evidence bundle, for others to check (docs/evidence.md).
        """
        body = {**_answer_request(question, image, k, filters, history, depth), "bundle": bundle}
        return self._post("/answer", body, responses.AnswerResponse)

    def answer_stream(
        self,
        question: str = "",
        *,
        image: bytes | None = None,
        k: int = 6,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[tuple[str, str]] = (),
        depth: Depth = DEFAULT_DEPTH,
    ) -> Generator[str | responses.CitationOut | responses.AnswerResponse]:
        """Yield parts of an answer's text, its citations once they are checked, and at the end the whole answer."""
        body = _answer_request(question, image, k, filters, history, depth)
        for name, data in self._events("POST", f"{self._root}/answer", json=body):
            if name == "text":
                yield str(json.loads(data)["text"])
            elif name == "citation":
                yield responses.CitationOut.model_validate_json(data)
            elif name == "answer":
                yield responses.AnswerResponse.model_validate_json(data)
            elif name == "problem":
                problem = json.loads(data)
                raise _server_error(int(problem["status"]), problem, None)

    def extract(self, document: str, schema: Mapping[str, Any], *, k: int = 6) -> responses.ExtractResponse:
        """Return values of a document as JSON that conforms to a JSON Schema, each with its page."""
        return self._post("/extract", {"document": document, "schema": dict(schema), "k": k}, responses.ExtractResponse)

    def submit(self, files: Sequence[Path], *, idempotency_key: str | None = None) -> responses.JobOut:
        """Upload files; return the job that indexes them. The same key with the same files returns the same job."""
        with ExitStack() as stack:
            parts = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in files]
            headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
            response = self._send("POST", f"{self._root}/documents", files=parts, headers=headers)
        return responses.JobOut.model_validate_json(response.content)

    def wait(self, job: str) -> responses.JobResponse:
        """Wait until a job has ended; return it with the result of each file."""
        for _ in self.progress(job):
            pass
        return self._get(f"/v1/jobs/{job}?limit=1000", responses.JobResponse)

    def progress(self, job: str) -> Iterator[responses.JobOut]:
        """Yield a job's state after each change, until it has ended."""
        for _, data in self._events("GET", f"/v1/jobs/{job}"):
            yield responses.JobOut.model_validate_json(data)

    def upload(self, files: Sequence[Path]) -> responses.JobResponse:
        """Upload files and wait until each is searchable or has failed with a reason."""
        return self.wait(self.submit(files).id)

    def documents(self) -> Iterator[responses.DocumentOut]:
        """Yield all documents of the collection."""
        cursor = ""
        while True:
            reply = self._get(f"{self._root}/documents?limit=500{cursor}", responses.DocumentsResponse)
            yield from reply.documents
            if reply.next_cursor is None:
                return
            cursor = f"&cursor={quote(reply.next_cursor)}"

    def page(self, page: str) -> responses.PageOut:
        """Return a page's text and its words with their boxes."""
        return self._get(f"{self._root}/pages/{page}", responses.PageOut)

    def page_image(self, page: str, *, width: int = 1_000, highlight: str = "") -> bytes:
        """Return a page as JPEG, at most `width` pixels wide, the evidence for the query `highlight` marked."""
        query = {"width": width, "highlight": highlight}
        return self._send("GET", f"{self._root}/pages/{page}/image", params=query).content

    def _post(self, path: str, body: Mapping[str, Any], kind: type[Reply]) -> Reply:
        return kind.model_validate_json(self._send("POST", self._root + path, json=body).content)

    def _get(self, path: str, kind: type[Reply]) -> Reply:
        return kind.model_validate_json(self._send("GET", path).content)

    def _send(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        response = self._http.request(method, path, **parts)
        _require_success(response)
        return response

    def _events(self, method: str, path: str, **parts: Any) -> Iterator[tuple[str, str]]:
        """Yield (name, data) of Server-Sent Events."""
        with self._http.stream(method, path, headers={"Accept": "text/event-stream"}, **parts) as response:
            if response.is_error:
                response.read()
            _require_success(response)
            name = ""
            for line in response.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, line.removeprefix("data: ")


def _answer_request(
    question: str,
    image: bytes | None,
    k: int,
    filters: Mapping[str, Any] | None,
    history: Sequence[tuple[str, str]],
    depth: Depth,
) -> dict[str, Any]:
    exchanges = [{"question": earlier, "answer": answer} for earlier, answer in history]
    body = {"question": question, "k": k, "filters": dict(filters or {}), "history": exchanges, "depth": depth}
    return body if image is None else {**body, "image": base64.b64encode(image).decode()}


def _require_success(response: httpx2.Response) -> None:
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
