"""Clients that search a server as fast as it answers, all in one thread and cheap: they share its cores.

HTTP/1.1 on kept connections, written by hand; bodies are read and not looked at. Knows no engine.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

K = 10
HEAD = "POST /v1/search HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
LONGEST = 120.0  # seconds that an answer may take


@dataclass
class Seen:
    """What clients saw: seconds of each answer 200, how often each status, how long it all took."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    lasted: float = 0.0  # to the last answer, which may come long after the last question
    cpu: float = 0.0  # seconds of a core that the clients took, with all else in this process


def load(port: int, queries: Iterator[str], clients: int, seconds: float) -> Seen:
    """Let so many clients search for so long, each on one connection of its own; who is sent away waits as told."""
    return asyncio.run(_all(port, queries, clients, seconds))


async def _all(port: int, queries: Iterator[str], clients: int, seconds: float) -> Seen:
    seen, cpu, began = Seen(), time.process_time(), time.monotonic()
    await asyncio.gather(*(_client(port, queries, seen, began + seconds) for _ in range(clients)))
    seen.lasted, seen.cpu = time.monotonic() - began, time.process_time() - cpu
    return seen


async def _client(port: int, queries: Iterator[str], seen: Seen, ends: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.monotonic() < ends:
        began = time.monotonic()
        status, wait = await asyncio.wait_for(_search(reader, writer, next(queries)), LONGEST)
        seen.statuses[status] += 1
        if status == 200:
            seen.seconds.append(time.monotonic() - began)
        elif wait:
            await asyncio.sleep(max(0.0, min(wait, ends - time.monotonic())))
    writer.close()


async def _search(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, query: str) -> tuple[int, float]:
    """Return the status and Retry-After in seconds."""
    body = json.dumps({"query": query, "k": K}).encode()
    writer.write(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    await reader.readexactly(int(headers["content-length"]))
    return int(first.split()[1]), float(headers.get("retry-after", 0))


def line(name: str, seen: Seen) -> str:
    """Return what was seen, as one line; times in ms."""
    times = np.array(seen.seconds or [float("nan")]) * 1_000
    p50, p95, p99 = (float(np.percentile(times, at)) for at in (50, 95, 99))
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(seen.statuses.items()))
    rate, share = len(seen.seconds) / seen.lasted, 100 * seen.cpu / seen.lasted
    told = f"{name:<38} {rate:7.1f}/s  p50 {p50:6.0f}  p95 {p95:6.0f}  p99 {p99:6.0f} ms"
    return f"{told}  {statuses:<18} clients {share:.0f}%"
