"""One server under long use: its memory and file descriptors, and its searches while hostile files are in its queue.

    python -m benchmarks.soak [--searches 3000] [--uploads 300] [--hostile 2000] [--files FILE ...]

First searches and uploads in turn; memory (resident, MiB) and file descriptors of the server and of its indexing
process are printed ten times. Then damaged files of several kinds, and the given FILEs between them, are uploaded at
once; searches go on until the last of these has its reason. Fails if a file ends without one, or if a search takes 2 s.
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
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

ROUNDS = 10
UPLOADED_AT_ONCE = 50
FILES_EVERY = 250  # hostile files between two of the given ones
MAX_SEARCH_SECONDS = 2.0
WORDS = ("harbour", "timber", "limpet", "tide", "pilot", "draught", "report", "accident", "breakwater", "tonnes")


def main() -> None:
    """Run both parts on one server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--searches", type=int, default=3_000)
    parser.add_argument("--uploads", type=int, default=300)
    parser.add_argument("--hostile", type=int, default=2_000)
    parser.add_argument("--files", type=Path, nargs="*", default=[])
    arguments = parser.parse_args()
    generator = random.Random(20261129)
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as (process, client):
        use(client, process, generator, searches=arguments.searches, uploads=arguments.uploads)
        attack(client, hostile_files(arguments.hostile, arguments.files, generator), generator)
        print(figures(process))


@contextmanager
def running_server(folder: Path) -> Iterator[tuple[psutil.Process, httpx2.Client]]:
    """Start a server with an empty collection and yield its process and a client."""
    command = [sys.executable, "-P", "-m", "pagelens", "serve", "--collections", str(folder), "--keyless", "--create"]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True, env=os.environ) as server:
        assert server.stderr is not None
        port = next(json.loads(line)["port"] for line in server.stderr if '"serving"' in line)
        threading.Thread(target=server.stderr.read, daemon=True).start()
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120.0) as client:
            try:
                while not client.get("/readyz").json()["ready"]:
                    time.sleep(0.2)
                yield psutil.Process(server.pid), client
            finally:
                server.terminate()


def use(
    client: httpx2.Client, process: psutil.Process, generator: random.Random, *, searches: int, uploads: int
) -> None:
    """Upload text files and search, in turn; print memory and file descriptors after each tenth."""
    uploaded = 0
    for number in range(1, searches + 1):
        search(client, generator)
        while uploaded < number * uploads // searches:
            text = " ".join(generator.choices(WORDS, k=200))
            upload(client, [(f"{uploaded}.txt", f"Report {uploaded}. {text}".encode())])
            uploaded += 1
        if number % max(1, searches // ROUNDS) == 0:
            print(f"{number} searches, {uploaded} uploads: {figures(process)}", flush=True)


def attack(client: httpx2.Client, files: Sequence[tuple[str, bytes]], generator: random.Random) -> None:
    """Upload all files, search until each has its reason, and print the reasons and the times."""
    started = time.perf_counter()
    times: list[float] = []
    jobs = []
    for first in range(0, len(files), UPLOADED_AT_ONCE):
        jobs.append(upload(client, files[first : first + UPLOADED_AT_ONCE]))
        times.append(search(client, generator))
    codes: Counter[str] = Counter()
    for job in jobs:
        while (state := client.get(f"/v1/jobs/{job}", params={"limit": 1_000}).json())["state"] in (
            "queued",
            "running",
        ):
            times.append(search(client, generator))
        for result in state["results"]:
            assert result["state"] == "indexed" or result["reason"], result
            codes[result["code"] or result["state"]] += 1
    times.sort()
    seconds = time.perf_counter() - started
    print(f"{len(files)} hostile files in {seconds:.0f} s: {dict(codes)}")
    print(f"{len(times)} searches: median {times[len(times) // 2]:.3f} s, slowest {times[-1]:.3f} s")
    assert sum(codes.values()) == len(files), "a file has no result"
    assert times[-1] < MAX_SEARCH_SECONDS, times[-1]


def hostile_files(count: int, given: Sequence[Path], generator: random.Random) -> list[tuple[str, bytes]]:
    """Return damaged files of several kinds, all different, and the given ones between them."""
    signatures = {
        "pdf": b"%PDF-1.7\n1 0 obj <</Type/Catalog/Pages 1 0 R>> endobj\n",
        "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x10\x00\x00\x00\x10\x00\x00\x08\x02\x00\x00\x00",
        "jpg": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01",
        "docx": b"PK\x03\x04\x14\x00\x00\x00\x08\x00",
        "tiff": b"II*\x00\x08\x00\x00\x00\xff\xff",
        "epub": b"PK\x03\x04\x0a\x00\x00\x00\x00\x00",
    }
    files = []
    for number in range(count):
        if given and number % FILES_EVERY == 0:
            path = given[number // FILES_EVERY % len(given)]
            files.append((f"{number}-{path.name}", path.read_bytes() + f"\n<!-- {number} -->".encode()))
        else:
            kind = list(signatures)[number % len(signatures)]
            files.append((f"{number}.{kind}", signatures[kind] + generator.randbytes(400)))
    return files


def upload(client: httpx2.Client, files: Sequence[tuple[str, bytes]]) -> str:
    """Upload files; return the job's id."""
    response = client.post("/v1/documents", files=[("files", file) for file in files])
    job: str = response.raise_for_status().json()["id"]
    return job


def search(client: httpx2.Client, generator: random.Random) -> float:
    """Search for words that were not searched for before; return the seconds it took."""
    query = " ".join(generator.choices(WORDS, k=4)) + f" {generator.randrange(10**6)}"
    started = time.perf_counter()
    client.post("/v1/search", json={"query": query, "k": 5}).raise_for_status()
    return time.perf_counter() - started


def figures(process: psutil.Process) -> str:
    """Return memory and file descriptors of a server and of the processes that it started."""

    def of(one: psutil.Process) -> Any:
        return f"{one.memory_info().rss >> 20} MiB, {one.num_fds()} descriptors"

    workers = [child for child in process.children() if "jobs.worker" in " ".join(child.cmdline())]
    return f"server {of(process)}; worker {'; '.join(of(child) for child in workers) or 'none'}"


if __name__ == "__main__":
    main()
