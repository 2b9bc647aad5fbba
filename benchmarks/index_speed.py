"""Pages indexed a CPU-second, by this source tree and another one in one run, and how soon words are found.

    python -m benchmarks.index_speed --before FOLDER [--pages 300] [--rounds 2] [--folder-pages 1000]

FOLDER is a work tree of an earlier commit (`git worktree add --detach FOLDER COMMIT`). Both trees index the same pages
of the development documents with a text layer (as many documents as have `--pages` pages), with the builtin profile,
one encoder thread, pages read in the process itself and no OCR, in processes of their own that take turns. Counted is
the CPU time of the processes and their children, models loaded before. "all lanes": until every page has its vectors;
"words": the first pass alone, where the tree has one. Of the rounds the best counts, and ratios are of these.

At the end a folder of `--folder-pages` text pages, copies of those documents with other names and in another order of
pages, is indexed as a user would (`pagelens index`, workers as the cores are): the seconds until a search for the words
of a page in the middle of the folder finds it first, and until all words and all vectors are there; in brackets, the
CPU seconds of all processes, searching included, which say more on a machine with other load.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parents[1]
LEAST_WORDS = 20  # of a page that counts as text
SEVERAL = 0.8  # of a document's pages that have text, of a text document
POLL_SECONDS = 0.5  # between two searches for the page in the middle

Speeds = Mapping[str, float]  # pass -> pages a CPU-second


def main() -> None:
    """Measure both trees in turns and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a source tree of an earlier commit")
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder-pages", type=int, default=1_000, help="0: the last part is left out")
    parser.add_argument("--measure", nargs=2, type=Path, metavar=("FOLDER", "COLLECTION"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(*arguments.measure)))
        return
    from benchmarks.development_set import require_data

    require_data()
    trees = {"before": arguments.before.resolve()} if arguments.before else {}
    trees["after"] = HERE
    with tempfile.TemporaryDirectory() as scratch:
        files = Path(scratch) / "files"
        files.mkdir()
        pages = link_text_documents(files, arguments.pages)
        rounds: dict[str, list[Speeds]] = {name: [] for name in trees}
        for number in range(arguments.rounds):
            for name in sorted(trees, reverse=number % 2 == 0):
                rounds[name].append(measure_tree(trees[name], files, Path(scratch) / f"{name}-{number}"))
        print_speeds(pages, rounds)
        if arguments.folder_pages:
            folder = Path(scratch) / "folder"
            wanted, query = write_folder(folder, files, arguments.folder_pages)
            print_first_search(folder, Path(scratch) / "searched", wanted, query)


def link_text_documents(folder: Path, most_pages: int) -> int:
    """Link the first documents of the development set in which most pages have text, until they have so many pages;
    return how many."""
    from benchmarks.development_set import SET
    from pagelens.ingest.readers.mupdf import pymupdf

    pages = 0
    for path in sorted((SET / "documents").glob("*.pdf")):
        with pymupdf.open(path) as pdf:
            with_text = sum(len(page.get_text("words")) >= LEAST_WORDS for page in pdf)
            if with_text >= SEVERAL * len(pdf) and pages < most_pages:
                (folder / path.name).symlink_to(path.resolve())
                pages += len(pdf)
    return pages


def measure_tree(tree: Path, files: Path, collection: Path) -> Speeds:
    """Index a folder with the package of a source tree, in a process of its own."""
    script = str(Path(__file__).resolve())
    command = [sys.executable, "-P", script, "--measure", str(files), str(collection)]
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tree, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    found = Path(str(result.pop("package"))).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise SystemExit(f"expected the package of {tree}, but {found} was imported")
    return {name: float(value) for name, value in result.items()}


