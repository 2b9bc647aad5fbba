"""Concurrency limits with a bounded waiting queue, and a token bucket for each caller."""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Weights of the newest duration in the moving average of durations. A shorter duration weighs more than a longer one,
# so that one slow first call (which loads a model) does not cause the next calls to be refused.
WEIGHT_LONGER = 0.1
WEIGHT_SHORTER = 0.5


class Overloaded(Exception):
    """The limit is reached and the waiting queue is full or too slow. `retry_after` is in seconds."""

    def __init__(self, kind: str, retry_after: int) -> None:
        super().__init__(f"too many requests of this kind wait already ({kind})")
        self.retry_after = retry_after


class ConcurrencyLimiter:
    """Runs at most `max_running` calls at once and lets at most `max_waiting` wait, first come, first served.

    A call waits for at most `max_wait` seconds. It is refused at once if the moving average of durations predicts a
    longer wait.
    """

    def __init__(
        self,
        kind: str,
        *,
        max_running: int,
        max_waiting: int,
        max_wait: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`kind` names the limited operation in messages."""
        self.kind = kind
        self._max_running, self._max_waiting, self._max_wait, self._clock = max_running, max_waiting, max_wait, clock
        self._free = max_running
        self._queue: deque[threading.Event] = deque()
        self._duration = 0.0  # moving average in seconds; 0: not known
        self._lock = threading.Lock()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots, waiting for it if necessary. Raises Overloaded."""
        self._acquire()
        started = self._clock()
        try:
            yield
        finally:
            self._release(self._clock() - started)

    def _acquire(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            expected = self._duration * (len(self._queue) + 1) / self._max_running
            if len(self._queue) >= self._max_waiting or expected > self._max_wait:
                raise Overloaded(self.kind, math.ceil(max(1.0, expected - self._max_wait)))
            granted = threading.Event()
            self._queue.append(granted)
        try:
            in_time = granted.wait(self._max_wait)
        except BaseException:
            if not self._leave_queue(granted):
                self._pass_on()
            raise
        if not in_time and self._leave_queue(granted):
            raise Overloaded(self.kind, math.ceil(max(1.0, self._duration)))

    def _leave_queue(self, granted: threading.Event) -> bool:
        """Remove a waiting call from the queue. Return False if it has been granted its slot in the meantime."""
        with self._lock:
            if granted in self._queue:
                self._queue.remove(granted)
                return True
            return False

    def _release(self, duration: float) -> None:
        with self._lock:
            weight = 1.0 if not self._duration else WEIGHT_SHORTER if duration < self._duration else WEIGHT_LONGER
            self._duration += weight * (duration - self._duration)
        self._pass_on()

    def _pass_on(self) -> None:
        """Give a free slot to the first waiting call, or return it to the pool."""
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1


class TokenBuckets:
    """A token bucket for each caller: `burst` tokens at once, refilled with `rate` tokens a second.

    The buckets of the `max_callers` most recent callers are kept; a caller without a bucket starts with a full one.
    """

    def __init__(
        self, *, rate: float, burst: int, max_callers: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._max_callers, self._clock = rate, float(burst), max_callers, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> tokens, time of counting
        self._lock = threading.Lock()

    def take(self, caller: str, tokens: float = 1.0) -> float:
        """Take tokens. Return 0, or the seconds until there are enough of them (in that case none is taken)."""
        with self._lock:
            now = self._clock()
            available, counted = self._buckets.pop(caller, (self._burst, now))
            available = min(self._burst, available + (now - counted) * self._rate)
            enough = available >= tokens
            self._buckets[caller] = (available - tokens if enough else available, now)
            while len(self._buckets) > self._max_callers:
                self._buckets.popitem(last=False)
            return 0.0 if enough else (tokens - available) / self._rate
