"""Models in ONNX's format, written without the `onnx` package: the few messages of its protobuf that a network needs.

onnxruntime reads them from memory, so nothing is exported, cached or kept in step on a user's disk. Field numbers are
those of `onnx.proto3`; the wire format is Protocol Buffers': each field is its number and kind in one varint, then a
varint, four bytes, or a length and so many bytes. Writes graphs; knows no network and cannot read.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPSET = 13

_FLOAT = 1  # TensorProto.DataType
_KIND_FLOAT, _KIND_INT, _KIND_STRING, _KIND_INTS = 1, 2, 3, 7  # AttributeProto.AttributeType

Attribute = float | int | str | Sequence[int]


@dataclass(slots=True)
class Graph:
    """A network under way: nodes in order, each fed by names of inputs, constants or earlier nodes."""

    name: str
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)

    def constant(self, name: str, values: NDArray[np.float32]) -> str:
        """Add a float32 array under a name and return the name."""
        assert values.dtype == np.float32, values.dtype
        dims = b"".join(_varint_field(1, size) for size in values.shape)
        content = np.ascontiguousarray(values).astype("<f4", copy=False).tobytes()
        self.constants.append(dims + _varint_field(2, _FLOAT) + _text_field(8, name) + _bytes_field(9, content))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Attribute) -> str:
        """Add an operator with one output and return the output's name."""
        parts = [_text_field(1, name) for name in inputs]
        parts += [_text_field(2, output), _text_field(3, output), _text_field(4, operator)]
        parts += [_bytes_field(5, _attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(b"".join(parts))
        return output

    def model(self, inputs: Mapping[str, Sequence[int | str]], outputs: Mapping[str, Sequence[int | str]]) -> bytes:
        """Return the model's bytes. Inputs and outputs are float32 of the shapes given; a word is a free dimension."""
        graph = [_bytes_field(1, node) for node in self.nodes]
        graph += [_text_field(2, self.name)]
        graph += [_bytes_field(5, constant) for constant in self.constants]
        graph += [_bytes_field(11, _value(name, shape)) for name, shape in inputs.items()]
        graph += [_bytes_field(12, _value(name, shape)) for name, shape in outputs.items()]
        opset = _text_field(1, "") + _varint_field(2, OPSET)
        return _varint_field(1, IR_VERSION) + _bytes_field(7, b"".join(graph)) + _bytes_field(8, opset)


def _attribute(name: str, value: Attribute) -> bytes:
    """Return an AttributeProto. Its kind is named beside its value, as ONNX asks since its second IR version."""
    named = _text_field(1, name)
    if isinstance(value, str):
        return named + _text_field(4, value) + _varint_field(20, _KIND_STRING)
    if isinstance(value, int):
        return named + _varint_field(3, value) + _varint_field(20, _KIND_INT)
    if isinstance(value, float):
        return named + _float_field(2, value) + _varint_field(20, _KIND_FLOAT)
    return named + b"".join(_varint_field(8, item) for item in value) + _varint_field(20, _KIND_INTS)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    """Return a ValueInfoProto: a name and a float32 tensor's type."""
    dims = [_varint_field(1, size) if isinstance(size, int) else _text_field(2, size) for size in shape]
    tensor = _varint_field(1, _FLOAT) + _bytes_field(2, b"".join(_bytes_field(1, dim) for dim in dims))
    return _text_field(1, name) + _bytes_field(2, _bytes_field(1, tensor))


def _varint(value: int) -> bytes:
    """Return base-128, least significant group first, the high bit set on all but the last; negatives as 64 bits."""
    value &= (1 << 64) - 1
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    groups.append(value)
    return bytes(groups)


def _varint_field(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _bytes_field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _text_field(number: int, text: str) -> bytes:
    return _bytes_field(number, text.encode())


def _float_field(number: int, value: float) -> bytes:
    return _varint(number << 3 | 5) + struct.pack("<f", value)
