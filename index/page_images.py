"""A cache of page images: JPEG files, rendered when first requested."""

import logging
import zlib
from collections.abc import Callable

from pagelens.core.errors import StoreError
from pagelens.index.files.file_store import FileStore

logger = logging.getLogger(__name__)

FOLDER = "pictures"
_CRC_BYTES = 4  # at the end of a stored image, after what decoders read


def cached_page_image(files: FileStore, sha256: str, number: int, longest: int, make: Callable[[], bytes]) -> bytes:
    """Return the JPEG of a page whose longer side is `longest` pixels; `make` renders it where it is not stored.

    Where the file store cannot be read or written, images are rendered each time and not stored.
    """
    name = f"{FOLDER}/{sha256}/{number}-{longest}.jpg"
    try:
        stored = files.read(name)
    except StoreError as exc:
        logger.warning("page image rendered again: %s", exc)
        return make()
    if stored is not None and stored[-_CRC_BYTES:] == _crc(stored[:-_CRC_BYTES]):
        return stored[:-_CRC_BYTES]
    data = make()
    try:
        files.write(name, data + _crc(data))
    except StoreError as exc:
        logger.info("page image not stored: %s", exc)
    return data


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CRC_BYTES, "big")
