"""Calls of one function from several threads, made as one: micro-batching without waiting.

Whoever calls while nobody is at work goes to work at once, alone; those who call meanwhile wait, and the first of them
then takes all of them along. So an idle machine adds nothing, and a busy one makes its batches by itself. Knows
nothing of what is done.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Work = Callable[[Sequence[Asked]], Sequence[Answer]]

MOST = 32  # calls made as one


class _Call(Generic[Asked, Answer]):
    """One caller's question, and what came of it."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.woken = threading.Event()  # answered, or to go to work
        self.answers: list[Answer] = []  # one, once answered
        self.error: Exception | None = None
        self.left = False  # its caller was interrupted, nobody waits for it

    @property
    def settled(self) -> bool:
        return bool(self.answers) or self.error is not None


class MicroBatcher(Generic[Asked, Answer]):
    """Questions of many threads to one `work`, one batch at a time.

    `work` takes questions and returns an answer for each; the answers must not depend on who else asks. Where it
    raises for several, each is asked alone, so that an error is its own caller's only. A caller that is interrupted
    leaves, and holds nobody up. It comes with each call, the same one, rather than being kept: a kept method would
    hold its owner in a cycle.
    """

    def __init__(self, *, most: int = MOST) -> None:
        """`most` questions are asked at once; 1: each alone, one after another."""
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Call[Asked, Answer]] = deque()
        self._busy = False

    def __call__(self, asked: Asked, work: Work[Asked, Answer]) -> Answer:
        """Return the answer. Raises what `work` raises for this question."""
        call = _Call[Asked, Answer](asked)
        with self._lock:
            leads = not self._busy
            self._busy = True
            if not leads:
                self._waiting.append(call)
        if not leads:
            self._wait(call)
        if not call.settled:
            self._lead(call, work)
        if call.error is not None:
            raise call.error
        return call.answers[0]

    def _wait(self, call: _Call[Asked, Answer]) -> None:
        try:
            call.woken.wait()
        except BaseException:  # this thread is interrupted: the others are not
            with self._lock:
                call.left = True
                there = call in self._waiting
                if there:
                    self._waiting.remove(call)
            if not there and call.woken.is_set() and not call.settled:
                self._hand_on()
            raise

    def _lead(self, call: _Call[Asked, Answer], work: Work[Asked, Answer]) -> None:
        """Ask for this call and for those that wait, then let the next go to work."""
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most - 1))]
        try:
            self._ask([call, *others], work)
        finally:
            with self._lock:
                again = [one for one in others if not one.settled and not one.left]  # interrupted
                self._waiting.extendleft(reversed(again))
            for one in others:
                if one.settled:  # interrupted between its answer and its waking
                    one.woken.set()
            self._hand_on()

    def _ask(self, calls: Sequence[_Call[Asked, Answer]], work: Work[Asked, Answer]) -> None:
        try:
            answers = work([call.asked for call in calls])
        except Exception as exc:  # noqa: BLE001  # whatever it is, it is handed to its caller
            if len(calls) > 1:
                for call in calls:
                    self._ask([call], work)
                return
            calls[0].error = exc
        else:
            for call, answer in zip(calls, answers, strict=True):
                call.answers.append(answer)
        for call in calls:
            call.woken.set()

    def _hand_on(self) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            if self._waiting:
                self._waiting.popleft().woken.set()
