"""A cache of page images: JPEG files, rendered when first requested."""

import logging
from collections.abc import Callable

from pagelens.core.errors import StoreError
from pagelens.index.files.file_store import FileStore

logger = logging.getLogger(__name__)

FOLDER = "pictures"


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
    if stored is not None:
        return stored
    data = make()
    try:
        files.write(name, data)
    except StoreError as exc:
        logger.info("page image not stored: %s", exc)
    return data
