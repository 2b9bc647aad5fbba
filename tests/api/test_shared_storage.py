"""A collection whose catalog, vectors and files lie elsewhere: served by a machine that never saw the documents."""

import hashlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.wiring import StorageOptions
from pagelens.core.errors import NotFound, StoreError
from pagelens.core.settings import Settings
from pagelens.core.types import PageRef
from pagelens.index.layout import FilesRecord, Layout, ServerRecord, load
from tests.api.files import write_pdf
from tests.index.postgres_process import PostgresProcess
from tests.index.qdrant_process import QdrantProcess
from tests.ingest.readers.photo_files import xmp

TIDES = ["A limpet returns to its home scar.", "Its rim keeps the water in."]
SETTINGS = Settings(threads=1)


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


@pytest.fixture
def storage(tmp_path: Path, server: QdrantProcess, postgres: PostgresProcess) -> StorageOptions:
    """Everything elsewhere, the files behind fsspec."""
    share = tmp_path / "share"
    share.mkdir()
    return StorageOptions(
        ServerRecord(server.url, tmp_path.name, timeout=5, patience=0.2),
        postgres.record(),
        FilesRecord(f"local://{share}", "ours"),
    )


@pytest.fixture
def document(tmp_path: Path) -> Path:
    (tmp_path / "documents").mkdir()
    return write_pdf(tmp_path / "documents" / "tides.pdf", TIDES, title="Tide pools")


def make(root: Path, storage: StorageOptions) -> Path:
    profile = choose_profile("builtin", SETTINGS, models={"image": "none", "page": "none"})
    wiring.create_collection(root, profile, SETTINGS, storage=storage)
    return root


def indexed(root: Path, storage: StorageOptions, document: Path) -> Engine:
    engine = wiring.open_collection(make(root, storage), SETTINGS)
    engine.index([document], workers=0)
    return engine


def another_machine(root: Path, to: Path) -> Engine:
    """A folder with `collection.json` is all that a machine needs."""
    to.mkdir()
    shutil.copy(root / "collection.json", to)
    return wiring.open_collection(to, SETTINGS)


def size(jpeg: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(jpeg)).size


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_machine_that_never_saw_the_documents_searches_and_shows_them(
    tmp_path: Path, storage: StorageOptions, document: Path
) -> None:
    engine, data = indexed(tmp_path / "one", storage, document), document.read_bytes()
    document.unlink()
    there = another_machine(tmp_path / "one", tmp_path / "two")
    found = there.search("home scar", k=1).hits[0]
    assert found.ref == PageRef(str(document), 1)
    assert max(size(there.page_image(found.ref, longest=300))) == 300
    with there.snapshot() as snapshot:
        row = next(iter(snapshot.documents.values()))
    assert there.original(row).read_bytes() == data
    share = tmp_path / "share" / "ours"
    shutil.rmtree(share / "originals")  # what one machine drew, another one shows
    shutil.rmtree(tmp_path / "two" / "originals")
    assert engine.page_image(found.ref, longest=300) == there.page_image(found.ref, longest=300)
    with pytest.raises(NotFound, match="found it gone"):
        engine.page_image(found.ref, longest=301)
    assert not (tmp_path / "one" / "pictures").exists()


