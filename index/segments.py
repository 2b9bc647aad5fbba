"""Append-only vector segments: one folder each, complete or absent.

    vectors/text-3f9a1c2e/000017-5b0c9d1e/
      vectors.npy     float16 (rows, dim), unit length
      keys.npy        int64 (rows,) passage keys, or page keys in a multi-vector lane
      segment.json    lane, space, number of rows and the SHA-256 of each array

A segment is written to a temporary folder, synced and renamed. The catalog says which of its rows are live; a segment
that the catalog has not registered is deleted. Multi-vector segments have more arrays
(`pagelens.index.late.token_segments`).
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.spaces import Space
from pagelens.index.layout import sync_folder, write_json

REPAIR = "Run: pagelens doctor --repair, then index its documents again"
VERIFIED_BYTES = 64 << 20  # of a segment that are hashed when a search first opens it: 0.15 s


def write_segment(folder: Path, space: Space, keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """Write one segment into a lane's folder and return its name. `vectors` is (rows, dim), `keys` is (rows,)."""
    assert vectors.shape == (len(keys), space.dim), (vectors.shape, len(keys), space.dim)
    return write_arrays(
        folder, space, len(keys), {"vectors": [vectors.astype(np.float16)], "keys": [keys.astype(np.int64)]}
    )


def write_arrays(folder: Path, space: Space, rows: int, arrays: Mapping[str, Sequence[NDArray[Any]]]) -> str:
    """Write one segment and return its name. Each array is given in pieces, joined along the first axis.

    Pieces may be memory-mapped; no array is held in memory as a whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = max((int(name[:6]) for name in _names(folder)), default=0) + 1
    name = f"{number:06d}-{secrets.token_hex(4)}"
    temporary = folder / f".{name}"
    temporary.mkdir()
    try:
        digests = {part: _save(temporary / f"{part}.npy", pieces) for part, pieces in arrays.items()}
        write_json(temporary / "segment.json", {**_header(folder, space, rows), "sha256": digests})
        temporary.rename(folder / name)
    except OSError:  # a full disk: make room again
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(folder)
    return name


def read_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Return keys (rows,) and memory-mapped vectors (rows, dim).

    Raises FileNotFoundError when a writer has replaced the segment (the catalog has its new name), CollectionDamaged.
    """
    keys, vectors = read_keys(folder, name), read_array(folder, name, "vectors")
    if len(keys) != len(vectors):
        raise CollectionDamaged(f"segment {folder / name} has {len(keys)} keys for {len(vectors)} vectors. {REPAIR}")
    return keys, vectors


def read_keys(folder: Path, name: str) -> NDArray[np.int64]:
    """Return the keys (rows,) of a segment of any kind. Raises like `read_segment`."""
    return read_array(folder, name, "keys", mapped=False)


def read_space(folder: Path, name: str) -> Space:
    """Return the space of a segment's vectors. Raises like `read_segment`."""
    try:
        return Space.from_json(json.loads((folder / name / "segment.json").read_text("utf-8"))["space"])
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise CollectionDamaged(f"segment {folder / name} was changed after it was written: {exc}. {REPAIR}") from exc


def read_array(folder: Path, name: str, part: str, *, mapped: bool = True) -> NDArray[Any]:
    """Return one array of a segment, memory-mapped or in memory. Raises like `read_segment`."""
    try:
        array = np.load(folder / name / f"{part}.npy", mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError, TypeError, SyntaxError, MemoryError, OverflowError, TokenError) as exc:
        raise CollectionDamaged(f"segment {folder / name} was changed after it was written: {exc}. {REPAIR}") from exc
    return np.asarray(array)  # a plain view: slices of np.memmap are slow to make


def check_segment(folder: Path, name: str, space: Space | None = None) -> str | None:
    """Return what is wrong with a segment's files, or None."""
    try:
        verify_segment(folder, name, space)
    except (CollectionDamaged, OSError) as exc:
        return str(exc)
    return None


def verify_segment(folder: Path, name: str, space: Space | None = None, *, limit: int | None = None) -> None:
    """Raise CollectionDamaged unless a segment is as it was written: its arrays by their hashes, its header by the
    space and the arrays. Called by whoever rewrites a segment, lest damage gets a fresh hash.

    `limit`: bytes of arrays that are hashed, the smallest first; None: all. Raises FileNotFoundError for missing files.
    """
    try:
        header = json.loads((folder / name / "segment.json").read_text("utf-8"))
        digests: dict[str, str] = header.pop("sha256")
        sizes = {path.stem: path.stat().st_size for path in (folder / name).glob("*.npy")}
        if unknown := sorted(set(sizes) - set(digests)):
            raise ValueError(f"segment.json: expected a hash of {unknown[0]}.npy, found none")
        if missing := sorted({"keys", *digests} - set(sizes)):
            raise FileNotFoundError(f"expected {folder / name / missing[0]}.npy, found none")
        for part in sorted(sizes, key=lambda part: sizes[part]):
            if limit is not None and (limit := limit - sizes[part]) < 0:
                break
            with (folder / name / f"{part}.npy").open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digests[part]:
                raise ValueError(f"{part}.npy: expected SHA-256 {digests[part]}, found {found}")
        rows = len(read_keys(folder, name))
        expected = _header(folder, space or Space.from_json(header["space"]), rows)
        if header != expected:
            raise ValueError(f"segment.json: expected {expected}, found {header}")
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise CollectionDamaged(f"segment {folder / name} was changed after it was written: {exc}. {REPAIR}") from exc


def _header(folder: Path, space: Space, rows: int) -> dict[str, Any]:
    return {"lane": folder.name, "space": space.as_json(), "rows": rows}


def unregistered_segments(folder: Path, *, keep: Collection[str]) -> list[str]:
    """Return the names of complete segments that are not in `keep`, sorted."""
    return sorted(name for name in _names(folder) if name not in keep) if folder.is_dir() else []


def remove_segments(folder: Path, *, keep: Collection[str]) -> list[str]:
    """Remove all segments that are not in `keep`, and temporary folders; return their names, sorted."""
    if not folder.is_dir():
        return []
    removed = [path.name for path in folder.iterdir() if path.is_dir() and path.name not in keep]
    for name in removed:
        shutil.rmtree(folder / name, ignore_errors=True)
    return sorted(removed)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir() and path.name[:6].isdecimal()]


def _save(path: Path, pieces: Iterable[NDArray[Any]]) -> str:
    """Write an array, given in pieces, durably as .npy; return the SHA-256 of the file."""
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
