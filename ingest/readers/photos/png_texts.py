"""PNG files whose texts are too long for Pillow, which then gives up the picture too: the file without its texts.

Knows the chunks of a PNG (PNG 3rd edition, 5.3); does not decode pictures.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

LONGEST = 1_000_000  # bytes of a text, inflated; Pillow refuses a little above
MOST = 16_000_000  # bytes of all of a file's texts

_SIGNATURE = 8
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def with_bounded_texts(file: BinaryIO) -> BinaryIO:
    """Return the file itself, from its start, or a copy in memory without the texts where these are too long."""
    chunks = list(_chunks(file))
    total, too_long = 0, False
    for name, at, size in chunks:
        if name in _TEXTS and not too_long:
            length = _inflated(file, name, at, size)
            total += length
            too_long = length > LONGEST or total > MOST
    file.seek(0)
    if not too_long:
        return file
    kept = file.read(_SIGNATURE)
    for name, at, size in chunks:
        if name not in _TEXTS:
            file.seek(at - 8)
            kept += file.read(size + 12)
    return BytesIO(kept)


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


def _inflated(file: BinaryIO, name: bytes, at: int, size: int) -> int:
    """Return how long a text is, counting no further than `LONGEST` + 1."""
    if size > LONGEST:
        return LONGEST + 1
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
        return len(key) + len(zlib.decompressobj().decompress(packed, LONGEST + 1))
    except zlib.error:
        return len(content)
