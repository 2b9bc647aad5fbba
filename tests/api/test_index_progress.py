"""What an indexing run says that it waits for."""

from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli.progress_output import describe_wait
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
    assert describe_wait(reports[-1]) == "waits for OCR of p.12"


@pytest.mark.parametrize("workers", [0, 1])
def test_indexing_a_scan_reports_the_pages_whose_ocr_it_waits_for(tmp_path: Path, workers: int) -> None:
    (tmp_path / "scan.pdf").write_bytes(scan(*[picture_of(*LINES)] * 6))
    reports: list[Progress] = []
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        engine.index(tmp_path / "scan.pdf", workers=workers, on_progress=reports.append)
    waits = [describe_wait(progress) for progress in reports if progress.page]
    assert {progress.page for progress in reports} - {0} <= {1, 2, 3, 4, 5, 6}
    assert waits and all(wait.startswith("waits for ") for wait in waits)
    if not workers:  # where a warm worker reads, the run may wait for nothing long enough to name it
        assert any(wait.startswith("waits for OCR of p.") for wait in waits)
