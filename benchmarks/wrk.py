"""Clients that search a server as fast as it answers: wrk, a program of its own, cheap beside what it measures."""

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
class Seen:
    """What clients saw. Times are in ms, of all answers; `broken` are connections and answers that failed."""

    seconds: float
    p50: float
    p95: float
    p99: float
    statuses: Mapping[str, int]
    broken: int = 0
    share: float = 0.0  # of a core that the clients took


def require() -> str:
    """Return where wrk is."""
    found = shutil.which("wrk")
    if found is None:
        raise SystemExit("expected the program wrk, which makes the load, found none. On Debian: apt install wrk")
    return found


def load(port: int, queries: Iterator[str], clients: int, seconds: float) -> Seen:
    """Let so many clients search for so long, each on one connection of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as bodies:
        for query in itertools.islice(queries, round(MOST * seconds)):
            bodies.write(json.dumps({"query": query, "k": K}) + "\n")
        bodies.flush()
        options = [f"-c{clients}", "-t1", f"-d{round(seconds)}s", f"--timeout={LONGEST}s", "-s", str(SCRIPT)]
        before, began = _cpu(), time.monotonic()
        ran = subprocess.run(
            [require(), *options, f"http://127.0.0.1:{port}"],
            env={**os.environ, "BODIES": bodies.name},
            capture_output=True,
            text=True,
            check=True,
        )
        share = (_cpu() - before) / (time.monotonic() - began)
    told = next(line.removeprefix("JSON ") for line in ran.stdout.splitlines() if line.startswith("JSON "))
    return Seen(share=share, **json.loads(told))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def line(name: str, seen: Seen) -> str:
    """Return what was seen, as one line."""
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(seen.statuses.items()))
    broken = f" broken:{seen.broken}" if seen.broken else ""
    rate = seen.statuses.get("200", 0) / seen.seconds
    told = f"{name:<38} {rate:7.1f}/s  p50 {seen.p50:6.0f}  p95 {seen.p95:6.0f}  p99 {seen.p99:6.0f} ms"
    return f"{told}  {statuses}{broken}  clients {100 * seen.share:.0f}%"
