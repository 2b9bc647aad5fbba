"""Hashes that are remembered: which files are hashed again."""

import os
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.ingest.files.digest import SETTLED_NS, DigestCache, digest
from pagelens.ingest.files.path_facts import path_facts_digest

NOW = 1_700_000_000_000_000_000


class Counted:
    """Hashes, and notes what."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, path: Path) -> str:
        self.names.append(path.name)
        return digest(path)


def write(path: Path, text: str, *, written: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(written, written))
    return path


def test_only_what_changed_is_hashed_again(tmp_path: Path) -> None:
    hashed = Counted()
    known = DigestCache(hashed, clock=lambda: NOW)
    one, two = (write(tmp_path / name, name, written=NOW - 2 * SETTLED_NS) for name in ("one", "two"))
    first = [known(path) for path in (one, two)]
    write(two, "changed", written=NOW - SETTLED_NS - 1)
    assert [known(path) for path in (one, two)] == [first[0], digest(two)] != first
    assert hashed.names == ["one", "two", "two"]


def test_what_a_photo_takes_from_its_path_changes_with_names_folders_and_files_beside_it(tmp_path: Path) -> None:
    photo = write(tmp_path / "album" / "a.jpg", "x", written=NOW)
    alone = path_facts_digest("photo", [photo])
    beside = write(photo.with_suffix(".xmp"), "<x/>", written=NOW)
    with_sidecar = path_facts_digest("photo", [photo])
    write(beside, "<y/>", written=NOW)
    edited = path_facts_digest("photo", [photo])
    moved = path_facts_digest("photo", [write(tmp_path / "other" / "a.jpg", "x", written=NOW)])
    assert len({alone, with_sidecar, edited, moved, path_facts_digest("photo", [photo, tmp_path / "b.jpg"])}) == 5
    beside.unlink()
    assert path_facts_digest("photo", [photo, photo]) == alone
    assert digest(photo) == digest(tmp_path / "other" / "a.jpg")


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
