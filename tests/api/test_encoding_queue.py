"""The encoding queue: the order of events, how many windows at once, and files with the same bytes in the queue."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pagelens.api.engine.embedding import Embedder, PageBatch
from pagelens.api.engine.encoding_queue import SPARE_WINDOWS, EncodingQueue
from pagelens.api.engine.indexing import IndexRun
from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page, no_text
from pagelens.index.creation import create
from pagelens.index.layout import LaneRecord, Layout
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.events import Event, Failed, PageWindow, Skipped, Unchanged
from tests.api.reembedding_child import OLD, lanes_of

SECONDS = 20.0  # after which a test gives up


class BlockingEmbedder:
    """An embedder that signals when it starts and waits until `open` is set; it then embeds like `inner`, if any."""

    image_side = 0

    def __init__(self, inner: Embedder | None = None, *, opened: bool = False, error: Exception | None = None) -> None:
        self.inner = inner
        self.lanes: Sequence[LaneRecord] = inner.lanes if inner else []
        self.error = error
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()
        if opened:
            self.open.set()

    def embed(self, batch: PageBatch) -> None:
        self.entered.release()
        assert self.open.wait(SECONDS)
        if self.error is not None:
            raise self.error
        if self.inner:
            self.inner.embed(batch)


def window(name: str, *, last: bool = True) -> PageWindow:
    page = Page(number=1, label=None, width=1.0, height=1.0, text=no_text())
    document = Document(sha256=name, kind="pdf", title=name, page_count=1 if last else 2, size=0)
    return PageWindow(Path(name), document, (page,), ((),), ((),), (None,), last=last)


def test_windows_are_encoded_in_parallel_and_leave_in_order_among_other_events() -> None:
    embedder = BlockingEmbedder()
    events: list[Event] = [window("a"), Skipped(Path("b"), "unsupported", "why"), window("c")]
    with EncodingQueue([embedder], threads=2) as queue:
        for event in events:
            queue.put(event)
        assert embedder.entered.acquire(timeout=SECONDS) and embedder.entered.acquire(timeout=SECONDS)  # both at once
        assert not queue.is_due  # there is room, and the first is not ready
        embedder.open.set()
        taken = [queue.take() for _ in events]
    assert [event for event, _ in taken] == events
    assert [made is not None for _, made in taken] == [True, False, True]


def test_the_queue_holds_no_more_windows_than_threads_and_spare_ones() -> None:
    embedder = BlockingEmbedder()
    with EncodingQueue([embedder], threads=1) as queue:
        for number in range(1 + SPARE_WINDOWS):
            assert not queue.is_due
            queue.put(window(str(number)))
        assert queue.is_due
        embedder.open.set()


def test_what_encoding_raises_is_raised_by_take() -> None:
    with EncodingQueue([BlockingEmbedder(opened=True, error=MemoryError("no room"))]) as queue:
        queue.put(window("a"))
        with pytest.raises(MemoryError, match="no room"):
            queue.take()


def test_a_document_whose_pages_cannot_be_encoded_fails_alone_with_its_reason(tmp_path: Path) -> None:
    create(Layout(tmp_path / "c"), profile="old", lanes=lanes_of(OLD))
    lost = BlockingEmbedder(opened=True, error=ReadError("damaged", "its worker was lost"))

    class LosesOne:
        image_side = 0
        lanes = OLD[0].lanes

        def embed(self, batch: PageBatch) -> None:
            (lost if "lost" in batch.inputs[0] else OLD[0]).embed(batch)

    halves = [replace(window("a", last=last), inputs=(("lost",) if not last else (),)) for last in (False, True)]
    with CollectionWriter(tmp_path / "c") as writer:
        run = IndexRun(writer, [LosesOne(), *OLD[1:]], file_count=2, byte_count=1, on_progress=lambda _: None)
        report = run.consume([*halves, window("b")])
        assert writer.failed_before("a") == "its worker was lost"
    assert [(file.path, file.code) for file in report.failed] == [("a", "damaged")]
    assert (report.documents, report.pages) == (1, 1)


def test_a_file_with_the_bytes_of_a_queued_one_waits_for_its_outcome(tmp_path: Path) -> None:
    """Without waiting, the catalog would not know the failure yet and the second file would be read too."""
    create(Layout(tmp_path / "c"), profile="old", lanes=lanes_of(OLD))
    first_pages: list[int | None] = []
    with CollectionWriter(tmp_path / "c") as writer:
        embedder = BlockingEmbedder(OLD[0])
        run = IndexRun(writer, [embedder, *OLD[1:]], file_count=3, byte_count=1, on_progress=lambda _: None)

        def events() -> Iterator[Event]:
            yield window("half", last=False)
            yield Failed(Path("half"), "damaged", "it ends here", "half")
            embedder.open.set()  # both events are under way
            first_pages.append(run.next_page("half"))
            yield Unchanged(Path("twin"), "half")

        report = run.consume(events())
    assert first_pages == [0]
    assert [one.path for one in report.failed_before] == ["twin"]
    assert not report.documents
