"""Finding files, knowing their type, hashing them."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.ingest.events import Failed, Skipped
from pagelens.ingest.files.digest import digest
from pagelens.ingest.files.walk import Source, identify, survey, walk
from pagelens.ingest.reader_options import ReaderOptions
from tests.ingest.files import write_pdf


def files(*paths: Path) -> list[Path]:
    return [found.path for found in walk(paths) if isinstance(found, Source)]


def code_of(path: Path) -> str:
    with pytest.raises(ReadError) as caught:
        identify(path)
    return caught.value.code


@contextmanager
def somebody_without_rights() -> Iterator[None]:
    """Root may read everything, so step down for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_walk_goes_down_sorted_by_name_whatever_the_order_of_creation(tmp_path: Path) -> None:
    for name in ("b/2.pdf", "b/1.pdf", "a.pdf", "c.pdf", "b/a/z.pdf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = [path.relative_to(tmp_path).as_posix() for path in files(tmp_path)]
    assert found == ["a.pdf", "b/1.pdf", "b/2.pdf", "b/a/z.pdf", "c.pdf"]


def test_hidden_files_and_folders_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    hidden = tmp_path / ".git"
    hidden.mkdir()
    for path in (hidden / "x.pdf", tmp_path / ".hidden.pdf", tmp_path / "seen.pdf"):
        path.write_bytes(b"x")
    assert files(tmp_path) == [tmp_path / "seen.pdf"]
    assert files(hidden) == [hidden / "x.pdf"]
    assert files(tmp_path / ".hidden.pdf") == [tmp_path / ".hidden.pdf"]


def test_a_file_is_found_once_however_often_it_is_named(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    file = inner / "x.pdf"
    file.write_bytes(b"x")
    assert files(file, inner, tmp_path, inner / ".." / "inner" / "x.pdf") == [file]


def test_a_loop_of_links_ends_and_linked_folders_come_last(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    (root / "deep").mkdir(parents=True)
    elsewhere.mkdir()
    (root / "x.pdf").write_bytes(b"x")
    (elsewhere / "y.pdf").write_bytes(b"y")
    (root / "deep" / "up").symlink_to(root)
    (root / "a-link").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(root)
    (root / "itself").symlink_to(root / "itself")
    found = list(walk([root]))
    assert [item.path for item in found if isinstance(item, Source)] == [
        root / "itself",
        root / "x.pdf",
        root / "a-link" / "y.pdf",
    ]
    assert {item.path for item in found if isinstance(item, Skipped)} == {
        root / "deep" / "up",
        root / "a-link" / "back",
    }
    assert code_of(root / "itself") == "vanished"


def test_a_link_up_and_out_of_the_named_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "not-meant.pdf").write_bytes(b"x")
    (tmp_path / "root" / "up").symlink_to(tmp_path)
    assert [type(item) for item in walk([tmp_path / "root"])] == [Skipped]


def test_a_link_to_a_file_is_a_path_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "real.pdf").write_bytes(b"x")
    (tmp_path / "link.pdf").symlink_to("real.pdf")
    assert files(tmp_path) == [tmp_path / "link.pdf", tmp_path / "real.pdf"]


def test_names_in_any_script_and_of_any_bytes_are_walked(tmp_path: Path) -> None:
    names = ["Ελληνικά.pdf", "日本語 文書.pdf", "עברית.pdf", "emoji 👍.pdf", "new\nline.pdf"]
    try:
        (tmp_path / os.fsdecode(b"\xff\xfe bytes.pdf")).write_bytes(b"%PDF-1.4")
        names.append(os.fsdecode(b"\xff\xfe bytes.pdf"))
    except OSError:
        pass  # this file system wants Unicode
    for name in names:
        (tmp_path / name).write_bytes(b"%PDF-1.4")
    found = files(tmp_path)
    assert sorted(path.name for path in found) == sorted(names)
    assert {identify(path) for path in found} == {"pdf"}
    assert len({digest(path) for path in found}) == 1


def test_a_path_that_does_not_exist_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path / ("x" * 300), Path("nul\0byte"), tmp_path / "file" / "below"):
        (tmp_path / "file").write_bytes(b"x")
        (failure,) = walk([path])
        assert isinstance(failure, Failed)
        assert failure.code == "vanished" and failure.reason


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users")
def test_a_folder_that_may_not_be_read_is_a_failure_and_its_neighbours_are_found() -> None:
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: its parents are closed to others
        root = Path(name)
        root.chmod(0o755)
        (root / "closed").mkdir(mode=0o000)
        (root / "x.pdf").write_bytes(b"%PDF-1.4")
        (root / "secret.pdf").write_bytes(b"%PDF-1.4")
        (root / "secret.pdf").chmod(0o000)
        with somebody_without_rights():
            found = list(walk([root]))
            denied = code_of(root / "secret.pdf")
        (root / "closed").chmod(0o700)
    failure, *sources = found
    assert isinstance(failure, Failed)
    assert (failure.path, failure.code) == (root / "closed", "denied")
    assert [source.path.name for source in sources] == ["secret.pdf", "x.pdf"]
    assert denied == "denied"


def test_a_collection_is_skipped_inside_a_folder_and_refused_by_name(tmp_path: Path) -> None:
    collection, other = tmp_path / "collection", tmp_path / "other"
    for folder, content in ((collection, '{"format": "pagelens", "version": 1}'), (other, '{"format": "stamps"}')):
        folder.mkdir()
        (folder / "collection.json").write_text(content)
        (folder / "x.pdf").write_bytes(b"x")
    assert files(tmp_path) == [other / "x.pdf"]  # JSON is read where it is named
    assert [type(item) for item in walk([collection])] == [Failed]


