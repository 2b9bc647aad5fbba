"""Removes texts from PNG files where they are too long for Pillow, and reads the time of the last change.

Works on the chunks of the file (PNG 3rd edition, 5.3) without decoding the image.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

MAX_TEXT_BYTES = 1_000_000  # of a text, decompressed; Pillow refuses a little more
MAX_TOTAL_BYTES = 16_000_000  # of all texts of a file together
LAST_CHANGE = "pagelens.tIME"  # the key in an image's `info` of what `last_change` returns

_SIGNATURE = 8
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def with_bounded_texts(file: BinaryIO) -> BinaryIO:
    """Return the file, rewound, or a copy in memory without its texts where they are too long."""
    chunks = list(_chunks(file))
    total, too_long = 0, False
    for name, at, size in chunks:
        if name in _TEXTS and not too_long:
            length = _decompressed_size(file, name, at, size)
            total += length
            too_long = length > MAX_TEXT_BYTES or total > MAX_TOTAL_BYTES
    file.seek(0)
    if not too_long:
        return file
    kept = file.read(_SIGNATURE)
    for name, at, size in chunks:
        if name not in _TEXTS:
            file.seek(at - 8)
            kept += file.read(size + 12)
    return BytesIO(kept)


def last_change(file: BinaryIO) -> bytes:
    """Return the content of the chunk tIME (PNG 3rd edition, 11.3.4.1), b"" where there is none. Rewinds the file."""
    found = next(((at, size) for name, at, size in _chunks(file) if name == b"tIME"), None)
    content = b""
    if found is not None and found[1] == 7:
        file.seek(found[0])
        content = file.read(7)
    file.seek(0)
    return content


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and length of each chunk's content."""
    at = _SIGNATURE
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        size, name = int.from_bytes(head[:4], "big"), head[4:]
        yield name, at + 8, size
        at += size + 12


def _decompressed_size(file: BinaryIO, name: bytes, at: int, size: int) -> int:
    """Return the decompressed length of a text in bytes, counted up to `LONGEST` + 1."""
    if size > MAX_TEXT_BYTES:
        return MAX_TEXT_BYTES + 1
    file.seek(at)
    content = file.read(size)
    key, _, rest = content.partition(b"\0")
    if name == b"zTXt":
        packed = rest[1:]
    elif name == b"iTXt" and rest[:1] == b"\1":
        packed = rest[2:].split(b"\0", 2)[-1]  # after language and translated keyword
    else:
        return len(content)
    try:
        return len(key) + len(zlib.decompressobj().decompress(packed, MAX_TEXT_BYTES + 1))
    except zlib.error:
        return len(content)
