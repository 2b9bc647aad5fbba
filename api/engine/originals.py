"""Original files: a document's bytes at a path it was indexed from, or in the copy that the collection keeps."""

import logging
from pathlib import Path

from pagelens.api.engine.file_names import text_to_path
from pagelens.api.engine.member_files import EXTRACT_HERE, ExtractMember, MemberFiles
from pagelens.core.errors import NotFound, ReadError
from pagelens.index import original_files
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.files.file_store import FileStore
from pagelens.index.layout import Layout
from pagelens.index.reader import Snapshot
from pagelens.ingest.files.digest import digest
from pagelens.ingest.members.member_paths import is_member

logger = logging.getLogger(__name__)


class Originals:
    """Finds the original files of a collection's documents, and keeps copies of them where the collection does."""

    def __init__(
        self, files: FileStore, layout: Layout, *, kept: bool, extract_member: ExtractMember = EXTRACT_HERE
    ) -> None:
        """`kept`: the collection keeps a copy of each original in `files`, for other machines."""
        self._files, self._layout, self._kept = files, layout, kept
        self._members = MemberFiles(extract_member)

    def find(self, row: DocumentRow) -> Path:
        """Return a file with a document's bytes, as they were indexed.

        Raises ReadError (vanished, changed, denied); StoreError where a copy is kept and cannot be reached.
        """
        errors = [ReadError("vanished", "the file is gone")]
        for path in map(text_to_path, row.paths):
            try:
                if is_member(path):
                    return self._members.find(path, row.document.sha256)
                if digest(path) == row.document.sha256:
                    return path
                errors.append(ReadError("changed", "the file has changed since it was indexed"))
            except ReadError as exc:
                errors += [] if exc.code == "vanished" else [exc]
        kept = original_files.find(self._files, self._layout, row.document.sha256)
        if kept is None:
            if self._kept:
                self._files.require_ready()  # tells a missing copy from a store that cannot be reached
            raise errors[-1]
        return kept

    def find_for_display(self, row: DocumentRow) -> Path:
        """Return the same, with errors for a user who wants to see the document. Raises NotFound, StoreError."""
        try:
            return self.find(row)
        except ReadError as exc:
            if exc.code == "vanished":
                raise NotFound(f"expected the file {row.path}, found it gone. Run: pagelens index --prune") from exc
            message = f"expected {row.path} as it was indexed, found: {exc}. Index it again, then show the page."
            raise NotFound(message) from exc

    def keep(self, sha256: str, path: Path) -> None:
        """Keep a copy of a document's file, if this collection does. Raises StoreError.

        A file that vanishes or changes meanwhile is left out; `pagelens doctor` reports it.
        """
        if not self._kept:
            return
        try:
            file = self._members.find(path, sha256) if is_member(path) else path
            kept = original_files.store(self._files, sha256, file)
        except (OSError, ReadError) as exc:
            logger.warning("no copy of a document is kept: %s", exc)
            return
        if not kept:
            logger.warning("no copy of a document is kept, since its file changed while it was read: %s", path)

    def keep_missing(self, snapshot: Snapshot) -> list[str]:
        """Keep copies of all files that have none; return the titles of those not found. Raises StoreError."""
        if not self._kept:
            return []
        missing = snapshot.missing_files(self._files)
        rows = {row.document.sha256: row for row in snapshot.documents.values()} if missing else {}
        not_found = []
        for sha256, title in missing.items():
            try:
                self.keep(sha256, self.find(rows[sha256]))
            except ReadError:
                not_found.append(title)
        return not_found
