"""Requests made side by side, and closed beside."""

import threading
from functools import partial

import pytest

from pagelens.index.stores.qdrant.parallel_requests import AtOnce


def test_requests_run_side_by_side_and_answers_keep_their_order() -> None:
    together = threading.Barrier(3)

    def meet(number: int) -> int:
        together.wait(30)
        return number

    at_once = AtOnce(3, "test")
    assert at_once([partial(meet, number) for number in range(3)]) == [0, 1, 2]
    at_once.close()


def test_what_was_taken_on_is_done_though_it_is_closed_meanwhile_and_more_may_be_asked_later() -> None:
    at_once = AtOnce(2, "test")
    begun, go_on = threading.Event(), threading.Event()
    answers: list[list[bool]] = []

    def slow() -> bool:
        begun.set()
        return go_on.wait(30)

    asking = threading.Thread(target=lambda: answers.append(at_once([slow] * 6)))
    asking.start()
    assert begun.wait(30)
    closing = threading.Thread(target=at_once.close)
    closing.start()
    go_on.set()
    asking.join(30)
    closing.join(30)
    assert answers == [[True] * 6]
    assert at_once([lambda: 1, lambda: 2]) == [1, 2]
    at_once.close()


def test_an_error_is_its_callers() -> None:
    at_once = AtOnce(2, "test")
    with pytest.raises(ZeroDivisionError):
        at_once([lambda: 1 // 0, lambda: 2])
    at_once.close()
