"""Calls of one function from several threads at the same moment."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def call_concurrently(function: Callable[[Argument], Result], arguments: Sequence[Argument]) -> list[Result]:
    """Return the result for each argument; the calls start when all threads are ready."""
    start = threading.Barrier(len(arguments))

    def run(argument: Argument) -> Result:
        start.wait(30)
        return function(argument)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))
