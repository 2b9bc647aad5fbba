"""A collection in one file, and back: a tar file of an embedded collection, wherever the original stores its data.

    snapshot.json        first: format version, creation time, counts, and the size and SHA-256 of each file
    collection.json, catalog.sqlite, vectors/...

Left out is what can be recomputed: the lexical index and page images. Original files are included if the collection
keeps them (`pagelens.index.original_files`), not if they were only indexed. A snapshot holds one commit; the collection
may be written to meanwhile. Restoring yields the whole collection or nothing, and contacts no server: a snapshot that
names one is refused. A process that is killed leaves nothing behind.
"""

import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pagelens.core.errors import CollectionDamaged, CollectionMismatch, UsageError
from pagelens.index.admin.copying import WINDOW, OnCopied, copy_latest_commit, require_finished
from pagelens.index.admin.workspace import temporary_folder_beside
from pagelens.index.creation import create
from pagelens.index.layout import Layout, load, sync_folder
from pagelens.index.reader import CollectionReader

logger = logging.getLogger(__name__)

VERSION = 1
CONTENTS = "snapshot.json"
MAX_PASSES = 3  # over a collection that changes faster than it is copied
_INCLUDED = {"collection.json", "catalog.sqlite", "catalog.sqlite-wal", "vectors", "originals"}
_MAX_CONTENTS_SIZE = 1 << 28  # bytes


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What a snapshot holds."""

    documents: int
    pages: int
    files: int
    size: int  # bytes


def write_snapshot(
    root: Path, file: Path, on_progress: OnCopied | None = None, *, window: int = WINDOW
) -> ArchiveReport:
    """Write a collection's latest commit to a new file; `window` pages are held in memory, or one document.

    Raises CollectionNotFound, CollectionDamaged, StoreError, UsageError.
    """
    if file.exists():
        raise UsageError(f"expected a new file for the snapshot, found one at {file}. Choose another name.")
    with temporary_folder_beside(file) as workspace:
        staged = workspace / "collection"
        documents, pages = _stage(root, staged, on_progress, window)
        entries = {path.relative_to(staged).as_posix(): _entry(path) for path in _files(staged)}
        partial = workspace / "snapshot.tar"
        _pack(staged, partial, entries, {"documents": documents, "pages": pages})
        size = partial.stat().st_size
        partial.rename(file)
        sync_folder(file.absolute().parent)
    return ArchiveReport(documents, pages, len(entries), size)


def restore_snapshot(file: Path, root: Path) -> ArchiveReport:
    """Create the collection that a snapshot holds in a new or empty folder.

    Raises UsageError, CollectionDamaged if the file is not as it was written, CollectionMismatch for another version.
    """
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"expected a new or empty folder for the collection, found {root} in use. Choose another.")
    with temporary_folder_beside(root) as workspace:
        staged = workspace / "collection"
        staged.mkdir()
        contents = _unpack(file, staged)
        _require_embedded(staged, file)  # before anything is opened
        reader = CollectionReader(staged)
        try:
            problems = reader.check(deep=True)
        finally:
            reader.close()
        if problems:
            raise CollectionDamaged(f"what {file} holds does not fit together: {'; '.join(problems[:3])}")
        if root.exists():
            root.rmdir()  # raises if it is no longer empty
        staged.rename(root)
        sync_folder(root.absolute().parent)
    counts = int(contents["documents"]), int(contents["pages"])
    return ArchiveReport(*counts, len(contents["files"]), file.stat().st_size)


def _require_embedded(staged: Path, file: Path) -> None:
    """Raise CollectionDamaged if the manifest names a server or an address: no snapshot that was written here does, and
    a stranger's would make this machine connect to it, with its user's keys."""
    manifest = load(Layout(staged))
    others = [str(place) for place in (manifest.server, manifest.catalog, manifest.files) if place is not None]
    if others:
        raise _damaged(file, f"a collection that stores its data elsewhere ({'; '.join(others)})")


def _stage(root: Path, staged: Path, on_progress: OnCopied | None, window: int) -> tuple[int, int]:
    """Copy a collection to an embedded collection in `staged`; return the numbers of documents and pages."""
    reader = CollectionReader(root)
    try:
        require_finished(Layout(root))
        lanes, profile = list(reader.manifest.lanes.values()), reader.manifest.profile
        create(Layout(staged), profile=profile, lanes=lanes)
        for _ in range(MAX_PASSES):
            report = copy_latest_commit(reader, staged, on_progress, window=window)
            if not report.problems:
                return report.total_documents, report.total_pages
            logger.info("copying again, rows were replaced meanwhile: %s", report.problems[0])
    finally:
        reader.close()
    raise CollectionDamaged(
        f"expected a complete copy of {root}, found: {'; '.join(report.problems[:3])}. Run: pagelens doctor --deep"
    )


def _files(staged: Path) -> list[Path]:
    files = (path for path in sorted(staged.rglob("*")) if path.is_file())
    return [path for path in files if path.relative_to(staged).parts[0] in _INCLUDED]


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": _digest(path)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(staged: Path, file: Path, entries: Mapping[str, object], counts: Mapping[str, int]) -> None:
    created = datetime.now(UTC).isoformat(timespec="seconds")
    header = {"pagelens_snapshot": VERSION, "created": created, **counts, "files": entries}
    contents = json.dumps(header, indent=1).encode()
    with file.open("wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            first = tarfile.TarInfo(CONTENTS)
            first.size = len(contents)
            tar.addfile(first, io.BytesIO(contents))
            for name in entries:
                member = tarfile.TarInfo(
                    name
                )  # without owner, time and mode, so that equal collections give equal files
                member.size = (staged / name).stat().st_size
                with (staged / name).open("rb") as data:
                    tar.addfile(member, data)
        out.flush()
        os.fsync(out.fileno())


def _unpack(file: Path, staged: Path) -> dict[str, Any]:
    """Extract a snapshot's files into a folder, each checked against the list of contents; return the list."""
    if not file.is_file():
        raise UsageError(f"expected a snapshot at {file}, found none")
    try:
        with tarfile.open(file, "r:") as tar:
            contents = _contents(tar, file)
            free = shutil.disk_usage(staged).free
            if (needed := sum(int(entry["size"]) for entry in contents["files"].values())) > free:
                raise UsageError(f"expected {needed} bytes free at {staged.parent.parent}, found {free}")
            missing = dict(contents["files"])
            for member in tar:
                if member.name != CONTENTS:
                    _extract(tar, member, staged, missing.pop(member.name, None), file)
    except RecursionError as exc:
        raise _damaged(file, f"its list of contents, {CONTENTS}, to be nested too deep") from exc
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _damaged(file, f"{type(exc).__name__}: {exc}") from exc
    if missing:
        total = len(contents["files"])
        raise _damaged(file, f"{len(missing)} of {total} files are missing, the first {min(missing)!r}")
    return contents


