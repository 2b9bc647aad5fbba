"""A collection on disk: which file is what, `collection.json`, the writer's lock.

    my-collection/
      collection.json      format, profile, spaces: written once, renamed in
      catalog.sqlite       the only commit point
      words/               the tantivy index of the `words` lane (a cache)
      vectors/<lane>/      append-only segments
      pictures/            page pictures (a cache)
      writer.lock          held by the one writer

This module knows names and shapes on disk, not what the catalog or the segments say.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from core.errors import CollectionDamaged, CollectionLocked, CollectionMismatch, CollectionNotFound, UsageError
from core.spaces import Space

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one collection."""

    root: Path

    @property
    def manifest(self) -> Path:
        """`collection.json`."""
        return self.root / "collection.json"

    @property
    def catalog(self) -> Path:
        """The SQLite file."""
        return self.root / "catalog.sqlite"

    @property
    def words(self) -> Path:
        """The folder of the tantivy index."""
        return self.root / "words"

    @property
    def pictures(self) -> Path:
        """The folder of page pictures."""
        return self.root / "pictures"

    @property
    def lock(self) -> Path:
        """The writer's lock file."""
        return self.root / "writer.lock"

    def vectors(self, lane: str) -> Path:
        """Return the folder of a lane's segments."""
        return self.root / "vectors" / lane


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `collection.json` says: which profile made the collection, and the space of each lane with vectors."""

    profile: str
    spaces: Mapping[str, Space]
    created: str

    def require(self, lane: str, space: Space) -> None:
        """Raise CollectionMismatch unless the lane was made with this space."""
        made = self.spaces.get(lane)
        if made != space:
            raise CollectionMismatch(
                f"the collection's {lane!r} vectors were made with {made}, the encoder at hand is {space}. "
                "Open it with the model it was made with, or index the files into a new collection."
            )


def create(layout: Layout, *, profile: str, spaces: Mapping[str, Space]) -> Manifest:
    """Make the folder and its `collection.json`. Raises UsageError when the folder holds other things."""
    root = layout.root
    if root.exists() and not root.is_dir():
        raise UsageError(f"expected a folder for the collection, found a file: {root}. Choose another name.")
    if root.exists() and (strangers := [p.name for p in root.iterdir() if p.name not in _OURS]):
        raise UsageError(
            f"expected an empty folder or a PageLens collection, found other files in {root} "
            f"({', '.join(sorted(strangers)[:3])}). Choose a new folder for the collection."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"expected a place to make the collection at {root}, found: {exc}. Choose another.") from exc
    manifest = Manifest(profile, dict(spaces), datetime.now(UTC).isoformat(timespec="seconds"))
    data = {
        "pagelens": FORMAT,
        "profile": profile,
        "created": manifest.created,
        "spaces": {lane: space.as_json() for lane, space in spaces.items()},
    }
    write_json(layout.manifest, data)
    return manifest


_OURS = {"collection.json", "catalog.sqlite", "words", "vectors", "pictures", "writer.lock", "writer.json"}


def exists(layout: Layout) -> bool:
    """Tell whether a collection stands at this address."""
    return layout.manifest.is_file()


def load(layout: Layout) -> Manifest:
    """Read `collection.json`. Raises CollectionNotFound, CollectionDamaged or CollectionMismatch (newer format)."""
    if not exists(layout):
        raise CollectionNotFound(
            f"expected a PageLens collection at {layout.root}, found none. "
            "Make one: pagelens index PATH --collection DIR"
        )
    try:
        data: dict[str, Any] = json.loads(layout.manifest.read_text("utf-8"))
        found = int(data["pagelens"])
        if found != FORMAT:
            raise CollectionMismatch(
                f"expected collection format {FORMAT}, found {found} in {layout.manifest}. "
                "Use the PageLens it was made with."
            )
        spaces = {lane: Space.from_json(space) for lane, space in data["spaces"].items()}
        return Manifest(str(data["profile"]), spaces, str(data["created"]))
    except (ValueError, KeyError, TypeError) as exc:
        raise CollectionDamaged(f"cannot read {layout.manifest}: {exc}. Restore it, or index anew.") from exc


@contextmanager
def writer_lock(layout: Layout) -> Iterator[None]:
    """Hold the collection's one writer's lock. Raises CollectionLocked at once when another process has it.

    The kernel frees the lock when its holder dies, however it dies.
    """
    note = layout.root / "writer.json"
    lock = FileLock(layout.lock, timeout=0)
    try:
        lock.acquire()
    except Timeout as exc:
        raise CollectionLocked(
            f"another process is writing to {layout.root}{_holder(note)}. "
            "Nothing was changed: wait for it to end, then try again."
        ) from exc
    try:
        write_json(note, {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _holder(note: Path) -> str:
    try:
        data = json.loads(note.read_text("utf-8"))
        return f" (process {int(data['pid'])}, since {data['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the holder is just starting, or ending


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(data, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