def measure(files: Path, collection: Path) -> dict[str, object]:
    """Index a folder in this process; return pages a CPU-second by pass, and where the package is."""
    import pagelens
    from pagelens.api.engine.wiring import open_collection
    from pagelens.core.settings import Settings
    from pagelens.ingest.ocr.engines import OcrSettings

    pagelens.open(collection, create=True, profile="builtin").close()
    marks: list[float] = []

    def on_progress(progress: object) -> None:
        if getattr(progress, "second_pass", False) and not marks:
            marks.append(cpu_seconds())

    with open_collection(collection, Settings(threads=1)) as engine:
        engine.search("load the models", filters=pagelens.Filters(paths=["nothing"]))
        started = cpu_seconds()
        report = engine.index(files, workers=0, ocr=OcrSettings(mode="never"), on_progress=on_progress)
        ended = cpu_seconds()
    assert not report.failed, report.failed
    speeds = {"all lanes": report.pages / (ended - started)}
    speeds |= {"words": report.pages / (marks[0] - started)} if marks else {}
    return {**speeds, "package": pagelens.__file__}


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all its children, in seconds."""
    own, running = os.times(), [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    ended = own.children_user + own.children_system
    return own.user + own.system + ended + sum(times.user + times.system for times in running)


def print_speeds(pages: int, rounds: Mapping[str, Sequence[Speeds]]) -> None:
    """Print the best speed of each tree and pass, and the ratio of the trees."""
    best = {
        name: {each: max(speeds[each] for speeds in measured) for each in measured[0]}
        for name, measured in rounds.items()
    }
    print(f"{pages} pages, {len(rounds['after'])} rounds, load {os.getloadavg()[0]:.1f} at the end\n")
    print("| tree | all lanes, pages a CPU second | words |\n|---|---|---|")
    for name, speeds in best.items():
        print(f"| {name} | {speeds['all lanes']:.2f} | {speeds.get('words', float('nan')):.1f} |")
    if "before" in best:
        print(f"\nall lanes, after / before: {best['after']['all lanes'] / best['before']['all lanes']:.2f}")
    if "words" in best["after"]:
        print(f"words / all lanes: {best['after']['words'] / best['after']['all lanes']:.1f}", flush=True)


def write_folder(folder: Path, files: Path, most_pages: int) -> tuple[str, str]:
    """Write copies of the text pages of documents, with other names and in another order, until there are so many; the
    copy in the middle gets a page of its own. Return that file's name and the words of its page.

    Pages with bitmaps are left out: they may be given to OCR, which takes seconds.
    """
    from pagelens.ingest.readers.mupdf import pymupdf

    folder.mkdir()
    names: list[str] = []
    pages = 0
    for source in cycle(sorted(files.iterdir())):
        with pymupdf.open(source) as pdf:
            order = [page.number for page in pdf if is_text(page)]
            random.Random(len(names)).shuffle(order)
            order = order[: most_pages - pages]
            if order:
                pdf.select(order)
                pages += len(order)
                names.append(f"copy-{len(names):03}-{source.stem[:20]}.pdf")
                pdf.save(folder / names[-1])
        if pages == most_pages:
            break
    wanted, query = names[len(names) // 2], "quarterly ledger of the Zwartsluis lighthouse keepers"
    with pymupdf.open(folder / wanted) as pdf:
        pdf.new_page().insert_text((72, 72), query)
        pdf.saveIncr()
    return wanted, query


def is_text(mupdf_page: Any) -> bool:
    """Tell whether a page has words and no bitmaps."""
    return len(mupdf_page.get_text("words")) >= LEAST_WORDS and not mupdf_page.get_images()


def print_first_search(folder: Path, collection: Path, wanted: str, query: str) -> None:
    """Index a folder as a user would, and print after how many seconds a search finds a page first."""
    import pagelens
    from pagelens.api.engine.results import Progress
    from pagelens.ingest.ocr.engines import OcrSettings

    pagelens.open(collection, create=True, profile="builtin").close()
    marks: dict[str, tuple[float, float]] = {}  # seconds, and CPU seconds

    def mark(name: str) -> None:
        marks.setdefault(name, (time.monotonic() - started, cpu_seconds() - cpu_started))

    def on_progress(progress: Progress) -> None:
        if progress.second_pass:
            mark("words")

    with pagelens.open(collection) as engine, pagelens.open(collection) as searching:
        ended, started, cpu_started = threading.Event(), time.monotonic(), cpu_seconds()

        def look() -> None:
            while not ended.wait(POLL_SECONDS) and "found" not in marks:
                hits = searching.search(query, k=1).hits
                if hits and Path(hits[0].ref.path).name == wanted:
                    mark("found")

        thread = threading.Thread(target=look)
        thread.start()
        report = engine.index(
            folder,
            ocr=OcrSettings(mode="never"),
            on_progress=on_progress,
        )
        mark("all")
        ended.set()
        thread.join()
    seconds = {
        name: "{:.1f} s ({:.1f})".format(*marks[name]) if name in marks else "not seen"
        for name in ("found", "words", "all")
    }
    print(
        f"\n{report.pages} pages in {report.documents} files: found first after {seconds['found']}, all words after "
        f"{seconds['words']}, vectors after {seconds['all']} ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
    )


if __name__ == "__main__":
    main()
