"""Files read by worker processes: the same events as inline, and a page that hangs or crashes costs itself only."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image

from pagelens.core.errors import PageLensError, UsageError
from pagelens.core.types import Kind, Page
from pagelens.ingest.events import Event, Failed, PageWindow
from pagelens.ingest.ocr.engines import Ocr, OcrSettings, load_recogniser
from pagelens.ingest.page_processing import LoadReader
from pagelens.ingest.pipeline import NextPage, PipelineSettings, read_documents
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.reader import Reader
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.workers.worker_pool import DEFAULT_LIMITS, WorkerLimits, suggested_workers
from tests.ingest import misbehaving_reader
from tests.ingest.files import hand_written_pdf, noise, numbered_pages, write_pdf
from tests.ingest.scans import LINES, picture_of, png, scan
from tests.ingest.test_pipeline import hard_files, nothing, one_each, sha256_of, windows

IMPATIENT = WorkerLimits(opening=6, reading=4, recognising=4, memory=1 << 30)
ROOT = Path(__file__).parents[2]


def events(
    *paths: Path,
    workers: int,
    next_page: NextPage = nothing,
    window: int = 32,
    side: int = 0,
    ocr: Ocr | None = None,
    limits: WorkerLimits = DEFAULT_LIMITS,
    load: LoadReader = load_reader,
) -> list[Event]:
    settings = PipelineSettings(window=window, image_side=side, workers=workers, limits=limits, scale_up_after=0)
    return list(
        read_documents(paths, next_page=next_page, count_tokens=one_each, settings=settings, ocr=ocr, load_reader=load)
    )


def bad_events(*paths: Path, side: int = 0, workers: int = 2, limits: WorkerLimits = IMPATIENT) -> list[Event]:
    return events(*paths, workers=workers, side=side, limits=limits, load=misbehaving_reader.load_reader)


def in_full(event: Event) -> object:
    """Return all fields of an event as values that can be compared."""
    if not isinstance(event, PageWindow):
        return event
    pages = [
        (replace(page, text=page.text.text), page.text.spans.tolist(), page.text.boxes.tobytes(), page.text.source)  # type: ignore[arg-type]
        for page in event.pages
    ]
    pictures = [None if picture is None else (picture.shape, picture.tobytes()) for picture in event.images]
    return event.path, event.document, pages, event.passages, event.inputs, pictures, event.last


def pages_of(run: Sequence[Event], name: str) -> list[Page]:
    return [page for window in windows(run) if window.path.stem == name for page in window.pages]


def pdf_of_missing_pages(count: int) -> bytes:
    """Return a PDF that lists pages of which none is there."""
    kids = " ".join(f"{number} 0 R" for number in range(count + 3, 2 * count + 3))
    filler = ["<</Made/Up>>"] * count  # as many objects as pages at least, or the count is not believed
    return hand_written_pdf(["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[{kids}]/Count {count}>>", *filler])


def mixed_folder(folder: Path) -> None:
    """Write good files of every kind, long and short, the same twice, and one of each kind of trouble."""
    hard_files(folder)
    write_pdf(folder / "b-long.pdf", *numbered_pages(23))
    (folder / "c-twice.pdf").write_bytes((folder / "b-long.pdf").read_bytes())
    (folder / "d-lost.pdf").write_bytes(pdf_of_missing_pages(9))
    noise(60, 40).save(folder / "photo.jpg")
    frames = [noise(50, 40, seed) for seed in range(6)]
    frames[0].save(folder / "frames.tif", save_all=True, append_images=frames[1:])
    whole = (folder / "b-long.pdf").read_bytes()
    for number in range(12):
        (folder / f"n-damaged-{number}.pdf").write_bytes(damaged(whole, number))


def damaged(whole: bytes, seed: int) -> bytes:
    """Return a file with a few of its bytes changed."""
    content = bytearray(whole)
    for step in range(1, 9):
        content[(len(whole) * step * (seed + 3)) // 131 % len(whole)] ^= 0x15
    return bytes(content)


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_workers_yield_the_same_events_as_reading_inline(tmp_path: Path, workers: int) -> None:
    mixed_folder(tmp_path)
    half_known = sha256_of(tmp_path / "b-long.pdf")

    def known(sha256: str) -> int | None:
        return 7 if sha256 == half_known else None

    inline = events(tmp_path, workers=0, next_page=known, window=5, side=48)
    pooled = events(tmp_path, workers=workers, next_page=known, window=5, side=48)
    assert [in_full(event) for event in pooled] == [in_full(event) for event in inline]
    assert {type(event).__name__ for event in inline} == {"PageWindow", "Failed", "Skipped", "Unchanged"}
    lost = next(event for event in reversed(inline) if event.path.stem == "d-lost")
    assert isinstance(lost, Failed) and "none of its 9 pages" in lost.reason


def test_ocr_text_is_the_same_inline_and_in_workers(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(*[picture_of(*LINES[:n]) for n in (1, 2, 3)]))
    (tmp_path / "sign.png").write_bytes(png(picture_of(*LINES)))
    ocr = Ocr(OcrSettings(), load_recogniser)
    pooled = events(tmp_path, workers=2, ocr=ocr, side=48)
    assert [in_full(event) for event in pooled] == [
        in_full(event) for event in events(tmp_path, workers=0, ocr=ocr, side=48)
    ]
    assert [page.text.source for page in pages_of(pooled, "scan")] == ["ocr"] * 3
    again = events(tmp_path / "sign.png", workers=1, ocr=ocr)  # its engine is loaded by now and is not sent
    assert pages_of(again, "sign")[0].text.text.split() == " ".join(LINES).split()


def test_pictures_come_with_their_pages_drawn_to_size(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", *numbered_pages(6))
    Image.new("RGB", (300, 100), "lime").save(tmp_path / "b.png")
    pdf, photo = windows(events(tmp_path, workers=1, side=60))
    shapes = [picture.shape for picture in pdf.images if picture is not None]
    assert shapes == [(60, 42, 3)] * 6
    (picture,) = photo.images
    assert picture is not None and picture.shape == (20, 60, 3) and (picture == (0, 255, 0)).all()
    assert windows(events(tmp_path, workers=0))[0].images == (None,) * 6


DEEDS = [
    ("hangs when read", "reading the page took too long (more than 4 s)"),
    ("crashes when read", "reading the page crashed (SIGSEGV)"),
    ("eats when read", "reading the page takes too much memory (more than 1024 MiB)"),
]


@pytest.mark.parametrize(("deed", "reason"), DEEDS)
def test_a_page_that_hangs_crashes_or_eats_memory_costs_itself(tmp_path: Path, deed: str, reason: str) -> None:
    texts = numbered_pages(11)
    texts[5] += f" It {deed}."
    write_pdf(tmp_path / "bad.pdf", *texts)
    write_pdf(tmp_path / "a.pdf", *numbered_pages(3))
    write_pdf(tmp_path / "z.pdf", *numbered_pages(3))
    found = bad_events(tmp_path, side=32)
    assert {type(event) for event in found} == {PageWindow}
    assert [len(pages_of(found, name)) for name in ("a", "bad", "z")] == [3, 11, 3]
    pages = pages_of(found, "bad")
    assert pages[5] == Page(number=6, label=None, width=0.0, height=0.0, text=pages[5].text, problem=reason)
    assert pages[5].text.text == "" and pages[5].text.source == "none"
    good = pages_of(events(tmp_path / "bad.pdf", workers=0), "bad")
    for number in (1, 2, 3, 4, 5, 7, 8, 9, 10, 11):
        assert pages[number - 1].text.text == good[number - 1].text.text and not pages[number - 1].problem
    (window,) = (window for window in windows(found) if window.path.stem == "bad")
    assert [picture is None for picture in window.images] == [number == 6 for number in range(1, 12)]


@pytest.mark.parametrize("deed", ["hangs", "crashes"])
def test_a_page_that_cannot_be_drawn_keeps_its_text(tmp_path: Path, deed: str) -> None:
    write_pdf(tmp_path / "x.pdf", "First.", f"It {deed} when drawn.", "Third.")
    (window,) = windows(bad_events(tmp_path, side=32))
    assert [page.text.text for page in window.pages] == ["First.", f"It {deed} when drawn.", "Third."]
    assert [bool(page.problem) for page in window.pages] == [False, True, False]
    assert window.pages[1].problem.startswith("drawing the page ")
    assert [picture is None for picture in window.images] == [False, True, False]


def test_a_page_whose_rendering_takes_too_much_memory_says_so(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "First.", "It eats when drawn.")
    (window,) = windows(bad_events(tmp_path, side=32))
    assert window.pages[1].problem == "its picture could not be made: out of memory"


def test_an_ocr_engine_that_hangs_costs_the_text_in_pictures(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(picture_of(*LINES), header="Above the picture"))
    ocr = Ocr(OcrSettings(), misbehaving_reader.load_hanging_recogniser)
    (page,) = pages_of(events(tmp_path, workers=1, ocr=ocr, limits=IMPATIENT), "scan")
    assert page.text.text == "Above the picture" and page.width > 0
    assert page.problem == "reading the text in its picture took too long (more than 4 s)"


def test_a_page_that_crashes_once_is_read_by_the_next_worker(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "x.pdf", "First.", "It crashes once.", "Third.")
    pages = pages_of(bad_events(path), "x")
    assert [(page.text.text, page.problem) for page in pages] == [
        ("First.", ""),
        ("It crashes once.", ""),
        ("Third.", ""),
    ]
    assert path.with_suffix(".crashed").exists()


@pytest.mark.slow
def test_neighbouring_pages_that_crash_cost_themselves(tmp_path: Path) -> None:
    texts = [f"{number}: it crashes when read." if 2 <= number <= 5 else f"{number}." for number in range(1, 8)]
    write_pdf(tmp_path / "x.pdf", *texts)
    pages = pages_of(bad_events(tmp_path), "x")
    assert [page.number for page in pages if page.problem] == [2, 3, 4, 5]
    assert [page.number for page in pages if page.text.text] == [1, 6, 7]


def test_a_document_of_which_every_page_crashes_is_a_document_of_bad_pages(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", *["It crashes when read."] * 6)
    assert [bool(page.problem) for page in pages_of(bad_events(tmp_path), "x")] == [True] * 6


@pytest.mark.parametrize(
    ("deed", "code", "reason"),
    [
        ("hangs", "too-large", "opening the file took too long (more than 6 s): split it, or make it smaller"),
        ("crashes", "damaged", "opening the file crashed (SIGSEGV): copy or download it again"),
        (
            "eats",
            "too-large",
            "opening the file takes too much memory (more than 1024 MiB): split it, or make it smaller",
        ),
    ],
)
def test_a_file_whose_opening_hangs_crashes_or_eats_memory_is_a_failure(
    tmp_path: Path, deed: str, code: str, reason: str
) -> None:
    path = write_pdf(tmp_path / f"it {deed} when opened.pdf", "x")
    write_pdf(tmp_path / "a.pdf", "before")
    write_pdf(tmp_path / "z.pdf", "after")
    before, failure, after = bad_events(tmp_path)
    assert failure == Failed(path, code, reason, sha256_of(path))  # type: ignore[arg-type]
    assert [pages_of([one], one.path.stem)[0].text.text for one in (before, after)] == ["before", "after"]


def workers_of(process: psutil.Process) -> list[psutil.Process]:
    return [
        child for child in process.children() if "pagelens.ingest.workers.worker_process" in " ".join(child.cmdline())
    ]


def test_workers_end_with_the_last_event_and_when_the_generator_is_closed(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", *numbered_pages(30))
    this_process = psutil.Process()
    run = read_documents(
        [tmp_path],
        next_page=nothing,
        count_tokens=one_each,
        settings=PipelineSettings(window=2, workers=2, scale_up_after=0),
    )
    assert any(len(workers_of(this_process)) == 2 for _ in run)
    run.close()
    assert workers_of(this_process) == []
    assert len(windows(events(tmp_path, workers=2, window=2))) == 15
    assert workers_of(this_process) == []


def test_an_error_of_the_encoder_passes_and_ends_the_workers(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "hello")

    def broken(texts: Sequence[str]) -> list[int]:
        raise RuntimeError("no model")

    with pytest.raises(RuntimeError, match="no model"):
        list(read_documents([tmp_path], next_page=nothing, count_tokens=broken, settings=PipelineSettings(workers=1)))
    assert workers_of(psutil.Process()) == []


PARENT = """
import signal, sys
from pathlib import Path
import psutil
sys.path[0] = str(Path.cwd())  # workers do not import from "", the current folder
signal.signal(signal.SIGINT, signal.default_int_handler)  # who is started in the background ignores it
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from tests.ingest.misbehaving_reader import load_reader
from tests.ingest.test_pipeline import one_each

