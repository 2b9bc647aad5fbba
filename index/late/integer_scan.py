"""MaxSim's inner products in 8-bit integers, on onnxruntime: the quick look that an exact one follows.

One product of unsigned page codes with a signed query (ONNX MatMulInteger, exact in 32 bits), turned so that a query
token's products lie side by side, and scaled row by row. Query numbers keep to -63..63: then no pair of products
passes 16 bits, and processors without VNNI, which add pairs in 16, saturate nothing. The graph is built here byte by
byte (`onnx.proto3`), so that no file and no further package is needed. One thread a call; safe to call from many.
Knows no ranking.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from pagelens.index.late.maxsim import QUERY_LEVELS, ZERO, Cuts, Products, maxima
from pagelens.index.late.ragged import Block

Scan = Callable[[Block, Cuts], NDArray[np.float32]]
"""A block and how it is cut to each query token's best similarity on each piece, (n_query_tokens, n_pieces)."""


def integer_scan(query: NDArray[np.float32]) -> Scan:
    """Prepare a query (n_query_tokens, dim). Half-precision blocks are exact."""
    largest = np.abs(query).max(axis=1, initial=0.0)
    units = np.where(largest > 0, largest / QUERY_LEVELS, 1.0).astype(np.float32)
    turned = np.ascontiguousarray(np.rint(query / units[:, None]).astype(np.int8).T)  # (dim, n_query_tokens)
    session = _session()

    def scan(block: Block, cuts: Cuts) -> NDArray[np.float32]:
        if block.scales is None:
            return maxima(query, block.codes, None, cuts.starts)
        products: NDArray[np.float32]
        [products] = session.run(None, {"pages": block.codes, "query": turned, "scales": block.scales})
        return cuts.maxima(products) * units[:, None]

    return scan


def quick_products() -> Products:
    """Return `pagelens.index.late.maxsim.Products` by onnxruntime, three times as quick as numpy, the same to the last bit."""
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
    return onnxruntime.InferenceSession(_graph(), options, providers=["CPUExecutionProvider"])


_FLOAT, _UINT8, _INT8 = 1, 2, 3  # TensorProto.DataType
_INT, _INTS = 2, 7  # AttributeProto.AttributeType


def _graph() -> bytes:
    """Return the model: products (n_query_tokens, n_tokens) = ((pages - ZERO) @ query).T * scales."""
    nodes = [
        _node("MatMulInteger", ["pages", "query", "zero"], "sums"),
        _node("Transpose", ["sums"], "turned", _field(1, "perm") + _number(8, 1) + _number(8, 0) + _number(20, _INTS)),
        _node("Cast", ["turned"], "floats", _field(1, "to") + _number(3, _FLOAT) + _number(20, _INT)),
        _node("Mul", ["floats", "scales"], "products"),
    ]
    zero = _number(2, _UINT8) + _field(8, "zero") + _field(9, bytes([ZERO]))
    inputs = [_value("pages", _UINT8, 2), _value("query", _INT8, 2), _value("scales", _FLOAT, 1)]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, "maxsim") + _field(5, zero)
    graph += b"".join(_field(11, value) for value in inputs) + _field(12, _value("products", _FLOAT, 2))
    operators = _field(1, "") + _number(2, 13)  # the default domain, version 13
    return _number(1, 8) + _field(7, graph) + _field(8, operators)  # IR version 8


def _node(operator: str, inputs: list[str], output: str, attribute: bytes | None = None) -> bytes:
    node = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, operator)
    return node if attribute is None else node + _field(5, attribute)


def _value(name: str, kind: int, rank: int) -> bytes:
    """Return a ValueInfoProto of a tensor with free dimensions."""
    shape = b"".join(_field(1, _field(2, f"{name}_{axis}")) for axis in range(rank))
    return _field(1, name) + _field(2, _field(1, _number(1, kind) + _field(2, shape)))


def _field(number: int, content: str | bytes) -> bytes:
    """Return a length-delimited field; contents here are shorter than 16 KiB."""
    data = content.encode() if isinstance(content, str) else content
    length = bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])
    return bytes([number << 3 | 2]) + length + data


def _number(number: int, value: int) -> bytes:
    """Return a small integer field; field numbers past 15 take two bytes."""
    tag = number << 3
    return (bytes([tag]) if tag < 128 else bytes([tag & 127 | 128, tag >> 7])) + bytes([value])
