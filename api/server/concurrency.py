"""Turns: so many of a kind run at once, so many wait, the rest are sent away; and a token bucket for each caller.

Knows seconds and counts, not HTTP.
"""

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LATELY = 0.1  # how much the latest turn counts beside those before it,
RECOVERS = 0.5  # and one that was quicker: a slow first turn must not send the next ones away


class Overloaded(Exception):
    """No turn to be had. `retry_after` is in seconds."""

    def __init__(self, kind: str, retry_after: int) -> None:
        super().__init__(f"too many requests of this kind wait already ({kind})")
        self.retry_after = retry_after


class Gate:
    """Lets `running` through at once and `waiting` wait behind them in the order they came, for `patience` seconds at
    most: who would wait longer, by how long turns have taken lately, is sent away at once."""

    def __init__(
        self, kind: str, *, running: int, waiting: int, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.kind = kind
        self._running, self._most, self._patience, self._clock = running, waiting, patience, clock
        self._free = running
        self._queue: deque[threading.Event] = deque()
        self._turn = 0.0  # seconds that one has taken lately; 0: not known
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a turn. Raises Overloaded."""
        self._enter()
        began = self._clock()
        try:
            yield
        finally:
            self._leave(self._clock() - began)

    def _enter(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            expected = self._turn * (len(self._queue) + 1) / self._running
            if len(self._queue) >= self._most or expected > self._patience:
                raise Overloaded(self.kind, math.ceil(max(1.0, expected - self._patience)))
            mine = threading.Event()
            self._queue.append(mine)
        try:
            called = mine.wait(self._patience)
        except BaseException:
            self._step_back(mine)
            raise
        if not called and not self._withdrawn(mine):
            raise Overloaded(self.kind, math.ceil(max(1.0, self._turn)))

    def _withdrawn(self, mine: threading.Event) -> bool:
        """Leave the queue; return whether the turn came in that very moment."""
        with self._lock:
            if mine in self._queue:
                self._queue.remove(mine)
                return False
            return True

    def _step_back(self, mine: threading.Event) -> None:
        if self._withdrawn(mine):
            self._pass_on()

    def _leave(self, took: float) -> None:
        with self._lock:
            share = 1.0 if not self._turn else RECOVERS if took < self._turn else LATELY
            self._turn += share * (took - self._turn)
        self._pass_on()

    def _pass_on(self) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().set()
            else:
                self._free += 1


class Buckets:
    """A token bucket for each of the callers seen last: `burst` at once, `rate` a second."""

    def __init__(
        self, *, rate: float, burst: int, most: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._most, self._clock = rate, float(burst), most, clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> tokens, when counted
        self._lock = threading.Lock()

    def take(self, caller: str, tokens: float = 1.0) -> float:
        """Take tokens; return 0, or the seconds until there are enough of them (then none is taken)."""
        with self._lock:
            now = self._clock()
            held, counted = self._held.pop(caller, (self._burst, now))
            held = min(self._burst, held + (now - counted) * self._rate)
            enough = held >= tokens
            self._held[caller] = (held - tokens if enough else held, now)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
            return 0.0 if enough else (tokens - held) / self._rate
