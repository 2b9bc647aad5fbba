"""Micro-batching: which requests form a batch, who gets which error, who waits for whom."""

import signal
import threading
from collections.abc import Sequence

import pytest

from pagelens.core.micro_batching import BatchFunction, MicroBatcher


class BlockingDoubler:
    """A batch function that doubles numbers, records its batches, and blocks until it may proceed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.started = threading.Semaphore(0)
        self.proceed = threading.Semaphore(0)

    def work(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.started.release()
        self.proceed.acquire()
        if -1 in numbers:
            raise ValueError("minus one")
        return [2 * number for number in numbers]


class Callers:
    """Threads that each request one number."""

    def __init__(self, batcher: MicroBatcher[int, int], work: BatchFunction[int, int]) -> None:
        self._batcher = batcher
        self._work = work
        self._threads: list[threading.Thread] = []
        self.answers: dict[int, int] = {}
        self.errors: dict[int, Exception] = {}

    def ask(self, number: int) -> None:
        def run() -> None:
            try:
                self.answers[number] = self._batcher(number, self._work)
            except ValueError as exc:
                self.errors[number] = exc
            except SystemExit:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def wait_until_queued(self, count: int) -> None:
        while len(self._batcher._queue) < count:
            pass

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def busy(doubler: BlockingDoubler, numbers: Sequence[int], *, max_batch_size: int = 32) -> Callers:
    """Return callers of which the first is being served and the others are queued, in their order."""
    callers = Callers(MicroBatcher(max_batch_size=max_batch_size), doubler.work)
    callers.ask(0)
    doubler.started.acquire()
    for count, number in enumerate(numbers, 1):
        callers.ask(number)
        callers.wait_until_queued(count)
    return callers


def test_a_single_request_runs_at_once_and_alone() -> None:
    doubler = BlockingDoubler()
    doubler.proceed.release()
    assert MicroBatcher[int, int]()(4, doubler.work) == 8
    assert doubler.batches == [[4]]


def test_requests_that_arrive_during_a_batch_form_the_next_batch() -> None:
    doubler = BlockingDoubler()
    callers = busy(doubler, [1, 2, 3])
    doubler.proceed.release(2)
    callers.join()
    assert doubler.batches == [[0], [1, 2, 3]]
    assert callers.answers == {0: 0, 1: 2, 2: 4, 3: 6}


def test_a_batch_is_no_larger_than_its_limit_and_no_request_is_lost() -> None:
    doubler = BlockingDoubler()
    callers = busy(doubler, [1, 2, 3, 4, 5], max_batch_size=2)
    doubler.proceed.release(4)
    callers.join()
    assert doubler.batches == [[0], [1, 2], [3, 4], [5]]
    assert len(callers.answers) == 6


def test_an_error_reaches_only_the_caller_that_caused_it() -> None:
    doubler = BlockingDoubler()
    callers = busy(doubler, [1, -1, 2])
    doubler.proceed.release(5)
    callers.join()
    assert doubler.batches == [[0], [1, -1, 2], [1], [-1], [2]]
    assert callers.answers == {0: 0, 1: 2, 2: 4}
    assert str(callers.errors[-1]) == "minus one"


def test_callers_are_served_after_the_thread_that_ran_their_batch_is_interrupted() -> None:
    """Ctrl-C reaches the thread that happens to run the batch."""
    doubler = BlockingDoubler()

    def work(numbers: Sequence[int]) -> list[int]:
        answers = doubler.work(numbers)
        if numbers[0] == 1 and len(numbers) > 1:
            raise KeyboardInterrupt
        return answers

    batcher = MicroBatcher[int, int]()
    callers = Callers(batcher, work)
    interrupted: list[int] = []

    def lead() -> None:
        try:
            batcher(1, work)
        except KeyboardInterrupt:
            interrupted.append(1)

    callers.ask(0)
    doubler.started.acquire()
    leader = threading.Thread(target=lead)
    leader.start()
    callers.wait_until_queued(1)
    callers.ask(2)
    callers.ask(3)
    callers.wait_until_queued(3)
    doubler.proceed.release(4)
    callers.join()
    leader.join(30)
    assert interrupted == [1]
    assert callers.answers == {0: 0, 2: 4, 3: 6}


def test_many_callers_each_get_their_own_result() -> None:
    callers = Callers(MicroBatcher(), lambda numbers: [2 * number for number in numbers])
    for number in range(200):
        callers.ask(number)
    callers.join()
    assert callers.answers == {number: 2 * number for number in range(200)}


def test_too_few_results_are_an_error_and_no_caller_gets_anothers_result() -> None:
    with pytest.raises(ValueError, match="zip"):
        MicroBatcher[int, int]()(1, lambda _: [])


def test_too_few_results_of_a_batch_leave_no_caller_waiting() -> None:
    doubler = BlockingDoubler()

    def work(numbers: Sequence[int]) -> list[int]:
        return doubler.work(numbers)[: 2 if len(numbers) > 2 else None]

    callers = Callers(MicroBatcher(), work)
    callers.ask(0)
    doubler.started.acquire()
    for count, number in enumerate([1, 2, 3], 1):
        callers.ask(number)
        callers.wait_until_queued(count)
    doubler.proceed.release(3)
    callers.join()
    assert callers.answers == {0: 0, 2: 4, 3: 6}
    assert "zip" in str(callers.errors[1])


def test_a_caller_interrupted_while_another_runs_its_request_is_not_chosen_to_run_the_next_batch() -> None:
    """Both leave: the waiting caller, by Ctrl-C, and the thread that was running its request."""
    doubler = BlockingDoubler()

    def work(numbers: Sequence[int]) -> list[int]:
        answers = doubler.work(numbers)
        if len(numbers) > 1:
            raise SystemExit
        return answers

    batcher = MicroBatcher[int, int]()
    callers = Callers(batcher, work)
    callers.ask(0)
    doubler.started.acquire()
    callers.ask(1)
    callers.wait_until_queued(1)

    taken = threading.Event()

    def interrupt() -> None:
        callers.wait_until_queued(2)  # 1, and this one
        doubler.proceed.release()
        doubler.started.acquire()
        while not taken.wait(0.05):  # one sent just before the main thread begins to wait does not end the wait
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def raise_once(*_: object) -> None:
        if not taken.is_set():
            taken.set()
            raise KeyboardInterrupt

    interrupter = threading.Thread(target=interrupt)
    before = signal.signal(signal.SIGINT, raise_once)
    try:
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):
            batcher(2, work)
    finally:
        taken.set()
        interrupter.join()  # no signal of it comes later
        signal.signal(signal.SIGINT, before)
    doubler.proceed.release(2)
    callers.ask(3)
    callers.join()
    assert callers.answers == {0: 0, 3: 6}
