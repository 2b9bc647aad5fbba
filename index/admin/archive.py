"""A collection in one file, and back: a tar of a plain embedded collection, whatever stores the original lies in.

    snapshot.json        first: version, when, of what, and each file's size and SHA-256
    collection.json, catalog.sqlite, vectors/...

What can be made again is left out: the lexical index, page pictures. The documents' own files, which pictures are made
from, are in it where the collection keeps them (`pagelens.index.originals`), not where they only were indexed. A snapshot shows
one commit of the original, which may be written to all the while. Restored is either the whole collection or nothing.
Knows no encoders.
"""

import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pagelens.core.errors import CollectionDamaged, CollectionMismatch, UsageError
from pagelens.index import layout
from pagelens.index.admin.copying import WINDOW, OnCopied, copy_latest_commit
from pagelens.index.layout import Layout, sync_folder
from pagelens.index.reader import CollectionReader

logger = logging.getLogger(__name__)

VERSION = 1
CONTENTS = "snapshot.json"
PASSES = 3  # over a collection that changes faster than it is copied
_LEFT_OUT = {"words", "pictures", "incoming", "writer.lock", "writer.json"}
_LONGEST = 1 << 28  # bytes of the list of files that anybody reads


@dataclass(frozen=True, slots=True)
class ArchiveReport:
    """What a snapshot holds."""

    documents: int
    pages: int
    files: int
    size: int  # bytes


def write_snapshot(
    root: Path, file: Path, tell: OnCopied = lambda done, total: None, *, window: int = WINDOW
) -> ArchiveReport:
    """Write a collection's newest commit to a new file; `window` pages are held in memory, or one document.

    Raises CollectionNotFound, CollectionDamaged, StoreError, UsageError."""
    if file.exists():
        raise UsageError(f"expected a new file for the snapshot, found one at {file}. Choose another name.")
    with _workplace(file) as place:
        staged = place / "collection"
        documents, pages = _stage(root, staged, tell, window)
        found = {path.relative_to(staged).as_posix(): _entry(path) for path in _files(staged)}
        partial = place / "snapshot.tar"
        _pack(staged, partial, found, {"documents": documents, "pages": pages})
        size = partial.stat().st_size
        partial.rename(file)
        sync_folder(file.absolute().parent)
    return ArchiveReport(documents, pages, len(found), size)