def _contents(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    first = tar.next()
    data = (
        tar.extractfile(first)
        if first is not None and first.name == CONTENTS and first.size < _MAX_CONTENTS_SIZE
        else None
    )
    if data is None:
        raise _damaged(file, f"it does not begin with {CONTENTS}")
    contents: dict[str, Any] = json.load(data)
    if contents["pagelens_snapshot"] != VERSION:
        found = contents["pagelens_snapshot"]
        raise CollectionMismatch(f"expected a snapshot of version {VERSION}, found {found} in {file}. Update PageLens.")
    return contents


def _extract(
    tar: tarfile.TarFile, member: tarfile.TarInfo, staged: Path, expected: Mapping[str, Any] | None, file: Path
) -> None:
    if expected is None or not member.isreg() or member.issparse() or member.size != expected["size"]:
        raise _damaged(file, f"{member.name[:200]!r} is not among its files, or not of the size listed")
    if tarfile.data_filter(member, str(staged)).name != member.name:  # raises for a name that leads out
        raise _damaged(file, f"{member.name[:200]!r} is not a name below a folder")
    if member.name.partition("/")[0] not in _INCLUDED:
        raise _damaged(file, f"{member.name[:200]!r} is not a file of a snapshot")
    tar.extract(member, staged, set_attrs=False, filter="data")
    if _digest(staged / member.name) != expected["sha256"]:
        raise _damaged(file, f"{member.name!r} has another SHA-256 than the one listed")


def _damaged(file: Path, problem: str) -> CollectionDamaged:
    return CollectionDamaged(f"expected a whole snapshot in {file}, found: {problem}. Nothing was restored.")