def test_no_secret_is_written_down(
    tmp_path: Path, storage: StorageOptions, document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FSSPEC_LOCAL_SECRET", "hush")
    indexed(tmp_path / "one", storage, document).close()
    assert "hush" not in (tmp_path / "one" / "collection.json").read_text()
    assert load(Layout(tmp_path / "one")).files == storage.files


def test_a_document_that_goes_takes_its_picture_and_its_original_with_it(
    tmp_path: Path, storage: StorageOptions, document: Path
) -> None:
    engine = indexed(tmp_path / "one", storage, document)
    engine.page_image(PageRef(str(document), 1), longest=200)
    share = tmp_path / "share" / "ours"
    assert len(files_below(share)) == 3  # with the mark of the place
    write_pdf(document, ["Another text altogether."], title="Tide pools")
    engine.index([document], workers=0)
    assert [name.partition("/")[0] for name in files_below(share)] == ["originals", "pagelens.json"]
    engine.remove(document)
    assert files_below(share) == ["pagelens.json"]


def test_doctor_names_what_is_not_kept_and_the_next_run_keeps_it(
    tmp_path: Path, storage: StorageOptions, document: Path
) -> None:
    engine = indexed(tmp_path / "one", storage, document)
    assert engine.check() == []
    shutil.rmtree(tmp_path / "share" / "ours" / "originals")
    assert engine.check() == ["files: Tide pools: expected a stored file, found none. Run: pagelens index"]
    engine.index([document], workers=0)
    assert engine.check() == []


def test_files_that_cannot_be_reached_stop_writers_and_no_search(
    tmp_path: Path, storage: StorageOptions, document: Path
) -> None:
    engine = indexed(tmp_path / "one", storage, document)
    (tmp_path / "share").rename(tmp_path / "away")
    assert engine.search("home scar", k=1).hits
    assert max(size(engine.page_image(PageRef(str(document), 1), longest=200))) == 200  # from the document itself
    with pytest.raises(StoreError, match=r"found no pagelens\.json there"):
        engine.index([document], workers=0)
    assert "found no pagelens.json there" in engine.check()[0]
    document.unlink()
    with pytest.raises(StoreError, match=r"found no pagelens\.json there"):
        engine.page_image(PageRef(str(document), 1), longest=201)
    assert not (tmp_path / "share").exists()
    (tmp_path / "away").rename(tmp_path / "share")
    assert engine.check() == []


def test_an_original_that_is_not_what_was_kept_is_not_used(
    tmp_path: Path, storage: StorageOptions, document: Path
) -> None:
    indexed(tmp_path / "one", storage, document).close()
    kept = next((tmp_path / "share" / "ours" / "originals").rglob("*.pdf"))
    write_pdf(kept, ["Not what was indexed."])
    document.unlink()
    engine = another_machine(tmp_path / "one", tmp_path / "two")
    with pytest.raises(StoreError, match="found other bytes"):
        engine.page_image(PageRef(str(document), 1), longest=200)
    assert not list((tmp_path / "two" / "originals").rglob("*.pdf"))


def test_a_photo_with_a_file_beside_it_is_kept_and_comes_back(tmp_path: Path, storage: StorageOptions) -> None:
    photo = tmp_path / "IMG_1.jpg"
    Image.new("RGB", (64, 48), "teal").save(photo)
    photo.with_name("IMG_1.jpg.xmp").write_bytes(xmp(keywords=["harbour"]))
    data = photo.read_bytes()
    engine = indexed(tmp_path / "one", storage, photo)
    with engine.snapshot() as snapshot:
        row = next(iter(snapshot.documents.values()))
    assert row.document.sha256 == hashlib.sha256(data).hexdigest()
    assert engine.original(row) == photo
    photo.unlink()
    there = another_machine(tmp_path / "one", tmp_path / "two")
    assert there.original(row).read_bytes() == data
    assert there.check() == []


def test_copies_and_snapshots_bring_the_originals_along(
    tmp_path: Path, storage: StorageOptions, document: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, ref = document.read_bytes(), PageRef(str(document), 1)
    plain = make(tmp_path / "plain", StorageOptions())
    wiring.open_collection(plain, SETTINGS).index([document], workers=0)
    there, back, restored, file = (tmp_path / name for name in ("there", "back", "restored", "c.tar"))
    assert storage.server is not None and storage.catalog is not None
    address, share = storage.catalog.url, (tmp_path / "share").as_uri()
    arguments = ["--store", "qdrant", "--url", storage.server.url, "--catalog", address, "--files", share]
    assert run("copy", "-c", plain, "--to", there, *arguments) == ExitCode.DONE
    assert load(Layout(there)).files is not None
    document.unlink()
    assert run("copy", "-c", there, "--to", back) == ExitCode.DONE
    assert run("snapshot", there, file) == ExitCode.DONE
    assert run("restore", file, restored) == ExitCode.DONE
    capsys.readouterr()
    for root in (there, back, restored):
        with wiring.open_collection(root, SETTINGS) as engine, engine.snapshot() as snapshot:
            row = next(iter(snapshot.documents.values()))
            assert engine.original(row).read_bytes() == data
            assert max(size(engine.page_image(ref, longest=200))) == 200
    assert run("copy", "-c", plain, "--to", tmp_path / "late", *arguments) == 1  # the document is nowhere any more
    assert "its file was not found" in capsys.readouterr().out.replace("\n", " ")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s3://key:secret@bucket/x", "without a key in it"),
        ("s3://bucket/x?key=secret", "without a key in it"),
        ("bucket/x", "expected --files like"),
        ("file:relative", "expected --files like"),
        ("local:///mnt/share", "expected --files like"),
        ("file:///mnt/../etc", "expected --files like"),
        ("simplecache::s3://bucket/x", "expected --files like"),
    ],
)
def test_addresses_that_cannot_be_are_refused_before_anything_is_made(
    tmp_path: Path, document: Path, capsys: pytest.CaptureFixture[str], address: str, message: str
) -> None:
    catalog = ("--catalog", "postgresql://u@127.0.0.1:1/d")
    options = ("-c", tmp_path / "c", "--profile", "builtin", "--files", address)
    assert run("index", document, *options, *catalog) == ExitCode.USAGE
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert run("index", document, *options) == ExitCode.USAGE
    assert "with --catalog only" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "c").exists()


def test_a_plain_collection_keeps_its_pictures_in_its_folder_and_no_originals(tmp_path: Path, document: Path) -> None:
    engine = wiring.open_collection(make(tmp_path / "plain", StorageOptions()), SETTINGS)
    engine.index([document], workers=0)
    engine.page_image(PageRef(str(document), 1), longest=200)
    assert len(files_below(tmp_path / "plain" / "pictures")) == 1
    assert not (tmp_path / "plain" / "originals").exists()
    assert engine.check() == []
