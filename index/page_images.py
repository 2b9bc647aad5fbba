"""Page pictures at rest: JPEG files made when first asked for, never in the vector store."""

import logging
from collections.abc import Callable

from pagelens.core.errors import StoreError
from pagelens.index.files.file_store import FileStore

logger = logging.getLogger(__name__)

FOLDER = "pictures"


def kept_picture(files: FileStore, sha256: str, number: int, longest: int, make: Callable[[], bytes]) -> bytes:
    """Return the JPEG of a page whose longer side is `longest` pixels; `make` renders it when it is not kept yet.

    A collection on a read-only disk serves pictures too, it only does not keep them; so does one whose files are
    behind an address that does not answer, if `make` finds the original elsewhere.
    """
    name = f"{FOLDER}/{sha256}/{number}-{longest}.jpg"
    try:
        kept = files.read(name)
    except StoreError as exc:
        logger.warning("a picture is made anew: %s", exc)
        return make()
    if kept is not None:
        return kept
    data = make()
    try:
        files.write(name, data)
    except StoreError as exc:
        logger.info("a picture is not kept: %s", exc)
    return data
