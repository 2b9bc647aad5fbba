"""Reading within limits: what a hostile file may take, and processes that are kept warm between runs."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.ingest.events import Failed, PageWindow
from pagelens.ingest.ocr.engines import Ocr, OcrSettings
from pagelens.ingest.ocr.recognition import TextRecogniser
from pagelens.ingest.page_processing import ProcessingOptions
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from pagelens.ingest.reader_options import DEFAULT_MAX_PAGES, ReaderOptions
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.workers.page_renderer import QUERY_LIMITS, PageRenderer
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, SMALL_FILE_BYTES, WorkerLimits
from pagelens.ingest.workers.worker_source import WarmWorkers
from tests.ingest import misbehaving_reader
from tests.ingest.files import numbered_pages, write_pdf
from tests.ingest.hostile_files import empty_pages, form_bomb, use_bomb
from tests.ingest.test_pipeline import nothing, one_each, windows
from tests.ingest.test_worker_pool import IMPATIENT, bad_events, events, workers_of


@pytest.fixture
def warm() -> Iterator[WarmWorkers]:
    workers = WarmWorkers()
    yield workers
    workers.close()
    assert workers_of(psutil.Process()) == []


def read_warm(folder: Path, source: WarmWorkers) -> list[str]:
    """Read a folder with a worker of `source`; return the texts of its pages."""
    settings = PipelineSettings(workers=1, limits=IMPATIENT)
    run = read_documents(
        [folder],
        next_page=nothing,
        count_tokens=one_each,
        settings=settings,
        load_reader=misbehaving_reader.load_reader,
        source=source,
    )
    return [page.text.text for window in windows(list(run)) for page in window.pages]


def pids() -> list[int]:
    return [process.pid for process in workers_of(psutil.Process())]


@pytest.mark.parametrize("bomb", [use_bomb, form_bomb])
def test_a_file_of_2_kb_that_draws_10_billion_shapes_is_given_up_and_the_next_one_read(tmp_path: Path, bomb) -> None:  # type: ignore[no-untyped-def]
    path = bomb(tmp_path / ("a.svg" if bomb is use_bomb else "a.pdf"))
    assert path.stat().st_size < 3_000
    limits = WorkerLimits(small_file=2, lost=2, memory=1 << 30)
    failed, good = events(path, write_pdf(tmp_path / "b.pdf", "Good."), workers=1, side=100, limits=limits)
    assert isinstance(failed, Failed) and failed.code == "too-large"
    assert "2 s of CPU time" in failed.reason or "too much memory" in failed.reason
    assert isinstance(good, PageWindow) and good.pages[0].text.text == "Good."


def test_a_small_file_may_take_less_cpu_time_than_a_large_one_unless_it_is_a_scan() -> None:
    limits, small = DEFAULT_LIMITS, SMALL_FILE_BYTES - 1
    assert [limits.cpu_seconds(stage, small) for stage in ("opening", "reading", "drawing")] == [30] * 3
    assert limits.cpu_seconds("opening", SMALL_FILE_BYTES) == limits.cpu_seconds("recognising", small) == math.inf
    assert limits.seconds("opening") > ReaderOptions().office_seconds  # so that LibreOffice's own limit is met first


def test_a_document_whose_pages_take_too_long_one_after_the_other_is_given_up(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", *["It hangs when read."] * 9)
    (failed,) = bad_events(tmp_path, workers=1, limits=WorkerLimits(reading=1, lost=3))
    assert isinstance(failed, Failed) and failed.code == "too-large"
    assert failed.reason == "its pages took too long (3 s without a result): split it, or make it smaller"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_document_of_more_pages_than_allowed_is_reported_and_not_read(tmp_path: Path, workers: int) -> None:
    path = empty_pages(tmp_path / "x.pdf", 60)

    def read(most: int) -> list[object]:
        settings = PipelineSettings(workers=workers, reader_options=ReaderOptions(max_pages=most))
        return list(read_documents([path], next_page=nothing, count_tokens=one_each, settings=settings))

    (failed,) = read(59)
    assert isinstance(failed, Failed) and failed.code == "too-large"
    assert failed.reason == "expected at most 59 pages, found 60: split it, or `pagelens retry --max-pages 60`"
    assert all(isinstance(event, PageWindow) for event in read(60))
    assert ReaderOptions().max_pages == DEFAULT_MAX_PAGES == 10_000


def test_a_warm_worker_serves_the_next_run(tmp_path: Path, warm: WarmWorkers) -> None:
    write_pdf(tmp_path / "x.pdf", "One.")
    assert read_warm(tmp_path, warm) == ["One."]
    (first,) = pids()
    assert read_warm(tmp_path, warm) == ["One."]
    assert pids() == [first]


def test_a_warm_worker_keeps_no_file_open(tmp_path: Path, warm: WarmWorkers) -> None:
    (tmp_path / "x.txt").write_text("One.")
    assert read_warm(tmp_path, warm) == ["One."]
    (worker,) = workers_of(psutil.Process())
    assert read_warm(tmp_path, warm) == ["One."]  # it has answered, so it has done what it was told before
    assert not [file for file in worker.open_files() if str(tmp_path) in file.path]


def test_a_worker_that_hung_or_died_is_not_kept(tmp_path: Path, warm: WarmWorkers) -> None:
    hanging, good = tmp_path / "hanging", tmp_path / "good"
    for folder, text in ((hanging, "It hangs when read."), (good, "Good.")):
        folder.mkdir()
        write_pdf(folder / "x.pdf", text)
    read_warm(hanging, warm)
    assert pids() == []
    assert read_warm(good, warm) == ["Good."]
    (kept,) = workers_of(psutil.Process())
    kept.kill()
    psutil.wait_procs([kept])
    assert read_warm(good, warm) == ["Good."]
    assert kept.pid not in pids()


def test_a_run_that_is_given_up_within_a_page_ends_its_worker(tmp_path: Path, warm: WarmWorkers) -> None:
    write_pdf(tmp_path / "x.pdf", "It hangs when read.")

    class CancelledError(Exception):
        """The caller wants no more."""

    def on_wait(_: Path, __: int, stage: str) -> None:
        if stage == "reading":
            raise CancelledError

    run = read_documents(
        [tmp_path],
        next_page=nothing,
        count_tokens=one_each,
        settings=PipelineSettings(workers=1),
        load_reader=misbehaving_reader.load_reader,
        on_wait=on_wait,
        source=warm,
    )
    with pytest.raises(CancelledError):
        list(run)
    assert pids() == []


def test_idle_workers_are_few_and_end_after_a_while(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "One.")
    one_at_most = WarmWorkers(max_idle=1)
    renderer = PageRenderer(one_at_most, ProcessingOptions())
    assert read_warm(tmp_path, one_at_most) == ["One."]
    (reading,) = workers_of(psutil.Process())
    renderer.render(tmp_path / "x.pdf", "pdf", 1, 50)
    assert psutil.wait_procs([reading], timeout=20)[1] == []
    assert len(pids()) == 1
    one_at_most.close()
    short = WarmWorkers(idle_seconds=0.01)
    read_warm(tmp_path, short)
    assert psutil.wait_procs(workers_of(psutil.Process()), timeout=20)[1] == []


def renderer(warm: WarmWorkers, limits: WorkerLimits = IMPATIENT) -> PageRenderer:
    return PageRenderer(warm, ProcessingOptions(load_reader=misbehaving_reader.load_reader), limits)


def test_a_rendered_page_is_the_same_as_in_this_process(tmp_path: Path, warm: WarmWorkers) -> None:
    path = write_pdf(tmp_path / "x.pdf", *numbered_pages(3))
    expected = np.asarray(load_reader("pdf").render_page(path, 2, longest=300))
    assert (renderer(warm).render(path, "pdf", 2, 300) == expected).all()
    Image.new("L", (30, 10), 9).save(tmp_path / "y.png")
    assert renderer(warm).render(tmp_path / "y.png", "photo", 1, 300).shape == (10, 30, 3)
    assert len(pids()) == 1


@pytest.mark.parametrize(
    ("deed", "code", "reason"),
    [
        ("hangs", "too-large", "drawing the page took too long (more than 6 s)"),
        ("crashes", "damaged", "drawing the page crashed (SIGSEGV): copy or download the file again"),
        ("eats", "too-large", "drawing the page takes too much memory (more than 1024 MiB)"),
    ],
)
def test_a_page_that_cannot_be_rendered_within_limits_costs_one_request(
    tmp_path: Path, warm: WarmWorkers, deed: str, code: str, reason: str
) -> None:
    good, bad = (write_pdf(tmp_path / name, "words") for name in ("good.pdf", f"it {deed} when drawn.pdf"))
    with pytest.raises(ReadError) as caught:
        renderer(warm).render(bad, "pdf", 1, 50)
    assert (caught.value.code, str(caught.value)) == (code, reason)
    assert pids() == []
    assert renderer(warm).render(good, "pdf", 1, 50).shape[0] == 50


def recogniser(warm: WarmWorkers, load: Callable[[OcrSettings], TextRecogniser], limits: WorkerLimits) -> PageRenderer:
    return PageRenderer(warm, ProcessingOptions(ocr=Ocr(OcrSettings(), load)), limits)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (WorkerLimits(recognising=1), "took too long (more than 1 s)"),
        (WorkerLimits(small_file=0.5), "took too long (more than 0.5 s of CPU time)"),
    ],
)
def test_the_text_of_a_picture_is_read_within_limits(warm: WarmWorkers, limits: WorkerLimits, reason: str) -> None:
    busy = (
        misbehaving_reader.load_busy_recogniser if limits.small_file < 1 else misbehaving_reader.load_hanging_recogniser
    )
    with pytest.raises(ReadError, match=re.escape(reason)) as caught:
        recogniser(warm, busy, limits).read_text(np.zeros((40, 60, 3), np.uint8))
    assert caught.value.code == "too-large"
    assert pids() == []


def test_the_text_of_a_picture_is_that_of_a_page_with_many_words_and_of_a_photo_with_few(warm: WarmWorkers) -> None:
    """The engine reads as many words as the picture is rows high, with a confidence of its first pixel in percent."""
    reader = recogniser(warm, misbehaving_reader.load_counting_recogniser, WorkerLimits())

    def words(count: int, percent: int) -> int:
        return len(reader.read_text(np.full((count, 30, 3), percent, np.uint8)).split())

    assert [words(7, 60), words(8, 60), words(8, 49), words(7, 86), words(2, 84)] == [0, 8, 0, 7, 0]
    assert len(pids()) == 1
    assert (QUERY_LIMITS.opening, QUERY_LIMITS.recognising, QUERY_LIMITS.small_file) == (60, 60, 30)


def test_a_page_that_is_not_there_leaves_the_worker_in_use(tmp_path: Path, warm: WarmWorkers) -> None:
    path = write_pdf(tmp_path / "x.pdf", "words")
    with pytest.raises(ReadError, match="expected a page from 1 to 1, found page 2"):
        renderer(warm).render(path, "pdf", 2, 50)
    assert len(pids()) == 1
    with pytest.raises(ReadError, match="there is no file") as caught:
        renderer(warm).render(tmp_path / "gone.pdf", "pdf", 1, 50)
    assert caught.value.code == "vanished"
