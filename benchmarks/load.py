"""Searches a second of a real server on loopback, by so many clients at once; with indexing beside it or not.

    python -m benchmarks.load COLLECTION --files FOLDER_OF_PDFS [--clients 1 8 32] [--seconds 10]

COLLECTION is written to: give a copy. "new" are queries that nobody asked before, so that every one of them is
searched; "repeated" are drawn from 20, so that nearly all come from the kept results. The first lines are the engine
alone, in this process, without a server. Queries are word sequences of the collection's own pages. While "indexing",
files of FOLDER are uploaded with a line added, so that their bytes are new, one after another.
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
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import numpy as np

from api import wiring
from api.client import PageLensClient
from core.keys import page_key

WORDS = 6  # of a query
REPEATED = 20  # different queries of the repeated ones
K = 10


@dataclass
class Seen:
    """What clients saw."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)
    lasted: float = 0.0  # to the last answer, which may come long after the last question


def main() -> None:
    """Measure and print a line for each setting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("collection", type=Path)
    parser.add_argument("--files", type=Path, required=True)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    queries = distinct_queries(given.collection)
    alone(given.collection, queries, given.seconds)
    command = [sys.executable, "-m", "api.cli", "serve", "-c", str(given.collection), "--port", "0"]
    with subprocess.Popen([*command, "--model", "extractive"], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            port = next(json.loads(line)["port"] for line in server.stderr if '"serving"' in line)
            threading.Thread(target=server.stderr.read, daemon=True).start()
            measure(f"http://127.0.0.1:{port}", queries, given)
        finally:
            server.terminate()


def measure(address: str, queries: Iterator[str], given: argparse.Namespace) -> None:
    """Measure a server that runs."""
    while httpx2.get(f"{address}/readyz").status_code != 200:
        time.sleep(0.1)
    few = list(itertools.islice(queries, REPEATED))
    chosen = random.Random(2)
    repeated = (chosen.choice(few) for _ in itertools.count())
    for indexing in (False, True):
        stop = threading.Event()
        feeder = threading.Thread(target=feed, args=(address, given.files, stop))
        if indexing:
            feeder.start()
        for clients in given.clients:
            for name, asked in (("new", queries), ("repeated", repeated)):
                seen = load(address, asked, clients, given.seconds)
                beside = "indexing" if indexing else "idle"
                print(line(f"{clients:>2} clients, {name}, {beside}", seen), flush=True)
        stop.set()
        if indexing:
            feeder.join()
    pages = httpx2.get(f"{address}/v1/collections").json()["collections"][0]["pages"]
    print(f"pages at the end: {pages}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def distinct_queries(collection: Path) -> Iterator[str]:
    """Return word sequences of the collection's pages, each once."""
    with wiring.open_collection(collection) as engine, engine.snapshot() as snapshot:
        rows = [row for row in snapshot.documents.values() if row.document.kind != "photo"]
        keys = [page_key(row.key, number) for row in rows for number in range(1, row.document.page_count + 1)]
        some = random.Random(1).sample(keys, min(300, len(keys)))
        texts = [page.text.text.split() for page in snapshot.pages(some).values()]
    long = [words for words in texts if len(words) > 10 * WORDS]
    return _sequences(long)


def _sequences(texts: list[list[str]]) -> Iterator[str]:
    told: set[str] = set()
    chosen = random.Random(3)
    while True:
        words = chosen.choice(texts)
        first = chosen.randrange(len(words) - WORDS)
        query = " ".join(words[first : first + WORDS])
        if query not in told:
            told.add(query)
            yield query


def alone(collection: Path, queries: Iterator[str], seconds: float) -> None:
    """Measure the engine without a server, one search after another."""
    with wiring.open_collection(collection, llm="extractive") as engine:
        engine.search("ready")
        seen = Seen()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            began = time.monotonic()
            engine.search(next(queries), k=K)
            seen.seconds.append(time.monotonic() - began)
            seen.statuses[200] += 1
        seen.lasted = time.monotonic() - seen.began
        print(f"{engine.status().pages} pages")
    print(line("engine alone, new", seen), flush=True)


def load(address: str, queries: Iterator[str], clients: int, seconds: float) -> Seen:
    """Let so many clients search for so long, each on one connection of its own."""
    seen, lock = Seen(), threading.Lock()
    ends = time.monotonic() + seconds

    def client() -> None:
        with httpx2.Client(base_url=address, timeout=120) as http:
            while time.monotonic() < ends:
                with lock:
                    query = next(queries)
                began = time.monotonic()
                answer = http.post("/v1/search", json={"query": query, "k": K})
                took = time.monotonic() - began
                with lock:
                    seen.statuses[answer.status_code] += 1
                    if answer.status_code == 200:
                        seen.seconds.append(took)
                if answer.status_code == 503:
                    time.sleep(min(1.0, float(answer.headers["retry-after"])))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    seen.lasted = time.monotonic() - seen.began
    return seen


def feed(address: str, folder: Path, stop: threading.Event) -> None:
    """Upload files with new bytes, each when the one before is in."""
    with PageLensClient(address) as client, tempfile.TemporaryDirectory() as scratch:
        for number, path in enumerate(itertools.cycle(sorted(folder.glob("*.pdf")))):
            if stop.is_set():
                return
            copy = Path(scratch) / f"{number}-{path.name}"
            copy.write_bytes(path.read_bytes() + f"\n% {number} {time.time()}\n".encode())
            client.upload([copy])
            copy.unlink()


def line(name: str, seen: Seen) -> str:
    """Return what was seen, as one line."""
    times = np.array(seen.seconds or [float("nan")]) * 1_000
    p50, p95, p99 = (float(np.percentile(times, at)) for at in (50, 95, 99))
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(seen.statuses.items()))
    rate = len(seen.seconds) / seen.lasted
    return f"{name:<32} {rate:7.1f}/s  p50 {p50:6.0f}  p95 {p95:6.0f}  p99 {p99:6.0f} ms  {statuses}"


if __name__ == "__main__":
    main()
