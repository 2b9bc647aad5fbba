"""The files of a collection, `collection.json`, and the writer's lock.

my-collection/
  collection.json      format, profile, lanes, stores and tuning; written as a whole, appears by rename
  catalog.sqlite       the only commit point, unless the catalog is on a PostgreSQL server
  words/               the tantivy index of the `words` lane (a cache)
  vocabulary.txt       the words of all pages, for spelling (a cache)
  vectors/<store>/     append-only segments of one lane in one space: `text-3f9a1c2e`
  pictures/            page images (a cache)
  originals/           the documents' files: downloaded ones (a cache), or those that came with a copy
  qdrant/              the vectors in Qdrant's local mode
  copy.json            in a copy that is not finished: what it is a copy of
  writer.lock          locked by the one writer
"""

import errno
import hashlib
import json
import math
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from pagelens.core.errors import (
    CollectionDamaged,
    CollectionError,
    CollectionLocked,
    CollectionMismatch,
    CollectionNotFound,
    CollectionReadOnly,
    DiskFull,
    UsageError,
)
from pagelens.core.spaces import Space
from pagelens.core.types import Kind

FORMAT = 3
LOCK_SECONDS = 2.0  # how long a writer waits for the lock

Covers = Literal["passages", "pages", "photos", "captions"]
"""What a lane has rows for: each passage, each page with an image, only the pages of photos, or short texts, of which a
page may have none."""

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
        """The folder of the `words` lane's tantivy index."""
        return self.root / "words"

    @property
    def vocabulary(self) -> Path:
        """The file of the pages' words."""
        return self.root / "vocabulary.txt"

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
        """The manifest that replaces `collection.json` when re-embedding with other models is finished."""
        return self.root / "collection.next.json"

    @property
    def unfinished_copy(self) -> Path:
        """`copy.json`."""
        return self.root / "copy.json"

    def vectors(self, store: str) -> Path:
        """Return the folder of a lane's segments; `store` is `LaneRecord.store`."""
        return self.root / "vectors" / store


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """A lane with vectors: the name of its model, their space, and what they cover."""

    name: str
    model: str
    space: Space
    covers: Covers

    @property
    def store(self) -> str:
        """The name of its segments' folder or Qdrant collection; another space has another name."""
        return f"{self.name}-{self.space.fingerprint[:8]}"

    def has_rows_for(self, kind: Kind) -> bool:
        """Tell whether the lane has rows for documents of a kind."""
        return self.covers != "photos" or kind == "photo"

    def as_json(self) -> dict[str, Any]:
        """Return its entry in `collection.json`."""
        return {"model": self.model, "covers": self.covers, "space": self.space.as_json()}


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The Qdrant server of a collection's vectors. The API key is not stored: it is read from the environment."""

    url: str  # empty: Qdrant's local mode in the collection's folder
    prefix: str  # of the names of its collections on the server
    timeout: float = 30.0  # seconds for one request
    patience: float = 8.0  # seconds for which failed requests are retried
    quantization: Quantization = "none"  # of the first search stage; its results are rescored with the full vectors
    oversampling: float = 3.0  # with quantization: candidates for each requested row
    shards: int | None = None  # None: the server's default
    replicas: int | None = None
    grace: int = 60  # seconds for which replaced rows stay, for searches that began before

    def __str__(self) -> str:
        return f"Qdrant at {self.url or 'the collection itself'} ({self.prefix}-...)"


@dataclass(frozen=True, slots=True)
class CatalogRecord:
    """The PostgreSQL schema of a collection's catalog; for the password see `pagelens.index.catalog.postgres`."""

    url: str  # postgresql+psycopg://user@host:5432/database
    schema: str  # of its tables; a database may hold the catalogs of many collections

    def __str__(self) -> str:
        return f"{self.url} ({self.schema})"


