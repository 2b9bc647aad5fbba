"""Starts `tests.index.qdrant_server` and ends it, gently or not."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


@dataclass
class QdrantProcess:
    """A server on loopback. A context manager that kills what is left."""

    folder: Path | None = None
    key: str = ""
    version: str = "1.17.0"
    port: int = 0
    die_after: int = 0
    busy: int = 0
    kill_after: int = 0
    pid_file: Path | None = None
    together: int = 0

    def __enter__(self) -> "QdrantProcess":
        options = [f"--key={self.key}", f"--version={self.version}", f"--port={self.port}"]
        options += [f"--die-after={self.die_after}", f"--busy={self.busy}", f"--together={self.together}"]
        if self.pid_file is not None:
            options += [f"--kill-after={self.kill_after}", f"--pid-file={self.pid_file}"]
        if self.folder is not None:
            options.append(f"--folder={self.folder}")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.index.qdrant_server", *options],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        self._process.wait(timeout=60)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
