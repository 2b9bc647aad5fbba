"""Watching folders: they are scanned again and again, and indexed when something in them has changed.

Scanning (one `stat` for each file) replaces notifications of the operating system: those do not come from network disks
and shared folders, and the number of watched folders is limited.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pagelens.api.engine.results import IndexReport
from pagelens.core.errors import ReadError
from pagelens.ingest.files.digest import FileStamp, file_stamp
from pagelens.ingest.files.walk import Source, walk

SCAN_SECONDS = 2.0  # between two scans

FileStamps = Mapping[Path, FileStamp | None]
"""Each file, with a stamp that differs when the file has changed; None where the file cannot be read."""


def scan(paths: Sequence[Path]) -> FileStamps:
    """Return the stamps of all files below files and folders, files that only describe others included."""
    return {item.path: _stamp(item.path) for item in walk(paths) if isinstance(item, Source)}


def watch(
    paths: Sequence[Path],
    index: Callable[[], IndexReport],
    *,
    every: float = SCAN_SECONDS,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[IndexReport]:
    """Yield what `index` returns: at once, and each time that files changed and two scans then found the same.

    Never ends by itself. What changes while `index` runs is indexed after it.
    """
    indexed: FileStamps | None = None
    latest = scan(paths)
    while True:
        if latest != indexed:
            indexed = latest
            yield index()
        wait(every)
        current = scan(paths)
        while current != latest:  # a file is still being copied
            latest = current
            wait(every)
            current = scan(paths)


def _stamp(path: Path) -> FileStamp | None:
    try:
        return file_stamp(path)
    except ReadError:
        return None
