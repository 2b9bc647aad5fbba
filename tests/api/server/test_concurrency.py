"""Concurrency limits and token buckets, on a clock of the test."""

import threading

import pytest

from pagelens.api.server.concurrency import ConcurrencyLimiter, Overloaded, TokenBuckets


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    now = 0.0
    buckets = TokenBuckets(rate=2.0, burst=3, clock=lambda: now)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0
    now = 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_a_limiter_refuses_a_call_without_a_free_slot_or_queue_place() -> None:
    limiter = ConcurrencyLimiter("search", max_running=1, max_waiting=0, max_wait=0.0)
    with limiter.slot(), pytest.raises(Overloaded), limiter.slot():
        pass
    with limiter.slot():
        pass


def held(limiter: ConcurrencyLimiter) -> tuple[threading.Thread, threading.Event]:
    """Return a thread that waits for a slot or holds it, and the event that ends it."""
    end = threading.Event()

    def run() -> None:
        with limiter.slot():
            end.wait(30)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, end


def test_a_limiter_refuses_at_once_a_call_that_would_wait_too_long() -> None:
    now = 0.0
    limiter = ConcurrencyLimiter("search", max_running=1, max_waiting=10, max_wait=10.0, clock=lambda: now)
    with limiter.slot():
        now += 4.0  # the duration that the limiter has measured
    with limiter.slot():
        waiting = [held(limiter), held(limiter)]  # for 4 and for 8 seconds
        while len(limiter._queue) < 2:
            pass
        with pytest.raises(Overloaded) as refused, limiter.slot():
            pass
        assert refused.value.retry_after == 2  # the third would wait for 12 seconds
    for thread, end in waiting:
        end.set()
        thread.join(30)
    with limiter.slot():  # the queue is empty: the expected duration does not matter
        pass


def test_after_one_slow_call_a_few_quick_ones_bring_the_estimate_down() -> None:
    now = 0.0
    limiter = ConcurrencyLimiter("search", max_running=1, max_waiting=10, max_wait=10.0, clock=lambda: now)
    with limiter.slot():
        now += 25.0  # the first one, which loaded a model
    for _ in range(3):
        with limiter.slot():
            now += 0.05
    with limiter.slot():
        waiting = [held(limiter), held(limiter)]
        while len(limiter._queue) < 2:
            pass
    for thread, end in waiting:
        end.set()
        thread.join(30)


def test_a_limiter_serves_waiting_calls_in_order() -> None:
    limiter = ConcurrencyLimiter("search", max_running=1, max_waiting=10, max_wait=30.0)
    called: list[int] = []

    def wait(number: int) -> None:
        with limiter.slot():
            called.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(5)]
    with limiter.slot():
        for number, thread in enumerate(threads):
            thread.start()
            while len(limiter._queue) <= number:
                pass
    for thread in threads:
        thread.join(30)
    assert called == [0, 1, 2, 3, 4]


def test_a_call_that_waited_too_long_leaves_the_queue() -> None:
    limiter = ConcurrencyLimiter("search", max_running=1, max_waiting=10, max_wait=0.05)
    with limiter.slot(), pytest.raises(Overloaded), limiter.slot():
        pass
    assert not limiter._queue
    with limiter.slot():
        pass
