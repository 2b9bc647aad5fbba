"""Text-layer pages a second and core, of this source tree and of another one, in one run.

    python -m benchmarks.reading_speed --before FOLDER [--documents 30] [--pages 40] [--rounds 5]

FOLDER is a work tree of an earlier commit (`git worktree add --detach FOLDER COMMIT`). Both trees read the same pages
of the development documents with the same Python, in processes of their own that take turns; counted is the CPU time
between opening a document and its last page, without OCR, imports and rendering. Of each document the best of the
rounds counts, and the figure printed is all pages by the sum of these times.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
MOST_SLOWER = 0.10  # than before, as a share

Times = Mapping[str, tuple[int, float]]  # pages and CPU seconds of each document


def measure(paths: Sequence[Path], most_pages: int) -> Times:
    """Read documents in this process."""
    from pagelens.ingest.readers.registry import load_reader

    reader = load_reader("pdf")
    times = {}
    for document in (*paths[:1], *paths):  # the first twice: then nothing is imported any more
        start = time.process_time()
        with reader.open_document(document, sha256="", size=document.stat().st_size) as opened:
            pages = sum(1 for _ in islice(opened.pages(1), most_pages))
        times[document.name] = (pages, time.process_time() - start)
    return times


def measure_tree(tree: Path, paths: Sequence[Path], most_pages: int) -> Times:
    """Read documents with the package of a source tree, in a process of its own."""
    script = str(Path(__file__).resolve())
    command = [sys.executable, "-P", script, "--measure", *map(str, paths), "--pages", str(most_pages)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(done.stdout)
    found = Path(result["package"]).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise SystemExit(f"expected the package of {tree}, but {found} was imported")
    return {name: (pages, seconds) for name, (pages, seconds) in result["times"].items()}


def best_times(rounds: Sequence[Times]) -> Times:
    """Return the least time of each document."""
    return {name: min((times[name] for times in rounds), key=lambda pair: pair[1]) for name in rounds[0]}


def speed(times: Times) -> float:
    """Return pages a second."""
    return sum(pages for pages, _ in times.values()) / sum(seconds for _, seconds in times.values())


def main() -> None:
    """Measure both trees in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a source tree of an earlier commit")
    parser.add_argument("--documents", type=int, default=30)
    parser.add_argument("--pages", type=int, default=40, help="of each document at most")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", nargs="+", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        import pagelens

        times = measure(arguments.measure, arguments.pages)
        print(json.dumps({"package": str(Path(pagelens.__file__).resolve()), "times": times}))
        return
    if arguments.before is None:
        parser.error("expected --before FOLDER, a work tree of the commit to compare with")
    from benchmarks.development_set import SET, require_data

    require_data()
    paths = sorted((SET / "documents").resolve().glob("*.pdf"))[: arguments.documents]
    trees = {"before": arguments.before.resolve(), "after": HERE}
    rounds: dict[str, list[Times]] = {name: [] for name in trees}
    for number in range(arguments.rounds):
        for name in sorted(trees, reverse=number % 2 == 0):
            rounds[name].append(measure_tree(trees[name], paths, arguments.pages))
    print_table({name: best_times(times) for name, times in rounds.items()})


def print_table(best: Mapping[str, Times]) -> None:
    """Print the speed of both trees, and the documents that became slower."""
    before, after = best["before"], best["after"]
    pages = sum(count for count, _ in after.values())
    ratio = speed(after) / speed(before)
    print("| tree | documents | pages | pages a CPU second |\n|---|---|---|---|")
    for name, times in best.items():
        print(f"| {name} | {len(times)} | {pages} | {speed(times):.1f} |")
    print(f"\nafter / before: {ratio:.3f}; expected at least {1 - MOST_SLOWER:.2f}")
    slowest = sorted(after, key=lambda name: before[name][1] / after[name][1])[:5]
    for name in slowest:
        print(f"  {before[name][1] / after[name][1]:.2f} {name} ({after[name][0]} pages, {after[name][1]:.2f} s)")


if __name__ == "__main__":
    main()