def test_a_survey_counts_what_a_walk_yields(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.pdf").write_bytes(b"x" * number)
    (tmp_path / "gone.pdf").symlink_to("nowhere")
    assert survey([tmp_path]) == (6, 10)


def test_a_type_is_known_by_content_and_not_by_name(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4))
    image.save(tmp_path / "a.pdf", "JPEG")
    image.save(tmp_path / "b.jpg", "PNG")
    image.save(tmp_path / "c", "WEBP")
    write_pdf(tmp_path / "d.txt", "hello")
    (tmp_path / "e.pdf").write_bytes(b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.4\n")
    kinds = [identify(tmp_path / name) for name in ("a.pdf", "b.jpg", "c", "d.txt", "e.pdf")]
    assert kinds == ["photo", "photo", "photo", "pdf", "pdf"]


def test_a_text_that_speaks_of_pdfs_is_no_pdf(tmp_path: Path) -> None:
    (tmp_path / "notes.py").write_text('"""A PDF begins with `%PDF-1.7`."""\n')
    assert code_of(tmp_path / "notes.py") == "unsupported"


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("a.pdf", b"<!DOCTYPE html><html>Not found</html>", "mislabelled", "HTML"),
        ("a.pdf", b"PK\x03\x04....[Content_Types].xml....word/document.xml", "mislabelled", "Word"),
        ("a.pdf", b"PK\x03\x04 something else", "mislabelled", "ZIP"),
        ("a.PNG", b"\0\0\0\x0cjP  ", "mislabelled", "JPEG 2000"),
        ("a.jpeg", b"\0\0\0\x18ftypisom", "mislabelled", "video"),
        ("a.pdf", "Grüße, just text".encode(), "mislabelled", "plain text"),
        ("a.pdf", b"\x13\xff\x80\x00\x91", "mislabelled", "binary"),
        ("a.pdf", bytes(5000), "damaged", "zero bytes"),
        ("a.pdf", b"", "empty", "0 bytes"),
        ("a.txt", b"", "empty", "0 bytes"),
        ("a.xyz", b"text", "unsupported", "plain text"),
        ("a.txt", b"\x13\xff\x80\x00\x91", "unsupported", "binary"),
        ("a.epub", b"<!DOCTYPE html><html>Not found</html>", "mislabelled", "HTML"),
        ("a.docx", b"<!DOCTYPE html><html>Not found</html>", "mislabelled", "HTML"),
        ("a.zip", b"PK\x03\x04" + bytes(22) + b"\x11\0\0\0word/document.xml", "unsupported", "Word"),
    ],
)
def test_an_unreadable_file_is_described(tmp_path: Path, name: str, content: bytes, code: str, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=message) as caught:
        identify(tmp_path / name)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", "Grüße".encode(), "text"),
        ("a.MD", b"# Title", "text"),
        ("a.txt", "Gr\u00fc\u00dfe".encode("utf-16"), "text"),
        ("a.html", b"<p>words</p>", "text"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing"),
        ("a.fb2", b"<?xml version='1.0'?><FictionBook/>", "book"),
        ("a.epub", b"PK\x03\x04 anything", "book"),
        ("no-ending", b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "book"),
        ("a.xps", b"PK\x03\x04 anything", "xps"),
        ("a.txt", b"%PDF-1.4", "pdf"),
    ],
)
def test_texts_and_books_are_known_by_name_and_content_together(
    tmp_path: Path, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert identify(tmp_path / name) == kind


def test_older_office_files_in_a_folder_wait_for_libreoffice_and_a_named_one_says_so(tmp_path: Path) -> None:
    office, folder = tmp_path / "soffice", tmp_path / "folder"
    letter = folder / "letter.doc"
    folder.mkdir()
    letter.write_bytes(b"\xd0\xcf\x11\xe0")
    without, with_office = ReaderOptions(soffice=office), ReaderOptions(soffice=office)
    (skipped,) = walk([folder], without)
    assert isinstance(skipped, Skipped) and "LibreOffice" in skipped.reason
    assert list(walk([letter], without)) == [Source(letter, named=True)]
    with pytest.raises(ReadError, match="DOC needs LibreOffice") as caught:
        identify(letter, without)
    assert caught.value.code == "unsupported"
    office.touch()
    assert list(walk([folder], with_office)) == [Source(letter, named=False)]
    assert identify(letter, with_office) == "office"


@pytest.mark.parametrize(
    "name", ["a.docx", "a.docm", "a.pptx", "a.ppsx", "a.xlsx", "a.xlsm", "a.odt", "a.odp", "a.ods"]
)
def test_newer_office_files_are_read_without_libreoffice(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    without = ReaderOptions(soffice=tmp_path / "there-is-none")
    assert list(walk([tmp_path], without)) == [Source(tmp_path / name, named=False)]
    assert identify(tmp_path / name, without) == "office"


def test_icons_and_folders_of_programs_are_left_out_unless_they_are_named(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    modules.mkdir()
    icon, readme = tmp_path / "icon.svg", modules / "README.md"
    for path in (icon, readme):
        path.write_bytes(b"<svg/>")
    assert files(tmp_path) == []
    assert [type(item) for item in walk([tmp_path])] == [Skipped, Skipped]
    assert files(icon) == [icon]
    assert files(modules) == [readme]


def test_folders_and_pipes_are_no_files(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "unsupported"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.pdf")
        assert code_of(tmp_path / "pipe.pdf") == "unsupported"
    assert code_of(tmp_path / "nowhere.pdf") == "vanished"


def test_the_digest_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    content = os.urandom(300_000)
    (tmp_path / "x").write_bytes(content)
    assert digest(tmp_path / "x") == hashlib.sha256(content).hexdigest()
    with pytest.raises(ReadError) as caught:
        digest(tmp_path / "nowhere")
    assert caught.value.code == "vanished"
