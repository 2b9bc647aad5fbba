"""The same question from many threads at the same moment."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def at_once(ask: Callable[[Asked], Answer], questions: Sequence[Asked]) -> list[Answer]:
    """Return the answer to each question, all asked when every thread stands ready."""
    start = threading.Barrier(len(questions))

    def run(question: Asked) -> Answer:
        start.wait(30)
        return ask(question)

    with ThreadPoolExecutor(len(questions)) as pool:
        return list(pool.map(run, questions))
