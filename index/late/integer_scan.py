"""MaxSim's inner products in 8-bit integers, on onnxruntime: the quick look that an exact one follows.

One product of unsigned page codes with a signed query (ONNX MatMulInteger, exact in 32 bits), turned so that a query
token's products lie side by side, and scaled row by row. Query numbers keep to -63..63: then no pair of products
passes 16 bits, so processors without VNNI, which add pairs in 16 bits, do not saturate. The graph is the file
`integer_maxsim.onnx`, written by `benchmarks/build_onnx_graphs.py`. One thread per call; safe to share between threads.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pagelens.index.late.maxsim import QUERY_LEVELS, IntegerProducts, PageWindows, max_similarities
from pagelens.index.late.ragged import TokenBlock

GRAPH = Path(__file__).with_name("integer_maxsim.onnx")

Scan = Callable[[TokenBlock, PageWindows], NDArray[np.float32]]
"""A block and how it is cut to each query token's best similarity on each piece, (n_query_tokens, n_pieces)."""


def integer_scan(query: NDArray[np.float32]) -> Scan:
    """Prepare a query (n_query_tokens, dim). Half-precision blocks are exact."""
    largest = np.abs(query).max(axis=1, initial=0.0)
    units = np.where(largest > 0, largest / QUERY_LEVELS, 1.0).astype(np.float32)
    turned = np.ascontiguousarray(np.rint(query / units[:, None]).astype(np.int8).T)  # (dim, n_query_tokens)
    session = _session()

    def scan(block: TokenBlock, cuts: PageWindows) -> NDArray[np.float32]:
        if block.scales is None:
            return max_similarities(query, block.codes, None, cuts.starts)
        products: NDArray[np.float32]
        [products] = session.run(None, {"pages": block.codes, "query": turned, "scales": block.scales})
        return cuts.max_similarities(products) * units[:, None]

    return scan


def onnx_products() -> IntegerProducts:
    """Return `pagelens.index.late.maxsim.IntegerProducts` by onnxruntime, three times as quick as numpy, the same to the last bit."""
    session = _session()

    def products(rows: NDArray[np.int8], codes: NDArray[np.uint8]) -> NDArray[np.float32]:
        found: NDArray[np.float32]
        feeds = {"pages": codes, "query": np.ascontiguousarray(rows.T), "scales": np.ones(len(codes), np.float32)}
        [found] = session.run(None, feeds)
        return found

    return products


@cache
def _session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    # Blocks are too small to be shared out: on two threads 5,957 pages took 43 CPU-ms, on one 32, and the sooner.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(GRAPH), options, providers=["CPUExecutionProvider"])
