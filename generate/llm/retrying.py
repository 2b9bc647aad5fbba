"""Retries of calls to a model: only if the server was busy or broken and nothing of the reply had arrived.

A reply that broke off is never requested again: its text has been shown already.
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
class RetryPolicy:
    """Timeouts and waits in seconds, and how often a call is made."""

    connect_timeout: float = 10.0
    idle_timeout: float = 120.0  # before the first piece, and between two pieces
    total_timeout: float = 600.0  # from the first piece of a reply to its last
    max_attempts: int = 4
    max_wait: float = 60.0  # before another attempt; if a server asks for more, the call fails
    first_wait: float = 1.0  # doubles from attempt to attempt
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


class RetryableError(Exception):
    """A failure that may pass. `retry_after`: seconds that the server asked to wait."""

    def __init__(self, error: GenerationError, retry_after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


def with_retries(call: Callable[[], Generator[ChatEvent]], policy: RetryPolicy) -> Generator[ChatEvent]:
    """Yield what a call yields; if it fails with RetryableError before its first event, wait and call again.

    Raises GenerationError. Closing this generator closes the call.
    """
    for attempt in range(1, policy.max_attempts + 1):
        began = False
        try:
            with closing(call()) as events:
                for event in _limit_duration(events, policy):
                    began = True
                    yield event
            return
        except RetryableError as exc:
            wait = _wait(exc, attempt, policy)
            if began or attempt == policy.max_attempts or wait > policy.max_wait:
                raise _final_error(exc, attempt) from exc.__cause__
            logger.info("attempt %d of %d: %s; the next in %.1f s", attempt, policy.max_attempts, exc, wait)
        policy.sleep(wait)


def _limit_duration(events: Iterator[ChatEvent], policy: RetryPolicy) -> Iterator[ChatEvent]:
    """Yield the events; raise GenerationError if they go on for longer than the policy's total timeout."""
    deadline: float | None = None
    for event in events:
        now = policy.clock()
        deadline = deadline or now + policy.total_timeout
        if now > deadline:
            raise GenerationError(
                "timed-out", f"expected the whole reply within {policy.total_timeout:g} s, found it going on"
            )
        yield event


def _wait(exc: RetryableError, attempt: int, policy: RetryPolicy) -> float:
    """Return how long to wait: as the server asks, else exponential backoff with up to half of it random."""
    if exc.retry_after is not None:
        return max(0.0, exc.retry_after)
    doubled: float = policy.first_wait * 2.0 ** (attempt - 1)
    return min(policy.max_wait, doubled * (1 - random.random() / 2))


def _final_error(exc: RetryableError, attempt: int) -> GenerationError:
    tries = f" Tried {attempt} times." if attempt > 1 else ""
    wait = f" It asks to wait {exc.retry_after:g} s." if exc.retry_after is not None else ""
    return GenerationError(exc.error.code, f"{exc.error}{tries}{wait}")
