"""Office files through LibreOffice; where it is missing, through a program that behaves like it."""

import os
import shlex
import shutil
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


def test_without_libreoffice_it_is_said_where_to_get_it(tmp_path: Path) -> None:
    path = word_file(tmp_path / "a.docx")
    with pytest.raises(ReadError, match=r"needs LibreOffice.*install it") as caught:
        read(path, load_reader("office", ReaderOptions(soffice=tmp_path / "nowhere")))
    assert caught.value.code == "unsupported"
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
