"""A collection removed with what it has elsewhere: all of its own, nothing of others, also after a break."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from sqlalchemy import create_engine, inspect

from pagelens.api.server.collections import Collections
from pagelens.core.errors import CollectionLocked, StoreError, UsageError
from pagelens.core.settings import Settings
from pagelens.index.admin.removal import empty_trash, move_to_trash
from pagelens.index.catalog.databases import hold, make_catalog
from pagelens.index.files.file_store_factory import create_file_store
from pagelens.index.layout import CatalogRecord, FilesRecord, Layout, ServerRecord, create, exists, load
from pagelens.index.reader import CollectionReader
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, make
from tests.index.postgres_process import PASSWORD, PostgresProcess
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, texts, with_tokens, write


@dataclass
class Elsewhere:
    """Servers, and what lies on them."""

    qdrant: QdrantProcess
    catalog: CatalogRecord
    share: Path

    def make(self, root: Path, prefix: str) -> None:
        """A collection with all it has under one name, and one document."""
        catalog = CatalogRecord(self.catalog.url, f"{self.catalog.schema}_{prefix.replace('-', '_')}")
        files = FilesRecord(self.share.as_uri(), prefix)
        make_catalog(catalog)
        create_file_store(files)
        server = ServerRecord(self.qdrant.url, prefix, timeout=5, patience=0.2)
        create(Layout(root), profile="test", lanes=[TEXT, PAGE], server=server, catalog=catalog, files=files)
        write(root, with_tokens("/a.pdf", FRUIT))
        with CollectionWriter(root) as writer:
            writer.files.write(f"originals/{'a' * 64}/b.pdf", b"x")

    def names(self) -> list[str]:
        """What there is: collections, schemas and folders of files, by the part that is a prefix."""
        client = QdrantClient(url=self.qdrant.url, check_compatibility=False)
        lanes = [f"lane {one.name.rsplit('-', 2)[0]}" for one in client.get_collections().collections]
        engine = create_engine(self.catalog.url.replace("@", f":{PASSWORD}@"))
        mine = f"{self.catalog.schema}_"
        schemas = [one.removeprefix(mine) for one in inspect(engine).get_schema_names() if one.startswith(mine)]
        engine.dispose()
        folders = [f"files {path.name}" for path in self.share.iterdir()]
        return sorted([*lanes, *(f"schema {one}" for one in schemas), *folders])


@pytest.fixture
def elsewhere(tmp_path: Path, postgres: PostgresProcess) -> Iterator[Elsewhere]:
    (tmp_path / "share").mkdir()
    (tmp_path / "trash").mkdir()
    with QdrantProcess(folder=tmp_path / "qdrant") as qdrant:
        yield Elsewhere(qdrant, postgres.record(), tmp_path / "share")


OURS = ["files team", "lane team", "lane team", "lane team", "schema team"]
THEIRS = ["files team-b", "lane team-b", "lane team-b", "lane team-b", "schema team_b"]


def test_all_that_is_its_own_goes_and_nothing_of_a_neighbour_whose_name_begins_alike(
    tmp_path: Path, elsewhere: Elsewhere
) -> None:
    root = tmp_path / "collections"
    elsewhere.make(root / "one", "team")
    elsewhere.make(root / "two", "team-b")
    assert elsewhere.names() == sorted(OURS + THEIRS)
    collections = Collections(root, Settings(threads=1))
    collections.delete("one", tmp_path / "trash")
    assert elsewhere.names() == THEIRS
    assert (collections.names(), list((tmp_path / "trash").iterdir())) == (["two"], [])
    with CollectionReader(root / "two").snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)


def test_a_writer_takes_no_lane_of_a_neighbour_whose_name_begins_alike(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """It removes lanes under its own name that `collection.json` does not have."""
    elsewhere.make(tmp_path / "two", "team-b")
    elsewhere.make(tmp_path / "one", "team")
    assert len([name for name in elsewhere.names() if name == "lane team-b"]) == 3


@pytest.mark.parametrize("away", ["qdrant", "files", "catalog"])
def test_nothing_is_removed_while_something_of_it_is_away_and_it_is_said(
    tmp_path: Path, elsewhere: Elsewhere, postgres: PostgresProcess, away: str
) -> None:
    root, trash = tmp_path / "one", tmp_path / "trash"
    elsewhere.make(root, "team")
    if away == "qdrant":
        elsewhere.qdrant.kill()
    elif away == "files":
        elsewhere.share.rename(tmp_path / "unmounted")
    else:
        postgres.kill()
    try:
        with pytest.raises(
            StoreError, match=r"expected (Qdrant|the collection's files|the catalog's database)|expected Q"
        ):
            move_to_trash(Layout(root), trash)
        assert (exists(Layout(root)), list(trash.iterdir())) == (True, [])
    finally:
        if away == "catalog":
            postgres.start()


def test_a_writer_on_another_machine_is_not_deleted_from(tmp_path: Path, elsewhere: Elsewhere) -> None:
    root, other = tmp_path / "one", tmp_path / "other"
    elsewhere.make(root, "team")
    other.mkdir()
    (other / "collection.json").write_text((root / "collection.json").read_text())
    with hold(Layout(other), load(Layout(other))), pytest.raises(CollectionLocked):
        move_to_trash(Layout(root), tmp_path / "trash")
    assert exists(Layout(root))


def test_what_a_break_leaves_is_removed_the_next_time(tmp_path: Path, elsewhere: Elsewhere) -> None:
    """The server goes away between the two steps: the collection is out of sight, and all of it is still known."""
    root, trash = tmp_path / "one", tmp_path / "trash"
    elsewhere.make(root, "team")
    move_to_trash(Layout(root), trash)
    port = elsewhere.qdrant.port
    elsewhere.qdrant.kill()
    empty_trash(trash)
    assert (root.exists(), len(list(trash.iterdir()))) == (False, 1)
    with QdrantProcess(folder=tmp_path / "qdrant", port=port) as again:
        elsewhere.qdrant = again
        assert elsewhere.names() == OURS
        empty_trash(trash)
        assert (elsewhere.names(), list(trash.iterdir())) == ([], [])


@pytest.mark.parametrize("step", ["vectors", "files", "catalog"])
def test_a_removal_that_was_killed_behind_any_step_is_gone_on_with(
    tmp_path: Path, elsewhere: Elsewhere, step: str
) -> None:
    root, trash = tmp_path / "one", tmp_path / "trash"
    elsewhere.make(root, "team")
    move_to_trash(Layout(root), trash)
    saved = tmp_path / "saved"
    (kept,) = trash.iterdir()
    saved.write_text((kept / "collection.json").read_text())
    if step == "catalog":  # all but the folder
        empty_trash(trash)
        kept.mkdir()
        (kept / "collection.json").write_text(saved.read_text())
    else:
        client = QdrantClient(url=elsewhere.qdrant.url, check_compatibility=False)
        for one in client.get_collections().collections:
            client.delete_collection(one.name)
        if step == "files":
            for path in sorted((elsewhere.share / "team").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
    empty_trash(trash)
    assert (elsewhere.names(), list(trash.iterdir())) == ([], [])


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
