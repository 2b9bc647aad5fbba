"""Files of members, taken out of their containers when they are needed and kept for a while."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from pagelens.core.errors import ReadError
from pagelens.ingest.members.extraction import extract_member
from pagelens.ingest.reader_options import DEFAULT_READER_OPTIONS
from pagelens.ingest.temporary_folders import MEMBER_FOLDER, temporary_folder

MAX_KEPT = 8  # files, so that the pages of a member can be shown one after the other

ExtractMember = Callable[[Path, Path], str]
"""Writes a member to a file and returns its SHA-256. Raises ReadError."""

EXTRACT_HERE: ExtractMember = partial(extract_member, options=DEFAULT_READER_OPTIONS)
"""Extracts in this process, without limits on time and memory."""


class MemberFiles:
    """Extracts members into temporary files, which are removed with this object. Thread-safe."""

    def __init__(self, extract: ExtractMember = EXTRACT_HERE) -> None:
        self._extract = extract
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, str], TemporaryDirectory[str]] = OrderedDict()

    def find(self, path: Path, sha256: str) -> Path:
        """Return a file with a member's bytes. Raises ReadError, changed where their SHA-256 is another."""
        with self._lock:
            file = self._file(path, sha256)
            self._kept.move_to_end((path, sha256))
            return file

    def _file(self, path: Path, sha256: str) -> Path:
        key = path, sha256
        if key in self._kept and (file := Path(self._kept[key].name) / path.name.strip()).is_file():
            return file
        folder = temporary_folder(MEMBER_FOLDER)
        file = Path(folder.name) / path.name.strip()
        if self._extract(path, file) != sha256:
            folder.cleanup()
            raise ReadError("changed", "the file has changed since it was indexed")
        self._kept[key] = folder
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)[1].cleanup()
        return file
