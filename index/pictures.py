"""Page pictures at rest: JPEG files made when first asked for, never in the vector store."""

import os
from collections.abc import Callable
from pathlib import Path

from index.layout import Layout


def kept_picture(layout: Layout, sha256: str, number: int, longest: int, make: Callable[[], bytes]) -> bytes:
    """Return the JPEG of a page whose longer side is `longest` pixels; `make` renders it when it is not kept yet.

    A collection on a read-only disk serves pictures too, it only does not keep them.
    """
    folder = layout.pictures / sha256
    kept = folder / f"{number}-{longest}.jpg"
    try:
        return kept.read_bytes()
    except FileNotFoundError:
        data = make()
    try:
        _write(kept, data)
    except OSError:
        return data
    return data


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)