@dataclass(frozen=True, slots=True)
class FilesRecord:
    """The shared place of page images and originals. Keys are not stored: see `pagelens.index.files.fsspec_store`."""

    url: str  # an fsspec address: s3://bucket/x, file:///mnt/share/x
    prefix: str  # the collection's folder there

    def __str__(self) -> str:
        return f"{self.url.rstrip('/')}/{self.prefix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """How the lanes are fused and pages reranked, fitted on the owner's questions (`pagelens eval tune`).

    Another collection, or the same one after re-embedding with other models, has none.
    """

    factors: Mapping[str, float]  # lane -> factor of its weight
    k: float  # of reciprocal-rank fusion
    scaled: bool  # see `pagelens.retrieve.fusion`
    reranker: Mapping[str, float] | None  # feature -> weight of the builtin reranker; None: not reranked
    gain: tuple[float, float, float]  # in nDCG@5, percent, cross-validated over documents; and its 95% interval
    questions: int
    documents: int

    def as_json(self) -> dict[str, Any]:
        """Return its entry in `collection.json`."""
        return asdict(self) | {"gain": list(self.gain)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Tuning":
        """Read the entry. Raises ValueError, KeyError, TypeError for one that `as_json` did not write."""
        factors, reranker = _numbers(data["factors"]), data["reranker"]
        gain, low, high = (_number(value) for value in data["gain"])
        if not isinstance(data["scaled"], bool) or _number(data["k"]) < 0:
            raise ValueError(f"expected k of 0 or more and scaled true or false, found {data['k']}, {data['scaled']}")
        return cls(
            factors=factors,
            k=_number(data["k"]),
            scaled=data["scaled"],
            reranker=None if reranker is None else _numbers(reranker),
            gain=(gain, low, high),
            questions=int(data["questions"]),
            documents=int(data["documents"]),
        )


def _numbers(data: Mapping[str, Any]) -> dict[str, float]:
    """Return a mapping of names to finite numbers of 0 or more."""
    numbers = {str(name): _number(value) for name, value in data.items()}
    if any(value < 0 for value in numbers.values()):
        raise ValueError(f"expected weights of 0 or more, found {numbers}")
    return numbers


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number, found {value!r}")
    return float(value)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of `collection.json`: profile, lanes with vectors, and where everything is stored."""

    profile: str
    lanes: Mapping[str, LaneRecord]
    created: str
    server: ServerRecord | None = None  # of the vectors; None: the collection's folder
    catalog: CatalogRecord | None = None  # None: SQLite in the collection's folder
    files: FilesRecord | None = None  # None: images in the collection's folder, originals not kept
    tuning: Tuning | None = None  # None: as shipped
    history_days: int | None = None  # for which earlier commits can be looked at; None: none is kept

    def require(self, lane: str, space: Space) -> None:
        """Raise CollectionMismatch unless the lane has this space."""
        expected = self.lanes[lane].space if lane in self.lanes else None
        if expected != space:
            raise CollectionMismatch(
                f"expected an encoder with {expected}, which the collection's {lane!r} lane has, found {space}. "
                "Open the collection with its own model, or re-embed it: pagelens reembed"
            )

    def as_json(self) -> dict[str, Any]:
        """Return the file's content."""
        lanes = {name: lane.as_json() for name, lane in self.lanes.items()}
        data: dict[str, Any] = {"pagelens": FORMAT, "profile": self.profile, "created": self.created, "lanes": lanes}
        stores = {"qdrant": self.server, "catalog": self.catalog, "files": self.files}
        data |= {name: asdict(record) for name, record in stores.items() if record is not None}
        data |= {"tuning": self.tuning.as_json()} if self.tuning is not None else {}
        data |= {"history": f"{self.history_days} days"} if self.history_days is not None else {}
        return data | {"sha256": _digest(data)}


