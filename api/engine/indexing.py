"""Indexing: events of the ingestion pipeline are encoded and given to the collection's writer.

Reading, encoding and writing overlap: worker processes read pages ahead, threads encode windows of them, and the thread
of the run takes events from the pipeline and writes what is encoded.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Literal

from pagelens.api.engine.embedding import Embedder
from pagelens.api.engine.encoding_queue import EncodingQueue
from pagelens.api.engine.file_names import path_to_text, text_to_path
from pagelens.api.engine.results import FailedFile, IndexReport, IndexStage, Progress
from pagelens.core.types import MEMBER_SEPARATOR, ImageArray, Kind
from pagelens.index.catalog.reads import UnreadFile
from pagelens.index.reader import Snapshot
from pagelens.index.records import DocumentPages
from pagelens.index.writer import KEEPS_OLD_VERSION, CollectionWriter, container_of
from pagelens.ingest.events import Event, Failed, MembersListed, Skipped, Unchanged
from pagelens.ingest.files.path_facts import path_facts_digest
from pagelens.ingest.members.member_paths import file_exists
from pagelens.ingest.page_processing import ReadStage

PROGRESS_SECONDS = 0.5  # between two progress reports while a window is encoded
STAGE_DECAY_SECONDS = 5.0  # after which the time spent in a stage counts less by a factor of e

IndexFirst = Literal["words", "all"]
"""What indexing does first: all pages are found by their words, and get their vectors after that; or both at once."""

OnProgress = Callable[[Progress], None]

RenderImage = Callable[[Path, Kind, int, int], ImageArray]
"""Takes a file, its kind, a page number and the longer side in pixels; returns the page's image. Raises ReadError."""

KeepOriginal = Callable[[str, Path], None]
"""Takes the SHA-256 of a document and its file."""


