"""Windows encoded in threads: their order, how many at once, and what a file's twin hears of those under way."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pagelens.api.engine.embedding import Embedder, PageBatch
from pagelens.api.engine.encoding_queue import SPARE_WINDOWS, EncodingQueue
from pagelens.api.engine.indexing import IndexRun
from pagelens.core.types import Document, Page, no_text
from pagelens.index.layout import LaneRecord, Layout, create
from pagelens.index.writer import CollectionWriter
from pagelens.ingest.events import Event, Failed, PageWindow, Skipped, Unchanged
from tests.api.moving_child import OLD, lanes_of

SECONDS = 20.0  # after which a test gives up


class Gate:
    """An embedder that tells when it is at work and waits until it may go on; fills what `inner` does, or nothing."""

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


def test_windows_are_encoded_side_by_side_and_come_out_in_their_order_among_other_events() -> None:
    gate = Gate()
    events: list[Event] = [window("a"), Skipped(Path("b"), "why"), window("c")]
    with EncodingQueue([gate], threads=2) as queue:
        for event in events:
            queue.put(event)
        assert gate.entered.acquire(timeout=SECONDS) and gate.entered.acquire(timeout=SECONDS)  # both at once
        assert not queue.is_due  # there is room, and the first is not ready
        gate.open.set()
        taken = [queue.take() for _ in events]
    assert [event for event, _ in taken] == events
    assert [made is not None for _, made in taken] == [True, False, True]


def test_no_more_windows_are_under_way_than_threads_and_those_that_wait_for_one() -> None:
    gate = Gate()
    with EncodingQueue([gate], threads=1) as queue:
        for number in range(1 + SPARE_WINDOWS):
            assert not queue.is_due
            queue.put(window(str(number)))
        assert queue.is_due
        gate.open.set()


def test_what_encoding_raises_reaches_the_one_who_takes() -> None:
    with EncodingQueue([Gate(opened=True, error=MemoryError("no room"))]) as queue:
        queue.put(window("a"))
        with pytest.raises(MemoryError, match="no room"):
            queue.take()


def test_a_twin_of_a_file_under_way_hears_what_became_of_it(tmp_path: Path) -> None:
    """Asked before that is written, the catalog would have the twin read and refused once more."""
    create(Layout(tmp_path / "c"), profile="old", lanes=lanes_of(OLD))
    heard: list[int | None] = []
    with CollectionWriter(tmp_path / "c") as writer:
        gate = Gate(OLD[0])
        run = IndexRun(writer, [gate, *OLD[1:]], file_count=3, byte_count=1, on_progress=lambda _: None)

        def events() -> Iterator[Event]:
            yield window("half", last=False)
            yield Failed(Path("half"), "damaged", "it ends here", "half")
            gate.open.set()  # both events are under way
            heard.append(run.next_page("half"))
            yield Unchanged(Path("twin"), "half")

        report = run.consume(events())
    assert heard == [0]
    assert [one.path for one in report.failed_before] == ["twin"]
    assert not report.documents
