"""CPU time of extractive answers, of this version or as a ratio to another version's sources.

    python -m benchmarks.ask_latency --collection C [--against FOLDER] [--count 85]

`--against` is another checkout of this repository. Both versions answer the same development questions over the same
collection, in processes of their own that take turns, so that what else the machine does falls on both alike. Each
question is asked once: nothing kept from an earlier search helps.
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
import sys, time
import pagelens
with pagelens.open(sys.argv[1]) as engine:
    engine.ask("What is this about?")  # loads the models
    print("ready", flush=True)
    for line in sys.stdin:
        wall, start = time.perf_counter(), time.process_time()
        engine.ask(line.strip())
        print(time.process_time() - start, time.perf_counter() - wall, flush=True)
"""


@contextmanager
def version(folder: Path, collection: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a process that answers questions with the sources in a folder."""
    command = [sys.executable, "-c", WORKER, str(collection)]
    environment = {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit(f"expected the version in {folder} to answer, found that it ended")
        yield process
        process.terminate()


def measure(process: "subprocess.Popen[str]", question: str) -> tuple[float, float]:
    """Return CPU and wall milliseconds of one answer."""
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(" ".join(question.split()) + "\n")
    process.stdin.flush()
    cpu, wall = process.stdout.readline().split()
    return 1000 * float(cpu), 1000 * float(wall)


def main() -> None:
    """Print the medians."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--against", type=Path, help="another checkout, to which this version is compared")
    parser.add_argument("--count", type=int, default=85, help="questions, drawn evenly")
    arguments = parser.parse_args()
    posed = questions()
    posed = posed[:: max(1, len(posed) // arguments.count)][: arguments.count]
    collection = arguments.collection.resolve()
    folders = [ROOT, *([arguments.against.resolve()] if arguments.against else [])]
    times = np.zeros((len(folders), len(posed), 2))  # version, question, CPU and wall
    with version(folders[0], collection) as this, version(folders[-1], collection) as other:
        for number, question in enumerate(posed):
            for index, process in enumerate([this, other][: len(folders)]):
                times[index, number] = measure(process, question.text)
    print("| version | CPU-ms p50 | p95 | wall ms p50 |\n|---|---|---|---|")
    for folder, rows in zip(folders, times, strict=True):
        p50, p95 = np.percentile(rows[:, 0], (50, 95))
        print(f"| {folder.name} | {p50:.0f} | {p95:.0f} | {np.median(rows[:, 1]):.0f} |")
    if len(folders) > 1:
        ratio = np.median(times[0, :, 0]) / np.median(times[1, :, 0])
        print(f"\nThis version's p50 is {ratio:.2f} times the other's.")


if __name__ == "__main__":
    main()
