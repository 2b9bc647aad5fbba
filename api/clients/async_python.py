"""The Python client as coroutines, with the methods of `pagelens.api.clients.python`.

async with AsyncPageLensClient("http://127.0.0.1:8000") as client:
    answer = await client.ask("How much timber passed in 2024?")
"""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

import httpx2

from pagelens.api import responses
from pagelens.api.clients.client_calls import (
    EVENTS,
    TIMEOUT,
    AskEvent,
    AskParameters,
    Call,
    ClientCalls,
    EventReader,
    Reply,
    SearchParameters,
    ask_event,
    headers_of,
    require_success,
)
from pagelens.core.reviews import Decision


class AsyncPageLensClient:
    """One collection of a server (None: the default one). Tasks may share a client; a context manager closes it."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        collection: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`key`: an API key of the server. `transport`: sends the requests instead of the network, for tests."""
        self._http = httpx2.AsyncClient(base_url=url, headers=headers_of(key), timeout=TIMEOUT, transport=transport)
        self._calls = ClientCalls(collection)

    async def __aenter__(self) -> "AsyncPageLensClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def search(self, query: str = "", **options: Unpack[SearchParameters]) -> responses.SearchResponse:
        """Return the best pages for a text, an image's bytes, or both."""
        return await self._send(self._calls.search(query, **options))

    async def ask(self, question: str = "", **options: Unpack[AskParameters]) -> responses.AnswerResponse:
        """Return an answer with its citations; its text says so if the documents do not answer the question."""
        return await self._send(self._calls.ask(question, **options))

    async def ask_stream(self, question: str = "", **options: Unpack[AskParameters]) -> AsyncGenerator[AskEvent]:
        """Yield parts of an answer's text, its citations once they are checked, and at the end the whole answer."""
        async for name, data in self._events(self._calls.ask(question, **options)):
            if (event := ask_event(name, data)) is not None:
                yield event

    async def extract(
        self, document: str, schema: Mapping[str, Any] | str, *, k: int = 6, all_pages: bool | None = None
    ) -> responses.ExtractResponse:
        """Return values of a document as JSON that conforms to a JSON Schema, or to one of the server's by its name."""
        return await self._send(self._calls.extract(document, schema, k, all_pages))

    async def review(self, *, decided: bool = False, limit: int = 100) -> responses.ReviewResponse:
        """Return what a person should look at, or what was decided on it."""
        return await self._send(self._calls.review(decided=decided, limit=limit))

    async def decide(self, item: str, decision: Decision, value: object = None) -> responses.ReviewItemOut:
        """Accept, correct or reject an item of `review`."""
        return await self._send(self._calls.decide(item, decision, value))

    async def submit(self, files: Sequence[Path], *, idempotency_key: str | None = None) -> responses.JobOut:
        """Upload files; return the job that indexes them. The same key with the same files returns the same job."""
        with ExitStack() as stack:
            opened = [(path.name, stack.enter_context(path.open("rb"))) for path in files]
            return await self._send(self._calls.submit(opened, idempotency_key))

    async def index(self, files: Sequence[Path]) -> responses.JobResponse:
        """Upload files and wait until each is searchable or has failed with a reason."""
        return await self.wait((await self.submit(files)).id)

    async def remove(self, document: str) -> responses.JobResponse:
        """Remove a document, by its id, and wait until it is gone."""
        return await self.wait((await self._send(self._calls.remove(document))).id)

    async def wait(self, job: str) -> responses.JobResponse:
        """Wait until a job has ended; return it with the result of each file."""
        async for _ in self.progress(job):
            pass
        return await self._send(self._calls.job(job))

    async def progress(self, job: str) -> AsyncIterator[responses.JobOut]:
        """Yield a job's state after each change, until it has ended."""
        async for _, data in self._events(self._calls.job(job)):
            yield responses.JobOut.model_validate_json(data)

    async def documents(self) -> AsyncIterator[responses.DocumentOut]:
        """Yield all documents of the collection."""
        cursor: str | None = ""
        while cursor is not None:
            reply = await self._send(self._calls.documents(cursor))
            for document in reply.documents:
                yield document
            cursor = reply.next_cursor

    async def page(self, page: str) -> responses.PageOut:
        """Return a page's text and its words with their boxes."""
        return await self._send(self._calls.page(page))

    async def page_image(self, page: str, *, width: int = 1_000, highlight: str = "") -> bytes:
        """Return a page as JPEG, at most `width` pixels wide, the evidence for the query `highlight` marked."""
        address = f"{self._calls.page(page).path}/image"
        response = await self._http.get(address, params={"width": width, "highlight": highlight})
        require_success(response)
        return response.content

    async def _send(self, call: Call[Reply]) -> Reply:
        response = await self._http.request(call.method, call.path, **call.parts)
        require_success(response)
        return call.reply.model_validate_json(response.content)

    async def _events(self, call: Call[Reply]) -> AsyncIterator[tuple[str, str]]:
        """Yield (name, data) of Server-Sent Events."""
        reader = EventReader()
        async with self._http.stream(call.method, call.path, headers=EVENTS, **call.parts) as response:
            if response.is_error:
                await response.aread()
            require_success(response)
            async for line in response.aiter_lines():
                if (event := reader.read(line)) is not None:
                    yield event
