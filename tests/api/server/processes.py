"""A real server process, started with the command line."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx2
import psutil

ROOT = Path(__file__).parents[3]
MAX_POLLS = 3_000
PAGELENS = (sys.executable, "-m", "pagelens")


class ServerProcess:
    """`pagelens serve --keyless` on a free port."""

    def __init__(self, collections: Path, *options: str, command: Sequence[str] = PAGELENS, cwd: Path = ROOT) -> None:
        """`command` starts the command line, in the folder `cwd`."""
        served = ["--collections", str(collections), "--create", "--keyless", "--port", "0"]
        command = [*command, "serve", *served, *options]
        environment = {**os.environ, "PAGELENS_THREADS": "1"}
        self.process = subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, text=True, env=environment)
        self.lines: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.wait_for('serving')['port']}"
        self.client = httpx2.Client(base_url=self.address, timeout=60.0)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.put(json.loads(line) if line.startswith("{") else {"message": line})

    def wait_for(self, message: str) -> Any:
        """Return the next log line with this message."""
        while True:
            line = self.lines.get(timeout=180)
            if line["message"] == message:
                return line

    def worker(self) -> psutil.Process | None:
        """Return the indexing process, or None if it is not running."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return None
        running = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
        return running[0] if running else None

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.client.close()

    def stop(self) -> None:
        """Stop the process with SIGTERM."""
        self.process.terminate()
        self.process.wait(60)
        self.client.close()

    def wait_ready(self) -> Any:
        """Wait until /readyz answers "ready" and return its body; until then it must state a problem."""
        for _ in range(MAX_POLLS):
            answer = self.client.get("/readyz")
            body = answer.json()
            assert body["ready"] == (answer.status_code == 200)
            if body["ready"]:
                return body
            assert body["problem"]
            threading.Event().wait(0.02)
        raise AssertionError("never ready")


def add_files(server: ServerProcess, files: dict[str, bytes]) -> None:
    """Upload files and wait until they are in."""
    job = server.client.post("/v1/documents", files=[("files", one) for one in files.items()]).json()
    with server.client.stream("GET", f"/v1/jobs/{job['id']}", headers={"Accept": "text/event-stream"}) as value:
        assert '"state":"succeeded"' in value.read().decode()
