"""The collections below one folder. Engines are cached and reopened after a collection was re-embedded or replaced."""

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
from pagelens.generate.llm.observed import ModelCall, OnCall
from pagelens.index.admin import removal
from pagelens.index.layout import Layout

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"

T = TypeVar("T")


class Collections:
    """All collections of a folder, or one of them. Thread-safe."""

    def __init__(
        self, root: Path, settings: Settings, *, default: str = "default", only: bool = False, llm: str | None = None
    ) -> None:
        """`default` is used where a request names no collection. `only`: serve `default` and no other collection below
        `root`. `llm` is the language model, see `pagelens.api.engine.wiring.open_collection`."""
        self.root = root.absolute()
        self.default = default
        self.only = only
        self._settings = settings
        self._llm = llm
        self._open: dict[str, _OpenEngine] = {}
        self._lock = threading.RLock()
        self.on_model_call: OnCall = lambda _: None  # called after each call of a language model

    def names(self) -> list[str]:
        """Return the names of the collections, sorted."""
        if self.only:
            return [self.default] if wiring.collection_exists(self.root / self.default) else []
        folders = self.root.iterdir() if self.root.is_dir() else ()
        return sorted(path.name for path in folders if re.fullmatch(NAME, path.name) and wiring.collection_exists(path))

    def path(self, name: str) -> Path:
        """Return the folder of a collection, which need not exist. Raises UsageError for an invalid name."""
        if not re.fullmatch(NAME, name):
            raise UsageError(
                f"expected a collection's name of letters, digits, '.', '_' and '-', 64 at most, found {name[:80]!r}"
            )
        return self.root / name

    def require(self, name: str) -> Path:
        """Return the folder of an existing collection. Raises CollectionNotFound, whose message contains no path."""
        path = self.path(name)
        if (self.only and name != self.default) or not wiring.collection_exists(path):
            raise CollectionNotFound(f"expected a collection of this server, found none called {name!r}")
        return path

    def use(self, name: str, work: Callable[[Engine], T]) -> T:
        """Return `work(engine)`. If the collection was re-embedded in the meantime, reopen it and call `work` again."""
        engine = self._engine(name)
        try:
            return work(engine)
        except CollectionMismatch:
            self.forget(name, engine)
            return work(self._engine(name))

    def create(self, name: str, profile: str = "auto") -> dict[str, str]:
        """Create an empty collection. Return the lanes that are left out, each with the reason.

        Model weights must be on this machine; none are downloaded. Raises UsageError, WeightsError.
        """
        path = self.path(name)
        if self.only and name != self.default:
            raise UsageError(f"this server serves {self.default!r} alone. Start it with --collections FOLDER.")
        offline = replace(self._settings, offline=True)
        with self._lock:
            return wiring.create_collection(path, choose_profile(profile, self._settings), offline)

    def delete(self, name: str, trash: Path) -> None:
        """Delete a collection and its data on external stores, see `pagelens.index.admin.removal`.

        Raises CollectionLocked while it is being written, StoreError if one of its stores does not answer.
        """
        removal.move_to_trash(Layout(self.require(name)), trash)
        self.forget(name)
        removal.empty_trash(trash)

    def forget(self, name: str, engine: Engine | None = None) -> None:
        """Close a collection's engine; the next use opens it again. With `engine`: only if that one is open."""
        with self._lock:
            opened = self._open.get(name)
            if opened is not None and engine in (None, opened.engine):
                del self._open[name]
                opened.engine.close()

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
                self._open[name] = _OpenEngine(self._opened(path), stamp)
            return self._open[name].engine

    def _opened(self, path: Path) -> Engine:
        def report(call: ModelCall) -> None:
            self.on_model_call(call)

        return wiring.open_collection(path, self._settings, llm=self._llm, on_model_call=report)


class _OpenEngine(NamedTuple):
    """An engine and the stamp of its collection when it was opened."""

    engine: Engine
    stamp: tuple[int, int]


def _stamp(path: Path) -> tuple[int, int]:
    """Return inode and mtime of the manifest: they change when the collection is re-embedded or replaced."""
    try:
        status = Layout(path).manifest.stat()
    except OSError as exc:
        raise CollectionNotFound("expected a collection of this server, found that it was just deleted") from exc
    return status.st_ino, status.st_mtime_ns