class StageTimer:
    """Finds the stage that took most of the latest seconds; older time counts less and less. For one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stage: IndexStage = "reading"
        self._since = clock()
        self._seconds: dict[IndexStage, float] = {"reading": 0.0}  # decayed

    def enter(self, stage: IndexStage) -> None:
        """Start a stage and end the one before."""
        now = self._clock()
        elapsed, self._since = now - self._since, now
        decay = math.exp(-elapsed / STAGE_DECAY_SECONDS)
        self._seconds = {name: seconds * decay for name, seconds in self._seconds.items()}
        self._seconds[self._stage] = self._seconds.get(self._stage, 0.0) + STAGE_DECAY_SECONDS * (1 - decay)
        self._stage = stage

    def slowest(self) -> IndexStage:
        """Return the stage that took most of the latest seconds."""
        self.enter(self._stage)
        return max(self._seconds, key=lambda name: self._seconds[name])


class IndexRun:
    """One indexing run with one writer: stores what the events of the pipeline bring and keeps the report."""

    def __init__(
        self,
        writer: CollectionWriter,
        embedders: Sequence[Embedder] | None,
        *,
        file_count: int,
        byte_count: int,
        on_progress: OnProgress,
        keep_original: KeepOriginal = lambda *_: None,
        threads: int | None = None,
    ) -> None:
        """`embedders`: None where the vectors are made later (`pagelens.api.engine.second_pass`). `file_count`
        and `byte_count` are what the run will read in all, for the progress reports.

        `keep_original` is called for each document before the document becomes visible. `threads`: windows encoded at
        once, see `EncodingQueue`.
        """
        self.report = IndexReport()
        self._writer = writer
        self._embedders = embedders
        self._files_total, self._bytes_total = file_count, byte_count
        self._files = self._pages = 0
        self._bytes = 0.0
        self._on_progress, self._keep_original = on_progress, keep_original
        self._threads = threads
        self._queue: EncodingQueue | None = None
        self._timer = StageTimer()
        self._members: dict[str, frozenset[str]] = {}  # of the containers that were listed
        self._unchanged: set[str] = set()
        self._documents: set[str] = set()
        self._given_up: set[tuple[str, str | None]] = set()  # paths and SHA-256 that failed: windows may follow
        self._read: set[str] = set()  # files that were read to their end, or failed

    def next_page(self, sha256: str) -> int | None:
        """Return the page of a file to read next (see `pagelens.ingest.pipeline`), after writing its queued pages."""
        while self._queue is not None and self._queue.holds(sha256):
            self._handle_next(self._queue)
        return self._writer.resume_page(sha256)

    def paths_to_merge(self, path: Path, kind: Kind, sha256: str) -> list[Path] | None:
        """Return the other existing paths of an indexed document that must be read again, since what it took from its
        paths has changed; None where it has not. The document's queued pages were written (`next_page`)."""
        digest, known = self._writer.path_facts(sha256)
        if not digest or _is_member(path_to_text(path)):
            return None
        paths = {other for other in map(text_to_path, known) if other.exists()}  # members have no facts of paths
        return None if path_facts_digest(kind, paths | {path}) == digest else sorted(paths - {path})

    def lacks_members(self, path: Path, sha256: str) -> bool:
        """Tell whether files in an indexed container are not recorded: its path is new, or a run was interrupted."""
        return self._writer.lacks_members(path_to_text(path), sha256)

    def on_wait(self, path: Path, page: int, stage: ReadStage) -> None:
        """Report which page the pipeline waits for."""
        self._timer.enter("ocr" if stage == "recognising" else "reading")
        self._report_progress(path_to_text(path), page)

    def consume(self, events: Iterable[Event]) -> IndexReport:
        """Store everything the events bring; return the report when they end."""
        started = time.monotonic()
        with EncodingQueue(self._embedders, threads=self._threads) as queue:
            self._queue = queue
            for event in events:
                queue.put(event)
                while queue.is_due:
                    self._handle_next(queue)
            while queue:
                self._handle_next(queue)
        self._timer.enter("writing")
        self._writer.commit()
        self.report.seconds = time.monotonic() - started
        return self.report

    @property
    def documents(self) -> frozenset[str]:
        """The SHA-256 of the documents that the run has come to."""
        return frozenset(self._documents)

    def _handle_next(self, queue: EncodingQueue) -> None:
        self._timer.enter("encoding")
        while not queue.is_ready(PROGRESS_SECONDS):
            self._report_progress(path_to_text(queue.path))
        event, pages = queue.take()
        self._timer.enter("writing")
        if isinstance(event, Unchanged):
            self._handle_unchanged(event)
        elif isinstance(event, Failed):
            self._handle_failed(event)
        elif isinstance(event, Skipped) and event.code == "sidecar":
            self.report.sidecars += 1
        elif isinstance(event, Skipped):
            path = path_to_text(event.path)
            self.report.skipped.append(FailedFile(path, event.code, event.reason))
            self._report_progress(path, outcome=f"not read: {event.reason}")
        elif isinstance(event, MembersListed):
            self._handle_members(event)
        else:
            assert pages is not None
            self._store(event.path, pages)
        self._timer.enter("reading")

    def _store(self, path: Path, new: DocumentPages) -> None:
        document = new.document
        if (new.path, document.sha256) in self._given_up:
            return
        self._documents.add(document.sha256)
        if new.last:
            self._keep_original(document.sha256, path)
        self._writer.add(new)
        self.report.pages += len(new.pages)
        self.report.wordless += sum(page.text.source == "none" for page in new.pages)
        self.report.documents += new.last
        self.report.problem_pages += [(new.path, page.number, page.problem) for page in new.pages if page.problem]
        if new.last:
            self._read.add(new.path)
        read_bytes = document.size * len(new.pages) / max(1, document.page_count)  # so a long file advances the bar too
        outcome = f"indexed, {document.page_count} page{'' if document.page_count == 1 else 's'}" if new.last else ""
        self._advance(new.path, files=int(new.last), pages=len(new.pages), byte_count=read_bytes, outcome=outcome)

    def _handle_unchanged(self, event: Unchanged) -> None:
        path = path_to_text(event.path)
        self._unchanged.add(path)
        self._documents.add(event.sha256)
        is_new_path = self._writer.link(path, event.sha256)
        reason = self._writer.failed_before(event.sha256)
        if reason is not None:
            self.report.failed_before.append(FailedFile(path, "failed before", reason))
            outcome = f"could not be read last time: {reason}"
        elif is_new_path:
            self.report.linked += 1
            outcome = "the same bytes as an indexed file"
        else:
            self.report.unchanged += 1
            outcome = "unchanged"
        self._advance(path, files=1, pages=0, byte_count=_size(event.path), outcome=outcome)

    def _handle_members(self, event: MembersListed) -> None:
        self._writer.record_members(event.sha256, event.readable)
        self._members[path_to_text(event.path)] = frozenset(map(path_to_text, event.members))

    def _handle_failed(self, event: Failed) -> None:
        path = path_to_text(event.path)
        self._writer.record_failure(path, event.sha256, event.code, event.reason)
        self.report.failed.append(FailedFile(path, event.code, event.reason))
        self._given_up.add((path, event.sha256))
        if event.code not in KEEPS_OLD_VERSION:
            self._read.add(path)
        self._advance(path, files=1, pages=0, byte_count=0, outcome=f"could not be read: {event.reason}")

    def forget_members(self) -> None:
        """Forget the members that are no longer in the containers that were read or listed."""
        listed = {path: self._members.get(path, frozenset()) for path in self._read | self._members.keys()}
        gone = [path for path in self._writer.member_paths() if _is_out(path, listed)]
        if gone:
            self._writer.remove_paths(gone)

    def record_unread_files(self, roots: Sequence[Path]) -> None:
        """Record the files that are not read, in place of those recorded below the roots before. Of a container that is
        unchanged and was not listed again, they stay."""
        below = [path_to_text(root) for root in roots]

        def is_replaced(path: str) -> bool:
            if not any(path == root or path.startswith((root + "/", root + MEMBER_SEPARATOR)) for root in below):
                return False
            container = container_of(path)
            while container:
                if container in self._members or container in self._read:
                    return True
                if container in self._unchanged:
                    return False
                container = container_of(container)
            return True

        files = {file.path: UnreadFile(file.path, file.code, file.reason) for file in self.report.skipped}
        self._writer.replace_unread_files([*files.values()], is_replaced)

    def _advance(self, path: str, *, files: int, pages: int, byte_count: float, outcome: str) -> None:
        self._files += 0 if _is_member(path) else files
        self._pages += pages
        self._bytes += 0 if _is_member(path) else byte_count
        self._report_progress(path, outcome=outcome)

    def _report_progress(self, path: str, page: int = 0, *, outcome: str = "") -> None:
        self._on_progress(
            Progress(
                path=path,
                files=self._files,
                files_total=self._files_total,
                bytes=min(int(self._bytes), self._bytes_total),
                bytes_total=self._bytes_total,
                pages=self._pages,
                waits_for=self._timer.slowest(),
                page=page,
                outcome=outcome,
            )
        )


