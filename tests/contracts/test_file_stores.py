"""What every file store must do: a folder, a shared folder, fsspec (with an S3 server where moto is installed)."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from fsspec.registry import _registry as loaded_implementations

from pagelens.core.errors import StoreError, UsageError
from pagelens.index.files.file_store import MARKER, FileStore
from pagelens.index.files.file_store_factory import create_file_store, open_file_store
from pagelens.index.files.folder_store import FolderFileStore
from pagelens.index.layout import FilesRecord, Layout, Manifest

STORES = ("own folder", "shared folder", "memory", "local", "s3")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a bucket on a server of the tests' own."""
    if find_spec("s3fs") is None or find_spec("moto") is None:
        pytest.skip("no S3 server: s3fs or moto is not installed (the group `integrations`)")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    try:
        while "Running on" not in process.stderr.readline():
            assert process.poll() is None, "the S3 server ended at once"
        urlopen(Request(f"http://127.0.0.1:{port}/papers", method="PUT")).close()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    if request.param == "own folder":
        return FolderFileStore(tmp_path)
    urls = {"shared folder": tmp_path.as_uri(), "memory": f"memory://{tmp_path.name}", "local": f"local://{tmp_path}"}
    if request.param == "s3":
        monkeypatch.setenv("AWS_ENDPOINT_URL", request.getfixturevalue("s3"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        urls["s3"] = f"s3://papers/{secrets.token_hex(4)}"
    record = FilesRecord(urls[request.param], "ours")
    create_file_store(record)
    return open_file_store(Layout(tmp_path / "c"), Manifest("test", {}, "now", files=record))


def test_what_was_written_is_read_and_what_was_not_is_none(store: FileStore) -> None:
    assert store.read("pictures/aa/1-700.jpg") is None
    store.write("pictures/aa/1-700.jpg", b"one")
    store.write("pictures/aa/1-700.jpg", b"two")
    assert store.read("pictures/aa/1-700.jpg") == b"two"
    assert store.read("pictures/aa/2-700.jpg") is None


def test_a_file_that_was_put_is_fetched_whole(store: FileStore, tmp_path: Path) -> None:
    source, data = tmp_path / "scan (1) #3.pdf", bytes(range(256)) * 4_000
    source.write_bytes(data)
    store.put("originals/aa/bb.pdf", source)
    for _ in range(2):  # the second time from what stays
        path = store.fetch("originals/aa/bb.pdf", tmp_path / "here")
        assert path is not None and path.read_bytes() == data
    assert store.fetch("originals/aa/cc.pdf", tmp_path / "here") is None


def test_names_below_a_folder_are_listed_also_those_that_another_machine_just_wrote(store: FileStore) -> None:
    assert list(store.list_names("pictures")) == []
    for name in ("bb", "aa"):
        store.write(f"pictures/{name}/1-700.jpg", b"x")
        assert name in store.list_names("pictures")
    assert list(store.list_names("pictures")) == ["aa", "bb"]
    assert list(store.list_names("pictures/aa")) == ["1-700.jpg"]
    assert list(store.list_names("pictures/none")) == []


def test_a_folder_is_removed_with_what_is_in_it_and_nothing_else(store: FileStore) -> None:
    for name in ("aa", "aab"):
        store.write(f"pictures/{name}/1-700.jpg", b"x")
    store.remove("pictures/aa")
    store.remove("pictures/aa")  # a repeated removal changes nothing
    assert list(store.list_names("pictures")) == ["aab"]
    store.require_ready()


@pytest.mark.parametrize(
    "name", ["../up", "/etc/passwd", "pictures/../../up", "a//b", "a/b/c/d", "a\0b", "C:\\x", ".x"]
)
def test_no_name_leads_out(store: FileStore, name: str, tmp_path: Path) -> None:
    for use in (
        store.read,
        store.list_names,
        store.remove,
        lambda name: store.write(name, b""),
        lambda name: store.fetch(name, tmp_path),
    ):
        with pytest.raises(UsageError, match="expected a file's name"):
            use(name)


def test_nothing_that_is_not_whole_stays_where_files_are_looked_for(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="expected the collection's files"):
        store.put("originals/aa/bb.pdf", tmp_path / "never there.pdf")
    assert list(store.list_names("originals/aa")) == []


def test_a_store_is_created_once(tmp_path: Path) -> None:
    record = FilesRecord(tmp_path.as_uri(), "ours")
    create_file_store(record)
    assert '"pagelens"' in (tmp_path / "ours" / MARKER).read_text()
    with pytest.raises(StoreError, match=r"another collection's\. Choose another --prefix"):
        create_file_store(record)


def test_a_share_that_is_not_mounted_is_an_error_and_the_disk_below_it_stays_empty(tmp_path: Path) -> None:
    record = FilesRecord((tmp_path / "mnt").as_uri(), "ours")
    with pytest.raises(StoreError, match="make it, or mount it"):
        create_file_store(record)
    (tmp_path / "mnt").mkdir()
    store = open_file_store(Layout(tmp_path / "c"), Manifest("test", {}, "now", files=record))
    for use in (store.require_ready, lambda: store.write("pictures/aa/1-7.jpg", b"x")):
        with pytest.raises(StoreError, match="is it mounted"):
            use()
    assert list((tmp_path / "mnt").iterdir()) == []


def test_a_link_on_a_share_leads_nobody_out(tmp_path: Path) -> None:
    """Whoever may write there shows no file of this machine, and has none removed."""
    record, secret = FilesRecord((tmp_path / "mnt").as_uri(), "ours"), tmp_path / "home" / "secret.jpg"
    for folder in (tmp_path / "mnt", secret.parent):
        folder.mkdir()
    secret.write_bytes(b"secret")
    create_file_store(record)
    store = open_file_store(Layout(tmp_path / "c"), Manifest("test", {}, "now", files=record))
    (tmp_path / "mnt" / "ours" / "pictures").symlink_to(secret.parent)
    (tmp_path / "mnt" / "ours" / "originals").mkdir()
    (tmp_path / "mnt" / "ours" / "originals" / "a.jpg").symlink_to(secret)
    for name in ("pictures/secret.jpg", "originals/a.jpg"):
        uses = (
            store.read,
            store.remove,
            lambda name: store.write(name, b"x"),
            lambda name: store.fetch(name, tmp_path),
        )
        for use in uses:
            with pytest.raises(StoreError, match="a link that leads out"):
                use(name)
    assert secret.read_bytes() == b"secret"


@pytest.mark.parametrize(
    ("address", "package", "extra"),
    [("s3://bucket/x", "s3fs", "s3"), ("gs://bucket/x", "gcsfs", "gcs"), ("abfs://bucket/x", "adlfs", "azure")],
)
def test_an_address_whose_package_is_missing_names_the_extra_in_one_line(
    address: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)  # what makes an import of it fail
    for protocol in ("s3", "gs", "abfs"):
        monkeypatch.delitem(loaded_implementations, protocol, raising=False)
    with pytest.raises(StoreError) as caught:
        create_file_store(FilesRecord(address, "ours"))
    expected = f"{address}/ours needs a package that is not installed. Run: pip install 'pagelens[{extra}]'"
    assert str(caught.value) == expected


def test_an_unknown_address_is_a_store_error() -> None:
    with pytest.raises(StoreError, match="expected the collection's files"):
        create_file_store(FilesRecord("floppy://a", "ours"))
