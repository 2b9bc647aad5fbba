"""A client for a PageLens server, from Python: search, ask, add documents and wait for them, look at pages.

    with PageLensClient("http://127.0.0.1:8000") as client:
        client.upload([Path("report.pdf")])
        for hit in client.search("timber 2024").hits:
            print(hit.name, hit.number)

What comes back are the server's own models (`pagelens.api.server.schemas.responses`). Needs httpx2 and pydantic of all PageLens is made of.
"""

import json
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel

from pagelens.api.server.schemas import responses
from pagelens.core.errors import PageLensError

Reply = TypeVar("Reply", bound=BaseModel)

TIMEOUT = httpx2.Timeout(30.0, read=300.0)  # a language model may take its time


class ServerError(PageLensError):
    """The server refused, as its problem details say: `kind` is stable, the message is for people."""

    def __init__(self, status: int, kind: str, message: str, retry_after: float | None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after  # seconds


class PageLensClient:
    """One server, one collection of it (None: the default one). Safe to share between threads; a context manager."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        collection: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """`key` as `pagelens keys create` made it; `transport` is what carries the requests, where not the network."""
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
        """Give up the connections."""
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
    ) -> responses.SearchReply:
        """Return the best pages for a text, a picture's bytes, or both. `filters` as the server names them."""
        asked = {"k": k, "filters": dict(filters or {}), "fold": fold, "neighbours": neighbours}
        asked |= {"query": query, "lanes": lanes, "cursor": cursor}
        if image is None:
            return self._post("/search", asked, responses.SearchReply)
        form = {name: json.dumps(value) if name == "filters" else value for name, value in asked.items() if value}
        answer = self._send("POST", f"{self._root}/search/image", data=form, files={"image": ("picture", image)})
        return responses.SearchReply.model_validate_json(answer.content)

    def answer(
        self,
        question: str,
        *,
        k: int = 6,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[tuple[str, str]] = (),
    ) -> responses.AnswerReply:
        """Return an answer with its citations, or an honest no."""
        return self._post("/answer", _question(question, k, filters, history), responses.AnswerReply)

    def answer_stream(
        self,
        question: str,
        *,
        k: int = 6,
        filters: Mapping[str, Any] | None = None,
        history: Sequence[tuple[str, str]] = (),
    ) -> Generator[str | responses.CitationOut | responses.AnswerReply]:
        """Yield pieces of an answer's text, its citations as they are settled, last the whole of it."""
        body = _question(question, k, filters, history)
        for name, data in self._events("POST", f"{self._root}/answer", json=body):
            if name == "text":
                yield str(json.loads(data)["text"])
            elif name == "citation":
                yield responses.CitationOut.model_validate_json(data)
            elif name == "answer":
                yield responses.AnswerReply.model_validate_json(data)
            elif name == "problem":
                problem = json.loads(data)
                raise _refused(int(problem["status"]), problem, None)

    def extract(self, document: str, schema: Mapping[str, Any], *, k: int = 6) -> responses.ExtractReply:
        """Return a document's values in the shape of a JSON Schema, each with its page."""
        return self._post("/extract", {"document": document, "schema": dict(schema), "k": k}, responses.ExtractReply)

    def submit(self, files: Sequence[Path], *, once: str | None = None) -> responses.JobOut:
        """Send files in; return the job that takes them. `once`: the same key with the same files is the same job."""
        with ExitStack() as stack:
            parts = [("files", (path.name, stack.enter_context(path.open("rb")))) for path in files]
            headers = {"Idempotency-Key": once} if once else {}
            answer = self._send("POST", f"{self._root}/documents", files=parts, headers=headers)
        return responses.JobOut.model_validate_json(answer.content)

    def wait(self, job: str) -> responses.JobReply:
        """Return a job once it has ended, with what became of each of its files."""
        for _ in self.progress(job):
            pass
        return self._get(f"/v1/jobs/{job}?limit=1000", responses.JobReply)

    def progress(self, job: str) -> Iterator[responses.JobOut]:
        """Yield a job's state at each change until it has ended."""
        for _, data in self._events("GET", f"/v1/jobs/{job}"):
            yield responses.JobOut.model_validate_json(data)

    def upload(self, files: Sequence[Path]) -> responses.JobReply:
        """Send files in and wait until they are searchable, or failed with a reason."""
        return self.wait(self.submit(files).id)

    def documents(self) -> Iterator[responses.DocumentOut]:
        """Yield every document."""
        cursor = ""
        while True:
            reply = self._get(f"{self._root}/documents?limit=500{cursor}", responses.DocumentsReply)
            yield from reply.documents
            if reply.next_cursor is None:
                return
            cursor = f"&cursor={quote(reply.next_cursor)}"

    def page(self, page: str) -> responses.PageOut:
        """Return a page's text, its words and their boxes."""
        return self._get(f"{self._root}/pages/{page}", responses.PageOut)

    def picture(self, page: str, *, width: int = 1_000, highlight: str = "") -> bytes:
        """Return a page as JPEG, what `highlight` is about marked."""
        query = {"width": width, "highlight": highlight}
        return self._send("GET", f"{self._root}/pages/{page}/image", params=query).content

    def _post(self, path: str, body: Mapping[str, Any], kind: type[Reply]) -> Reply:
        return kind.model_validate_json(self._send("POST", self._root + path, json=body).content)

    def _get(self, path: str, kind: type[Reply]) -> Reply:
        return kind.model_validate_json(self._send("GET", path).content)

    def _send(self, method: str, path: str, **parts: Any) -> httpx2.Response:
        answer = self._http.request(method, path, **parts)
        _require_success(answer)
        return answer

    def _events(self, method: str, path: str, **parts: Any) -> Iterator[tuple[str, str]]:
        """Yield (name, data) of Server-Sent Events."""
        with self._http.stream(method, path, headers={"Accept": "text/event-stream"}, **parts) as answer:
            if answer.is_error:
                answer.read()
            _require_success(answer)
            name = ""
            for line in answer.iter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, line.removeprefix("data: ")


def _question(
    question: str, k: int, filters: Mapping[str, Any] | None, history: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    turns = [{"question": asked, "answer": answered} for asked, answered in history]
    return {"question": question, "k": k, "filters": dict(filters or {}), "history": turns}


def _require_success(answer: httpx2.Response) -> None:
    if answer.is_success:
        return
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    wait = answer.headers.get("retry-after", "")
    raise _refused(answer.status_code, problem, float(wait) if wait.isdecimal() else None)


def _refused(status: int, problem: Mapping[str, Any], retry_after: float | None) -> ServerError:
    said = str(problem.get("detail") or f"expected a PageLens server's answer, found status {status}")
    kind = str(problem.get("type", "")).rpartition(":")[2]
    return ServerError(status, kind, " ".join(filter(None, (said, problem.get("next_step")))), retry_after)
