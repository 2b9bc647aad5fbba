"""Hashes remembered for as long as nothing about a file changes that the file system tells: for a folder that is looked
at again and again by one process.

What was written less than two seconds before it was hashed is hashed again: it may have changed since within the same
tick of the file system's clock (FAT's is two seconds; git's "racily clean" entries).
"""

import time
from collections.abc import Callable
from pathlib import Path

from pagelens.core.types import Kind
from pagelens.ingest.files.walk import digest
from pagelens.ingest.lookahead import Digest, Stamp, stamp
from pagelens.ingest.readers.photos.sidecars import sidecars

SETTLED = 2_000_000_000  # nanoseconds


class KnownDigests:
    """`pagelens.ingest.files.walk.digest` for files whose stamp changed, else what it said before. For one thread."""

    def __init__(self, hashed: Digest = digest, clock: Callable[[], int] = time.time_ns) -> None:
        """`clock` tells nanoseconds since 1970, as the file system does."""
        self._hashed = hashed
        self._clock = clock
        self._known: dict[tuple[Path, Kind | None], tuple[list[Stamp], str]] = {}

    def __call__(self, path: Path, kind: Kind | None = None) -> str:
        """Return the SHA-256 of a file, with what tells about it beside it. Raises ReadError."""
        moment = self._clock()
        stamps = [stamp(one) for one in (path, *(sidecars(path) if kind == "photo" else []))]
        before, found = self._known.get((path, kind), ([], ""))
        if stamps == before:
            return found
        found = self._hashed(path, kind)
        if all(one.modified + SETTLED < moment for one in stamps):
            self._known[path, kind] = stamps, found
        return found