def create_directories(layout: Layout) -> None:
    """Create the folder of a new collection. Raises UsageError when that fails, or when the folder has other files;
    CollectionDamaged when it has a collection's data."""
    root = layout.root
    require_no_data(layout)
    if root.exists() and not root.is_dir():
        raise UsageError(f"expected a folder for the collection, found a file: {root}. Choose another name.")
    if root.exists() and (others := unknown_files(layout)):
        raise UsageError(
            f"expected an empty folder or a PageLens collection, found other files in {root} "
            f"({', '.join(others[:3])}). Choose a new folder for the collection."
        )
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(
            f"expected to create the collection's folder at {root}, found: {exc}. Choose another folder."
        ) from exc


def unknown_files(layout: Layout) -> list[str]:
    """Return the names in a collection's folder that are not PageLens's, sorted."""
    return sorted(path.name for path in layout.root.iterdir() if path.name not in _KNOWN)


_OWN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_STORES = ("qdrant", "catalog", "files")  # entries of `collection.json`
_MANIFESTS = {"collection.json", "collection.next.json", "copy.json"}
_FOLDERS = {"words", "vectors", "qdrant", "pictures", "originals", "incoming"}
_CATALOG = {"catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"}
_KNOWN = _MANIFESTS | _FOLDERS | _CATALOG | {"writer.lock", "writer.json", "vocabulary.txt"}


def require_no_data(layout: Layout) -> None:
    """Raise CollectionDamaged where the folder holds a collection's data and its `collection.json` is gone."""
    vectors = layout.root / "vectors"
    if layout.catalog.is_file() and vectors.is_dir() and any(vectors.iterdir()):
        raise CollectionDamaged(
            f"expected {layout.manifest.name} beside {layout.catalog.name} and vectors/ in {layout.root}, found none. "
            "Restore it from a backup, or move the folder away and index the files again."
        )


def exists(layout: Layout) -> bool:
    """Return whether the folder has a collection."""
    return layout.manifest.is_file()


def load(layout: Layout) -> Manifest:
    """Read `collection.json`. Raises CollectionNotFound, CollectionDamaged or CollectionMismatch (newer format)."""
    if not exists(layout):
        require_no_data(layout)
        raise CollectionNotFound(
            f"expected a PageLens collection at {layout.root}, found none. "
            "Create one: pagelens index PATH --collection DIR"
        )
    return read_manifest(layout.manifest)


