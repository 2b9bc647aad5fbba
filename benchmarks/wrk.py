"""Clients that search a server as fast as it answers, by the program wrk, which uses little CPU time itself."""

import itertools
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

K = 10
SCRIPT = Path(__file__).with_name("search.lua")
MOST = 150  # searches a second that no server measured here reaches
LONGEST = 120  # seconds that an answer may take


@dataclass(frozen=True)
class LoadResult:
    """Results of a load test. Times are in ms over all answers; `failed` counts connections and answers."""

    seconds: float
    p50: float
    p95: float
    p99: float
    statuses: Mapping[str, int]
    failed: int = 0
    share: float = 0.0  # of a core that the clients took


def require() -> str:
    """Return the path of wrk. Exits with a message if it is not installed."""
    path = shutil.which("wrk")
    if path is None:
        raise SystemExit("expected the program wrk, which makes the load, found none. On Debian: apt install wrk")
    return path


def load(port: int, queries: Iterator[str], clients: int, seconds: float) -> LoadResult:
    """Return the results of several clients that search for some seconds, each on its own connection."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as requests_file:
        for query in itertools.islice(queries, round(MOST * seconds)):
            requests_file.write(json.dumps({"query": query, "k": K}) + "\n")
        requests_file.flush()
        options = [f"-c{clients}", "-t1", f"-d{round(seconds)}s", f"--timeout={LONGEST}s", "-s", str(SCRIPT)]
        cpu_before, start = _cpu(), time.monotonic()
        ran = subprocess.run(
            [require(), *options, f"http://127.0.0.1:{port}"],
            env={**os.environ, "REQUESTS": requests_file.name},
            capture_output=True,
            text=True,
            check=True,
        )
        share = (_cpu() - cpu_before) / (time.monotonic() - start)
    result = next(line.removeprefix("JSON ") for line in ran.stdout.splitlines() if line.startswith("JSON "))
    return LoadResult(share=share, **json.loads(result))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def line(name: str, result: LoadResult) -> str:
    """Return the result as one line of text."""
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(result.statuses.items()))
    failed = f" failed:{result.failed}" if result.failed else ""
    rate = result.statuses.get("200", 0) / result.seconds
    text = f"{name:<38} {rate:7.1f}/s  p50 {result.p50:6.0f}  p95 {result.p95:6.0f}  p99 {result.p99:6.0f} ms"
    return f"{text}  {statuses}{failed}  clients {100 * result.share:.0f}%"
