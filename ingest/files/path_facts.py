"""Facts of a document that come from its paths: names as a title, a photo's folders and the files beside it.

They belong to the path and not to the bytes: after a rename the new name counts. A document that has several paths has
the facts of all. Their digest is stored with the document, so that a change of the paths is noticed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pagelens.core.errors import ReadError
from pagelens.core.types import Kind
from pagelens.ingest.files.digest import digest
from pagelens.ingest.text.titles import readable_name


def title_from_names(paths: Iterable[Path]) -> str:
    """Return the files' names as words, each once, for a document whose content states no title."""
    return "; ".join(dict.fromkeys(readable_name(path.stem) for path in sorted(paths)))


def path_facts_digest(kind: Kind, paths: Iterable[Path]) -> str:
    """Return the SHA-256, in hex, of what a document of a kind may take from its paths."""
    ordered = sorted(set(paths))
    parts = [_photo_facts(path) for path in ordered] if kind == "photo" else [title_from_names(ordered)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def title_or_names(title: str, kind: Kind, paths: Iterable[Path]) -> tuple[str, str]:
    """Return a document's title and its `path_facts`: the stated title, else the names of its files."""
    if title:
        return title, ""
    ordered = sorted(set(paths))
    return title_from_names(ordered), path_facts_digest(kind, ordered)


def _photo_facts(path: Path) -> str:
    from pagelens.ingest.readers.photos.photo_metadata import folder_words
    from pagelens.ingest.readers.photos.sidecars import sidecars

    beside = [f"{file.name}:{_digest_if_readable(file)}" for file in sidecars(path)]
    return "\n".join([path.name, *folder_words(path), *beside])


def _digest_if_readable(path: Path) -> str:
    """Return a file's digest; "" where it cannot be read, as if it were not there."""
    try:
        return digest(path)
    except ReadError:
        return ""
