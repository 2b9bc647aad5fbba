"""Where a document's own bytes are on this machine: at a path it was indexed from, else where the collection keeps
them. And which of them it keeps. Opens no document."""

import logging
from pathlib import Path

from pagelens.api.engine.file_names import text_to_path
from pagelens.core.errors import NotFound, ReadError
from pagelens.index import originals
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.files.file_store import FileStore
from pagelens.index.layout import Layout
from pagelens.index.reader import Snapshot
from pagelens.ingest.files.digest import digest

logger = logging.getLogger(__name__)


class Originals:
    """The files that a collection's documents are."""

    def __init__(self, files: FileStore, layout: Layout, *, kept: bool) -> None:
        """`kept`: the collection keeps a copy of each beside itself, for other machines."""
        self._files, self._layout, self._kept = files, layout, kept

    def find(self, row: DocumentRow) -> Path:
        """Return a file with a document's bytes. Raises ReadError (vanished, changed, denied); StoreError where it is
        kept and cannot be had."""
        errors = [ReadError("vanished", "the file is gone")]
        for path in map(text_to_path, row.paths):
            try:
                if digest(path, row.document.kind) == row.document.sha256:
                    return path
                errors.append(ReadError("changed", "the file has changed since it was indexed"))
            except ReadError as exc:
                errors += [] if exc.code == "vanished" else [exc]
        kept = originals.find(self._files, self._layout, row.document.sha256)
        if kept is None:
            if self._kept:
                self._files.require_ready()  # not there, or not to be reached?
            raise errors[-1]
        return kept

    def find_shown(self, row: DocumentRow) -> Path:
        """Do the same for a document that somebody wants to see. Raises NotFound, StoreError."""
        try:
            return self.find(row)
        except ReadError as exc:
            if exc.code == "vanished":
                raise NotFound(f"expected the file {row.path}, found it gone. Run: pagelens index --prune") from exc
            message = f"expected {row.path} as it was indexed, found: {exc}. Index it again, then show the page."
            raise NotFound(message) from exc

    def keep(self, sha256: str, path: Path) -> None:
        """Keep a document's file where this collection keeps them. Raises StoreError; a file that is gone or changes in
        this moment is left out, and `pagelens doctor` says so."""
        if not self._kept:
            return
        try:
            kept = originals.keep(self._files, sha256, path)
        except OSError as exc:
            logger.warning("the file of a document is not kept: %s", exc)
            return
        if not kept:
            logger.warning("the file of a document is not kept, since it changed in this moment: %s", path)

    def keep_missing(self, snapshot: Snapshot) -> list[str]:
        """Keep what is not kept yet and can be found; return the titles of the others. Raises StoreError."""
        if not self._kept:
            return []
        missing = snapshot.missing_files(self._files)
        rows = {row.document.sha256: row for row in snapshot.documents.values()} if missing else {}
        left = []
        for sha256, title in missing.items():
            try:
                self.keep(sha256, self.find(rows[sha256]))
            except ReadError:
                left.append(title)
        return left
