"""Pages per second and peak memory of indexing with worker processes, compared with a single core.

    python -m benchmarks.throughput [--sets text ocr] [--documents 20] [--pages 40] [--rounds 3] [--workers 0 1 2]

"text": development documents with a text layer, without OCR. "ocr": pages of the development documents without a text
layer, in one PDF. Each set is indexed end to end with the builtin encoders (models loaded, catalog written) into a new
collection by its own process.

The baseline is bound to one core, with one encoder thread and no workers. It is compared with 0, 1 and 2 workers, bound
to two cores, with two encoder threads. A round runs every case once, so that a ratio compares runs that are close in
time. Printed are the median of the rounds' ratios, the best time of each case, and the CPU time of the last round,
which other load changes less. Memory is the peak of the sampled USS (unique set size) of the process and its children.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

import pagelens
from benchmarks.development_set import SET, require_data
from pagelens.api.engine.wiring import open_collection
from pagelens.core.settings import Settings
from pagelens.ingest.ocr.engines import OcrSettings
from pagelens.ingest.readers.mupdf import pymupdf

SAMPLE_SECONDS = 0.1
LEAST_WORDS = 20  # of a page that counts as text
SEVERAL = 0.8  # of a document's pages that have text, of a text document


@dataclass(frozen=True, slots=True)
class Case:
    """How a set is indexed."""

    name: str
    cores: int
    workers: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of indexing a set."""

    pages: int
    seconds: float
    own_cpu: float  # CPU-seconds of the process that encodes and writes,
    workers: float  # and of all that it started
    peak: float  # MB


BASE = Case("one core, 0 workers", 1, 0)


def main() -> None:
    """Measure and print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=("text", "ocr"), default=("text", "ocr"))
    parser.add_argument("--documents", type=int, default=20)
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=(0, 1, 2))
    arguments = parser.parse_args()
    require_data()
    cases = [BASE, *(Case(f"two cores, {workers} workers", 2, workers) for workers in arguments.workers)]
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.sets:
            folder = Path(scratch) / name
            folder.mkdir()
            if name == "text":
                link_text_documents(folder, arguments.documents)
            else:
                write_wordless_pages(folder / "scans.pdf", arguments.pages)
            rounds = [
                [measure(case, folder, "never" if name == "text" else "auto") for case in cases]
                for _ in range(arguments.rounds)
            ]
            print_table(name, cases, rounds)


def print_table(name: str, cases: Sequence[Case], rounds: Sequence[Sequence[Cost]]) -> None:
    """Print the costs of each case over all rounds."""
    print(f"\n{name}: {rounds[0][0].pages} pages, {len(rounds)} rounds, load {os.getloadavg()[0]:.1f} at the end")
    print("| case | s | pages/s | times one core: median (all) | CPU-s main process + workers | peak MB |")
    print("|---|---|---|---|---|---|")
    for column, case in enumerate(cases):
        costs = [costs[column] for costs in rounds]
        best = min(cost.seconds for cost in costs)
        ratios = [costs[0].seconds / costs[column].seconds for costs in rounds]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        peak = max(cost.peak for cost in costs)
        middle = statistics.median(ratios)
        print(
            f"| {case.name} | {best:.1f} | {costs[0].pages / best:.2f} | {middle:.2f} ({each}) "
            f"| {costs[-1].own_cpu:.1f} + {costs[-1].workers:.1f} | {peak:.0f} |",
            flush=True,
        )


def measure(case: Case, folder: Path, mode: str) -> Cost:
    """Index a folder in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch, bound(case.cores):
        arguments = [str(Path(scratch) / "collection"), str(folder), str(case.cores), str(case.workers), mode]
        command = [sys.executable, "-c", "from benchmarks.throughput import child; child()", *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, held(psutil.Process(process.pid)))
            time.sleep(SAMPLE_SECONDS)
        assert process.stdout is not None
        output = process.stdout.read()
    if process.returncode:
        sys.exit(f"{case.name} ended with {process.returncode}")
    return Cost(**json.loads(output), peak=peak)


@contextmanager
def bound(cores: int) -> Iterator[None]:
    """Let processes started inside run on so many cores."""
    allowed_cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed_cores)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed_cores)


def held(process: psutil.Process) -> float:
    """Return the unique set size of a process and its descendants, in MB."""
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            total += member.memory_full_info().uss
    except psutil.Error:
        return 0.0  # one of them ended in this moment
    return total / 1e6


def child() -> None:
    """Index according to the command line's arguments; print pages and seconds as JSON."""
    root, folder, threads, workers, mode = sys.argv[1:]
    pagelens.open(Path(root), create=True, profile="builtin").close()
    settings = Settings(threads=int(threads))
    ocr = OcrSettings(mode="never" if mode == "never" else "auto", threads=int(threads))
    with open_collection(Path(root), settings) as engine:
        started, cpu_start = time.perf_counter(), time.process_time()
        report = engine.index(Path(folder), workers=int(workers), ocr=ocr)
        seconds, own_seconds = time.perf_counter() - started, time.process_time() - cpu_start
    assert not report.failed, report.failed
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = {
        "pages": report.pages,
        "seconds": seconds,
        "own_cpu": own_seconds,
        "workers": ended.ru_utime + ended.ru_stime,
    }
    print(json.dumps(result))


def link_text_documents(folder: Path, count: int) -> None:
    """Link the first documents of the development set in which at least 80% of the pages have text."""
    for path in sorted((SET / "documents").glob("*.pdf")):
        with pymupdf.open(path) as pdf:
            with_text = sum(len(page.get_text("words")) >= LEAST_WORDS for page in pdf)
            if with_text >= SEVERAL * len(pdf) and len(list(folder.iterdir())) < count:
                (folder / path.name).symlink_to(path.resolve())


def write_wordless_pages(path: Path, count: int) -> None:
    """Write a PDF from pages of the development documents without any text layer, one page of each in rotation."""
    documents: list[list[tuple[Path, int]]] = []
    for source in sorted((SET / "documents").glob("*.pdf")):
        with pymupdf.open(source) as pdf:
            if not any(page.get_text("words") for page in pdf):
                documents.append([(source, number) for number in range(len(pdf))])
    longest = max(map(len, documents))
    interleaved = [pages[index] for index in range(longest) for pages in documents if index < len(pages)]
    with pymupdf.open() as pdf:
        for source, number in interleaved[:count]:
            with pymupdf.open(source) as original:
                pdf.insert_pdf(original, from_page=number, to_page=number)
        pdf.save(path)


if __name__ == "__main__":
    main()
