"""Append-only vector segments: one folder each, complete or absent.

    vectors/text/000017-3f9a1c2e/
      vectors.npy     float16 (rows, dim), unit length
      keys.npy        int64 (rows,) passage keys, or page keys where an item is a page
      segment.json    lane, space, rows and the SHA-256 of both arrays

A segment is written beside its place, synced, and renamed in. Which rows of it are live is the catalog's to say;
a segment the catalog does not name is swept. Segments of many vectors an item have further arrays
(`pagelens.index.late.token_segments`). This module knows no catalog.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.spaces import Space
from pagelens.index.layout import sync_folder, write_json

REPAIR = "Remove the documents it holds and index them again."


def write_segment(folder: Path, space: Space, keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """Write one segment into a lane's folder and return its name. `vectors` is (rows, dim), `keys` is (rows,)."""
    assert vectors.shape == (len(keys), space.dim), (vectors.shape, len(keys), space.dim)
    return write_arrays(
        folder, space, len(keys), {"vectors": [vectors.astype(np.float16)], "keys": [keys.astype(np.int64)]}
    )


def write_arrays(folder: Path, space: Space, rows: int, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> str:
    """Write one segment of these arrays and return its name; each comes in pieces, joined along the first axis.

    Pieces may be memory-mapped: no array is ever whole in memory.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = max((int(name[:6]) for name in _names(folder)), default=0) + 1
    name = f"{number:06d}-{secrets.token_hex(4)}"
    temporary = folder / f".{name}"
    temporary.mkdir()
    digests = {part: _save(temporary / f"{part}.npy", pieces) for part, pieces in arrays.items()}
    about = {"lane": folder.name, "space": space.as_json(), "rows": rows, "sha256": digests}
    write_json(temporary / "segment.json", about)
    temporary.rename(folder / name)
    sync_folder(folder)
    return name


def read_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Return keys (rows,) and memory-mapped vectors (rows, dim).

    Raises FileNotFoundError when the segment is gone (a writer replaced it: look at the catalog again).
    """
    keys, vectors = read_keys(folder, name), read_array(folder, name, "vectors")
    if len(keys) != len(vectors):
        raise CollectionDamaged(f"segment {folder / name} has {len(keys)} keys for {len(vectors)} vectors. {REPAIR}")
    return keys, vectors


def read_keys(folder: Path, name: str) -> NDArray[np.int64]:
    """Return the keys (rows,) of a segment of any kind. Raises like `read_segment`."""
    return read_array(folder, name, "keys", mapped=False)


def read_array(folder: Path, name: str, part: str, *, mapped: bool = True) -> NDArray[Any]:
    """Return one array of a segment, memory-mapped or in memory. Raises like `read_segment`."""
    try:
        array = np.load(folder / name / f"{part}.npy", mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as exc:
        raise CollectionDamaged(f"segment {folder / name} is not what was written: {exc}. {REPAIR}") from exc
    return np.asarray(array)  # a plain view: slices of np.memmap are slow to make


def check_segment(folder: Path, name: str) -> str | None:
    """Return what is wrong with a segment's bytes, or None: the check behind `pagelens doctor`."""
    try:
        about = json.loads((folder / name / "segment.json").read_text("utf-8"))
        for part, expected in about["sha256"].items():
            with (folder / name / f"{part}.npy").open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected:
                return f"{folder / name}/{part}.npy: expected SHA-256 {expected[:12]}, found {found[:12]}"
    except (OSError, ValueError, KeyError) as exc:
        return f"{folder / name}: {exc}"
    return None


def sweep(folder: Path, named: Collection[str]) -> list[str]:
    """Remove every segment not in `named`, and what a killed writer left; return the names removed."""
    if not folder.is_dir():
        return []
    removed = [path.name for path in folder.iterdir() if path.is_dir() and path.name not in named]
    for name in removed:
        shutil.rmtree(folder / name, ignore_errors=True)
    return sorted(removed)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir() and path.name[:6].isdecimal()]


def _save(path: Path, pieces: Iterable[NDArray[Any]]) -> str:
    """Write pieces of one array durably, one after another; return the SHA-256 of the file."""
    parts = list(pieces)
    shape = (sum(len(part) for part in parts), *parts[0].shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(parts[0].dtype), "fortran_order": False, "shape": shape}
    with path.open("w+b") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            assert part.dtype == parts[0].dtype, (part.dtype, parts[0].dtype)
            file.write(np.ascontiguousarray(part).data)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
