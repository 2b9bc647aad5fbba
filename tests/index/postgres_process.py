"""A PostgreSQL server of the tests' own, on loopback, in a folder that goes with it; as an unprivileged user."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from pagelens.index.layout import CatalogRecord

PASSWORD = "only-here"


def find_programs() -> Path | None:
    """Return the folder with `initdb` and `postgres`: Debian's, or that of the path."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = [*map(str, reversed(debian)), shutil.which("initdb") or ""]
    return next((Path(one).resolve().parent for one in found if one), None)


def unprivileged() -> str | None:
    """Return the user to run as; "" for this one, None where there is nobody."""
    if os.geteuid():
        return ""
    names = {user.pw_name for user in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)


class PostgresProcess:
    """A running server. A context manager that ends it and removes the folder."""

    def __init__(self, programs: Path, user: str) -> None:
        self._programs, self._user = programs, user or None
        self._folder = Path(tempfile.mkdtemp(prefix="pagelens-postgres-"))
        self._data = self._folder / "data"

    def __enter__(self) -> "PostgresProcess":
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        if self._user is not None:
            for path in (self._folder, secret):
                shutil.chown(path, self._user)
        options = ["--username=pagelens", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8"]
        self._run("initdb", f"--pgdata={self._data}", "--no-sync", "--locale=C.UTF-8", *options)
        self.port = _free_port()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGINT)  # it ends its sessions, and waits for its children
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": "", "fsync": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *options],
            user=self._user,
            cwd=self._folder,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    @property
    def pid(self) -> int:
        """Of the process that the others are children of."""
        return self._process.pid

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it: SIGKILL, and its children end by themselves; SIGINT ends sessions first, SIGQUIT at once."""
        self._process.send_signal(how)
        self._process.wait()

    def record(self) -> CatalogRecord:
        """Return a place for a catalog that nobody has."""
        return CatalogRecord(
            f"postgresql+psycopg://pagelens@127.0.0.1:{self.port}/postgres", f"test_{secrets.token_hex(6)}"
        )

    def _wait(self) -> None:
        for _ in range(600):
            ready = self._run("pg_isready", "--host=127.0.0.1", f"--port={self.port}", check=False)
            if ready == 0:
                return
            assert self._process.poll() is None, "the server ended at once"
            time.sleep(0.05)  # it says nothing that could be waited for
        raise AssertionError("the server did not answer in half a minute")

    def _run(self, program: str, *options: str, check: bool = True) -> int:
        done = subprocess.run(
            [self._programs / program, *options], user=self._user, cwd=self._folder, capture_output=True, text=True
        )
        assert not check or done.returncode == 0, done.stderr
        return done.returncode


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
