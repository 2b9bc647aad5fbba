"""Turns: so many of a kind run at once, so many wait, the rest are sent away; and a token bucket for each caller.

Knows seconds and counts, not HTTP.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Overloaded(Exception):
    """No turn to be had. `retry_after` is in seconds."""

    def __init__(self, kind: str, retry_after: int) -> None:
        super().__init__(f"too many requests of this kind wait already ({kind})")
        self.retry_after = retry_after


class Gate:
    """Lets `running` through at once and `waiting` wait behind them, for `patience` seconds at most."""

    def __init__(self, kind: str, *, running: int, waiting: int, patience: float) -> None:
        self.kind = kind
        self._turns = threading.Semaphore(running)
        self._room = threading.Semaphore(running + waiting)
        self._patience = patience

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a turn. Raises Overloaded."""
        if not self._room.acquire(blocking=False):
            raise Overloaded(self.kind, 1)
        try:
            if not self._turns.acquire(timeout=self._patience):
                raise Overloaded(self.kind, 5)
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._room.release()


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
