"""Uploads to files of our own: in a folder with a made-up name, hashed and synced before anybody is told they are in.

The sender's name is data; of it the file keeps letters, digits and a few marks, so that titles and questions can go by
it and no path can be made of it.
"""

import errno
import hashlib
import os
import unicodedata
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pagelens.api.engine.file_names import absolute_path, path_to_text
from pagelens.api.server.problems import Problem
from pagelens.api.server.server_folder import ServerFolder
from pagelens.index.layout import sync_folder
from pagelens.ingest.files.walk import Source, walk

BLOCK = 1 << 20
LONGEST = 120  # bytes of a name as it is kept on disk
_MARKS = frozenset(" -_.()")


@dataclass(frozen=True, slots=True)
class Saved:
    """An upload that is on the disk."""

    path: Path
    sha256: str
    size: int
    name: str  # the sender's


def save(folder: ServerFolder, collection: str, file: BinaryIO, name: str) -> Saved:
    """Write an upload down, durably."""
    incoming = folder.incoming / uuid.uuid4().hex
    digest, size = hashlib.sha256(), 0
    try:
        with incoming.open("xb") as target:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        home = folder.uploads / collection / uuid.uuid4().hex
        home.mkdir(parents=True, mode=0o700)
        path = home / safe_name(name)
        incoming.rename(path)
    except BaseException as exc:
        incoming.unlink(missing_ok=True)
        if isinstance(exc, OSError) and exc.errno in (errno.ENOSPC, errno.EDQUOT):
            step = "The server's operator: make room, then send it again."
            raise Problem(
                507, "disk-full", "expected room for the upload, found the disk full", next_step=step
            ) from exc
        raise
    for made in (home, home.parent, folder.uploads):
        sync_folder(made)
    return Saved(path, digest.hexdigest(), size, shown_name(name))


def shown_name(name: str) -> str:
    """Return a sender's file name as it is shown: its last part, without control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in last if char.isprintable()).strip()
    return clean.encode("utf-8", "replace").decode()[:255] or "unnamed"


def safe_name(name: str) -> str:
    """Return what a file is called on the disk: letters, digits and a few marks of its name, its extension kept."""
    plain = unicodedata.normalize("NFC", shown_name(name))
    kept = "".join(char if char.isalnum() or char in _MARKS else "_" for char in plain)
    stem, dot, extension = kept.strip(" .").rpartition(".")
    stem, extension = (stem, dot + extension) if stem.strip(" .") and len(extension.encode()) <= 8 else (kept, "")
    room = LONGEST - len(extension.encode())
    return (stem.strip(" .").encode()[:room].decode("utf-8", "ignore").strip(" .") or "unnamed") + extension


def files_below(roots: tuple[Path, ...], given: list[str], *, most: int) -> list[Path]:
    """Return the files at server-side paths. Raises Problem for a path that leads out of `roots`, links followed."""
    if not roots:
        raise Problem(
            403,
            "paths-not-allowed",
            "expected files in the request, found server-side paths, which this server takes none of",
            next_step="Upload the files, or start the server with --allow-path FOLDER.",
            fields=[("body.paths", "not allowed here")],
        )
    found: list[Path] = []
    for path in given:
        found += _below(roots, path, most)
        if len(found) > most:
            raise Problem(413, "too-many-files", f"expected at most {most} files at once, found more there")
    return found


def _below(roots: tuple[Path, ...], given: str, most: int) -> list[Path]:
    refused = Problem(
        403,
        "path-not-allowed",
        "expected a full path below a folder that this server may read, found another",
        next_step="Give a path below one of its --allow-path folders.",
        fields=[("body.paths", path_to_text(Path(given))[:200] if "\0" not in given else "holds NUL")],
    )
    if "\0" in given or not given.startswith("/") or not _inside(Path(given), roots):
        raise refused
    files = []
    for one in walk([absolute_path(given)]):
        if isinstance(one, Source) and _inside(one.path, roots):  # a link may lead out
            files.append(one.path)
        if len(files) > most:
            break
    if not files:
        raise Problem(404, "no-files", "expected files at this path, found none", fields=[("body.paths", "no files")])
    return files


def _inside(path: Path, roots: tuple[Path, ...]) -> bool:
    try:
        real = path.resolve()
    except (OSError, ValueError, RuntimeError):
        return False
    return any(real.is_relative_to(root) for root in roots)
