"""What an indexing run waits for: which of its stages took the most of its latest seconds. Knows no stage's work."""

import math
import time
from collections.abc import Callable

from pagelens.api.engine.results import IndexStage

LATEST = 5.0  # seconds after which what was waited for counts little (by a factor of e)


class WaitClock:
    """Time shared out among what is waited for, older time counting less and less. For one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._now: IndexStage = "reading"
        self._since = clock()
        self._spent: dict[IndexStage, float] = {"reading": 0.0}

    def turn_to(self, what: IndexStage) -> None:
        """Begin to wait for something; what was waited for until now is at its end."""
        moment = self._clock()
        taken, self._since = moment - self._since, moment
        faded = math.exp(-taken / LATEST)
        self._spent = {one: seconds * faded for one, seconds in self._spent.items()}
        self._spent[self._now] = self._spent.get(self._now, 0.0) + LATEST * (1 - faded)
        self._now = what

    def most(self) -> IndexStage:
        """Return what took the most of the latest seconds."""
        self.turn_to(self._now)
        return max(self._spent, key=lambda one: self._spent[one])
