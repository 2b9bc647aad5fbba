"""Requests made side by side, and closed beside."""

import threading
from functools import partial

import pytest

from pagelens.index.stores.qdrant.connection import RequestPool


def test_requests_run_in_parallel_and_results_keep_their_order() -> None:
    together = threading.Barrier(3)

    def meet(number: int) -> int:
        together.wait(30)
        return number

    pool = RequestPool(3, "test")
    assert pool.run([partial(meet, number) for number in range(3)]) == [0, 1, 2]
    pool.close()


def test_closing_waits_for_submitted_requests_and_a_later_run_starts_new_threads() -> None:
    pool = RequestPool(2, "test")
    begun, go_on = threading.Event(), threading.Event()
    answers: list[list[bool]] = []

    def slow() -> bool:
        begun.set()
        return go_on.wait(30)

    caller = threading.Thread(target=lambda: answers.append(pool.run([slow] * 6)))
    caller.start()
    assert begun.wait(30)
    closing = threading.Thread(target=pool.close)
    closing.start()
    go_on.set()
    caller.join(30)
    closing.join(30)
    assert answers == [[True] * 6]
    assert pool.run([lambda: 1, lambda: 2]) == [1, 2]
    pool.close()


def test_an_error_is_raised_to_the_caller() -> None:
    pool = RequestPool(2, "test")
    with pytest.raises(ZeroDivisionError):
        pool.run([lambda: 1 // 0, lambda: 2])
    pool.close()
