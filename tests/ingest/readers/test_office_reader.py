"""Office files through LibreOffice; where it is missing, through a program that behaves like it."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Page
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.libreoffice import convert_to_pdf, find_soffice
from pagelens.ingest.readers.reader import Reader
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.temporary_folders import remove_abandoned_folders
from tests.ingest.files import write_pdf

# What LibreOffice does with `--convert-to pdf --outdir OUT FILE`: it writes OUT/<name>.pdf. This one copies a PDF.
PROGRAM = """#!/bin/sh
echo "$@" >> {log}
{before}
while [ $# -gt 1 ]; do
  [ "$1" = "--outdir" ] && out="$2"
  shift
done
mkdir -p "$out"
cp {pdf} "$out/$(basename "$1" | sed 's/\\.[^.]*$//').pdf"
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in for LibreOffice is a shell script")


def program(folder: Path, *pages: str, before: str = "") -> Path:
    pdf = write_pdf(folder / "made.pdf", *pages)
    path = folder / "soffice"
    log = shlex.quote(str(folder / "log"))
    path.write_text(PROGRAM.format(log=log, pdf=shlex.quote(str(pdf)), before=before))
    path.chmod(0o755)
    return path


def word_file(path: Path, text: str = "Some words") -> Path:
    w = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    parts = {
        "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'><Default "
        "Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/><Override "
        "PartName='/word/document.xml' ContentType='application/vnd.openxmlformats-officedocument.wordprocessingml."
        "document.main+xml'/></Types>",
        "_rels/.rels": "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'><Relationship"
        " Id='r' Type='http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument' "
        "Target='word/document.xml'/></Relationships>",
        "word/document.xml": f"<w:document xmlns:w='{w}'><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body>"
        "</w:document>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def read(path: Path, reader: Reader) -> tuple[Document, list[Page]]:
    with reader.open_document(path, sha256="1" * 64, size=path.stat().st_size) as opened:
        return opened.document, list(opened.pages(1))


def test_an_office_file_is_the_pdf_that_libreoffice_makes_of_it(tmp_path: Path) -> None:
    path = word_file(tmp_path / "annual_report.docx")
    reader = load_reader("office", ReaderOptions(soffice=program(tmp_path, "", "second page")))
    document, pages = read(path, reader)
    assert [page.text.text for page in pages] == ["", "second page"]
    assert (document.kind, document.sha256, document.size) == ("office", "1" * 64, path.stat().st_size)
    assert document.title == "annual report"
    assert document.metadata == {"format": "DOCX", "pages": "estimated"}
    assert reader.render_page(path, 2, longest=100).height == 100


def test_a_slide_is_a_page(tmp_path: Path) -> None:
    path = word_file(tmp_path / "talk.pptx")
    document, _ = read(path, load_reader("office", ReaderOptions(soffice=program(tmp_path, "slide"))))
    assert document.metadata == {"format": "PPTX"}


def test_a_file_is_converted_once_until_it_changes(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx")
    reader = load_reader("office", ReaderOptions(soffice=program(tmp_path, "one", "two")))
    read(path, reader)
    for number in (1, 2, 1):
        reader.render_page(path, number, longest=50)
    assert len((tmp_path / "log").read_text().splitlines()) == 1
    word_file(path, "other words")
    read(path, reader)
    assert len((tmp_path / "log").read_text().splitlines()) == 2


def test_libreoffice_runs_in_a_folder_of_its_own_with_macros_off(tmp_path: Path) -> None:
    path = word_file(tmp_path / "-a; b'c.docx")
    check = (
        f'env > {tmp_path}/env; for one in "$@"; do case $one in -env:UserInstallation=file://*) '
        f'cp "${{one#-env:UserInstallation=file://}}/user/registrymodifications.xcu" {tmp_path}/settings;; esac; done'
    )
    read(path, load_reader("office", ReaderOptions(soffice=program(tmp_path, "x", before=check))))
    log = (tmp_path / "log").read_text()
    assert "--headless" in log and "-a; b" not in log and str(tmp_path) not in log
    settings = (tmp_path / "settings").read_text()
    assert "DisableMacrosExecution" in settings and "BlockUntrustedRefererLinks" in settings
    environment = (tmp_path / "env").read_text()
    home = next(line for line in environment.splitlines() if line.startswith("HOME="))
    assert "pagelens-office-" in home and Path(home[5:]) != Path.home()
    assert "http_proxy=http://127.0.0.1:9" in environment


def test_a_hanging_libreoffice_is_ended_with_its_children(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx")
    hanging = program(tmp_path, "x", before=f"sleep 600 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(ReadError, match="more than 1 s") as caught:
        read(path, load_reader("office", ReaderOptions(soffice=hanging, office_seconds=1)))
    assert caught.value.code == "too-large"
    assert not is_alive(int((tmp_path / "child").read_text()))


def is_alive(process: int) -> bool:
    for _ in range(100):
        try:
            if Path(f"/proc/{process}/stat").read_text().split(")")[-1].split()[0] == "Z":
                return False
            os.kill(process, 0)
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.02)
    return True


@pytest.mark.parametrize(
    ("name", "content", "before", "code", "message"),
    [
        (
            "a.docx",
            b"PK\x03\x04",
            "echo 'Error: source file could not be loaded'; exit 1",
            "damaged",
            "could not be loaded",
        ),
        ("a.docx", b"PK\x03\x04", "exit 0", "damaged", "without a message"),
        ("a.docx", b"\xd0\xcf\x11\xe0", "", "encrypted", "password"),
        ("a.odt", b"<html>", "", "mislabelled", "odt"),
    ],
)
def test_what_libreoffice_cannot_read_has_its_reason(
    tmp_path: Path, name: str, content: bytes, before: str, code: str, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=message) as caught:
        read(tmp_path / name, load_reader("office", ReaderOptions(soffice=program(tmp_path, "x", before=before))))
    assert caught.value.code == code


def test_without_libreoffice_an_older_format_says_where_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "a.doc"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(ReadError, match=r"needs LibreOffice.*install it") as caught:
        read(path, load_reader("office", ReaderOptions(soffice=tmp_path / "nowhere")))
    assert caught.value.code == "unsupported"


def test_without_libreoffice_the_text_of_a_newer_format_is_read_and_it_is_said(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx", "Words of a letter")
    reader = load_reader("office", ReaderOptions(soffice=tmp_path / "nowhere"))
    document, pages = read(path, reader)
    assert [page.text.text for page in pages] == ["Words of a letter"]
    assert "without LibreOffice, which is not installed" in pages[0].problem
    assert (document.title, document.page_count) == ("a", 1)
    assert document.metadata == {"format": "DOCX", "pages": "estimated"}
    assert reader.render_page(path, 1, longest=100).height == 100
    with pytest.raises(ReadError, match="from 1 to 1, found page 2"):
        reader.render_page(path, 2, longest=100)


def test_a_program_that_does_not_start_is_named(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx")
    (tmp_path / "no-program").touch()
    with pytest.raises(ReadError, match=r"does not start|makes no PDF"):
        read(path, load_reader("office", ReaderOptions(soffice=tmp_path / "no-program")))


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_has_stays(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    place = Path(tempfile.gettempdir())
    left, alive = place / f"pagelens-office-{ended.pid}-x", place / f"pagelens-office-{os.getpid()}-x"
    for folder in (left, alive):
        folder.mkdir()
        (folder / "out.pdf").touch()
    remove_abandoned_folders.cache_clear()  # done once in a process
    try:
        read(word_file(tmp_path / "a.docx"), load_reader("office", ReaderOptions(soffice=program(tmp_path, "x"))))
        assert not left.exists() and alive.exists()
    finally:
        shutil.rmtree(alive)


def test_the_real_libreoffice_reads_a_word_file(tmp_path: Path) -> None:
    found = find_soffice()
    if found is None:
        pytest.skip("LibreOffice is not installed")
    pdf = convert_to_pdf(found, word_file(tmp_path / "a.docx", "Words of a letter"), tmp_path / "work", seconds=120)
    assert pdf.read_bytes().startswith(b"%PDF")
    _, pages = read(word_file(tmp_path / "b.docx", "Words of a letter"), load_reader("office"))
    assert [page.text.text for page in pages] == ["Words of a letter"]


READ_IN_CHILD = """
import sys
from pathlib import Path
from pagelens.ingest.reader_options import ReaderOptions
from pagelens.ingest.readers.registry import load_reader

reader = load_reader("office", ReaderOptions(soffice=Path(sys.argv[2])))
with reader.open_document(Path(sys.argv[1]), sha256="", size=1):
    pass
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux ends a program with its parent")
def test_libreoffice_ends_with_its_children_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    path, child = word_file(tmp_path / "a.docx"), tmp_path / "child"
    hanging = program(
        tmp_path, "x", before=f"trap '' IO; sleep 600 & echo $! > {child}.new; mv {child}.new {child}; wait"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", READ_IN_CHILD, str(path), str(hanging)]) as reader:
        while not child.exists():
            assert reader.poll() is None
            time.sleep(0.02)
        reader.send_signal(signal.SIGKILL)
    assert not is_alive(int(child.read_text()))


ODT = {
    "mimetype": "application/vnd.oasis.opendocument.text",
    "META-INF/manifest.xml": "<manifest:manifest xmlns:manifest='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'>"
    "<manifest:file-entry manifest:full-path='/' manifest:media-type='application/vnd.oasis.opendocument.text'/>"
    "<manifest:file-entry manifest:full-path='content.xml' manifest:media-type='text/xml'/>"
    "<manifest:file-entry manifest:full-path='Basic/script-lc.xml' manifest:media-type='text/xml'/>"
    "<manifest:file-entry manifest:full-path='Basic/Standard/script-lb.xml' manifest:media-type='text/xml'/>"
    "<manifest:file-entry manifest:full-path='Basic/Standard/Module1.xml' manifest:media-type='text/xml'/>"
    "</manifest:manifest>",
    "content.xml": "<office:document-content xmlns:office='urn:oasis:names:tc:opendocument:xmlns:office:1.0' "
    "xmlns:text='urn:oasis:names:tc:opendocument:xmlns:text:1.0' xmlns:xlink='http://www.w3.org/1999/xlink' "
    "xmlns:draw='urn:oasis:names:tc:opendocument:xmlns:drawing:1.0' xmlns:dom='http://www.w3.org/2001/xml-events' "
    "xmlns:svg='urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0' office:version='1.2' "
    "xmlns:script='urn:oasis:names:tc:opendocument:xmlns:script:1.0'>"
    "<office:scripts><office:event-listeners><script:event-listener script:language='ooo:script' "
    "script:event-name='dom:load' xlink:type='simple' "
    "xlink:href='vnd.sun.star.script:Standard.Module1.Main?language=Basic&amp;location=document'/>"
    "</office:event-listeners></office:scripts><office:body><office:text><text:p>Words of a letter"
    "<draw:frame svg:width='2cm' svg:height='2cm' text:anchor-type='as-char'><draw:image xlink:type='simple' "
    "xlink:href='{address}/picture.png'/></draw:frame></text:p><text:section text:name='s'><text:section-source "
    "xlink:type='simple' xlink:href='{address}/section.odt'/><text:p>Old words</text:p></text:section>"
    "</office:text></office:body></office:document-content>",
    "Basic/script-lc.xml": "<library:libraries xmlns:library='http://openoffice.org/2000/library' "
    "xmlns:xlink='http://www.w3.org/1999/xlink'><library:library library:name='Standard' library:link='false'/>"
    "</library:libraries>",
    "Basic/Standard/script-lb.xml": "<library:library xmlns:library='http://openoffice.org/2000/library' "
    "library:name='Standard' library:readonly='false'><library:element library:name='Module1'/></library:library>",
    "Basic/Standard/Module1.xml": "<script:module xmlns:script='http://openoffice.org/2000/script' "
    "script:name='Module1' script:language='StarBasic'>Sub Main\nOpen &quot;{mark}&quot; For Output As #1\n"
    "Close #1\nEnd Sub</script:module>",
}


def letter_with_remote_content_and_a_macro(path: Path, address: str, mark: Path) -> Path:
    """Write an ODT with a linked picture, a linked section, and a macro that makes a file when the letter is opened."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in ODT.items():
            archive.writestr(name, content.replace("{address}", address).replace("{mark}", str(mark)))
    return path


def has_private_network() -> bool:
    tried = shutil.which("unshare") and subprocess.run(["unshare", "--net", "--map-current-user", "true"], check=False)
    return bool(tried) and tried.returncode == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("is_real", [False, True], ids=["a stand-in that fetches", "LibreOffice"])
def test_nothing_that_a_document_links_to_is_fetched_and_its_macro_is_not_run(tmp_path: Path, is_real: bool) -> None:
    soffice = find_soffice() if is_real else None
    if is_real and soffice is None:
        pytest.skip("LibreOffice is not installed")
    if not is_real and not has_private_network():
        pytest.skip("this system takes no network away from a program")
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        fetch = f"{sys.executable} -c 'import socket; socket.create_connection((\"{host}\", {port}), 5)' && exit 1"
        letter = letter_with_remote_content_and_a_macro(
            tmp_path / "letter.odt", f"http://{host}:{port}", tmp_path / "macro-ran"
        )
        reader = load_reader(
            "office", ReaderOptions(soffice=soffice or program(tmp_path, "Words of a letter", before=fetch))
        )
        _, pages = read(letter, reader)
        assert "Words of a letter" in pages[0].text.text
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert not (tmp_path / "macro-ran").exists()
