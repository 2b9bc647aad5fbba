"""Identifies and hashes files ahead of their turn, and announces those to be read so that workers can start on them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pagelens.core.errors import PageLensError, ReadError
from pagelens.core.types import Kind
from pagelens.ingest.events import Failed, Skipped
from pagelens.ingest.files.digest import DigestFunction, FileStamp, file_stamp
from pagelens.ingest.files.walk import Source, identify
from pagelens.ingest.page_processing import FileOpener, OnWait, ReadJob, ReadStage, parser_error
from pagelens.ingest.reader_options import ReaderOptions

_MAX_WAITING = 64  # files examined ahead: any number of unchanged ones may lie between two that are to be read


@dataclass(slots=True)
class PendingFile:
    """A file that was examined: its kind and digest, or the error that prevents reading it."""

    source: Source
    stamp: FileStamp | None = None
    kind: Kind | None = None
    sha256: str | None = None
    error: ReadError | None = None
    announced: ReadJob | None = None  # what was announced to the opener
    size: int | None = None  # bytes of a member; None: as its stamp says

    def job(self, first: int, other_paths: tuple[Path, ...] = ()) -> ReadJob:
        """Return the job of reading the file from page `first` on; `other_paths` have the same bytes."""
        assert self.stamp and self.kind and self.sha256, self
        return ReadJob(
            path=self.source.path,
            kind=self.kind,
            sha256=self.sha256,
            size=self.stamp.size if self.size is None else self.size,
            first=first,
            other_paths=other_paths,
        )


def lookahead(
    items: Iterable[Source | Failed | Skipped],
    opener: FileOpener,
    plan: Callable[[PendingFile], ReadJob | None],
    options: ReaderOptions,
    digest: DigestFunction,
) -> Iterator[PendingFile | Failed | Skipped]:
    """Yield what a walk found, in its order, files examined; announce as many files to `opener` as it wants.

    `plan` returns what is to be read of a file, None for nothing. Its answer may be another one when the file is
    opened.
    """
    waiting: deque[PendingFile | Failed | Skipped] = deque()
    announced: set[str] = set()  # digests: equal files are read once
    max_waiting = _MAX_WAITING if opener.lookahead else 0
    for item in items:
        waiting.append(_examine(item, options, digest) if isinstance(item, Source) else item)
        if opener.lookahead and isinstance(pending := waiting[-1], PendingFile):
            _announce(pending, opener, plan, announced)
        while len(waiting) > max_waiting or sum(map(_is_announced, waiting)) > opener.lookahead:
            yield waiting.popleft()
    yield from waiting


def refreshed(pending: PendingFile, opener: FileOpener, options: ReaderOptions, digest: DigestFunction) -> PendingFile:
    """Return a file whose turn has come, examined again if it changed since it was examined ahead."""
    if pending.stamp is None or not opener.lookahead:
        return pending
    try:
        if file_stamp(pending.source.path) == pending.stamp:
            return pending
    except ReadError:
        pass  # the second examination finds the same error
    if pending.announced:
        opener.cancel(pending.announced)
    return _examine(pending.source, options, digest)


class CallbackError(Exception):
    """Carries an exception of a caller's callback through `as_read_errors`, which raises it again."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


def protected(on_wait: OnWait) -> OnWait:
    """Return a callback that is called while a file is read and whose exceptions do not count as the file's."""

    def call(path: Path, page: int, stage: ReadStage) -> None:
        try:
            on_wait(path, page, stage)
        except Exception as exc:
            raise CallbackError(exc) from exc

    return call


@contextmanager
def as_read_errors(path: Path, before: FileStamp | None = None) -> Iterator[None]:
    """Turn whatever a parser raises inside into a ReadError, so that it costs this file and not the whole run.

    Raises ReadError "changed" where the file's stamp is no longer `before`.
    """
    error: ReadError | None = None
    try:
        yield
    except ReadError as exc:
        error = exc
    except PageLensError:
        raise
    except CallbackError as exc:
        raise exc.error from None
    except Exception as exc:  # noqa: BLE001 - see above
        error = parser_error(exc)
    if before is not None and file_stamp(path) != before:
        raise ReadError("changed", "the file changed while it was read: read it again") from error
    if error is not None:
        raise error


def _examine(source: Source, options: ReaderOptions, digest: DigestFunction) -> PendingFile:
    pending = PendingFile(source)
    try:
        with as_read_errors(source.path):
            pending.stamp = file_stamp(source.path)
            pending.kind = identify(source.path, options)
            pending.sha256 = digest(source.path)
    except ReadError as error:
        pending.error = error
    return pending


def _announce(
    pending: PendingFile,
    opener: FileOpener,
    plan: Callable[[PendingFile], ReadJob | None],
    announced: set[str],
) -> None:
    if pending.error is not None or pending.sha256 is None or pending.sha256 in announced:
        return
    job = plan(pending)
    if job is not None:
        announced.add(pending.sha256)
        pending.announced = job
        opener.announce(job)


def _is_announced(item: PendingFile | Failed | Skipped) -> bool:
    return isinstance(item, PendingFile) and item.announced is not None