def looking_progress(found: int) -> Progress:
    """Return the progress of a run that looks for files and has found so many."""
    return Progress(path="", files=0, files_total=found, bytes=0, bytes_total=0, pages=0, waits_for="looking")


def forget_missing_files(
    writer: CollectionWriter, snapshot: Snapshot, roots: Sequence[Path], *, prune: bool
) -> tuple[list[str], list[str]]:
    """Forget paths below the roots that no longer exist: with `prune` all, else those whose document has another path
    that exists, as after a move. Return the forgotten paths of documents and those that are gone and kept.

    A root that does not exist itself is skipped: an unplugged disk must not empty a collection.
    """
    existing = [root for root in roots if root.exists()]

    def is_gone(path: str) -> bool:
        file = text_to_path(path)
        return any(file.is_relative_to(root) for root in existing) and not file_exists(file)

    gone = {path for row in snapshot.documents.values() for path in row.paths if is_gone(path)}
    kept = set() if prune else gone - _moved(snapshot, gone)
    failed = [failure.path for failure in snapshot.failures() if is_gone(failure.path)]
    return writer.remove_paths([*sorted(gone - kept), *failed], moved=True), sorted(kept)


def _moved(snapshot: Snapshot, gone: Set[str]) -> set[str]:
    """Return those of the paths whose document has another path that exists."""
    moved: set[str] = set()
    for row in snapshot.documents.values():
        missing = gone & set(row.paths)
        if missing and any(file_exists(text_to_path(path)) for path in row.paths if path not in missing):
            moved |= missing
    return moved


def _is_member(path: str) -> bool:
    return MEMBER_SEPARATOR in path


def _is_out(path: str, listed: Mapping[str, frozenset[str]]) -> bool:
    """Tell whether a member, or a container around it, is no longer in what was listed."""
    while container := container_of(path):
        if container in listed and path not in listed[container]:
            return True
        path = container
    return False


def _size(path: Path) -> int:
    """Return a file's size in bytes; 0 where it is gone, since only the progress bar needs it."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
