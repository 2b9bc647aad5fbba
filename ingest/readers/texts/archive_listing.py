"""The page of an archive: the names of the files in it, one a line."""

from pathlib import Path

from pagelens.ingest.files.formats import DocumentFormat
from pagelens.ingest.members.containers import entries
from pagelens.ingest.members.member_paths import is_hidden
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS
from pagelens.ingest.readers.texts.text_source import TextSource, paragraphs

ARCHIVES: tuple[DocumentFormat, ...] = ("ZIP", "TAR")
MAX_NAMES = 5_000  # that are listed; the others are counted


def archive_source(path: Path) -> TextSource:
    """Return the names of an archive's files as markup. Raises ReadError: damaged."""
    names = [entry.name for entry in entries(path, DEFAULT_READER_OPTIONS) if not is_hidden(entry.name)]
    more = [f"and {len(names) - MAX_NAMES} more"] if len(names) > MAX_NAMES else []
    return TextSource(markup=paragraphs([*names[:MAX_NAMES], *more]), facts={"files": len(names)})