def restore_snapshot(file: Path, root: Path) -> ArchiveReport:
    """Make the collection that a snapshot holds, in a folder that is empty or not there. Raises UsageError,
    CollectionDamaged where the file is not what was written, CollectionMismatch where it is of another version."""
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"expected a new or empty folder for the collection, found {root} in use. Choose another.")
    with _workplace(root) as place:
        staged = place / "collection"
        staged.mkdir()
        said = _unpack(file, staged)
        reader = CollectionReader(staged)
        try:
            problems = reader.check()
        finally:
            reader.close()
        if problems:
            raise CollectionDamaged(f"what {file} holds does not fit together: {'; '.join(problems[:3])}")
        if root.exists():
            root.rmdir()  # empty still, or this says no
        staged.rename(root)
        sync_folder(root.absolute().parent)
    return ArchiveReport(int(said["documents"]), int(said["pages"]), len(said["files"]), file.stat().st_size)


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder beside what is to be made, so that a rename finishes it; gone at the end."""
    parent = target.absolute().parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=parent)
    except OSError as exc:
        raise UsageError(f"expected a place to write to at {parent}, found: {exc}") from exc
    with folder as name:
        yield Path(name)


def _stage(root: Path, staged: Path, tell: OnCopied, window: int) -> tuple[int, int]:
    """Copy a collection to a folder, its vectors read out of their store; return how many documents and pages."""
    reader = CollectionReader(root)
    try:
        lanes, profile = list(reader.manifest.lanes.values()), reader.manifest.profile
        layout.create(Layout(staged), profile=profile, lanes=lanes)
        for _ in range(PASSES):
            report = copy_latest_commit(reader, staged, tell, window=window)
            if not report.problems:
                return report.of_documents, report.of_pages
            logger.info("copied once more, of what was replaced meanwhile: %s", report.problems[0])
    finally:
        reader.close()
    raise CollectionDamaged(
        f"no whole copy came of {root}: {'; '.join(report.problems[:3])}. Run: pagelens doctor --deep"
    )


def _files(staged: Path) -> list[Path]:
    kept = (path for path in sorted(staged.rglob("*")) if path.is_file())
    return [path for path in kept if path.relative_to(staged).parts[0] not in _LEFT_OUT]


def _entry(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": _digest(path)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(staged: Path, file: Path, found: Mapping[str, object], counts: Mapping[str, int]) -> None:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    contents = json.dumps({"pagelens_snapshot": VERSION, "made": made, **counts, "files": found}, indent=1).encode()
    with file.open("wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            first = tarfile.TarInfo(CONTENTS)
            first.size = len(contents)
            tar.addfile(first, io.BytesIO(contents))
            for name in found:
                member = tarfile.TarInfo(name)  # no owner, no time, no mode: the same collection is the same file
                member.size = (staged / name).stat().st_size
                with (staged / name).open("rb") as data:
                    tar.addfile(member, data)
        out.flush()
        os.fsync(out.fileno())


def _unpack(file: Path, staged: Path) -> dict[str, Any]:
    """Write every file of a snapshot below a folder, each what the list says it is; return the list."""
    if not file.is_file():
        raise UsageError(f"expected a snapshot at {file}, found none")
    try:
        with tarfile.open(file, "r:") as tar:
            said = _contents(tar, file)
            room = shutil.disk_usage(staged).free
            if (needed := sum(int(one["size"]) for one in said["files"].values())) > room:
                raise UsageError(f"expected {needed} bytes free at {staged.parent.parent}, found {room}")
            waiting = dict(said["files"])
            for member in tar:
                if member.name == CONTENTS:
                    continue
                _unpack_one(tar, member, staged, waiting.pop(member.name, None), file)
    except (tarfile.TarError, EOFError, KeyError, TypeError, ValueError, AttributeError) as exc:
        raise _damaged(file, f"{type(exc).__name__}: {exc}") from exc
    if waiting:
        raise _damaged(file, f"{len(waiting)} of {len(said['files'])} files are missing, the first {min(waiting)!r}")
    return said


def _contents(tar: tarfile.TarFile, file: Path) -> dict[str, Any]:
    first = tar.next()
    data = tar.extractfile(first) if first is not None and first.name == CONTENTS and first.size < _LONGEST else None
    if data is None:
        raise _damaged(file, f"it does not begin with {CONTENTS}")
    said: dict[str, Any] = json.load(data)
    if said["pagelens_snapshot"] != VERSION:
        raise CollectionMismatch(
            f"expected a snapshot of version {VERSION}, found {said['pagelens_snapshot']} in {file}. Update PageLens."
        )
    return said


def _unpack_one(
    tar: tarfile.TarFile, member: tarfile.TarInfo, staged: Path, expected: Mapping[str, Any] | None, file: Path
) -> None:
    if expected is None or not member.isreg() or member.issparse() or member.size != expected["size"]:
        raise _damaged(file, f"{member.name[:200]!r} is not among its files, or not of the size that is said")
    if tarfile.data_filter(member, str(staged)).name != member.name:  # which raises where a name leads out
        raise _damaged(file, f"{member.name[:200]!r} is not a name below a folder")
    tar.extract(member, staged, set_attrs=False, filter="data")
    if _digest(staged / member.name) != expected["sha256"]:
        raise _damaged(file, f"{member.name!r} has another SHA-256 than is said")


def _damaged(file: Path, why: str) -> CollectionDamaged:
    return CollectionDamaged(f"expected a whole snapshot in {file}, found: {why}. Nothing was restored.")
