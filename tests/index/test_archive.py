"""A collection in one file and back: what is in it, what is refused, and that nothing leaves its folder."""

import fcntl
import io
import json
import resource
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pagelens.core.errors import CollectionDamaged, CollectionMismatch, DiskFull, UsageError
from pagelens.index.admin.archive import CONTENTS, restore_snapshot, write_snapshot
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.layout import Layout, ServerRecord, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT
from tests.index.postgres_process import PostgresProcess
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_copying import TABLES, contents
from tests.index.test_token_collection import FRUIT, PAGE, texts, with_tokens, write

TREES = ["apple tree", "pear tree old", "", "cherry tree young and green"]
Member = tuple[tarfile.TarInfo, bytes]


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


def fill(root: Path, folder: Path) -> None:
    for name, pages in (("a", FRUIT), ("b", TREES)):
        path = folder / f"{name}.pdf"
        path.write_text("any content")
        write(root, replace(with_tokens(str(path), pages), perceptual_hashes={1: 2**63 + 5, 2: 7}, tables=TABLES))
    with CollectionWriter(root) as writer:
        writer.record_failure("/broken.pdf", "f" * 64, "damaged", "no trailer")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    fill(root, tmp_path)
    return root


@pytest.fixture
def file(root: Path, tmp_path: Path) -> Path:
    write_snapshot(root, tmp_path / "c.tar")
    return tmp_path / "c.tar"


def members(file: Path) -> list[Member]:
    with tarfile.open(file) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def write_tar(file: Path, entries: list[Member]) -> None:
    with tarfile.open(file, "w") as tar:
        for member, data in entries:
            tar.addfile(member, io.BytesIO(data))


def failures(root: Path) -> list[str]:
    with CollectionReader(root).snapshot() as snapshot:
        return [failure.path for failure in snapshot.failures()]


def test_what_is_restored_is_what_was_there_to_the_last_bit(root: Path, file: Path, tmp_path: Path) -> None:
    report = restore_snapshot(file, tmp_path / "back")
    assert (report.documents, report.pages) == (2, 7)
    assert contents(tmp_path / "back") == contents(root)
    assert failures(tmp_path / "back") == failures(root) == ["/broken.pdf"]
    assert load(Layout(tmp_path / "back")).lanes == load(Layout(root)).lanes
    with CollectionReader(tmp_path / "back").snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT + TREES)
    names = {member.name.split("/")[0] for member, _ in members(file)}
    assert names == {CONTENTS, "collection.json", "catalog.sqlite", "vectors"}
    assert {path.name for path in tmp_path.iterdir()} == {"a.pdf", "b.pdf", "back", "c.tar", "collection"}


def test_a_collection_on_servers_becomes_a_plain_one(
    tmp_path: Path, server: QdrantProcess, postgres: PostgresProcess
) -> None:
    root, catalog = tmp_path / "collection", postgres.record()
    create_catalog(catalog)
    record = ServerRecord(server.url, tmp_path.name, timeout=5)
    create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=record, catalog=catalog)
    fill(root, tmp_path)
    write_snapshot(root, tmp_path / "c.tar")
    restore_snapshot(tmp_path / "c.tar", tmp_path / "back")
    manifest = load(Layout(tmp_path / "back"))
    assert (manifest.server, manifest.catalog) == (None, None)
    assert contents(tmp_path / "back") == contents(root)
    assert CollectionReader(tmp_path / "back").check() == []


def test_a_snapshot_shows_one_commit_of_a_collection_that_is_written_to(root: Path, tmp_path: Path) -> None:
    """Everything is replaced while the first document is copied."""

    def change(done: int, _total: int) -> None:
        if done == 1:
            a, b = with_tokens(str(tmp_path / "a.pdf"), ["new words"]), with_tokens(str(tmp_path / "b.pdf"), ["here"])
            write(root, a, b)

    write_snapshot(root, tmp_path / "c.tar", change, window=1)
    restore_snapshot(tmp_path / "c.tar", tmp_path / "back")
    with CollectionReader(tmp_path / "back").snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT + TREES)
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == ["here", "new words"]


@pytest.mark.parametrize("grace", [600, 0])
def test_points_that_are_removed_while_they_are_copied_cost_a_second_pass_and_no_page(
    tmp_path: Path, server: QdrantProcess, grace: int
) -> None:
    """With a grace the snapshot is of the commit it began with; without, of a later one; never of half of each."""
    root, changes = tmp_path / "collection", 0
    record = ServerRecord(server.url, tmp_path.name, timeout=5, grace=grace)
    create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=record)
    fill(root, tmp_path)

    def change(done: int, _total: int) -> None:
        nonlocal changes
        changes += 1
        if changes == 1:
            write(root, with_tokens(str(tmp_path / "b.pdf"), ["here", "and there"]))

    write_snapshot(root, tmp_path / "c.tar", change, window=1)
    restore_snapshot(tmp_path / "c.tar", tmp_path / "back")
    with CollectionReader(tmp_path / "back").snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT + (TREES if grace else ["here", "and there"]))


