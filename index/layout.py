"""A collection on disk: which file is what, `collection.json`, the writer's lock.

    my-collection/
      collection.json      format, profile, spaces: written once, renamed in
      catalog.sqlite       the only commit point, where it does not lie on a PostgreSQL server
      words/               the tantivy index of the `words` lane (a cache)
      vectors/<store>/     append-only segments of a lane in one space: `text-3f9a1c2e`
      pictures/            page pictures (a cache)
      originals/           documents' own files: fetched ones (a cache), or those that came with a copy
      qdrant/              the vectors, where they lie in Qdrant's own format and on no server
      writer.lock          held by the one writer

This module knows names and shapes on disk, not what the catalog or the segments say.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from pagelens.core.errors import CollectionDamaged, CollectionLocked, CollectionMismatch, CollectionNotFound, UsageError
from pagelens.core.spaces import Space

FORMAT = 2
PATIENCE = 2.0  # seconds a writer waits for the lock

Covers = Literal["passages", "pages", "photos"]
"""What a lane has rows for: each passage, each page that could be pictured, or only those of photos."""

Quantization = Literal["none", "scalar", "binary"]


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
    def qdrant(self) -> Path:
        """The folder of Qdrant's local mode."""
        return self.root / "qdrant"

    @property
    def lock(self) -> Path:
        """The writer's lock file."""
        return self.root / "writer.lock"

    @property
    def next_manifest(self) -> Path:
        """What `collection.json` will be when a move to other models is done."""
        return self.root / "collection.next.json"

    def vectors(self, store: str) -> Path:
        """Return the folder of a lane's segments, by `LaneRecord.store`."""
        return self.root / "vectors" / store


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """A lane with vectors: the model that makes them, by the name it is loaded by, their space, what they cover."""

    name: str
    model: str
    space: Space
    covers: Covers

    @property
    def store(self) -> str:
        """The name its segments lie under. Vectors of another space are another store."""
        return f"{self.name}-{self.space.fingerprint[:8]}"

    def as_json(self) -> dict[str, Any]:
        """Return what `collection.json` says of it."""
        return {"model": self.model, "covers": self.covers, "space": self.space.as_json()}


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The Qdrant that holds a collection's vectors. Its key is no part of this: it comes from the environment."""

    url: str  # empty: Qdrant's own format in the collection's folder, without a server
    prefix: str  # what the names of the collections there begin with
    timeout: float = 30.0  # seconds a request may take
    patience: float = 8.0  # seconds the server may be away before a command gives up
    quantization: Quantization = "none"  # what is searched first; what that finds is scored by the vectors themselves
    oversampling: float = 3.0  # with quantization: candidates for each row wanted
    shards: int | None = None  # None: the server's default
    replicas: int | None = None
    grace: int = 60  # seconds for which replaced rows stay, for searches that began before
    words: bool = True  # whether the `words` lane lies there too; not in collections made before it could

    def __str__(self) -> str:
        return f"Qdrant at {self.url or 'the collection itself'} ({self.prefix}-...)"


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """The PostgreSQL that holds a collection's catalog. A password is no part of this: see `pagelens.index.catalog.postgres`."""

    url: str  # postgresql+psycopg://user@host:5432/database
    schema: str  # of its tables; a database may hold the catalogs of many collections

    def __str__(self) -> str:
        return f"{self.url} ({self.schema})"


