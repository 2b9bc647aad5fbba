"""Removal of a collection with its remote data: all of its own, nothing of others, also after an interruption."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from sqlalchemy import create_engine, inspect

from pagelens.api.server.collection_manager import Collections
from pagelens.core.errors import CollectionLocked, StoreError, UsageError
from pagelens.core.settings import Settings
from pagelens.index.admin.removal import empty_trash, move_to_trash
from pagelens.index.catalog.databases import create_catalog, open_for_writing
from pagelens.index.creation import create
from pagelens.index.files.file_store_factory import create_file_store
from pagelens.index.layout import CatalogRecord, FilesRecord, Layout, ServerRecord, exists, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, make
from tests.index.postgres_process import PASSWORD, PostgresProcess
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, texts, with_tokens, write


@dataclass
class RemoteStores:
    """A Qdrant server, a PostgreSQL catalog and a shared folder."""

    qdrant: QdrantProcess
    catalog: CatalogRecord
    share: Path

    def make(self, root: Path, prefix: str) -> None:
        """Create a collection of one document, with all its stores under one prefix."""
        catalog = CatalogRecord(self.catalog.url, f"{self.catalog.schema}_{prefix.replace('-', '_')}")
        files = FilesRecord(self.share.as_uri(), prefix)
        create_catalog(catalog)
        create_file_store(files)
        server = ServerRecord(self.qdrant.url, prefix, timeout=5, patience=0.2)
        create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=server, catalog=catalog, files=files)
        write(root, with_tokens("/a.pdf", FRUIT))
        with CollectionWriter(root) as writer:
            writer.files.write(f"originals/{'a' * 64}/b.pdf", b"x")

    def names(self) -> list[str]:
        """The Qdrant collections, database schemas and folders that exist, by their prefix."""
        client = QdrantClient(url=self.qdrant.url, check_compatibility=False)
        lanes = [f"lane {collection.name.rsplit('-', 2)[0]}" for collection in client.get_collections().collections]
        engine = create_engine(self.catalog.url.replace("@", f":{PASSWORD}@"))
        own = f"{self.catalog.schema}_"
        schemas = [name.removeprefix(own) for name in inspect(engine).get_schema_names() if name.startswith(own)]
        engine.dispose()
        folders = [f"files {path.name}" for path in self.share.iterdir()]
        return sorted([*lanes, *(f"schema {name}" for name in schemas), *folders])


@pytest.fixture
def remote(tmp_path: Path, postgres: PostgresProcess) -> Iterator[RemoteStores]:
    (tmp_path / "share").mkdir()
    (tmp_path / "trash").mkdir()
    with QdrantProcess(folder=tmp_path / "qdrant") as qdrant:
        yield RemoteStores(qdrant, postgres.record(), tmp_path / "share")


OURS = ["files team", "lane team", "lane team", "lane team", "schema team"]
THEIRS = ["files team-b", "lane team-b", "lane team-b", "lane team-b", "schema team_b"]


def test_all_that_is_its_own_goes_and_nothing_of_a_neighbour_whose_name_begins_alike(
    tmp_path: Path, remote: RemoteStores
) -> None:
    root = tmp_path / "collections"
    remote.make(root / "one", "team")
    remote.make(root / "two", "team-b")
    assert remote.names() == sorted(OURS + THEIRS)
    collections = Collections(root, Settings(threads=1))
    collections.delete("one", tmp_path / "trash")
    assert remote.names() == THEIRS
    assert (collections.names(), list((tmp_path / "trash").iterdir())) == (["two"], [])
    with CollectionReader(root / "two").snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_a_writer_takes_no_lane_of_a_neighbour_whose_name_begins_alike(tmp_path: Path, remote: RemoteStores) -> None:
    """It removes lanes under its own name that `collection.json` does not have."""
    remote.make(tmp_path / "two", "team-b")
    remote.make(tmp_path / "one", "team")
    assert len([name for name in remote.names() if name == "lane team-b"]) == 3


@pytest.mark.parametrize("unreachable", ["qdrant", "files", "catalog"])
def test_nothing_is_removed_while_a_store_is_unreachable_and_an_error_says_so(
    tmp_path: Path, remote: RemoteStores, postgres: PostgresProcess, unreachable: str
) -> None:
    root, trash = tmp_path / "one", tmp_path / "trash"
    remote.make(root, "team")
    if unreachable == "qdrant":
        remote.qdrant.kill()
    elif unreachable == "files":
        remote.share.rename(tmp_path / "unmounted")
    else:
        postgres.kill()
    try:
        with pytest.raises(
            StoreError, match=r"expected (Qdrant|the collection's files|the catalog's database)|expected Q"
        ):
            move_to_trash(Layout(root), trash)
        assert (exists(Layout(root)), list(trash.iterdir())) == (True, [])
    finally:
        if unreachable == "catalog":
            postgres.start()


def test_a_writer_on_another_machine_is_not_deleted_from(tmp_path: Path, remote: RemoteStores) -> None:
    root, other = tmp_path / "one", tmp_path / "other"
    remote.make(root, "team")
    other.mkdir()
    (other / "collection.json").write_text((root / "collection.json").read_text())
    with open_for_writing(Layout(other), load(Layout(other))), pytest.raises(CollectionLocked):
        move_to_trash(Layout(root), tmp_path / "trash")
    assert exists(Layout(root))


def test_what_an_interruption_leaves_is_removed_the_next_time(tmp_path: Path, remote: RemoteStores) -> None:
    """The server stops between the two steps: the collection is in the trash, with what is needed to remove all."""
    root, trash = tmp_path / "one", tmp_path / "trash"
    remote.make(root, "team")
    move_to_trash(Layout(root), trash)
    port = remote.qdrant.port
    remote.qdrant.kill()
    empty_trash(trash)
    assert (root.exists(), len(list(trash.iterdir()))) == (False, 1)
    with QdrantProcess(folder=tmp_path / "qdrant", port=port) as again:
        remote.qdrant = again
        assert remote.names() == OURS
        empty_trash(trash)
        assert (remote.names(), list(trash.iterdir())) == ([], [])


@pytest.mark.parametrize("step", ["vectors", "files", "catalog"])
def test_a_removal_that_was_killed_after_any_step_is_continued(tmp_path: Path, remote: RemoteStores, step: str) -> None:
    root, trash = tmp_path / "one", tmp_path / "trash"
    remote.make(root, "team")
    move_to_trash(Layout(root), trash)
    saved = tmp_path / "saved"
    (kept,) = trash.iterdir()
    saved.write_text((kept / "collection.json").read_text())
    if step == "catalog":  # all but the folder
        empty_trash(trash)
        kept.mkdir()
        (kept / "collection.json").write_text(saved.read_text())
    else:
        client = QdrantClient(url=remote.qdrant.url, check_compatibility=False)
        for collection in client.get_collections().collections:
            client.delete_collection(collection.name)
        if step == "files":
            for path in sorted((remote.share / "team").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
    empty_trash(trash)
    assert (remote.names(), list(trash.iterdir())) == ([], [])


def removed(root: Path, trash: Path) -> None:
    trash.mkdir()
    move_to_trash(Layout(root), trash)
    empty_trash(trash)
    assert list(trash.iterdir()) == []


@pytest.mark.parametrize("theirs", ["thesis.pdf", "notes"])
def test_a_folder_in_which_somebody_keeps_something_too_stays(tmp_path: Path, theirs: str) -> None:
    root, trash = tmp_path / "one", tmp_path / "trash"
    make(root)
    kept = root / theirs / "a.pdf" if theirs == "notes" else root / theirs
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("a year's work")
    trash.mkdir()
    with pytest.raises(UsageError, match=rf"found other files \({theirs}\)"):
        move_to_trash(Layout(root), trash)
    assert (exists(Layout(root)), kept.read_text()) == (True, "a year's work")


def test_what_sqlite_a_killed_writer_and_a_disk_leave_in_the_folder_goes_with_it(tmp_path: Path) -> None:
    root = tmp_path / "one"
    make(root)
    with CollectionWriter(root):
        pass
    for name in ("catalog.sqlite-wal", ".collection.json.77.tmp", ".DS_Store"):
        (root / name).touch()
    removed(root, tmp_path / "trash")
    assert not root.exists()


@pytest.mark.parametrize("target", ["disk/c", "{}/disk/c"])
def test_a_link_to_a_collection_goes_with_what_it_leads_to(tmp_path: Path, target: str) -> None:
    real, link = tmp_path / "disk" / "c", tmp_path / "one"
    make(real)
    with CollectionWriter(real):
        pass
    link.symlink_to(target.format(tmp_path))
    removed(link, tmp_path / "trash")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "trash"]
    assert list((tmp_path / "disk").iterdir()) == []