def test_neither_a_file_nor_a_folder_in_use_is_written_over(root: Path, file: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a new file"):
        write_snapshot(root, file)
    with pytest.raises(UsageError, match="in use"):
        restore_snapshot(file, root)
    (tmp_path / "empty").mkdir()
    assert restore_snapshot(file, tmp_path / "empty").documents == 2
    with pytest.raises(UsageError, match="found none"):
        restore_snapshot(tmp_path / "nowhere.tar", tmp_path / "new")


def _flip(entries: list[Member]) -> list[Member]:
    *rest, (member, data) = entries
    return [*rest, (member, data[:-1] + bytes([data[-1] ^ 1]))]


def _lengthen(entries: list[Member]) -> list[Member]:
    *rest, (member, data) = entries
    member.size += 1
    return [*rest, (member, data + b"x")]


def _named(name: str, **fields: Any) -> Callable[[list[Member]], list[Member]]:
    """Another file in the tar and in the list."""

    def change(entries: list[Member]) -> list[Member]:
        contents_list = json.loads(entries[0][1])
        member = tarfile.TarInfo(name)
        member.size = 0 if fields else 1
        for key, value in fields.items():
            setattr(member, key, value)
        contents_list["files"][name] = {"size": member.size, "sha256": "0" * 64}
        data = json.dumps(contents_list).encode()
        first = tarfile.TarInfo(CONTENTS)
        first.size = len(data)
        return [(first, data), *entries[1:], (member, b"x")]

    return change


def _unlisted(entries: list[Member]) -> list[Member]:
    member = tarfile.TarInfo("vectors/more")
    return [*entries, (member, b"")]


DAMAGES: dict[str, tuple[Callable[[list[Member]], list[Member]], str]] = {
    "a bit": (_flip, "another SHA-256"),
    "a byte more": (_lengthen, "not of the size"),
    "a file missing": (lambda entries: entries[:-1], "1 of .* files are missing"),
    "a file twice": (lambda entries: [*entries, entries[-1]], "not among its files"),
    "a file nobody named": (_unlisted, "not among its files"),
    "no list": (lambda entries: entries[1:], f"does not begin with {CONTENTS}"),
    "a way out": (_named("../../escaped"), "OutsideDestination"),
    "an absolute path": (_named("/tmp/escaped-from-a-snapshot"), "not a name below a folder"),
    "a link": (_named("vectors/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "not among its files"),
    "a device": (_named("vectors/null", type=tarfile.CHRTYPE), "not among its files"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_what_is_not_as_it_was_written_is_refused_and_nothing_is_left(file: Path, tmp_path: Path, kind: str) -> None:
    change, message = DAMAGES[kind]
    write_tar(tmp_path / "bad.tar", change(members(file)))
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(CollectionDamaged, match=message):
        restore_snapshot(tmp_path / "bad.tar", tmp_path / "back")
    assert {path.name for path in tmp_path.iterdir()} == before
    assert not (tmp_path.parent / "escaped").exists()
    assert not Path("/tmp/escaped-from-a-snapshot").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_that_was_cut_off_is_refused(file: Path, tmp_path: Path, share: float) -> None:
    data = file.read_bytes()
    (tmp_path / "bad.tar").write_bytes(data[: int(share * len(data))])
    with pytest.raises(CollectionDamaged, match="expected a whole snapshot"):
        restore_snapshot(tmp_path / "bad.tar", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_snapshot_of_a_newer_version_is_refused(file: Path, tmp_path: Path) -> None:
    (first, data), *rest = members(file)
    data = data.replace(b'"pagelens_snapshot": 1', b'"pagelens_snapshot": 9')
    write_tar(tmp_path / "new.tar", [(first, data), *rest])
    with pytest.raises(CollectionMismatch, match="found 9"):
        restore_snapshot(tmp_path / "new.tar", tmp_path / "back")


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_is_said_so_and_nothing_is_left(root: Path, file: Path, tmp_path: Path) -> None:
    before = {path.name for path in tmp_path.iterdir()}
    with file_size_limit(file.stat().st_size - 1), pytest.raises(DiskFull, match="expected room to write at"):
        write_snapshot(root, tmp_path / "d.tar")
    largest = max(len(data) for _, data in members(file))
    with file_size_limit(largest - 1), pytest.raises(DiskFull, match="expected room to write at"):
        restore_snapshot(file, tmp_path / "back")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_what_a_loss_of_power_left_beside_a_snapshot_goes_with_the_next_one(root: Path, tmp_path: Path) -> None:
    for name in ("abandoned", "in-use"):
        (tmp_path / f".pagelens-{name}").mkdir()
        (tmp_path / f".pagelens-{name}" / "lock").touch()
    with (tmp_path / ".pagelens-in-use" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        write_snapshot(root, tmp_path / "c.tar")
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".")} == {".pagelens-in-use"}
