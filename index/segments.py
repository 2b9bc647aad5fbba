"""Append-only vector segments: one folder each, complete or absent.

    vectors/text/000017-3f9a1c2e/
      vectors.npy     float16 (rows, dim), unit length
      keys.npy        int64 (rows,) passage keys, or page keys where an item is a page
      segment.json    lane, space, rows and the SHA-256 of both arrays

A segment is written beside its place, synced, and renamed in. Which rows of it are live is the catalog's to say;
a segment the catalog does not name is swept. This module knows no catalog.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import CollectionDamaged
from core.spaces import Space
from index.layout import sync_folder, write_json


def write_segment(folder: Path, space: Space, keys: NDArray[np.int64], vectors: NDArray[np.float32]) -> str:
    """Write one segment into a lane's folder and return its name. `vectors` is (rows, dim), `keys` is (rows,)."""
    assert vectors.shape == (len(keys), space.dim), (vectors.shape, len(keys), space.dim)
    folder.mkdir(parents=True, exist_ok=True)
    number = max((int(name[:6]) for name in _names(folder)), default=0) + 1
    name = f"{number:06d}-{secrets.token_hex(4)}"
    temporary = folder / f".{name}"
    temporary.mkdir()
    digests = {
        "vectors": _save(temporary / "vectors.npy", vectors.astype(np.float16)),
        "keys": _save(temporary / "keys.npy", keys.astype(np.int64)),
    }
    about = {"lane": folder.name, "space": space.as_json(), "rows": len(keys), "sha256": digests}
    write_json(temporary / "segment.json", about)
    temporary.rename(folder / name)
    sync_folder(folder)
    return name


def read_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
    """Return keys (rows,) and memory-mapped vectors (rows, dim).

    Raises FileNotFoundError when the segment is gone (a writer replaced it: look at the catalog again).
    """
    try:
        keys = np.load(folder / name / "keys.npy", allow_pickle=False)
        vectors = np.load(folder / name / "vectors.npy", mmap_mode="r", allow_pickle=False)
    except ValueError as exc:
        raise CollectionDamaged(f"segment {folder / name} is not what was written: {exc}. {_REPAIR}") from exc
    if len(keys) != len(vectors):
        raise CollectionDamaged(f"segment {folder / name} has {len(keys)} keys for {len(vectors)} vectors. {_REPAIR}")
    return keys, vectors


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


_REPAIR = "Remove the documents it holds and index them again."


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_dir() and path.name[:6].isdecimal()]


def _save(path: Path, array: NDArray[np.generic]) -> str:
    """Write an array durably; return the SHA-256 of the file."""
    with path.open("w+b") as file:
        np.save(file, array, allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()
