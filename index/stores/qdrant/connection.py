"""A Qdrant to talk to: a server by its address, or Qdrant's own format in a folder. Knows no lanes and no catalog.

Every request PageLens makes may be made twice: points are written under ids of their own, deletions name what goes. So
what may pass by itself (no connection, a busy or restarting server) is tried again for a while, the wait doubling; what
will not (a wrong key, a wrong question) is said at once. The client is made with the first request: opening a
collection asks nothing of a server.
"""

import atexit
import logging
import os
import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import ResourceExhaustedResponse
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from pagelens.core.errors import StoreError
from pagelens.index.layout import ServerRecord

logger = logging.getLogger(__name__)

KEY = "PAGELENS_QDRANT_KEY"
OLDEST = (1, 12)  # facets and the query API
PASSING = {429, 502, 503, 504}  # answers of a server that is busy, starting or behind something that is
PARALLEL_REQUESTS = 16  # of one process, for the parts of one search; further requests wait
FIRST_PAUSE = 0.25  # seconds before the second try; doubled for each further one

Result = TypeVar("Result")
Pause = Callable[[float], None]


class RequestPool:
    """Threads for requests that run at the same time, started with the first batch. A request must not run others in
    the same pool: all threads could then wait for each other."""

    def __init__(self, size: int, name: str) -> None:
        self._size, self._name = size, name
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def run(self, requests: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return the result of each request, in order."""
        with self._lock:  # `close` waits for requests submitted before it
            self._threads = self._threads or ThreadPoolExecutor(self._size, self._name)
            futures = [self._threads.submit(request) for request in requests]
        return [future.result() for future in futures]

    def close(self) -> None:
        """Wait for submitted requests and end the threads. A later `run` starts new ones."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()


class Qdrant:
    """A client with our errors: `call` makes a request. Safe to share between threads."""

    def __init__(
        self,
        make: Callable[[], QdrantClient],
        where: str,
        *,
        local: bool = False,
        patience: float = 8.0,
        pause: Pause = time.sleep,
    ) -> None:
        """`make` gives the client when it is first needed; `where` is what people know the server by; `local` says
        that there is none: then payloads are not indexed and every row is looked at. A server may be away for
        `patience` seconds, about; `pause` waits."""
        self._make = make
        self._client: QdrantClient | None = None
        self._lock = threading.Lock()
        self._parts = RequestPool(PARALLEL_REQUESTS, "qdrant-part")
        self._patience, self._pause = patience, pause
        self.where = where
        self.local = local

    def call(
        self,
        what: str,
        request: Callable[..., Result],
        *args: Any,
        **kwargs: Any,
    ) -> Result:
        """Return what a method of the client gives; `what` says in an error what was being done. Raises StoreError."""
        return self._repeat(self._patience, what, request, args, kwargs)

    def ask(self, what: str, request: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Do the same, but ask only once."""
        return self._repeat(0.0, what, request, args, kwargs)

    def _repeat(
        self, patience: float, what: str, request: Callable[..., Result], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Result:
        wait, waited = FIRST_PAUSE, 0.0
        while True:
            try:
                return request(self._open(), *args, **kwargs)
            except (ResponseHandlingException, ResourceExhaustedResponse, UnexpectedResponse) as exc:
                if not _may_pass(exc) or waited + wait > patience:
                    raise self._error(what, exc, patience) from exc
                logger.info("%s: %s; trying again", what, exc)
                self._pause(wait * random.uniform(0.75, 1.25))
                wait, waited = 2 * wait, waited + wait
            except (ValueError, RuntimeError) as exc:  # local mode's errors, and values no request can be made of
                raise StoreError(f"{what} at {self.where} failed: {exc}") from exc

    def run_parallel(self, requests: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return what some requests give, each on a connection of its own; local mode is asked one by one. A request
        makes no others this way, or all could wait for each other."""
        if self.local or len(requests) < 2:
            return [request() for request in requests]
        return self._parts.run(requests)

    def close(self) -> None:
        """Give up the connections."""
        self._parts.close()
        with self._lock:
            if self._client is not None:
                _release(self._client)
                self._client = None

    def _open(self) -> QdrantClient:
        with self._lock:
            if self._client is None:
                client = self._make()
                _require_version(client, self.where)
                self._client = client
            return self._client

    def _error(self, what: str, exc: Exception, patience: float) -> StoreError:
        if isinstance(exc, UnexpectedResponse) and exc.status_code in (401, 403):
            given = "the key in it was refused" if os.environ.get(KEY) else f"none is set in {KEY}"
            return StoreError(f"expected a key for Qdrant at {self.where}, found that {given}. Set {KEY}.")
        if isinstance(exc, UnexpectedResponse):
            said = exc.content.decode("utf-8", "replace")[:300] if exc.content else exc.reason_phrase
            return StoreError(f"{what}: Qdrant at {self.where} answered {exc.status_code}: {said}")
        waited = f" in {patience:g} seconds" if patience else ""
        return StoreError(
            f"{what}: expected Qdrant at {self.where}, found no answer{waited}: {exc}. "
            "Is it running, and is the address right? What was committed is kept: run the same command again."
        )


def connect(record: ServerRecord, folder: Path, *, key: str | None) -> Qdrant:
    """Return the Qdrant of a collection: the server, or `folder` where no address is recorded."""
    if not record.url:
        return Qdrant(lambda: _local(folder), str(folder), local=True)

    def make() -> QdrantClient:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Api key is used with an insecure connection")  # said by `check_address`
            port = None if re.search(r":\d+/?$", record.url) else 443 if record.url.startswith("https") else 6333
            return QdrantClient(
                url=record.url, port=port, api_key=key, timeout=int(record.timeout), check_compatibility=False
            )

    return Qdrant(make, record.url, patience=record.patience)


def _may_pass(exc: Exception) -> bool:
    return not isinstance(exc, UnexpectedResponse) or exc.status_code in PASSING


def _require_version(client: QdrantClient, where: str) -> None:
    version = client.info().version
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        raise StoreError(f"expected Qdrant {'.'.join(map(str, OLDEST))} or later at {where}, found {version}")


# A folder in Qdrant's own format has one opener; readers and the writer of one process share it.
_folders: dict[Path, tuple[QdrantClient, int]] = {}
_folders_lock = threading.Lock()


def _local(folder: Path) -> QdrantClient:
    with _folders_lock:
        client, users = _folders.get(folder, (None, 0))
        if client is None:
            try:
                client = QdrantClient(path=str(folder), force_disable_check_same_thread=True)
            except RuntimeError as exc:
                raise StoreError(
                    f"another process has {folder} open: without a server Qdrant's vectors are for one process at a "
                    "time. Wait for it to end, or move the collection to a server: pagelens copy"
                ) from exc
            atexit.register(client.close)  # its own finaliser comes too late
        _folders[folder] = (client, users + 1)
        return client


def _release(client: QdrantClient) -> None:
    with _folders_lock:
        for folder, (shared, users) in list(_folders.items()):
            if shared is client:
                if users > 1:
                    _folders[folder] = (client, users - 1)
                    return
                del _folders[folder]
    atexit.unregister(client.close)
    client.close()
