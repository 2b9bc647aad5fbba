"""What an indexing run says that it waits for."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from rich.text import Text

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.cli.progress_output import (
    WORDS_FOUND,
    ProgressMeter,
    SmoothedRate,
    describe_pages,
    describe_wait,
    show_progress,
)
from pagelens.api.engine.indexing import STAGE_DECAY_SECONDS, IndexRun, StageTimer
from pagelens.api.engine.results import IndexStage, Progress
from pagelens.index.creation import create
from pagelens.index.layout import Layout
from pagelens.index.writer import CollectionWriter
from tests.api.reembedding_child import OLD, lanes_of
from tests.api.test_encoding_queue import BlockingEmbedder, window
from tests.ingest.scans import LINES, picture_of, scan


def test_what_took_most_of_the_latest_seconds_is_waited_for_and_older_ones_fade() -> None:
    now = 0.0
    timer = StageTimer(lambda: now)
    reports: list[IndexStage] = []
    spans: list[tuple[IndexStage, float]] = [
        ("ocr", 2.0),
        ("encoding", 1.0),
        ("ocr", 0.5),
        ("writing", 2 * STAGE_DECAY_SECONDS),
    ]
    for what, seconds in spans:
        timer.enter(what)
        now += seconds
        reports.append(timer.slowest())
    assert reports == ["ocr", "ocr", "ocr", "writing"]


def test_a_run_whose_encoder_is_behind_says_so_while_it_waits(tmp_path: Path) -> None:
    create(Layout(tmp_path / "c"), profile="old", lanes=lanes_of(OLD))
    embedder = BlockingEmbedder(OLD[0])
    reports: list[Progress] = []

    def on_progress(progress: Progress) -> None:
        reports.append(progress)
        if progress.waits_for == "encoding":
            embedder.open.set()  # not before

    with CollectionWriter(tmp_path / "c") as writer:
        IndexRun(writer, [embedder, *OLD[1:]], file_count=1, byte_count=1, on_progress=on_progress).consume(
            [window("a")]
        )
    assert (reports[0].waits_for, reports[0].pages) == ("encoding", 0)
    assert reports[-1].pages == 1


def test_a_run_that_waits_for_the_text_in_a_picture_says_of_which_page(tmp_path: Path) -> None:
    create(Layout(tmp_path / "c"), profile="old", lanes=lanes_of(OLD))
    reports: list[Progress] = []
    with CollectionWriter(tmp_path / "c") as writer:
        run = IndexRun(writer, OLD, file_count=1, byte_count=1, on_progress=reports.append)
        run.on_wait(Path("scan.pdf"), 12, "recognising")
        run.on_wait(Path("scan.pdf"), 12, "recognising")
    assert describe_wait(reports[-1]) == "OCR of scan.pdf p.12"


@pytest.mark.parametrize("workers", [0, 1])
def test_indexing_a_scan_reports_the_pages_whose_ocr_it_waits_for(tmp_path: Path, workers: int) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(*[picture_of(*LINES)] * 6))
    reports: list[Progress] = []
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        engine.index(tmp_path / "scan.pdf", workers=workers, on_progress=reports.append)
    waits = [describe_wait(progress) for progress in reports if progress.page]
    assert {progress.page for progress in reports} - {0} <= {1, 2, 3, 4, 5, 6}
    assert waits and all(wait.split(" p.")[0].endswith("scan.pdf") for wait in waits)
    if not workers:  # where a warm worker reads, the run may wait for nothing long enough to name it
        assert any(wait.startswith("OCR of ") for wait in waits)
    assert [progress.outcome for progress in reports if progress.outcome] == ["indexed, 6 pages"]
    assert (reports[0].waits_for, reports[0].files_total) == ("looking", 1)


def report(*, pages: int, share: float, outcome: str = "") -> Progress:
    return Progress(
        path="a.pdf",
        files=0,
        files_total=1,
        bytes=round(share * 1_000_000),
        bytes_total=1_000_000,
        pages=pages,
        outcome=outcome,
    )


def test_no_rate_and_no_time_left_is_told_until_it_is_known() -> None:
    now = 0.0
    meter = ProgressMeter(lambda: now)
    shown = []
    for seconds, pages in [(0, 0), (90, 1), (91, 3), (92, 5), (93, 7)]:  # the first page takes 90 s: models are loaded
        now = seconds
        meter.update(report(pages=pages, share=pages / 100))
        shown.append((meter.rate, meter.left))
    assert shown[:3] == [("", "")] * 3
    assert shown[3:] == [("2.0 pages/s", "about 48 s left"), ("2.0 pages/s", "about 47 s left")]


def test_a_rate_follows_a_change_of_speed_and_is_not_shaken_by_bursts() -> None:
    now = 0.0
    rate = SmoothedRate(lambda: now)
    amounts, rates = 1.0, []
    for second in range(240):
        now += 1
        if second % 4 == 0:  # in bursts: 8 a second, then 2
            amounts += 32 if second < 120 else 8
        rate.update(amounts)
        rates.append(rate.per_second or 0.0)
    assert all(abs(value - 8) < 2 for value in rates[20:120])
    assert all(abs(value - 2) < 0.5 for value in rates[200:])


def test_while_a_file_of_scans_is_read_the_time_left_grows_no_faster_than_the_time_waited() -> None:
    """300 pages and 41% in 300 s, then nothing for ten minutes; once "about 29246.1 h left" was shown."""
    now = 0.0
    meter = ProgressMeter(lambda: now)
    for second in range(301):
        now = second
        meter.update(report(pages=max(1, second), share=0.41 * second / 300))
    assert (meter.rate, meter.left) == ("1.0 pages/s", "about 7 min left")
    for second in range(301, 901, 5):
        now = second
        meter.update(report(pages=300, share=0.41))
    # 300 s weigh 180 (1 - exp(-300 / 180)) = 146 s in the time left; 596 s passed: .41 / 300 x 146 / 742 a second
    assert (meter.rate, meter.left) == ("2 pages/min", "about 37 min left")
    now = 960
    meter.update(report(pages=500, share=0.7))
    assert meter.left == "about 11 min left"


def test_each_file_is_named_as_it_is_done_if_that_is_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.txt").write_text("A limpet returns.")
    (tmp_path / "in/b.pdf").write_bytes(b"%PDF-1.4 cut")
    options = ["index", "in", "-c", "c", "--profile", "builtin", "--workers", "0", "-v"]
    assert main(options) == 4
    first = capsys.readouterr().err
    assert "in/a.txt: indexed, 1 page\n" in first and "in/b.pdf: could not be read: " in first
    assert main(options) == 4
    assert "in/a.txt: unchanged\n" in capsys.readouterr().err


def test_the_second_pass_counts_its_pages_and_the_time_left_anew() -> None:
    now = 0.0
    meter = ProgressMeter(lambda: now)
    for second in range(101):
        now = second
        meter.update(report(pages=1 + 10 * second, share=second / 100))
    assert meter.rate == "10.0 pages/s"
    for second in range(11):  # a page a second, of fifty
        now = 101 + second
        progress = replace(report(pages=second, share=second / 50), second_pass=True)
        meter.update(progress)
    assert meter.rate == "1.0 pages/s"
    assert meter.left in ("about 40 s left", "about 41 s left")
    assert describe_pages(progress) == "10 pages with vectors"


def test_between_the_passes_a_line_says_once_that_words_can_be_searched(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress() as on_progress:
        on_progress(report(pages=5, share=1.0))
        assert capsys.readouterr().err == ""
        for pages in (0, 5):
            on_progress(replace(report(pages=pages, share=pages / 5), second_pass=True))
    assert capsys.readouterr().err.count(WORDS_FOUND) == 1


def test_the_bar_of_the_second_pass_has_a_spinner_although_the_first_one_was_full() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120)
    with show_progress(console=console) as on_progress:
        on_progress(report(pages=5, share=1.0))
        on_progress(replace(report(pages=0, share=0.0), second_pass=True))
    last = [line for line in Text.from_ansi(screen.getvalue().replace("\r", "\n")).plain.splitlines() if line.strip()][
        -1
    ]
    assert last.strip()[0] in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏" and "0 pages with vectors" in last
    assert WORDS_FOUND in screen.getvalue()
