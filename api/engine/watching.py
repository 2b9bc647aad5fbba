"""A collection kept in step with folders: looked at again and again, indexed when something in them has changed.

By looking instead of by the system's notices: these do not come from network disks and shared folders, and end at a
limit of watched folders; a look is one `stat` a file. Knows nothing of what indexing does.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pagelens.api.engine.results import IndexReport
from pagelens.core.errors import ReadError
from pagelens.ingest.files.walk import Source, walk
from pagelens.ingest.files.digest import FileStamp, file_stamp

EVERY = 2.0  # seconds between two looks

Look = Mapping[Path, FileStamp | None]
"""Each file found, with what changes when it does; None where that cannot be told."""


def look(paths: Sequence[Path]) -> Look:
    """Return what stands below files and folders now: all files, those too that only tell about others."""
    return {item.path: _stamp(item.path) for item in walk(paths) if isinstance(item, Source)}


def watch(
    paths: Sequence[Path],
    index: Callable[[], IndexReport],
    *,
    every: float = EVERY,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[IndexReport]:
    """Yield what `index` returns, now and each time that something has changed and then stood still for one look.

    Never ends by itself. What changes while `index` runs is indexed after it.
    """
    done: Look | None = None
    before = look(paths)
    while True:
        if before != done:
            done = before
            yield index()
        wait(every)
        now = look(paths)
        while now != before:  # a file is still being copied
            before = now
            wait(every)
            now = look(paths)


def _stamp(path: Path) -> FileStamp | None:
    try:
        return file_stamp(path)
    except ReadError:
        return None
