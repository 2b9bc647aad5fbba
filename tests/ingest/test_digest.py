"""Hashes that are remembered: which files are hashed again."""

import os
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Kind
from pagelens.ingest.files.digest import SETTLED_NS, DigestCache, digest

NOW = 1_700_000_000_000_000_000


class Counted:
    """Hashes, and notes what."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path, kind: Kind | None) -> str:
        self.names.append(path.name)
        return digest(path, kind)


def write(path: Path, text: str, *, written: int) -> Path:
    path.write_text(text)
    os.utime(path, ns=(written, written))
    return path


def test_only_what_changed_is_hashed_again(tmp_path: Path) -> None:
    hashed = Counted()
    known = DigestCache(hashed, clock=lambda: NOW)
    one, two = (write(tmp_path / name, name, written=NOW - 2 * SETTLED_NS) for name in ("one", "two"))
    first = [known(path, "pdf") for path in (one, two)]
    write(two, "changed", written=NOW - SETTLED_NS - 1)
    assert [known(path, "pdf") for path in (one, two)] == [first[0], digest(two)] != first
    assert hashed.names == ["one", "two", "two"]


def test_a_photo_whose_sidecar_changed_is_another(tmp_path: Path) -> None:
    known = DigestCache(clock=lambda: NOW)
    photo = write(tmp_path / "a.jpg", "x", written=NOW - 2 * SETTLED_NS)
    alone = known(photo, "photo")
    write(tmp_path / "a.xmp", "<x/>", written=NOW - 2 * SETTLED_NS)
    beside = known(photo, "photo")
    write(tmp_path / "a.xmp", "<y/>", written=NOW - 2 * SETTLED_NS + 1)
    assert len({alone, beside, known(photo, "photo")}) == 3


def test_what_was_just_written_is_hashed_again_for_it_may_change_within_a_tick(tmp_path: Path) -> None:
    known = DigestCache(clock=lambda: NOW)
    path = write(tmp_path / "a", "one", written=NOW - SETTLED_NS)
    before = known(path)
    write(path, "two", written=NOW - SETTLED_NS)  # as long as the other, at the same time
    assert known(path) == digest(path) != before


def test_a_file_that_is_gone_is_a_read_error(tmp_path: Path) -> None:
    known = DigestCache(clock=lambda: NOW)
    path = write(tmp_path / "a", "one", written=0)
    known(path)
    path.unlink()
    with pytest.raises(ReadError):
        known(path)
