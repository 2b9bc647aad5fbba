"""FileStore that break off half way, and room for those that were fetched."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from pagelens.core.errors import StoreError
from pagelens.index import original_files
from pagelens.index.files import fsspec_store
from pagelens.index.files.file_store_factory import create_file_store, open_file_store, remove_file_store
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.files.fsspec_store import FsspecFileStore
from pagelens.index.layout import FilesRecord, Layout, Manifest
from tests.index.fixtures import make, new_pages, write
from tests.index.qdrant_process import REPOSITORY


class BreaksOff(MemoryFileSystem):  # type: ignore[misc]
    """Takes half of what it is given, then the line is dead. A file system like any that may be registered."""

    protocol = "breaksoff"
    is_broken = False
    store: dict[str, Any] = {}  # noqa: RUF012 - as its parent has it
    pseudo_dirs = [""]  # noqa: RUF012

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        if not BreaksOff.is_broken:
            super().pipe_file(path, value)
            return
        super().pipe_file(path, value[: len(value) // 2])
        raise TimeoutError("the line is dead")

    def put_file(self, lpath: str, rpath: str, *_: Any, **__: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())


@pytest.fixture
def broken() -> FsspecFileStore:
    fsspec.register_implementation("breaksoff", BreaksOff, clobber=True)
    BreaksOff.store.clear()
    BreaksOff.pseudo_dirs[:] = [""]
    BreaksOff.is_broken = False
    record = FilesRecord("breaksoff://share", "ours")
    create_file_store(record)
    BreaksOff.is_broken = True
    store = open_file_store(Layout(Path("nowhere")), Manifest("test", {}, "now", files=record))
    assert isinstance(store, FsspecFileStore)
    return store


def test_a_line_that_dies_leaves_no_half_file_where_files_are_looked_for(
    broken: FsspecFileStore, tmp_path: Path
) -> None:
    source = tmp_path / "a.pdf"
    source.write_bytes(b"four" * 100)
    with pytest.raises(StoreError, match="TimeoutError: the line is dead"):
        broken.put("originals/aa/bb.pdf", source)
    with pytest.raises(StoreError, match="TimeoutError: the line is dead"):
        broken.write("pictures/aa/1-7.jpg", b"12")
    assert [name[-13:] for name in BreaksOff.store if "incoming" not in name] == ["pagelens.json"]
    assert len(BreaksOff.store) == 3  # the halves


def test_incomplete_files_and_files_of_unknown_documents_are_removed_by_the_next_writer(tmp_path: Path) -> None:
    root, store = tmp_path / "c", FolderFileStore(tmp_path / "c")
    make(root)
    pages = new_pages("/a.pdf", ["apple one"])
    write(root, pages)
    known = pages.document.sha256
    for name in (f"pictures/{known}/1-7.jpg", f"originals/{known}/aa.pdf", "pictures/bb/1-7.jpg", "originals/bb/a.pdf"):
        store.write(name, b"x")
    store.write("incoming/half", b"x")
    write(root)
    assert store.list_names("pictures") == store.list_names("originals") == [known]
    assert store.list_names("incoming") == []


def test_a_fetched_file_that_is_cut_short_is_not_there(tmp_path: Path, broken: FsspecFileStore) -> None:
    class Cut(BreaksOff):
        protocol = "cut"

        def get_file(self, rpath: str, lpath: str, **_: Any) -> None:
            Path(lpath).write_bytes(b"ha")
            raise TimeoutError("the line is dead")

    fsspec.register_implementation("cut", Cut, clobber=True)
    with pytest.raises(StoreError, match="reading failed"):
        FsspecFileStore("cut://share/ours").fetch("pagelens.json", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_least_recently_used_downloads_are_evicted(tmp_path: Path) -> None:
    folder = tmp_path / "originals"
    for number in range(4):
        path = folder / f"d{number}" / "a.pdf"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (1_000 + number, 1_000 + number))
    newest = folder / "d0" / "a.pdf"  # fetched in this moment, whatever its time says
    fsspec_store.evict(folder, keep=newest, limit=250)
    assert sorted(path.parent.name for path in folder.rglob("*.pdf")) == ["d0", "d3"]


def test_a_file_that_another_process_just_removed_does_not_stop_the_eviction(tmp_path: Path) -> None:
    (tmp_path / "old.pdf").write_bytes(b"x" * 100)
    (tmp_path / "gone.pdf").symlink_to("nowhere")  # listed, and not there
    fsspec_store.evict(tmp_path, keep=tmp_path / "fetched.pdf", limit=50)
    assert not (tmp_path / "old.pdf").exists()


def test_a_link_in_the_place_of_what_is_not_yet_whole_leads_nothing_out_of_a_share(tmp_path: Path) -> None:
    record, outside = FilesRecord(tmp_path.as_uri(), "ours"), tmp_path / "outside"
    create_file_store(record)
    outside.mkdir()
    (tmp_path / "ours" / "incoming").symlink_to(outside)
    store = open_file_store(Layout(tmp_path / "c"), Manifest("test", {}, "now", files=record))
    with pytest.raises(StoreError, match="leads out of it"):
        store.write("pictures/aa/1-7.jpg", b"x")
    assert store.list_names("pictures") == []


CHILD = """
import sys
from pathlib import Path
from pagelens.index.files.file_store_factory import open_file_store
from pagelens.index.layout import FilesRecord, Layout, Manifest
store = open_file_store(Layout(Path("nowhere")), Manifest("test", {}, "now", files=FilesRecord(sys.argv[1], "ours")))
for number in range(10_000):
    print(number, flush=True)
    store.put(f"originals/{number}/a.pdf", Path(sys.argv[2]))
