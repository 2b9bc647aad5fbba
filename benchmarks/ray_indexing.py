"""Indexing on local Ray beside the plain run, of the same files: CPU seconds, elapsed seconds, peak memory, equality.

    python -m benchmarks.ray_indexing FILES... [--readers 2]

Each run is a process of its own. CPU seconds are those of the process and all below it, read twice a second, so that
what other programs do on the machine changes them little. The start of Ray is measured apart from the run.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from pagelens.api.engine import wiring
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.keys import document_of, number_of, page_of
from pagelens.core.settings import Settings
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.ingest.workers.ray_cluster import CORES_PER_ENCODER, LOCAL, connect

SETTINGS = Settings(threads=CORES_PER_ENCODER)


def index(root: Path, files: Sequence[Path], readers: int, *, on_ray: bool) -> dict[str, float]:
    """Index the files; return seconds and pages."""
    wiring.create_collection(root, choose_profile("builtin", SETTINGS), SETTINGS)
    started = time.monotonic()
    if not on_ray:
        with wiring.open_collection(root, SETTINGS) as engine:
            report = engine.index(files, first="all", workers=readers)
        return {"start": 0.0, "seconds": time.monotonic() - started, "pages": report.pages}
    with connect(LOCAL, paths=files, readers=readers) as cluster:
        connected = time.monotonic()
        with wiring.open_collection(root, SETTINGS, cluster=cluster) as engine:
            report = engine.index(files, first="all")
        ended = time.monotonic()
    return {"start": connected - started, "seconds": ended - connected, "pages": report.pages}


def measured(arguments: Sequence[str]) -> dict[str, float]:
    """Run this program with arguments; return what it prints, with CPU seconds and the peak of resident memory."""
    cpu: dict[tuple[int, float], float] = {}
    peak = 0
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ray_indexing", *arguments], stdout=subprocess.PIPE, text=True
    ) as run:
        tree = psutil.Process(run.pid)
        while run.poll() is None:
            memory = 0
            for process in [tree, *children(tree)]:
                try:
                    times = process.cpu_times()
                    cpu[process.pid, process.create_time()] = times.user + times.system
                    memory += process.memory_info().rss
                except psutil.Error:
                    continue
            peak = max(peak, memory)
            time.sleep(0.5)
        assert run.stdout is not None and run.returncode == 0
        result: dict[str, float] = json.loads(run.stdout.read().splitlines()[-1])
    return result | {"cpu": sum(cpu.values()), "peak": peak}


def children(process: psutil.Process) -> list[psutil.Process]:
    """Return all processes below one."""
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.Error:
        return []
    return found


def contents(root: Path) -> dict[tuple[str, int], tuple[object, ...]]:
    """Return each page by path and number: its text, boxes, and the bytes of its vectors in each lane."""
    with CollectionReader(root).snapshot() as snapshot:
        rows: dict[int, list[bytes]] = {}
        for lane in ("text", "image", "visual"):
            _add_rows(snapshot, lane, rows)
        tokens = snapshot.tokens("page")
        for page in tokens.keys.tolist():
            rows.setdefault(page, []).append(np.asarray(getattr(tokens.page(page), "vectors", ())).tobytes())
        found: dict[tuple[str, int], tuple[object, ...]] = {}
        for page, row in snapshot.pages(sorted(rows)).items():
            path = snapshot.documents[document_of(page)].path
            found[path, number_of(page)] = (row.text.text, row.text.boxes.tobytes(), row.problem, rows[page])
        return found


def _add_rows(snapshot: Snapshot, lane: str, rows: dict[int, list[bytes]]) -> None:
    vectors = snapshot.vectors(lane)
    for key, row in sorted(zip(vectors.keys.tolist(), np.asarray(vectors.matrix), strict=True), key=lambda one: one[0]):
        rows.setdefault(page_of(key), []).append(row.tobytes())


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--on-ray", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    files = [path.absolute() for path in options.files]
    if options.root is not None:
        print(json.dumps(index(options.root, files, options.readers, on_ray=options.on_ray)))
        return
    with TemporaryDirectory() as folder:
        names = [*map(str, files), "--readers", str(options.readers)]
        for run in ("plain", "ray"):
            flags = ["--on-ray"] if run == "ray" else []
            result = measured([*names, "--root", f"{folder}/{run}", *flags])
            print(
                f"{run}: {result['pages']:.0f} pages, {result['cpu']:.0f} CPU-s, "
                f"{result['pages'] / result['cpu']:.2f} pages a CPU-s, {result['seconds']:.0f} s "
                f"(and {result['start']:.0f} s to start), {result['peak'] / 1e9:.2f} GB",
                flush=True,
            )
        plain, ray = (contents(Path(folder) / run) for run in ("plain", "ray"))
        same = sum(plain[page] == ray.get(page) for page in plain)
        print(f"{same} of {len(plain)} pages are the same, byte by byte; {len(ray)} on Ray")


if __name__ == "__main__":
    main()