parts = {"next_page": lambda _: None, "count_tokens": one_each, "load_reader": load_reader}
settings = PipelineSettings(window=1, workers=2, scale_up_after=0)
for event in read_documents([Path(sys.argv[1])], settings=settings, **parts):
    print(event.pages[0].number, *(child.pid for child in psutil.Process().children()), flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent_whatever_it_is_doing(tmp_path: Path, sign: signal.Signals) -> None:
    """One worker hangs with the interpreter's lock held, so that nothing of Python runs in it."""
    write_pdf(tmp_path / "x.pdf", "It is read.", "It hangs when read.", *["It waits."] * 9)
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None and parent.stderr is not None
        number, *pids = parent.stdout.readline().split()
        workers = [psutil.Process(int(pid)) for pid in pids]
        assert number == "1" and workers
        parent.send_signal(sign)
        parent.wait()
        assert ("KeyboardInterrupt" in parent.stderr.read()) == (sign == signal.SIGINT)
    assert psutil.wait_procs(workers, timeout=5)[1] == []


def test_an_engine_that_cannot_be_loaded_stops_the_run_instead_of_blaming_files(tmp_path: Path) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(picture_of(*LINES)))
    ocr = Ocr(OcrSettings(languages=("ru",)), load_recogniser)
    with pytest.raises(UsageError, match="RapidOCR"):
        events(tmp_path, workers=1, ocr=ocr)


