"""Reads the weights of an ONNX file without the package `onnx`.

An ONNX file is a message of Protocol Buffers. Three of its kinds of fields are read: the graph of the model (field 7),
the initializers of the graph (5), and of each initializer its dimensions (1), type (2), name (8) and bytes (9), which
is where every exporter of large models puts the numbers.
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError

Array = NDArray[Any]

_GRAPH, _INITIALIZER = 7, 5
_DIMS, _TYPE, _NAME, _BYTES = 1, 2, 8, 9
_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5  # kinds of fields
_TYPES = MappingProxyType({1: "<f4", 2: "u1", 3: "i1", 6: "<i4", 7: "<i8"})  # TensorProto.DataType


def read_initializers(path: Path) -> Mapping[str, Array]:
    """Return the arrays of a file by name, mapped from it: what is not used is not read. Arrays of other types than
    numbers of 8, 32 and 64 bits, and those that are not stored as bytes, are left out. Raises WeightsError."""
    try:
        with path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        found: dict[str, Array] = {}
        for graph in _parts(data, 0, len(data), _GRAPH):
            for start, end in _parts(data, *graph, _INITIALIZER):
                found.update(_array(data, start, end))
    except (OSError, ValueError, IndexError) as exc:
        raise WeightsError(f"expected a model in ONNX format in {path}, cannot read it: {exc}") from exc
    return found


def _array(data: mmap.mmap, start: int, end: int) -> dict[str, Array]:
    """Return the array of an initializer by its name; nothing where it cannot be represented."""
    dims: list[int] = []
    dtype, name, place = "", "", (0, 0)
    for number, kind, value in _fields(data, start, end):
        if number == _DIMS:
            dims += [value[0]] if kind == _VARINT else _packed(data, *value)
        elif number == _TYPE:
            dtype = _TYPES.get(value[0], "")
        elif number == _NAME:
            name = data[slice(*value)].decode()
        elif number == _BYTES:
            place = value
    if not dtype or place[0] == place[1]:
        return {}
    count = (place[1] - place[0]) // np.dtype(dtype).itemsize
    return {name: np.frombuffer(data, dtype, count, place[0]).reshape(dims)}


def _parts(data: mmap.mmap, start: int, end: int, wanted: int) -> Iterator[tuple[int, int]]:
    """Yield where the messages stand that are fields of one number."""
    return (value for number, kind, value in _fields(data, start, end) if number == wanted and kind == _DELIMITED)


def _fields(data: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, tuple[int, int]]]:
    """Yield number, kind and value of each field of a message: (value, 0) of a number, (start, end) of bytes."""
    at = start
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _VARINT:
            number, at = _varint(data, at)
            yield tag >> 3, kind, (number, 0)
            continue
        if kind == _DELIMITED:
            length, at = _varint(data, at)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(f"no field of kind {kind} is known, at byte {at}")
        if at + length > end:
            raise ValueError(f"a field goes on behind the end, at byte {at}")
        yield tag >> 3, kind, (at, at + length)
        at += length


def _packed(data: mmap.mmap, start: int, end: int) -> list[int]:
    numbers = []
    while start < end:
        number, start = _varint(data, start)
        numbers.append(number)
    return numbers


def _varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    """Return the number that begins at a byte, 7 bits of it in each, and where it ends."""
    number = shift = 0
    while True:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
