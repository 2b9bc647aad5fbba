"""What reading within limits costs: indexing one small PDF inline, by one warm worker process, and by a new one.

    python -m benchmarks.warm_worker [--pages 2] [--runs 15]

Every run indexes another PDF into one collection of the profile builtin. The three ways take turns, so that a busy
machine slows them all; medians are printed, in ms, and their ratios to reading inline.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pymupdf

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.wiring import end_idle_workers

WORDS = "The northern breakwater of harbour {} was finished in September and has stood {} storms since. "


def main() -> None:
    """Measure and print a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=2)
    parser.add_argument("--runs", type=int, default=15)
    arguments = parser.parse_args()
    ways: dict[str, tuple[int, Callable[[], None]]] = {
        "inline": (0, lambda: None),
        "warm worker": (1, lambda: None),
        "new worker": (1, end_idle_workers),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with pagelens.open(folder / "collection", create=True, profile="builtin") as engine:
            for run in range(arguments.runs + 1):
                for way, (workers, prepare) in ways.items():
                    path = write_pdf(folder / f"{run} {way}.pdf", arguments.pages, seed=f"{run} {way}")
                    prepare()
                    seconds[way].append(index(engine, path, workers))
    medians = {way: statistics.median(times[1:]) for way, times in seconds.items()}  # the first loads models
    for way, median in medians.items():
        print(f"{way:<12} {median * 1_000:7.0f} ms  {median / medians['inline']:5.2f}")


def write_pdf(path: Path, pages: int, seed: str) -> Path:
    """Write a PDF whose pages no other PDF has."""
    with pymupdf.open() as pdf:
        for number in range(pages):
            pdf.new_page().insert_textbox((50, 60, 545, 800), WORDS.format(seed, number) * 8)
        pdf.save(path)
    return path


def index(engine: Engine, path: Path, workers: int) -> float:
    """Index a file; return the seconds that took."""
    started = time.perf_counter()
    report = engine.index(path, workers=workers)
    assert report.documents == 1, report
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
