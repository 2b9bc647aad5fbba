"""Inner products of query and page tokens in 8-bit integers, with onnxruntime: the scan that finds MaxSim candidates.

One product of unsigned page codes with a signed query (ONNX MatMulInteger, exact in 32 bits), transposed so that the
products of a query token are contiguous, and scaled row by row. Query numbers are limited to -63..63: then the sum of
two products fits in 16 bits, and processors without VNNI, which add pairs in 16 bits, do not saturate. The graph is the
file `integer_maxsim.onnx`, written by `benchmarks/build_onnx_graphs.py`. One thread per call; safe to call from many
threads.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pagelens.index.late.maxsim import QUERY_LEVELS, IntegerProducts, PageWindows, max_similarities
from pagelens.index.late.ragged import TokenBatch

GRAPH = Path(__file__).with_name("integer_maxsim.onnx")

Scan = Callable[[TokenBatch, PageWindows], NDArray[np.float32]]
"""Returns the maximum similarity of each query token in each block of a batch, (n_query_tokens, n_blocks)."""


def integer_scan(query: NDArray[np.float32]) -> Scan:
    """Quantise a query (n_query_tokens, dim) and return its scan; float16 batches are compared in float32."""
    transposed, units = _quantise(query)
    session = _session()

    def scan(batch: TokenBatch, windows: PageWindows) -> NDArray[np.float32]:
        if batch.scales is None:
            return max_similarities(query, batch.codes, None, windows.starts)
        products: NDArray[np.float32]
        [products] = session.run(None, {"pages": batch.codes, "query": transposed, "scales": batch.scales})
        return windows.max_similarities(products) * units[:, None]

    return scan


def integer_similarities(
    query: NDArray[np.float32], codes: NDArray[np.uint8], scales: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the inner product of each query token with each of some codes (n, dim), (n_query_tokens, n)."""
    transposed, units = _quantise(query)
    products: NDArray[np.float32]
    [products] = _session().run(None, {"pages": codes, "query": transposed, "scales": scales})
    return products * units[:, None]


def _quantise(query: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the codes of a query's tokens, (dim, n_query_tokens), and their units."""
    largest = np.abs(query).max(axis=1, initial=0.0)
    units = np.where(largest > 0, largest / QUERY_LEVELS, 1.0).astype(np.float32)
    return np.ascontiguousarray(np.rint(query / units[:, None]).astype(np.int8).T), units


def onnx_products() -> IntegerProducts:
    """Return `IntegerProducts` in onnxruntime: three times as fast as numpy, bit-identical."""
    session = _session()

    def products(rows: NDArray[np.int8], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        sums: NDArray[np.float32]
        feeds = {"pages": codes, "query": np.ascontiguousarray(rows.T), "scales": np.ones(len(codes), np.float32)}
        [sums] = session.run(None, feeds)
        return sums

    return products


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    # Batches are too small for several threads: 5,957 pages took 43 ms of CPU on two threads, 32 ms on one, and less
    # time in all.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(GRAPH), options, providers=["CPUExecutionProvider"])
