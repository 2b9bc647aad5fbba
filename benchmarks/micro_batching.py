"""Concurrent single queries through a text encoder, with and without micro-batching (`pagelens.core.micro_batching`).

    python -m benchmarks.micro_batching [--model builtin|FOLDER] [--threads 1 8 32] [--seconds 5]

FOLDER is a checkpoint that sentence-transformers loads. Queries differ, so that none is cached. The last column
is the largest difference of any number of a vector from the same query encoded singly, over a sample.
"""

import argparse
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pagelens.api.engine.blas_threads  # noqa: F401  # before numpy

# isort: split
import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import TextEncoder
from pagelens.core.settings import Settings
from pagelens.encode.loading import load_text_encoder

SAMPLE = 50
QUERY = "how high was the turnover of the company in the fiscal year {}"


def main() -> None:
    """Measure and print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    single, batched = (
        load_text_encoder(arguments.model, Settings(offline=True, micro_batching=enabled)) for enabled in (False, True)
    )
    numbers = itertools.count()
    for threads in arguments.threads:
        for name, encoder in (("single", single), ("batched", batched)):
            cpu, vectors = time.process_time(), encode_for(encoder, numbers, threads, arguments.seconds)
            cpu_milliseconds = 1_000 * (time.process_time() - cpu) / len(vectors)
            sample = vectors[:: len(vectors) // SAMPLE + 1]
            largest_difference = max(
                np.abs(vector - single.encode_queries([QUERY.format(number)])[0]).max() for number, vector in sample
            )
            print(
                f"{threads:>2} threads, {name:<6} {len(vectors) / arguments.seconds:7.1f}/s  "
                f"{cpu_milliseconds:6.1f} ms  {largest_difference:.1e}"
            )


def encode_for(
    encoder: TextEncoder, numbers: "itertools.count[int]", threads: int, seconds: float
) -> list[tuple[int, NDArray[np.float32]]]:
    """Encode for so long, one query at a time in each thread; return the queries' numbers with their vectors."""
    ends = time.monotonic() + seconds
    lock = threading.Lock()

    def run(_: int) -> list[tuple[int, NDArray[np.float32]]]:
        vectors = []
        while time.monotonic() < ends:
            with lock:
                number = next(numbers)
            vectors.append((number, encoder.encode_queries([QUERY.format(number)])[0]))
        return vectors

    with ThreadPoolExecutor(threads) as pool:
        return [vector for part in pool.map(run, range(threads)) for vector in part]


if __name__ == "__main__":
    main()
