"""CPU time of extractive answers or of searches, of this version or as a ratio to another version's sources.

    python -m benchmarks.ask_latency --collection C [--against FOLDER] [--count 85] [--search]

`--against` is another checkout of this repository. Both versions answer the same development questions over the same
collection, in processes of their own that take turns, so that what else the machine does falls on both alike. Each
question is asked once: no result is kept from an earlier search. `--search` searches for them instead, as the web page
does. Printed too: how many answers or results, evidence and all, differ between the versions.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.development_set import questions, require_data

ROOT = Path(__file__).parents[1]
WORKER = """
import hashlib, sys, time
import pagelens
def work(engine, question):
    if sys.argv[2] == "ask":
        answer = engine.ask(question)
        return answer.text, answer.citations, answer.confidence
    return engine.search(question, k=12, fold=True).hits
with pagelens.open(sys.argv[1]) as engine:
    work(engine, "What is this about?")  # loads the models
    print("ready", flush=True)
    for line in sys.stdin:
        wall, start = time.perf_counter(), time.process_time()
        found = work(engine, line.strip())
        spent = time.process_time() - start, time.perf_counter() - wall
        print(*spent, hashlib.sha256(repr(found).encode()).hexdigest(), flush=True)
"""


@contextmanager
def version(folder: Path, collection: Path, work: str) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that answers questions with the sources in a folder."""
    command = [sys.executable, "-c", WORKER, str(collection), work]
    environment = {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"expected the version in {folder} to answer, found that it ended")
        yield process
        process.terminate()


def measure(process: "subprocess.Popen[str]", question: str) -> tuple[float, float, str]:
    """Return CPU and wall milliseconds of one answer, and a digest of it."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(" ".join(question.split()) + "\n")
    process.stdin.flush()
    cpu, wall, digest = process.stdout.readline().split()
    return 1000 * float(cpu), 1000 * float(wall), digest


def main() -> None:
    """Print the medians."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--against", type=Path, help="another checkout, to which this version is compared")
    parser.add_argument("--count", type=int, default=85, help="questions, drawn evenly")
    parser.add_argument("--search", action="store_true", help="search for the questions")
    arguments = parser.parse_args()
    posed = questions()
    posed = posed[:: max(1, len(posed) // arguments.count)][: arguments.count]
    collection = arguments.collection.resolve()
    folders = [ROOT, *([arguments.against.resolve()] if arguments.against else [])]
    times = np.zeros((len(folders), len(posed), 2))  # version, question, CPU and wall
    work, different = "search" if arguments.search else "ask", 0
    with version(folders[0], collection, work) as this, version(folders[-1], collection, work) as other:
        for number, question in enumerate(posed):
            digests = set()
            for index, process in enumerate([this, other][: len(folders)]):
                *times[index, number], digest = measure(process, question.text)
                digests.add(digest)
            different += len(digests) > 1
    print("| version | CPU-ms p50 | p95 | wall ms p50 |\n|---|---|---|---|")
    for folder, rows in zip(folders, times, strict=True):
        p50, p95 = np.percentile(rows[:, 0], (50, 95))
        print(f"| {folder.name} | {p50:.0f} | {p95:.0f} | {np.median(rows[:, 1]):.0f} |")
    if len(folders) > 1:
        p50, p95 = (np.percentile(times[0, :, 0], q) / np.percentile(times[1, :, 0], q) for q in (50, 95))
        total = times[0, :, 0].sum() / times[1, :, 0].sum()
        print(f"\nThis version's p50 is {p50:.2f} times the other's, p95 {p95:.2f}, the sum {total:.2f}.")
        print(f"{different} of {len(posed)} differ.")


if __name__ == "__main__":
    main()
