"""Stores uploads as files of the server, and lists files at server-side paths.

An upload is hashed and synced to disk before it is acknowledged. Its folder has a random name; the file's name keeps
letters, digits and a few punctuation marks of the sender's name, so that it can be searched for and cannot be a path.
"""

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

BLOCK_BYTES = 1 << 20
MAX_NAME_BYTES = 120  # of a file name on disk
_PUNCTUATION = frozenset(" -_.()")


@dataclass(frozen=True, slots=True)
class SavedUpload:
    """A stored upload."""

    path: Path
    sha256: str
    size: int
    name: str  # display name, from the sender


def save_upload(folder: ServerFolder, collection: str, file: BinaryIO, name: str) -> SavedUpload:
    """Store an upload durably. Nothing of it is left if that fails, for instance since the disk is full."""
    incoming = folder.incoming / uuid.uuid4().hex
    digest, size = hashlib.sha256(), 0
    try:
        with incoming.open("xb") as target:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        upload_folder = folder.uploads / collection / uuid.uuid4().hex
        upload_folder.mkdir(parents=True, mode=0o700)
        path = upload_folder / safe_file_name(name)
        incoming.rename(path)
    except BaseException:
        incoming.unlink(missing_ok=True)
        raise
    for created in (upload_folder, upload_folder.parent, folder.uploads):
        sync_folder(created)
    return SavedUpload(path, digest.hexdigest(), size, display_name(name))


def display_name(name: str) -> str:
    """Return a sender's file name for display: its last path part, without control characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    clean = "".join(char for char in last if char.isprintable()).strip()
    return clean.encode("utf-8", "replace").decode()[:255] or "unnamed"


def safe_file_name(name: str) -> str:
    """Return a file name for the disk: letters, digits and a few punctuation marks of a name, with its extension."""
    plain = unicodedata.normalize("NFC", display_name(name))
    kept = "".join(char if char.isalnum() or char in _PUNCTUATION else "_" for char in plain)
    stem, dot, extension = kept.strip(" .").rpartition(".")
    stem, extension = (stem, dot + extension) if stem.strip(" .") and len(extension.encode()) <= 8 else (kept, "")
    room = MAX_NAME_BYTES - len(extension.encode())
    return (stem.strip(" .").encode()[:room].decode("utf-8", "ignore").strip(" .") or "unnamed") + extension


def list_server_files(roots: tuple[Path, ...], paths: list[str], *, max_files: int) -> list[Path]:
    """Return the files at or below server-side paths. Raises Problem for paths outside `roots`, links resolved."""
    if not roots:
        raise Problem(
            403,
            "paths-not-allowed",
            "expected files in the request, found server-side paths, which this server does not accept",
            next_step="Upload the files, or start the server with --allow-path FOLDER.",
            fields=[("body.paths", "not allowed here")],
        )
    files: list[Path] = []
    for path in paths:
        files += _list_files(roots, path, max_files)
        if len(files) > max_files:
            raise Problem(413, "too-many-files", f"expected at most {max_files} files at once, found more")
    return files


def _list_files(roots: tuple[Path, ...], path: str, max_files: int) -> list[Path]:
    refused = Problem(
        403,
        "path-not-allowed",
        "expected an absolute path below a folder that this server may read, found another",
        next_step="Give a path below one of its --allow-path folders.",
        fields=[("body.paths", path_to_text(Path(path))[:200] if "\0" not in path else "holds NUL")],
    )
    if "\0" in path or not path.startswith("/") or not _inside(Path(path), roots):
        raise refused
    files = []
    for item in walk([absolute_path(path)]):
        if isinstance(item, Source) and _inside(item.path, roots):  # a link may lead outside
            files.append(item.path)
        if len(files) > max_files:
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
