"""The members of a container of each format: their names, and their bytes as a stream.

A container is read as far as its list of members goes; a member's own error is raised when it is opened. To add a
format, add a function here and in `_ENTRIES`.
"""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, NamedTuple

from pagelens.core.errors import ReadError
from pagelens.ingest.files.formats import HEAD_BYTES, find_format
from pagelens.ingest.members.member_paths import safe_name
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.temporary_folders import MEMBER_FOLDER, temporary_folder
from pagelens.ingest.text.decoding import decode

MAX_CONTAINER_BYTES = 64_000_000  # of mails and mailboxes, which are read as a whole
_COMPRESSED: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ", lzma.open),
)
MAX_DECOMPRESSED_BYTES = 1_000_000_000  # of the copy of a compressed archive
_COPIES: "dict[tuple[str, int, int, int], TemporaryDirectory[str]]" = {}  # at most one, of this process
_NOT_A_FILE = "it is a link or a device, and no file"
_LOCKED = "it asks for a password: unpack it first"


class Entry(NamedTuple):
    """A member with the function that opens it, which raises ReadError."""

    name: str
    open: Callable[[], IO[bytes]]


def entries(path: Path, options: ReaderOptions) -> Iterator[Entry]:
    """Yield the members of a container in its order, each under a name of its own. Raises ReadError."""
    find = _ENTRIES.get(_format_name(path))
    if find is None:
        return
    used: set[str] = set()
    for number, entry in enumerate(find(path, options), 1):
        name = _unused(safe_name(entry.name, number), used)
        used.add(name.casefold())
        yield Entry(name, entry.open)


def _unused(name: str, used: set[str]) -> str:
    if name.casefold() not in used:
        return name
    stem, point, suffix = name.rpartition(".")
    stem, suffix = (stem, point + suffix) if stem and "/" not in suffix else (name, "")
    return next(new for n in range(2, len(used) + 3) if (new := f"{stem} ({n}){suffix}").casefold() not in used)


def _format_name(path: Path) -> str:
    with path.open("rb") as file:
        form = find_format(file.read(HEAD_BYTES), path)
    return form.name if form is not None else ""


def _of_bytes(data: bytes) -> IO[bytes]:
    return io.BytesIO(data)


def _refused(error: ReadError) -> IO[bytes]:
    raise error


def _zip_entries(path: Path, _: ReaderOptions) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield Entry(_zip_name(info), partial(_open_in_zip, archive, info))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as exc:
        raise ReadError("damaged", f"not readable as a ZIP archive ({exc}): copy or download it again") from exc


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; without the flag of UTF-8 it is in the encoding of the system that wrote it."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        return decode(info.filename.encode("cp437")).text
    except UnicodeEncodeError:
        return info.filename


def _open_in_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ReadError("unsupported", _NOT_A_FILE)
    if info.flag_bits & 1:
        raise ReadError("encrypted", _LOCKED)
    try:
        return archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError) as exc:
        raise ReadError("damaged", f"it cannot be unpacked ({exc})") from exc


def _tar_entries(path: Path, _: ReaderOptions) -> Iterator[Entry]:
    try:
        with tarfile.open(_decompressed(path), "r:*") as archive:
            for info in archive:
                if not info.isdir():
                    yield Entry(info.name, partial(_open_in_tar, archive, info))
            return
    except tarfile.ReadError as exc:
        if (single := _single_entry(path)) is None:
            raise ReadError("damaged", f"not readable as a tar archive ({exc}): copy or download it again") from exc
    except (tarfile.TarError, EOFError, OSError, ValueError, lzma.LZMAError) as exc:
        raise ReadError("damaged", f"not readable as a tar archive ({exc}): copy or download it again") from exc
    yield single


def _decompressed(path: Path) -> Path:
    """Return a copy of a compressed file without compression, kept until the next one is needed, so that members need
    not be reached from the beginning each time; the file itself where it is not compressed, damaged, or too large."""
    with path.open("rb") as file:
        head = file.read(8)
        status = os.fstat(file.fileno())
    decompress = next((function for magic, function in _COMPRESSED if head.startswith(magic)), None)
    if decompress is None:
        return path
    key = (str(path), status.st_size, status.st_mtime_ns, status.st_ino)
    if key not in _COPIES:
        _COPIES.clear()
        folder = temporary_folder(MEMBER_FOLDER)
        try:
            with decompress(path) as source, (Path(folder.name) / "tar").open("wb") as copy:
                while chunk := source.read(1 << 20):
                    copy.write(chunk)
                    if copy.tell() > MAX_DECOMPRESSED_BYTES:
                        return path
        except (OSError, EOFError, zlib.error, lzma.LZMAError):
            return path
        _COPIES[key] = folder
    return Path(_COPIES[key].name) / "tar"


def _open_in_tar(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info) if info.isreg() else None
    return stream if stream is not None else _refused(ReadError("unsupported", _NOT_A_FILE))


def _single_entry(path: Path) -> Entry | None:
    """Return the only member of a file that is compressed and no archive; None for another file."""
    with path.open("rb") as file:
        head = file.read(8)
    for magic, decompress in _COMPRESSED:
        if head.startswith(magic):
            return Entry(path.stem, partial(decompress, path))
    return None


def _mail_entries(path: Path, _: ReaderOptions) -> Iterator[Entry]:
    from pagelens.ingest.readers.texts.mail import parse_mail

    for attachment in parse_mail(_whole(path)).attachments:
        yield Entry(attachment.name, partial(_of_bytes, attachment.data))


def _outlook_entries(path: Path, _: ReaderOptions) -> Iterator[Entry]:
    from pagelens.ingest.readers.texts.outlook_mail import parse_outlook_mail

    for attachment in parse_outlook_mail(_whole(path)).attachments:
        yield Entry(attachment.name, partial(_of_bytes, attachment.data))


def _mailbox_entries(path: Path, _: ReaderOptions) -> Iterator[Entry]:
    from pagelens.ingest.readers.texts.mailbox import split_mailbox

    for name, mail in split_mailbox(_whole(path)):
        yield Entry(name.replace("/", "-"), partial(_of_bytes, mail))


def _pdf_entries(path: Path, options: ReaderOptions) -> Iterator[Entry]:
    from pagelens.ingest.readers.pdf.attached_files import attached_files

    for name, load in attached_files(path, options.passwords):
        yield Entry(name, partial(_loaded, load))


def _loaded(load: Callable[[], bytes]) -> IO[bytes]:
    return io.BytesIO(load())


def _whole(path: Path) -> bytes:
    if (size := path.stat().st_size) > MAX_CONTAINER_BYTES:
        raise ReadError("too-large", f"expected at most {MAX_CONTAINER_BYTES:,} bytes, found {size:,}: split it")
    return path.read_bytes()


_ENTRIES: dict[str, Callable[[Path, ReaderOptions], Iterator[Entry]]] = {
    "PDF": _pdf_entries,
    "EML": _mail_entries,
    "MSG": _outlook_entries,
    "mbox": _mailbox_entries,
    "ZIP": _zip_entries,
    "TAR": _tar_entries,
}
