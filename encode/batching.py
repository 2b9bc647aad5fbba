"""Batches by token budget: items of similar length together, results in the order given. And array helpers.

A padding token costs as much as a real one, so the cost of a batch is its size times its longest item. Sorting by
length keeps padding small; the longest batches come first, so memory use peaks at the start.
"""

import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import UsageError

Result = TypeVar("Result")

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def token_batches(lengths: Sequence[int], *, budget: int) -> list[list[int]]:
    """Return indices in batches, longest first, with `len(batch) * longest <= budget`.

    An item longer than the budget is a batch of its own. Every index of `lengths` is in exactly one batch. Equal
    lengths keep their order, so equal input gives equal batches.
    """
    assert budget > 0, budget
    batches: list[list[int]] = []
    width = 0
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):  # stable
        if batches and (len(batches[-1]) + 1) * width <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
            width = max(1, lengths[index])
    return batches


def in_batches(
    lengths: Sequence[int], run: Callable[[list[int]], Sequence[Result]], *, budget: int, workers: int = 1
) -> list[Result]:
    """Call `run` with the indices of each batch and return the results in the order of `lengths`.

    `run` returns one result per index. With more than one of `workers`, batches run in parallel threads, which helps
    if `run` releases the GIL; the batches, and so the results, do not depend on it.
    """
    batches = token_batches(lengths, budget=budget)
    results: dict[int, Result] = {}
    if workers > 1 and len(batches) > 1:
        with ThreadPoolExecutor(min(workers, len(batches)), thread_name_prefix="encode") as pool:
            batch_results = list(pool.map(run, batches))
    else:
        batch_results = [run(batch) for batch in batches]
    for batch, values in zip(batches, batch_results, strict=True):
        results.update(zip(batch, values, strict=True))
    return [results[index] for index in range(len(lengths))]


def stacked(rows: Sequence[NDArray[np.float32]], dim: int) -> NDArray[np.float32]:
    """Return the rows as (n_rows, dim); (0, dim) if there are none."""
    return np.stack(rows) if rows else np.zeros((0, dim), np.float32)


def unit_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the vectors scaled to length 1 along the last axis; a zero vector stays zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, np.float32(1e-12)), np.float32)


def encodable(texts: Sequence[str]) -> list[str]:
    """Return the texts with each lone surrogate replaced by U+FFFD: tokenizers refuse what UTF-8 cannot encode.

    One character replaces one, so offsets stay valid. Damaged PDFs contain such characters.
    """
    return [_LONE_SURROGATE.sub("\ufffd", text) for text in texts]


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_templates(templates: Sequence[str]) -> None:
    """Raise UsageError for a template of prompts without exactly one {}."""
    for template in templates:
        if template.count("{}") != 1:
            raise UsageError(f"expected a template with one {{}} for the query, found {template!r}")
