"""Calls made as one: who is asked with whom, whose error is whose, who waits for whom."""

import signal
import threading
from collections.abc import Sequence

import pytest

from pagelens.core.micro_batching import MicroBatcher, Work


class Desk:
    """Doubles numbers, remembers what it was asked together, and stands still until it is let go on."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)

    def work(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.begun.release()
        self.go_on.acquire()
        if -1 in numbers:
            raise ValueError("minus one")
        return [2 * number for number in numbers]


class Callers:
    """Threads that each ask one number."""

    def __init__(self, joined: MicroBatcher[int, int], work: Work[int, int]) -> None:
        self._joined = joined
        self._work = work
        self._threads: list[threading.Thread] = []
        self.answers: dict[int, int] = {}
        self.errors: dict[int, Exception] = {}

    def ask(self, number: int) -> None:
        def run() -> None:
            try:
                self.answers[number] = self._joined(number, self._work)
            except ValueError as exc:
                self.errors[number] = exc
            except SystemExit:
                pass

        thread = threading.Thread(target=run)
        thread.start()
        self._threads.append(thread)

    def wait_until_queued(self, count: int) -> None:
        while len(self._joined._waiting) < count:
            pass

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def busy(desk: Desk, numbers: Sequence[int], *, most: int = 32) -> Callers:
    """Return callers of whom the first is being served and the others wait, in their order."""
    callers = Callers(MicroBatcher(most=most), desk.work)
    callers.ask(0)
    desk.begun.acquire()
    for count, number in enumerate(numbers, 1):
        callers.ask(number)
        callers.wait_until_queued(count)
    return callers


def test_a_single_call_is_made_at_once_and_alone() -> None:
    desk = Desk()
    desk.go_on.release()
    assert MicroBatcher[int, int]()(4, desk.work) == 8
    assert desk.asked == [[4]]


def test_calls_that_come_while_one_is_made_are_made_as_one() -> None:
    desk = Desk()
    callers = busy(desk, [1, 2, 3])
    desk.go_on.release(2)
    callers.join()
    assert desk.asked == [[0], [1, 2, 3]]
    assert callers.answers == {0: 0, 1: 2, 2: 4, 3: 6}


def test_no_more_than_so_many_are_made_as_one_and_none_is_forgotten() -> None:
    desk = Desk()
    callers = busy(desk, [1, 2, 3, 4, 5], most=2)
    desk.go_on.release(4)
    callers.join()
    assert desk.asked == [[0], [1, 2], [3, 4], [5]]
    assert len(callers.answers) == 6


def test_an_error_is_its_own_callers_and_no_neighbours() -> None:
    desk = Desk()
    callers = busy(desk, [1, -1, 2])
    desk.go_on.release(5)
    callers.join()
    assert desk.asked == [[0], [1, -1, 2], [1], [-1], [2]]
    assert callers.answers == {0: 0, 1: 2, 2: 4}
    assert str(callers.errors[-1]) == "minus one"


def test_who_is_interrupted_at_work_lets_the_others_be_served() -> None:
    """Ctrl-C reaches the thread that happens to lead."""
    desk = Desk()

    def work(numbers: Sequence[int]) -> list[int]:
        answers = desk.work(numbers)
        if numbers[0] == 1 and len(numbers) > 1:
            raise KeyboardInterrupt
        return answers

    joined = MicroBatcher[int, int]()
    callers = Callers(joined, work)
    interrupted: list[int] = []

    def lead() -> None:
        try:
            joined(1, work)
        except KeyboardInterrupt:
            interrupted.append(1)

    callers.ask(0)
    desk.begun.acquire()
    leader = threading.Thread(target=lead)
    leader.start()
    callers.wait_until_queued(1)
    callers.ask(2)
    callers.ask(3)
    callers.wait_until_queued(3)
    desk.go_on.release(4)
    callers.join()
    leader.join(30)
    assert interrupted == [1]
    assert callers.answers == {0: 0, 2: 4, 3: 6}


def test_many_callers_all_get_their_own_answer() -> None:
    callers = Callers(MicroBatcher(), lambda numbers: [2 * number for number in numbers])
    for number in range(200):
        callers.ask(number)
    callers.join()
    assert callers.answers == {number: 2 * number for number in range(200)}


def test_an_answer_too_few_is_a_fault_that_is_not_passed_on_as_somebody_elses() -> None:
    with pytest.raises(ValueError, match="zip"):
        MicroBatcher[int, int]()(1, lambda _: [])


def test_answers_too_few_for_some_leave_nobody_waiting() -> None:
    desk = Desk()

    def work(numbers: Sequence[int]) -> list[int]:
        return desk.work(numbers)[: 2 if len(numbers) > 2 else None]

    callers = Callers(MicroBatcher(), work)
    callers.ask(0)
    desk.begun.acquire()
    for count, number in enumerate([1, 2, 3], 1):
        callers.ask(number)
        callers.wait_until_queued(count)
    desk.go_on.release(3)
    callers.join()
    assert callers.answers == {0: 0, 2: 4, 3: 6}
    assert "zip" in str(callers.errors[1])


def test_who_is_interrupted_while_another_asks_for_it_is_not_the_next_to_go_to_work() -> None:
    """Both leave: who waits, by Ctrl-C, and who has taken it along."""
    desk = Desk()

    def work(numbers: Sequence[int]) -> list[int]:
        answers = desk.work(numbers)
        if len(numbers) > 1:
            raise SystemExit
        return answers

    joined = MicroBatcher[int, int]()
    callers = Callers(joined, work)
    callers.ask(0)
    desk.begun.acquire()
    callers.ask(1)
    callers.wait_until_queued(1)

    def interrupt() -> None:
        callers.wait_until_queued(2)  # 1, and this one
        desk.go_on.release()
        desk.begun.acquire()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            joined(2, work)
    finally:
        signal.signal(signal.SIGINT, before)
    desk.go_on.release(2)
    callers.ask(3)
    callers.join()
    assert callers.answers == {0: 0, 3: 6}
