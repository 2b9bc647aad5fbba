"""Several collections below one folder: opened once, opened again when moved to other models, closed at the end."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.errors import CollectionMismatch, CollectionNotFound, UsageError
from pagelens.core.settings import Settings
from pagelens.index.admin import removal
from pagelens.index.layout import Layout

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

T = TypeVar("T")


class Collections:
    """The collections of a folder, or one of them. Safe to share between threads."""

    def __init__(
        self, root: Path, settings: Settings, *, default: str = "default", only: bool = False, llm: str | None = None
    ) -> None:
        """`default` is the one meant where none is named; `only`: the others below `root` are none of ours; `llm` is
        what answers, see `pagelens.api.engine.wiring.open_collection`."""
        self.root = root.absolute()
        self.default = default
        self.only = only
        self._settings = settings
        self._llm = llm
        self._open: dict[str, _Open] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Return the collections there are, sorted."""
        if self.only:
            return [self.default] if wiring.collection_exists(self.root / self.default) else []
        folders = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(one.name for one in folders if re.fullmatch(NAME, one.name) and wiring.collection_exists(one))

    def path(self, name: str) -> Path:
        """Return the folder of a collection, there or not. Raises UsageError for what can be no name."""
        if not re.fullmatch(NAME, name):
            raise UsageError(
                f"expected a collection's name of letters, digits, '.', '_' and '-', 64 at most, found {name[:80]!r}"
            )
        return self.root / name

    def require(self, name: str) -> Path:
        """Return the folder of a collection. Raises CollectionNotFound, which names no path."""
        path = self.path(name)
        if (self.only and name != self.default) or not wiring.collection_exists(path):
            raise CollectionNotFound(f"expected a collection of this server, found none called {name!r}")
        return path

    def use(self, name: str, work: Callable[[Engine], T]) -> T:
        """Return what `work` makes of an engine; opened again where the collection was moved to other models."""
        engine = self._engine(name)
        try:
            return work(engine)
        except CollectionMismatch:
            self.forget(name, engine)
            return work(self._engine(name))

    def create(self, name: str, profile: str = "auto") -> dict[str, str]:
        """Make an empty collection; return the lanes left out, and why. Weights are looked for on this machine only:
        what a server fetches is its operator's to say. Raises UsageError, WeightsError."""
        path = self.path(name)
        if self.only and name != self.default:
            raise UsageError(f"this server serves {self.default!r} alone. Start it with --collections FOLDER.")
        here = replace(self._settings, offline=True)
        with self._lock:
            return wiring.create_collection(path, choose_profile(profile, self._settings), here)

    def delete(self, name: str, trash: Path) -> None:
        """Remove a collection, and what it has on servers: it is gone at once, and swept after, see `pagelens.index.admin.removal`.
        Raises CollectionLocked while somebody writes, StoreError where a server that has to do with it is away."""
        removal.put_aside(Layout(self.require(name)), trash)
        self.forget(name)
        removal.remove_put_aside(trash)

    def forget(self, name: str, engine: Engine | None = None) -> None:
        """Close a collection's engine, or only this one of it; the next use opens it again."""
        with self._lock:
            found = self._open.get(name)
            if found is not None and engine in (None, found.engine):
                del self._open[name]
                found.engine.close()

    def close(self) -> None:
        """Close every engine."""
        for name in list(self._open):
            self.forget(name)

    def _engine(self, name: str) -> Engine:
        path = self.require(name)
        with self._lock:
            stamp = _stamp(path)
            if name in self._open and self._open[name].stamp != stamp:
                self.forget(name)
            if name not in self._open:
                self._open[name] = _Open(wiring.open_collection(path, self._settings, llm=self._llm), stamp)
            return self._open[name].engine


class _Open(NamedTuple):
    """An engine, and what its collection was when it was opened."""

    engine: Engine
    stamp: tuple[int, int]


def _stamp(path: Path) -> tuple[int, int]:
    """Return what changes when a collection is moved to other models, or another one stands at its address."""
    try:
        status = Layout(path).manifest.stat()
    except OSError as exc:
        raise CollectionNotFound("expected a collection of this server, found it deleted in this moment") from exc
    return status.st_ino, status.st_mtime_ns
