"""Searches per second of a real server on loopback with several concurrent clients, idle and while it indexes.

    python -m benchmarks.load COLLECTION --files FOLDER_OF_PDFS [--clients 1 8 32] [--seconds 12] [--processes 2]

COLLECTION is written to: give a copy. It should hold 5,000 pages or more; with fewer real documents:

    python -m benchmarks.many_documents FOLDER_OF_PDFS MANY --times 6
    pagelens index MANY -c COLLECTION --profile builtin --ocr never

(six copies of each document: as much to search as in a collection of that size, with more ties.)

Each setting is measured on servers in turn: "shipped", "plain", without micro-batching and without cached results, and
with `--processes N` one of N processes. "new" queries are all different; of "mixed" ones half are new and half are
drawn from 20. Queries are word sequences from the collection's pages. While "indexing", files of FOLDER are uploaded
one after another, each with a line added so that it counts as new; each commit invalidates the cached results. The
first line is the engine alone, in this process, one search after another. The clients are wrk (Debian: apt install
wrk); "clients" is the share of one core that they used.
"""

import argparse
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pagelens.api.engine.blas_threads  # noqa: F401  # before numpy

# isort: split
import httpx2
import numpy as np

from benchmarks.wrk import K, LoadResult, line, load, require
from pagelens.api.clients.python import PageLensClient
from pagelens.api.engine import wiring
from pagelens.core.errors import PageLensError
from pagelens.core.keys import page_key

WORDS = 6  # of a query
REPEATED = 20  # different queries of the repeated ones
PLAIN = ("--no-micro-batching", "--cached-results", "0")


def main() -> None:
    """Measure and print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--processes", type=int, default=1, help="of a further server")
    arguments = parser.parse_args()
    require()
    queries = distinct_queries(arguments.collection)
    measure_engine(arguments.collection, queries, arguments.seconds)
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(running(arguments.collection, options))
            for name, options in server_options(arguments.processes).items()
        }
        for state in ("idle", "indexing"):
            with uploading(servers["shipped"], arguments.files, state == "indexing"):
                measure(servers, state, queries, arguments)
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def server_options(processes: int) -> dict[str, tuple[str, ...]]:
    """Return the options of each server by its name."""
    options: dict[str, tuple[str, ...]] = {"shipped": (), "plain": PLAIN}
    return options | ({f"{processes} processes": ("--processes", str(processes))} if processes > 1 else {})


def measure(servers: dict[str, int], state: str, queries: Iterator[str], arguments: argparse.Namespace) -> None:
    """Measure every setting, one server after the other."""
    repeated = list(itertools.islice(queries, REPEATED))
    rng = random.Random(2)
    mixed = (rng.choice(repeated) if rng.random() < 0.5 else next(queries) for _ in itertools.count())
    for clients in arguments.clients:
        for kind, kind_queries in (("new", queries), ("mixed", mixed)):
            for name, port in servers.items():
                result = load(port, kind_queries, clients, arguments.seconds)
                print(line(f"{state}, {clients:>2} clients, {kind}, {name}", result), flush=True)


@contextmanager
def running(collection: Path, options: tuple[str, ...]) -> Iterator[int]:
    """Yield the port of a server that is ready, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "pagelens",
        "serve",
        "-c",
        str(collection),
        "--keyless",
        "--port",
        "0",
        *options,
    ]
    with subprocess.Popen([*command, "--model", "extractive"], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            port = int(next(json.loads(event)["port"] for event in server.stderr if '"serving"' in event))
            threading.Thread(target=server.stderr.read, daemon=True).start()
            while httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code != 200:
                time.sleep(0.1)
            yield port
        finally:
            server.terminate()


@contextmanager
def uploading(port: int, folder: Path, active: bool) -> Iterator[None]:
    """Upload files with new bytes, one after another, during the block; print the number of pages before and after."""
    if not active:
        yield
        return
    address, stop = f"http://127.0.0.1:{port}", threading.Event()
    pages_before, uploader = (
        pages_of(address),
        threading.Thread(target=upload_repeatedly, args=(address, folder, stop), daemon=True),
    )
    uploader.start()
    yield
    stop.set()
    print(f"pages: {pages_before} before indexing, {pages_of(address)} after")


def upload_repeatedly(address: str, folder: Path, stop: threading.Event) -> None:
    """Upload changed copies of the files until `stop` is set, with a pause after an error."""
    with PageLensClient(address) as client, tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(itertools.cycle(sorted(folder.glob("*.pdf")))):
            if stop.is_set():
                return
            copy = Path(scratch) / f"{number}-{path.name}"
            copy.write_bytes(path.read_bytes() + f"\n% {number} {time.time()}\n".encode())
            try:
                client.index([copy])
            except (PageLensError, httpx2.HTTPError):  # the latter: the server has ended
                stop.wait(1.0)
            copy.unlink()


def pages_of(address: str) -> int:
    """Return how many pages the server's collection holds."""
    return int(httpx2.get(f"{address}/v1/collections", timeout=60).json()["collections"][0]["pages"])


def distinct_queries(collection: Path) -> Iterator[str]:
    """Return word sequences of the collection's pages, each once."""
    with wiring.open_collection(collection) as engine, engine.snapshot() as snapshot:
        rows = [row for row in snapshot.documents.values() if row.document.kind != "photo"]
        keys = [page_key(row.key, number) for row in rows for number in range(1, row.document.page_count + 1)]
        sample = random.Random(1).sample(keys, min(1_000, len(keys)))
        texts = [page.text.text.split() for page in snapshot.pages(sample).values()]
    long_texts = [words for words in texts if len(words) > 10 * WORDS]
    return _sequences(long_texts)


def _sequences(texts: list[list[str]]) -> Iterator[str]:
    used: set[str] = set()
    rng = random.Random(3)
    while True:
        words = rng.choice(texts)
        first = rng.randrange(len(words) - WORDS)
        query = " ".join(words[first : first + WORDS])
        if query not in used:
            used.add(query)
            yield query


def measure_engine(collection: Path, queries: Iterator[str], seconds: float) -> None:
    """Measure the engine without a server, one search after another."""
    with wiring.open_collection(collection, llm="extractive") as engine:
        engine.search("ready")
        times: list[float] = []
        cpu, start = time.process_time(), time.monotonic()
        while time.monotonic() < start + seconds:
            search_start = time.monotonic()
            engine.search(next(queries), k=K)
            times.append(1_000 * (time.monotonic() - search_start))
        lasted, cpu_milliseconds = time.monotonic() - start, 1_000 * (time.process_time() - cpu) / len(times)
        print(f"{engine.status().pages} pages; a search of the engine alone costs {cpu_milliseconds:.0f} ms of a core")
    p50, p95, p99 = (float(np.percentile(times, percentile)) for percentile in (50, 95, 99))
    print(
        line("engine alone, new", LoadResult(seconds=lasted, p50=p50, p95=p95, p99=p99, statuses={"200": len(times)})),
        flush=True,
    )


if __name__ == "__main__":
    main()