def read_manifest(path: Path) -> Manifest:
    """Read a manifest. Raises CollectionDamaged or CollectionMismatch (another format)."""
    try:
        data: dict[str, Any] = json.loads(path.read_text("utf-8"))
        found = int(data["pagelens"])
        if found == FORMAT and data.get("sha256", _digest(data)) != _digest(data):
            raise ValueError("its lanes are not those that were written")
        if found != FORMAT:
            raise CollectionMismatch(
                f"expected collection format {FORMAT}, found {found} in {path}. "
                "Use the PageLens version that made it, or index the files into a new collection."
            )
        lanes = {name: _lane(name, lane) for name, lane in data["lanes"].items()}
        server = ServerRecord(**data["qdrant"]) if "qdrant" in data else None
        database = CatalogRecord(**data["catalog"]) if "catalog" in data else None
        files = FilesRecord(**data["files"]) if "files" in data else None
        names = [record.prefix for record in (server, files) if record] + ([database.schema] if database else [])
        for name in names:
            if not _OWN_NAME.fullmatch(name):  # "" would stand for what others store there too
                raise ValueError(f"expected a name of the collection's own on each server, found {name!r}")
        return Manifest(
            profile=str(data["profile"]),
            lanes=lanes,
            created=str(data["created"]),
            server=server,
            catalog=database,
            files=files,
            tuning=Tuning.from_json(data["tuning"]) if "tuning" in data else None,
            history_days=int(str(data["history"]).removesuffix(" days")) if "history" in data else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:  # RecursionError: nested too deep
        raise CollectionDamaged(f"cannot read {path}: {exc}. Restore a backup, or index the files again.") from exc
    except OSError as exc:
        raise CollectionError(f"expected to read {path}, found: {exc}. May this user read it?") from exc


def _digest(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all but the addresses in `_STORES`, which may be edited by hand."""
    fixed = {name: name in _STORES or value for name, value in data.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()


def _lane(name: str, data: dict[str, Any]) -> LaneRecord:
    covers = data["covers"]
    if covers not in get_args(Covers):
        raise ValueError(f"expected covers among {', '.join(get_args(Covers))}, found {covers!r}")
    return LaneRecord(name, str(data["model"]), Space.from_json(data["space"]), covers)


def write_tuning(layout: Layout, tuning: Tuning | None) -> None:
    """Write how the collection is tuned, or that it is as shipped. Raises CollectionLocked, CollectionReadOnly."""
    with writer_lock(layout), write_errors_translated(layout.root):
        manifest = load(layout)
        if manifest.tuning != tuning:
            write_json(layout.manifest, replace(manifest, tuning=tuning).as_json())


def describe_unfinished(layout: Layout) -> str | None:
    """Return what a copy that is not finished is, and what to do; None for any other collection."""
    try:
        original = json.loads(layout.unfinished_copy.read_text("utf-8"))["unfinished_copy_of"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        original = "another collection"
    return (
        f"expected a whole collection at {layout.root}, found an unfinished copy of {original}: documents are missing. "
        f"Finish it: pagelens copy -c {shlex.quote(str(original))} --to {shlex.quote(str(layout.root))}"
    )


@contextmanager
def writer_lock(layout: Layout, *, patience: float = LOCK_SECONDS) -> Iterator[None]:
    """Hold the lock of the one writer. Raises CollectionLocked where another process keeps it for longer than
    `patience` seconds (a reader that syncs the lexical index has it for a moment), CollectionReadOnly.

    The kernel releases the lock when its holder dies.
    """
    status = layout.root / "writer.json"
    lock = FileLock(layout.lock, timeout=patience)
    try:
        lock.acquire()
    except Timeout as exc:
        raise CollectionLocked(
            f"another process is writing to {layout.root}{_holder(status)}. "
            "Nothing was changed: wait for it to end, then try again."
        ) from exc
    except OSError as exc:
        raise CollectionReadOnly(
            f"expected to write to the collection at {layout.root}, found: {exc}. "
            "It can be searched as it is; to change it, make the folder writable for this user."
        ) from exc
    try:
        write_json(status, {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(timespec="seconds")})
        yield
    finally:
        status.unlink(missing_ok=True)
        lock.release()


def _holder(status: Path) -> str:
    try:
        data = json.loads(status.read_text("utf-8"))
        return f" (process {int(data['pid'])}, since {data['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the holder is just starting or ending


def disk_full(place: str, problem: object) -> DiskFull:
    """Return the error for a place without room; `problem` is the system's message."""
    return DiskFull(
        f"expected room to write at {place}, found: {problem}. What was committed is kept: free some space, then run "
        "the same command again."
    )


NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Codes of OSError for a full disk, a full quota, and a limit on a file's size."""


NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
"""Codes of OSError for a file or folder that this user may not write."""


@contextmanager
def write_errors_translated(place: Path) -> Iterator[None]:
    """Raise DiskFull for an OSError that says that there is no room, whichever file was written, and CollectionReadOnly
    for one that says that a file below `place` may not be written."""
    try:
        yield
    except OSError as exc:
        if exc.errno in NO_ROOM:
            raise disk_full(str(place), exc) from exc
        if exc.errno in NOT_PERMITTED and exc.filename and Path(os.fsdecode(exc.filename)).is_relative_to(place):
            raise CollectionReadOnly(
                f"expected to write to {exc.filename}, found: {exc.strerror}. What was committed is kept: make it "
                "writable for this user, then run the same command again."
            ) from exc
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON as `write_text` does."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically and durably: a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
