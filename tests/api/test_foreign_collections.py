"""A collection that somebody else made names servers, addresses and models: nothing goes there, nothing is removed
there, and no hub is asked, unless the user of this machine said so."""

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.core.errors import CollectionDamaged, StoreError
from pagelens.index.admin.archive import CONTENTS, restore_snapshot, write_snapshot
from pagelens.index.admin.removal import empty_trash, move_to_trash, remove_external_data
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.files.file_store import MARKER
from pagelens.index.files.file_store_factory import create_file_store
from pagelens.index.layout import CatalogRecord, FilesRecord, Layout, ServerRecord, exists, load, write_json
from pagelens.index.stores.store_factory import open_store, require_free
from tests.encode.hub_server import served
from tests.index.fixtures import TEXT
from tests.index.postgres_process import PASSWORD, PostgresProcess
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_token_collection import FRUIT, PAGE, with_tokens, write

Change = Callable[[list[tuple[str, bytes]]], list[tuple[str, bytes]]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    write(root, with_tokens("/a.pdf", FRUIT))
    return root


def rewrite(root: Path, **records: ServerRecord | CatalogRecord | FilesRecord) -> None:
    """Let `collection.json` name other places, as a stranger may."""
    manifest = replace(load(Layout(root)), **records)  # type: ignore[arg-type]
    write_json(Layout(root).manifest, manifest.as_json())


@contextmanager
def untouched_server() -> Iterator[int]:
    """Listen on a port; afterwards nobody must have connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server.getsockname()[1]
        with pytest.raises(BlockingIOError):
            server.accept()


def trashed(root: Path) -> None:
    trash = root.with_name("trash")
    trash.mkdir(exist_ok=True)
    move_to_trash(Layout(root), trash)
    empty_trash(trash)


@pytest.mark.parametrize("marked", [False, True])
def test_a_folder_of_somebody_elses_files_is_not_removed(root: Path, tmp_path: Path, marked: bool) -> None:
    """Without the marker, and with it where other files lie beside what is PageLens's."""
    thesis = tmp_path / "home" / "work" / "thesis.pdf"
    thesis.parent.mkdir(parents=True)
    record = FilesRecord((tmp_path / "home").as_uri(), "work")
    if marked:
        create_file_store(record)
    thesis.write_text("a year's work")
    rewrite(root, files=record)
    with pytest.raises(StoreError, match=r"expected nothing but a collection's files at .*home/work.*thesis\.pdf"):
        trashed(root)
    with pytest.raises(StoreError, match="Nothing was removed there"):
        remove_external_data(Layout(root))  # nor if the folder came in somebody's trash
    assert (exists(Layout(root)), thesis.read_text()) == (True, "a year's work")


def test_names_that_a_collection_uses_are_not_enough_without_the_marker(root: Path, tmp_path: Path) -> None:
    photo = tmp_path / "home" / "me" / "pictures" / "a.jpg"
    photo.parent.mkdir(parents=True)
    photo.write_text("a photo")
    rewrite(root, files=FilesRecord((tmp_path / "home").as_uri(), "me"))
    with pytest.raises(StoreError, match=f"found no {MARKER}"):
        trashed(root)
    assert photo.read_text() == "a photo"


@pytest.mark.parametrize("name", ["", "..", "a/b", "/"])
@pytest.mark.parametrize("place", ["qdrant", "catalog", "files"])
def test_a_collection_without_a_name_of_its_own_on_a_server_is_damaged(root: Path, place: str, name: str) -> None:
    records = {
        "qdrant": {"server": ServerRecord("http://127.0.0.1:1", name)},
        "catalog": {"catalog": CatalogRecord("postgresql+psycopg://u@127.0.0.1:1/d", name)},
        "files": {"files": FilesRecord("file:///tmp", name)},
    }
    rewrite(root, **records[place])  # type: ignore[arg-type]
    with pytest.raises(CollectionDamaged, match="a name of the collection's own"):
        load(Layout(root))


@pytest.mark.parametrize("mixed", [False, True])
def test_a_schema_with_other_tables_is_not_dropped(root: Path, postgres: PostgresProcess, mixed: bool) -> None:
    record = postgres.record()
    if mixed:
        create_catalog(record)
    engine = create_engine(record.url.replace("@", f":{PASSWORD}@"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {record.schema}")
        connection.exec_driver_sql(f"CREATE TABLE {record.schema}.salaries (name text)")
    create_catalog(replace(record, schema=f"{record.schema}_known"))  # the address is the user's
    rewrite(root, catalog=record)
    for remove in (trashed, lambda root: remove_external_data(Layout(root))):
        with pytest.raises(StoreError, match=r"and nothing else in the schema .*found salaries"):
            remove(root)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SELECT name FROM {record.schema}.salaries")
    engine.dispose()


def test_delete_says_what_will_go_before_it_asks(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = FilesRecord((tmp_path / "share").as_uri(), "ours")
    (tmp_path / "share").mkdir()
    create_file_store(record)
    rewrite(root, files=record)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert main(["delete", "-c", str(root)]) == ExitCode.USAGE
    listed, _, question = capsys.readouterr().err.partition("Delete the collection")
    assert f"the folder {root}" in listed and f"page pictures and originals: {record}" in listed
    assert "nothing was removed" in question
    assert exists(Layout(root)) and (tmp_path / "share" / "ours" / MARKER).exists()


def foreign_snapshot(root: Path, file: Path, change: Change) -> None:
    """Write a snapshot with changed files and a list of contents that fits."""
    write_snapshot(root, file)
    with tarfile.open(file) as tar:
        listed, *files = [(member.name, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    files = change(files)
    contents = json.loads(listed[1])
    contents["files"] = {name: {"size": len(data), "sha256": sha256(data).hexdigest()} for name, data in files}
    write_tar(file, [(CONTENTS, json.dumps(contents).encode()), *files])


def write_tar(file: Path, files: list[tuple[str, bytes]]) -> None:
    with tarfile.open(file, "w") as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("place", ["server", "catalog", "files"])
def test_a_snapshot_that_names_a_server_is_refused_before_anything_is_contacted(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("PAGELENS_QDRANT_KEY", "secret")
    monkeypatch.setenv("PGPASSWORD", "secret")
    with untouched_server() as port:
        records: dict[str, ServerRecord | CatalogRecord | FilesRecord] = {
            "server": ServerRecord(f"http://127.0.0.1:{port}", "x", timeout=2, patience=0.1),
            "catalog": CatalogRecord(f"postgresql+psycopg://u@127.0.0.1:{port}/d?connect_timeout=2", "x"),
            "files": FilesRecord(f"http://127.0.0.1:{port}", "x"),
        }
        manifest = replace(load(Layout(root)), **{place: records[place]})  # type: ignore[arg-type]
        new = json.dumps(manifest.as_json()).encode()
        foreign_snapshot(
            root,
            tmp_path / "c.tar",
            lambda files: [(name, new if name == "collection.json" else data) for name, data in files],
        )
        with pytest.raises(CollectionDamaged, match=r"stores its data elsewhere.*Nothing was restored"):
            restore_snapshot(tmp_path / "c.tar", tmp_path / "back")
    assert {path.name for path in tmp_path.iterdir()} == {"collection", "c.tar"}


@pytest.mark.parametrize("name", ["collection.next.json", "copy.json", "qdrant/a", "words/meta.json", "notes.txt"])
def test_a_snapshot_holds_files_of_a_snapshot_only(root: Path, tmp_path: Path, name: str) -> None:
    foreign_snapshot(root, tmp_path / "c.tar", lambda files: [*files, (name, b"{}")])
    with pytest.raises(CollectionDamaged, match="is not a file of a snapshot"):
        restore_snapshot(tmp_path / "c.tar", tmp_path / "back")


def test_json_that_is_nested_too_deep_is_a_damaged_snapshot(root: Path, tmp_path: Path) -> None:
    deep = b'{"a":' * 100_000
    write_tar(tmp_path / "list.tar", [(CONTENTS, deep)])
    with pytest.raises(CollectionDamaged, match="nested too deep"):
        restore_snapshot(tmp_path / "list.tar", tmp_path / "back")
    foreign_snapshot(
        root,
        tmp_path / "manifest.tar",
        lambda files: [(name, deep if name == "collection.json" else data) for name, data in files],
    )
    with pytest.raises(CollectionDamaged, match=r"cannot read .*collection\.json"):
        restore_snapshot(tmp_path / "manifest.tar", tmp_path / "back")


@pytest.mark.parametrize("key", ["", "secret"])
def test_no_server_is_contacted_that_only_the_collection_names(
    root: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("PAGELENS_QDRANT_KEY", key)
    monkeypatch.delenv("PAGELENS_QDRANT_URL", raising=False)
    with untouched_server() as port:
        rewrite(root, server=ServerRecord(f"http://127.0.0.1:{port}", "x", timeout=2, patience=0.1))
        with pytest.raises(StoreError, match=r"no key or password was sent.*set PAGELENS_QDRANT_URL to its address"):
            wiring.open_collection(root)
        with pytest.raises(StoreError, match="nothing was contacted"):
            trashed(root)
        with QdrantProcess(key=key) as own:  # the address in the environment replaces it
            monkeypatch.setenv("PAGELENS_QDRANT_URL", own.url)
            open_store(Layout(root), load(Layout(root))).require_reachable()


def test_a_key_goes_where_a_collection_was_created(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGELENS_QDRANT_KEY", "secret")
    with QdrantProcess(key="secret") as own:
        rewrite(root, server=ServerRecord(own.url, "x", timeout=2, patience=0.1))
        with pytest.raises(StoreError, match="a server that you named"):
            open_store(Layout(root), load(Layout(root)))
        require_free(Layout(root), ServerRecord(f"{own.url}/", "x"))  # --url
        open_store(Layout(root), load(Layout(root))).require_reachable()


@pytest.mark.parametrize("password", ["", PASSWORD])
def test_no_database_is_contacted_that_only_the_collection_names(
    root: Path, postgres: PostgresProcess, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("PGPASSWORD", password)
    with untouched_server() as port:
        rewrite(root, catalog=CatalogRecord(f"postgresql+psycopg://u@127.0.0.1:{port}/d?connect_timeout=2", "x"))
        with pytest.raises(StoreError, match=r"nothing was contacted.*set PAGELENS_CATALOG_URL"):
            wiring.open_collection(root)
        address = f"postgresql://pagelens:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
        monkeypatch.setenv("PAGELENS_CATALOG_URL", address)
        with pytest.raises(StoreError, match="expected the catalog 'x'"):  # that server was asked
            wiring.open_collection(root)


@pytest.mark.parametrize("command", [["search", "apple"], ["index", "."], ["doctor"], ["status"], ["delete", "--yes"]])
def test_no_command_contacts_where_a_collection_of_somebody_else_keeps_its_files(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.setenv("FSSPEC_HTTP_CLIENT_KWARGS", '{"headers": {"Authorization": "secret"}}')
    with untouched_server() as port:
        rewrite(root, files=FilesRecord(f"http://127.0.0.1:{port}/a", "x"))
        assert main([*command, "-c", str(root)]) != ExitCode.DONE
        written = capsys.readouterr()
        assert "nothing was contacted" in written.out + written.err
        assert "PAGELENS_ADDRESSES" in written.out + written.err
    assert exists(Layout(root))


def test_an_address_in_the_environment_is_the_users(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(root, files=FilesRecord("memory://shared/", "x"))
    with pytest.raises(StoreError, match="nothing was contacted"):
        wiring.open_collection(root)
    monkeypatch.setenv("PAGELENS_ADDRESSES", "s3://other memory://shared")
    wiring.open_collection(root).close()


def test_a_collection_created_with_an_address_opens_without_the_environment(tmp_path: Path) -> None:
    files = FilesRecord("memory://created", "x")
    create_file_store(files)
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], files=files)
    wiring.open_collection(tmp_path / "c").close()


def test_a_model_that_a_collection_names_is_not_asked_for_at_the_hub(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    lane = replace(TEXT, model="org/tiny")
    write_json(Layout(root).manifest, replace(load(Layout(root)), lanes={"text": lane}).as_json())
    with served("org/tiny", {"config.json": b"{}"}) as repository:
        code = (
            "from pathlib import Path; import sys; from pagelens.api.engine import wiring;"
            "print(wiring.open_collection(Path(sys.argv[1])).search('apple').missing)"
        )
        environment = {**os.environ, "HF_ENDPOINT": repository.endpoint, "HF_HUB_OFFLINE": "", "PAGELENS_OFFLINE": ""}
        done = subprocess.run(
            [sys.executable, "-c", code, str(root)], env=environment, capture_output=True, text=True, check=True
        )
        assert repository.requests == []
    assert "pagelens models fetch org/tiny" in done.stdout or "not installed" in done.stdout