@dataclass(frozen=True, slots=True)
class FilesRecord:
    """Where page pictures and originals lie that machines share. Keys are no part of it: see `pagelens.index.files.fsspec_files`."""

    url: str  # s3://bucket/x, file:///mnt/share/x: what fsspec knows
    prefix: str  # the folder there that is the collection's

    def __str__(self) -> str:
        return f"{self.url.rstrip('/')}/{self.prefix}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `collection.json` says: which profile made the collection, each lane with vectors, and where all lies."""

    profile: str
    lanes: Mapping[str, LaneRecord]
    created: str
    server: ServerRecord | None = None  # of the vectors; None: in the collection's folder
    catalog: CatalogRecord | None = None  # None: SQLite in the collection's folder
    files: FilesRecord | None = None  # None: pictures in the collection's folder, originals where they were indexed

    def require(self, lane: str, space: Space) -> None:
        """Raise CollectionMismatch unless the lane was made with this space."""
        made = self.lanes[lane].space if lane in self.lanes else None
        if made != space:
            raise CollectionMismatch(
                f"the collection's {lane!r} vectors were made with {made}, the encoder at hand is {space}. "
                "Open it with the model it was made with, or move it to this one: pagelens reembed."
            )

    def as_json(self) -> dict[str, Any]:
        """Return the file's content."""
        lanes = {name: lane.as_json() for name, lane in self.lanes.items()}
        data: dict[str, Any] = {"pagelens": FORMAT, "profile": self.profile, "created": self.created, "lanes": lanes}
        elsewhere = {"qdrant": self.server, "catalog": self.catalog, "files": self.files}
        return data | {name: asdict(record) for name, record in elsewhere.items() if record is not None}


def create(
    layout: Layout,
    *,
    profile: str,
    lanes: Sequence[LaneRecord],
    server: ServerRecord | None = None,
    catalog: CatalogRecord | None = None,
    files: FilesRecord | None = None,
) -> Manifest:
    """Make the folder and its `collection.json`. Raises UsageError when the folder holds other things."""
    make_room(layout)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(profile, {lane.name: lane for lane in lanes}, created, server, catalog, files)
    write_json(layout.manifest, manifest.as_json())
    return manifest


def make_room(layout: Layout) -> None:
    """Make the folder of a new collection. Raises UsageError when it cannot be, or holds other things."""
    root = layout.root
    if root.exists() and not root.is_dir():
        raise UsageError(f"expected a folder for the collection, found a file: {root}. Choose another name.")
    if root.exists() and (others := strangers(layout)):
        raise UsageError(
            f"expected an empty folder or a PageLens collection, found other files in {root} "
            f"({', '.join(others[:3])}). Choose a new folder for the collection."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"expected a place to make the collection at {root}, found: {exc}. Choose another.") from exc


def strangers(layout: Layout) -> list[str]:
    """Return what is in a collection's folder that PageLens did not put there, sorted."""
    return sorted(path.name for path in layout.root.iterdir() if path.name not in _OURS)


_MANIFESTS = {"collection.json", "collection.next.json"}
_FOLDERS = {"words", "vectors", "qdrant", "pictures", "originals", "incoming"}
_OURS = _MANIFESTS | _FOLDERS | {"catalog.sqlite", "writer.lock", "writer.json"}


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
    return read_manifest(layout.manifest)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises CollectionDamaged or CollectionMismatch (another format)."""
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        found = int(data["pagelens"])
        if found != FORMAT:
            raise CollectionMismatch(
                f"expected collection format {FORMAT}, found {found} in {path}. "
                "Use the PageLens it was made with, or index the files into a new collection."
            )
        lanes = {name: _lane(name, lane) for name, lane in data["lanes"].items()}
        server = ServerRecord(**{"words": False, **data["qdrant"]}) if "qdrant" in data else None
        database = CatalogRecord(**data["catalog"]) if "catalog" in data else None
        files = FilesRecord(**data["files"]) if "files" in data else None
        return Manifest(str(data["profile"]), lanes, str(data["created"]), server, database, files)
    except (ValueError, KeyError, TypeError) as exc:
        raise CollectionDamaged(f"cannot read {path}: {exc}. Restore it, or index anew.") from exc


def _lane(name: str, data: dict[str, Any]) -> LaneRecord:
    covers = data["covers"]
    if covers not in get_args(Covers):
        raise ValueError(f"expected covers among {', '.join(get_args(Covers))}, found {covers!r}")
    return LaneRecord(name, str(data["model"]), Space.from_json(data["space"]), covers)


@contextmanager
def writer_lock(layout: Layout, *, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the collection's one writer's lock. Raises CollectionLocked where another has it for longer than `patience`
    seconds: a reader that brings the lexical index in step has it for a moment.

    The kernel frees the lock when its holder dies, however it dies.
    """
    note = layout.root / "writer.json"
    lock = FileLock(layout.lock, timeout=patience)
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
