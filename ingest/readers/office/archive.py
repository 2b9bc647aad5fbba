"""Reads Office files as ZIP archives of XML parts, within limits, and writes copies of them with changed parts."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any

from lxml import etree

from pagelens.core.errors import ReadError

MAX_PARTS = 20_000
MAX_UNPACKED_BYTES = 4_000_000_000  # of all parts, as the archive's directory states them
MAX_XML_BYTES = 64_000_000  # of a part that is parsed as a tree: about ten times as much in memory
_MAX_RATIO = 2_000  # unpacked bytes per packed byte; deflate reaches 1,032
_TYPE_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
_LONGEST_MARK = 2 * max(map(len, _TYPE_DECLARATIONS))  # in UTF-16
DECLARES_ENTITIES = "declares entities, which no Office program writes: not opened"
_CHUNK = 1 << 20
_RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"

Element = Any
"""An element of lxml, which has no types."""


class OfficeArchive:
    """An open Office file. Parts are named as in the archive: `word/document.xml`."""

    def __init__(self, path: Path) -> None:
        """Raises ReadError: damaged where it is no archive, too-large where it would unpack to too much."""
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
            raise ReadError("damaged", f"expected an Office file, found no archive ({exc}): save it again") from exc
        try:
            _check_sizes(self._zip)
        except ReadError:
            self._zip.close()
            raise

    def __enter__(self) -> "OfficeArchive":
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._zip.close()

    def names(self) -> list[str]:
        """Return the names of all parts, in the archive's order."""
        return self._zip.namelist()

    def size_of(self, name: str) -> int:
        """Return the unpacked size of a part in bytes, 0 where there is none."""
        return self._zip.getinfo(name).file_size if name in self._zip.NameToInfo else 0

    def read(self, name: str, limit: int | None = None) -> bytes:
        """Return a part's bytes, at most `limit` of them (`MAX_XML_BYTES`). Raises ReadError: damaged, too-large."""
        most = MAX_XML_BYTES if limit is None else limit
        if self.size_of(name) > most:
            raise ReadError("too-large", f"expected {name} to be at most {most:,} bytes: split the file")
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as exc:
            raise ReadError("damaged", f"its part {name} cannot be read ({exc}): open and save it again") from exc
        except Exception as exc:  # zlib.error and lzma's, which have no common base
            raise ReadError("damaged", f"its part {name} cannot be unpacked ({exc}): save it again") from exc

    def open(self, name: str) -> IO[bytes]:
        """Open a part, which there is, as a stream. Raises ReadError: damaged."""
        try:
            return self._zip.open(name)
        except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as exc:
            raise ReadError("damaged", f"its part {name} cannot be read ({exc}): open and save it again") from exc

    def tree(self, name: str) -> Element | None:
        """Return the root element of a part, None where there is no such part. Raises ReadError: damaged, too-large."""
        return parse_xml(self.read(name), name) if name in self._zip.NameToInfo else None

    def related(self, name: str) -> dict[str, tuple[str, str]]:
        """Return a part's relationships: id -> last word of its type ("notesSlide"), name of the part it leads to.

        Relationships that lead out of the archive are left out.
        """
        folder, _, base = name.rpartition("/")
        root = self.tree(f"{folder}/_rels/{base}.rels" if folder else f"_rels/{base}.rels")
        found: dict[str, tuple[str, str]] = {}
        for item in root.iter(_RELATIONSHIPS) if root is not None else ():
            if item.get("TargetMode") != "External" and item.get("Id"):
                target = _resolve(folder, item.get("Target") or "")
                found[item.get("Id")] = ((item.get("Type") or "").rpartition("/")[2], target)
        return found

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a part in pieces. Raises ReadError: damaged, also where it has a document type."""
        end = b""
        with self.open(name) as stream:
            while chunk := self._next_chunk(stream, name):
                if has_type_declaration(end + chunk):
                    raise ReadError("damaged", f"its part {name} {DECLARES_ENTITIES}")
                yield chunk
                end = chunk[-_LONGEST_MARK:]

    def _next_chunk(self, stream: IO[bytes], name: str) -> bytes:
        try:
            return stream.read(_CHUNK)
        except Exception as exc:  # damaged parts, with zlib's errors, which have no common base with the others
            raise ReadError("damaged", f"its part {name} cannot be unpacked ({exc}): save it again") from exc

    def copy_with(self, target: Path, changed: Mapping[str, bytes]) -> None:
        """Write the archive to `target` with some parts replaced. Raises ReadError: damaged."""
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            for info in self._zip.infolist():
                # The first part of an OpenDocument file is its type, stored as it is.
                kind = zipfile.ZIP_STORED if info.filename == "mimetype" else zipfile.ZIP_DEFLATED
                try:
                    content = changed[info.filename] if info.filename in changed else self._zip.read(info)
                except Exception as exc:  # a damaged part, with zlib's errors too
                    raise ReadError(
                        "damaged", f"its part {info.filename} cannot be read ({exc}): save it again"
                    ) from exc
                copy.writestr(info.filename, content, kind)


def parse_xml(content: bytes, name: str) -> Element:
    """Return the root element of XML without a document type. Raises ReadError: damaged."""
    if has_type_declaration(content):
        raise ReadError("damaged", f"its part {name} {DECLARES_ENTITIES}")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise ReadError("damaged", f"its part {name} is not well-formed ({exc}): open and save it again") from exc


def has_type_declaration(content: bytes) -> bool:
    """Tell whether XML has a document type or entities, in UTF-8 or in UTF-16."""
    plain = content.replace(b"\0", b"") if b"\0" in content[:64] else content
    return any(mark in plain for mark in _TYPE_DECLARATIONS)


def to_bytes(root: Element) -> bytes:
    """Return a tree as XML in UTF-8."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _check_sizes(archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED_BYTES:
        raise ReadError("too-large", f"expected at most {MAX_PARTS:,} parts and {MAX_UNPACKED_BYTES:,} bytes unpacked, "
                        f"found {len(parts):,} and {unpacked:,}: split it")  # fmt: skip
    if any(part.file_size > _MAX_RATIO * max(1, part.compress_size) for part in parts):
        raise ReadError("damaged", "it states sizes that no compression reaches: not unpacked")


def _resolve(folder: str, target: str) -> str:
    """Return the name of a part that a relationship of a part in `folder` leads to."""
    if target.startswith("/"):
        return target.lstrip("/")
    names: list[str] = []
    for name in (*PurePosixPath(folder).parts, *PurePosixPath(target).parts):
        if name == "..":
            names[-1:] = []
        else:
            names.append(name)
    return "/".join(names)
