"""Requests made side by side. Knows nothing of what is asked."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class AtOnce:
    """Threads that are started when first wanted. A request makes no others on the same ones, or all could wait for
    each other."""

    def __init__(self, most: int, name: str) -> None:
        self._most, self._name = most, name
        self._threads: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    def __call__(self, requests: Sequence[Callable[[], Result]]) -> list[Result]:
        """Return what each request gives."""
        with self._lock:  # whoever closes waits for what is taken on here
            self._threads = self._threads or ThreadPoolExecutor(self._most, self._name)
            taken = [self._threads.submit(request) for request in requests]
        return [one.result() for one in taken]

    def close(self) -> None:
        """End the threads when they have done what they took on; asked again, others are started."""
        with self._lock:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown()
