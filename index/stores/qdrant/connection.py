"""A connection to Qdrant: a server by its address, or Qdrant's local mode in a folder.

All requests are idempotent: points have ids of their own, deletions name their points. So temporary errors (no
connection, a busy or restarting server) are retried with exponential backoff; permanent ones (a wrong key, an invalid
request) are raised at once. The client is created with the first request, so opening a collection sends none.
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
ADDRESS = "PAGELENS_QDRANT_URL"  # replaces the server's address in `collection.json`
MIN_VERSION = (1, 12)  # facets and the query API
TEMPORARY = {429, 502, 503, 504}  # HTTP status codes of a server or proxy that is busy or starting
PARALLEL_REQUESTS = 16  # of one process, for the parts of one search; further requests wait
FIRST_PAUSE = 0.25  # seconds before the second attempt; doubled for each further one

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
    """A client that retries requests and translates errors. Safe to share between threads."""

    def __init__(
        self,
        make: Callable[[], QdrantClient],
        where: str,
        *,
        local: bool = False,
        patience: float = 8.0,
        pause: Pause = time.sleep,
    ) -> None:
        """`make` returns the client; it is called with the first request. `where` names the server in messages; `local`
        means local mode, without payload indexes, where every search is a full scan. Requests are retried for about
        `patience` seconds; `pause` sleeps."""
        self._make = make
        self._client: QdrantClient | None = None
        self._lock = threading.Lock()
        self._parts = RequestPool(PARALLEL_REQUESTS, "qdrant-part")
        self._patience, self._pause = patience, pause
        self.where = where
        self.local = local

    def call(
        self,
        action: str,
        request: Callable[..., Result],
        *args: Any,
        **kwargs: Any,
    ) -> Result:
        """Return the result of a method of the client; `action` names it in errors. Raises StoreError."""
        return self._repeat(self._patience, action, request, args, kwargs)

    def call_once(self, action: str, request: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Do the same without retries."""
        return self._repeat(0.0, action, request, args, kwargs)

    def _repeat(
        self,
        patience: float,
        action: str,
        request: Callable[..., Result],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Result:
        wait, waited = FIRST_PAUSE, 0.0
        while True:
            try:
                return request(self._open(), *args, **kwargs)
            except (ResponseHandlingException, ResourceExhaustedResponse, UnexpectedResponse) as exc:
                if not _is_temporary(exc) or waited + wait > patience:
                    raise self._error(action, exc, patience) from exc
                logger.info("%s: %s; trying again", action, exc)
                self._pause(wait * random.uniform(0.75, 1.25))
                wait, waited = 2 * wait, waited + wait
            except (ValueError, RuntimeError) as exc:  # errors of local mode, and values that cannot be sent
                raise StoreError(f"{action} at {self.where} failed: {exc}") from exc

    def run_parallel(self, requests: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return the result of each request; they run at the same time, in local mode one after another. A request must
        not call this method: all threads could then wait for each other."""
        if self.local or len(requests) < 2:
            return [request() for request in requests]
        return self._parts.run(requests)

    def close(self) -> None:
        """Close the connections."""
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

    def _error(self, action: str, exc: Exception, patience: float) -> StoreError:
        if isinstance(exc, UnexpectedResponse) and exc.status_code in (401, 403):
            given = "the key in it was refused" if os.environ.get(KEY) else f"none is set in {KEY}"
            return StoreError(f"expected a key for Qdrant at {self.where}, found that {given}. Set {KEY}.")
        if isinstance(exc, UnexpectedResponse):
            answer = exc.content.decode("utf-8", "replace")[:300] if exc.content else exc.reason_phrase
            return StoreError(f"{action}: Qdrant at {self.where} answered {exc.status_code}: {answer}")
        waited = f" in {patience:g} seconds" if patience else ""
        return StoreError(
            f"{action}: expected Qdrant at {self.where}, found no answer{waited}: {exc}. "
            "Is it running, and is the address right? What was committed is kept: run the same command again."
        )


def connect(record: ServerRecord, folder: Path, *, key: str | None) -> Qdrant:
    """Return the Qdrant of a collection: the server, or local mode in `folder` where no address is recorded."""
    if not record.url:
        return Qdrant(lambda: _local(folder), str(folder), local=True)

    def make() -> QdrantClient:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Api key is used with an insecure connection"
            )  # `check_address` reports it
            port = None if re.search(r":\d+/?$", record.url) else 443 if record.url.startswith("https") else 6333
            return QdrantClient(
                url=record.url, port=port, api_key=key, timeout=int(record.timeout), check_compatibility=False
            )

    return Qdrant(make, record.url, patience=record.patience)


def _is_temporary(exc: Exception) -> bool:
    return not isinstance(exc, UnexpectedResponse) or exc.status_code in TEMPORARY


def _require_version(client: QdrantClient, where: str) -> None:
    version = client.info().version
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < MIN_VERSION:
        raise StoreError(
            f"expected Qdrant {'.'.join(map(str, MIN_VERSION))} or later at {where}, found {version}. Update Qdrant."
        )


# A folder in local mode can be opened once; the readers and the writer of a process share the client.
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
                    f"another process has {folder} open: without a server, only one process at a time can use "
                    "Qdrant. Wait for it to end, or copy the collection to a server: pagelens copy"
                ) from exc
            atexit.register(client.close)  # its own finalizer runs too late
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
