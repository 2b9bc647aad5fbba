"""When a call to a model may be made again: the server was busy or broken, and nothing of the reply had come.

A reply that broke off is never asked for again: its text has been read already. Knows no protocol on the wire.
"""

import logging
import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from pagelens.core.errors import GenerationError
from pagelens.generate.llm.chat import ChatEvent

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and how often a call is made."""

    connect: float = 10.0
    silence: float = 120.0  # between two pieces; before the first, too
    whole: float = 600.0  # a reply, from its first piece to its last
    attempts: int = 4
    longest_wait: float = 60.0  # before a further attempt; a server that asks for more is not waited for
    first_wait: float = 1.0  # doubles from attempt to attempt
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class RetryableError(Exception):
    """A call failed in a way that may pass. `after`: seconds that the server asked to wait."""

    def __init__(self, error: GenerationError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


def with_retries(call: Callable[[], Generator[ChatEvent]], patience: Patience) -> Generator[ChatEvent]:
    """Yield what a call yields; where it fails before its first event and may be made again, wait and do so.

    Raises GenerationError. Closing this generator closes the call.
    """
    for attempt in range(1, patience.attempts + 1):
        began = False
        try:
            with closing(call()) as events:
                for event in _in_time(events, patience):
                    began = True
                    yield event
            return
        except RetryableError as exc:
            wait = _wait(exc, attempt, patience)
            if began or attempt == patience.attempts or wait > patience.longest_wait:
                raise _final(exc, attempt) from exc.__cause__
            logger.info("attempt %d of %d: %s; the next in %.1f s", attempt, patience.attempts, exc, wait)
        patience.sleep(wait)


def _in_time(events: Iterator[ChatEvent], patience: Patience) -> Iterator[ChatEvent]:
    ends: float | None = None
    for event in events:
        now = patience.clock()
        ends = ends or now + patience.whole
        if now > ends:
            raise GenerationError(
                "timed-out", f"expected the whole reply within {patience.whole:g} s, found it going on"
            )
        yield event


def _wait(exc: RetryableError, attempt: int, patience: Patience) -> float:
    """Return how long to wait: what the server asks for, else doubling, up to half of it left to chance."""
    if exc.after is not None:
        return max(0.0, exc.after)
    doubled: float = patience.first_wait * 2.0 ** (attempt - 1)
    return min(patience.longest_wait, doubled * (1 - random.random() / 2))


def _final(exc: RetryableError, attempt: int) -> GenerationError:
    tries = f" Tried {attempt} times." if attempt > 1 else ""
    asked = f" It asks to wait {exc.after:g} s." if exc.after is not None else ""
    return GenerationError(exc.error.code, f"{exc.error}{tries}{asked}")
