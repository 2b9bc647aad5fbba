"""Micro-batching: concurrent calls of one function from several threads become one call, without a waiting time.

A caller that finds no batch running runs its own request at once, alone. Requests that arrive meanwhile queue up, and
the first of them then runs all of them as one batch. An idle machine therefore adds no latency, and a busy one forms
its batches by itself.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")

BatchFunction = Callable[[Sequence[Request]], Sequence[Result]]

MAX_BATCH_SIZE = 32


class _Call(Generic[Request, Result]):
    """One caller's request and its outcome."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.wake = threading.Event()  # set when the call is done, or when its thread has to run the next batch
        self.results: list[Result] = []  # one result once the call is done
        self.error: Exception | None = None
        self.abandoned = False  # its caller was interrupted and waits no longer

    @property
    def done(self) -> bool:
        return bool(self.results) or self.error is not None


class MicroBatcher(Generic[Request, Result]):
    """Runs the requests of many threads through one batch function, one batch at a time.

    The batch function takes requests and returns one result for each; results must not depend on the other requests of
    the batch. If it raises for a batch of several, each request is run alone, so an error reaches only the caller that
    caused it. A caller that is interrupted leaves the queue without delaying the others. The function is passed with
    each call, always the same one, because a stored bound method would keep its owner in a reference cycle.
    """

    def __init__(self, *, max_batch_size: int = MAX_BATCH_SIZE) -> None:
        """With a `max_batch_size` of 1 requests run one after another."""
        self._max_batch_size = max_batch_size
        self._lock = threading.Lock()
        self._queue: deque[_Call[Request, Result]] = deque()
        self._busy = False

    def __call__(self, request: Request, function: BatchFunction[Request, Result]) -> Result:
        """Return the result of this request. Raises what `function` raises for it."""
        call = _Call[Request, Result](request)
        with self._lock:
            leads = not self._busy
            self._busy = True
            if not leads:
                self._queue.append(call)
        if not leads:
            self._wait(call)
        if not call.done:
            self._run_batch(call, function)
        if call.error is not None:
            raise call.error
        return call.results[0]

    def _wait(self, call: _Call[Request, Result]) -> None:
        """Wait until the call is done or its thread has to run the next batch."""
        try:
            call.wake.wait()
        except BaseException:  # only this thread is interrupted
            with self._lock:
                call.abandoned = True
                queued = call in self._queue
                if queued:
                    self._queue.remove(call)
            if not queued and call.wake.is_set() and not call.done:
                self._wake_next()
            raise

    def _run_batch(self, call: _Call[Request, Result], function: BatchFunction[Request, Result]) -> None:
        """Run this call and the queued ones, then wake the thread that runs the next batch."""
        with self._lock:
            others = [self._queue.popleft() for _ in range(min(len(self._queue), self._max_batch_size - 1))]
        try:
            self._run([call, *others], function)
        finally:
            with self._lock:
                unfinished = [other for other in others if not other.done and not other.abandoned]  # interrupted
                self._queue.extendleft(reversed(unfinished))
            for other in others:
                if other.done:  # interrupted between its result and its wake-up
                    other.wake.set()
            self._wake_next()

    def _run(self, calls: Sequence[_Call[Request, Result]], function: BatchFunction[Request, Result]) -> None:
        """Set each call's result or error; run each alone if the batch as a whole raises."""
        try:
            results = function([call.request for call in calls])
        except Exception as exc:  # noqa: BLE001  # any error is raised again in the caller's own thread
            if len(calls) > 1:
                for call in calls:
                    self._run([call], function)
                return
            calls[0].error = exc
        else:
            for call, result in zip(calls, results, strict=True):
                call.results.append(result)
        for call in calls:
            call.wake.set()

    def _wake_next(self) -> None:
        """Wake the first queued call, whose thread runs the next batch."""
        with self._lock:
            self._busy = bool(self._queue)
            if self._queue:
                self._queue.popleft().wake.set()