def test_parts_that_no_other_process_could_import_are_refused_at_once() -> None:
    def local_only(kind: Kind, options: ReaderOptions) -> Reader:
        return load_reader(kind, options)

    with pytest.raises(UsageError, match="local_only"):
        read_documents(
            [], next_page=nothing, count_tokens=one_each, settings=PipelineSettings(workers=1), load_reader=local_only
        )
    with pytest.raises(UsageError, match="workers"):
        read_documents([], next_page=nothing, count_tokens=one_each, settings=PipelineSettings(workers=-1))


class UnimportableLoader:
    """A loader that unpickles by importing a module that the worker does not find."""

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return __import__, ("a_module_that_is_not_there",)

    def __call__(self, kind: Kind, options: ReaderOptions) -> Reader:
        return load_reader(kind, options)


def test_a_worker_that_cannot_start_ends_the_run_and_says_why(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "hello")
    with pytest.raises(PageLensError, match="a_module_that_is_not_there"):
        events(tmp_path, workers=1, load=UnimportableLoader())


def test_no_worker_starts_where_nothing_is_to_be_read(tmp_path: Path) -> None:
    write_pdf(tmp_path / "x.pdf", "hello")
    run = read_documents(
        [tmp_path], next_page=lambda _: 0, count_tokens=one_each, settings=PipelineSettings(workers=2, scale_up_after=0)
    )
    next(run)
    assert workers_of(psutil.Process()) == []
    run.close()


def test_small_jobs_are_read_by_one_worker_and_large_ones_by_no_more_than_there_are_cores() -> None:
    assert suggested_workers(files=1, size=90_000, cores=2) == 1
    assert suggested_workers(files=1, size=90_000_000, cores=2) == 2
    assert suggested_workers(files=900, size=900_000, cores=2) == 2
    assert 1 <= suggested_workers(files=900, size=900_000, cores=10_000) < 10_000  # as many as memory has room for
