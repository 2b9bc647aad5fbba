"""Files in the order of their turns, each looked at: what it is, its bytes' hash. Those behind are announced ahead.

Opens no document and yields no events of its own making.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import Kind
from pagelens.ingest.events import Failed, Skipped
from pagelens.ingest.files.walk import Source, identify, unreadable
from pagelens.ingest.page_processing import Job, Opener, blamed
from pagelens.ingest.reader_options import ReaderOptions

_LOOKED_AHEAD = 64  # files at most: there may be any number between two that are to be read


Digest = Callable[[Path, Kind | None], str]
"""A file and its kind to the SHA-256 it is known by: `pagelens.ingest.files.walk.digest`. Raises ReadError."""


class Stamp(NamedTuple):
    """What changes when a file does."""

    size: int
    modified: int  # nanoseconds
    inode: int


@dataclass(slots=True)
class Turn:
    """A file that was looked at: what it is, or why that could not be told; and what was announced of it."""

    source: Source
    stamp: Stamp | None = None
    kind: Kind | None = None
    sha256: str | None = None
    error: ReadError | None = None
    announced: Job | None = None

    def job(self, first: int) -> Job:
        """Return what is to be read."""
        assert self.stamp and self.kind and self.sha256, self
        return Job(self.source.path, self.kind, self.sha256, self.stamp.size, first)


def turns(
    found: Iterable[Source | Failed | Skipped],
    files: Opener,
    first_page: Callable[[str], int],
    options: ReaderOptions,
    digest: Digest,
) -> Iterator[Turn | Failed | Skipped]:
    """Yield what a walk finds, files looked at, and announce those that are to be read: as many as `files` wants.

    `first_page` takes a hash to the page that will be read first, 0 for none: the guess of the moment.
    """
    waiting: deque[Turn | Failed | Skipped] = deque()
    seen: set[str] = set()  # the same bytes may come again, and are read once
    most = _LOOKED_AHEAD if files.ahead else 0
    for one in found:
        waiting.append(_looked_at(one, options, digest) if isinstance(one, Source) else one)
        if files.ahead and isinstance(turn := waiting[-1], Turn):
            _announce(turn, files, first_page, seen)
        while len(waiting) > most or sum(map(_is_announced, waiting)) > files.ahead:
            yield waiting.popleft()
    yield from waiting


def renewed(turn: Turn, files: Opener, options: ReaderOptions, digest: Digest) -> Turn:
    """Return a turn that has come: looked at again where its file changed since it was looked at ahead."""
    if turn.stamp is None or not files.ahead:
        return turn
    try:
        if stamp(turn.source.path) == turn.stamp:
            return turn
    except ReadError:
        pass  # the second look says the same
    if turn.announced:
        files.forget(turn.announced)
    return _looked_at(turn.source, options, digest)


def stamp(path: Path) -> Stamp:
    """Return what changes when the file does. Raises ReadError: denied, vanished, damaged."""
    try:
        status = path.stat()
    except (OSError, ValueError) as exc:
        raise unreadable(exc) from exc
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino)


@contextmanager
def blaming(path: Path, before: Stamp | None = None) -> Iterator[None]:
    """Put the blame for what is raised inside on the file, and on its change if it is no longer what `before` says.

    The last resort against parsers: whatever they raise costs this file, never the rest of the run.
    """
    error: ReadError | None = None
    try:
        yield
    except ReadError as exc:
        error = exc
    except PageLensError:
        raise
    except Exception as exc:  # noqa: BLE001 - see above
        error = blamed(exc)
    if before is not None and stamp(path) != before:
        raise ReadError("changed", "the file changed while it was read: read it again") from error
    if error is not None:
        raise error


def _looked_at(source: Source, options: ReaderOptions, digest: Digest) -> Turn:
    turn = Turn(source)
    try:
        with blaming(source.path):
            turn.stamp = stamp(source.path)
            turn.kind = identify(source.path, options)
            turn.sha256 = digest(source.path, turn.kind)
    except ReadError as error:
        turn.error = error
    return turn


def _announce(turn: Turn, files: Opener, first_page: Callable[[str], int], seen: set[str]) -> None:
    if (
        turn.error is None
        and turn.sha256 is not None
        and turn.sha256 not in seen
        and (first := first_page(turn.sha256))
    ):
        seen.add(turn.sha256)
        turn.announced = turn.job(first)
        files.announce(turn.announced)


def _is_announced(turn: Turn | Failed | Skipped) -> bool:
    return isinstance(turn, Turn) and turn.announced is not None