"""


@pytest.mark.parametrize("scheme", ["file", "local"])
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_writer_that_is_killed_leaves_whole_files_only(tmp_path: Path, scheme: str, after: int) -> None:
    """In the middle of a copy of 16 MB, mostly: `local` is a disk through fsspec."""
    source, share = tmp_path / "a.pdf", tmp_path / "share"
    source.write_bytes(os.urandom(1 << 20) * 16)
    share.mkdir()
    record = FilesRecord(f"{scheme}://{share}", "ours")
    create_file_store(record)
    command = [sys.executable, "-c", CHILD, record.url, str(source)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(after):
            child.stdout.readline()
        child.kill()
    store = open_file_store(Layout(tmp_path / "c"), Manifest("test", {}, "now", files=record))
    kept = [store.fetch(f"originals/{name}/a.pdf", tmp_path / "here") for name in store.list_names("originals")]
    assert len([path for path in kept if path is not None]) >= after - 1
    assert {path.read_bytes() == source.read_bytes() for path in kept if path is not None} <= {True}


def test_what_a_disk_keeps_for_itself_beside_files_stops_no_writer_and_no_reader(tmp_path: Path) -> None:
    root, source = tmp_path / "c", tmp_path / "a.pdf"
    make(root)
    source.write_bytes(b"pages")
    pages = new_pages("/a.pdf", ["apple one"])
    sha256 = pages.document.sha256
    write(root, pages)
    original_files.store(FolderFileStore(root), sha256, source)
    for folder in (root / "pictures", root / "originals", root / "originals" / sha256):
        folder.mkdir(exist_ok=True)
        (folder / ".DS_Store").touch()
    write(root)
    found = original_files.find(FolderFileStore(root), Layout(root), sha256)
    assert found is not None and found.read_bytes() == b"pages"


def test_what_a_share_keeps_for_itself_beside_files_stops_no_removal(tmp_path: Path) -> None:
    """NFS calls a file `.nfs...` that was removed while somebody reads it."""
    record = FilesRecord(tmp_path.as_uri(), "ours")
    create_file_store(record)
    (tmp_path / "ours" / ".nfs0001").touch()
    remove_file_store(record)
    assert list(tmp_path.iterdir()) == []
