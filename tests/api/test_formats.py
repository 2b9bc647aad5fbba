"""Files that are neither PDF nor photo, from the shell and from Python: found, filtered, their page numbers said to be
estimated; what cannot be read here says what would read it."""

from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli import terminal
from pagelens.api.cli.main import main
from pagelens.api.cli.search_output import print_results
from pagelens.api.engine.engine import Engine
from pagelens.core.types import Filters, Kind
from pagelens.ingest.readers.libreoffice import find_soffice
from pagelens.ingest.readers.mupdf import pymupdf

LOCKED = "The vault opens at seven."


def write_files(folder: Path) -> Path:
    folder.mkdir()
    rows = "\n\n".join(f"Row {number} of the orchard was pruned." for number in range(200))
    (folder / "notes.md").write_text(f"# Orchard\n\nThe quince harvest begins in October.\n\n{rows}\n")
    (folder / "page.html").write_text("<html><body><p>A heron stands at the weir.</p></body></html>")
    (folder / "plan.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="80"><text x="9" y="40">Boiler room</text></svg>'
    )
    pdf = pymupdf.open()
    pdf.new_page().insert_text((72, 72), LOCKED)
    pdf.save(folder / "locked.pdf", encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="seven", owner_pw="o")
    return folder


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("formats")
    engine = pagelens.open(folder / "collection", create=True, profile="builtin")
    files = write_files(folder / "files")
    report = engine.index([files, files / "plan.svg"], workers=0)
    assert {Path(one.path).name: one.code for one in report.failed} == {"locked.pdf": "encrypted"}
    return engine


@pytest.mark.parametrize(
    ("query", "kind", "name"),
    [
        ("when is the quince harvest", "text", "notes.md"),
        ("heron at the weir", "text", "page.html"),
        ("boiler room", "drawing", "plan.svg"),
    ],
)
def test_each_kind_is_found_and_can_be_asked_for_alone(engine: Engine, query: str, kind: Kind, name: str) -> None:
    for filters in (Filters(), Filters(kinds=(kind,))):
        [first, *_] = engine.search(query, filters=filters).hits
        assert (Path(first.ref.path).name, first.kind) == (name, kind)
    assert all(hit.kind != kind for hit in engine.search(query, filters=Filters(kinds=("pdf", "photo"))).hits)
    assert engine.page_image(first.ref)[:2] == b"\xff\xd8"
    assert engine.check() == []


def test_page_numbers_of_texts_are_said_to_be_estimated(engine: Engine) -> None:
    found = engine.search("quince harvest")
    assert {Path(hit.ref.path).name: hit.estimated for hit in found.hits}["notes.md"]
    with terminal.out.capture() as printed:
        print_results(found)
    assert "Estimated page numbers" in printed.get() and "notes.md" in printed.get()
    answer = engine.ask("When does the quince harvest begin?")
    assert answer.found and any("notes.md are estimated" in note for note in answer.notes)
    drawing = engine.search("boiler room", filters=Filters(kinds=("drawing",)))
    assert not drawing.hits[0].estimated


def test_of_a_text_of_one_page_nothing_is_estimated(engine: Engine) -> None:
    found = {Path(hit.ref.path).name: hit for hit in engine.search("heron at the weir").hits}
    assert found["page.html"].page_count == 1 and not found["page.html"].estimated


def test_a_locked_file_opens_with_a_password_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_PASSWORDS", "wrong\nseven")
    files, collection = write_files(tmp_path / "files"), str(tmp_path / "collection")
    arguments = ["-c", collection]
    assert main(["index", str(files / "locked.pdf"), "--profile", "builtin", "--workers", "1", *arguments]) == 0
    assert main(["search", "when does the vault open", "--kind", "pdf,text", *arguments]) == 0
    assert main(["show", "locked.pdf#1", "-o", str(tmp_path / "page.jpg"), *arguments]) == 0
    assert (tmp_path / "page.jpg").stat().st_size > 1_000
    assert "seven" not in (tmp_path / "collection" / "collection.json").read_text()


@pytest.mark.skipif(find_soffice() is not None, reason="LibreOffice is installed here")
def test_without_libreoffice_one_is_told_what_reads_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_files(tmp_path / "files")
    (files / "locked.pdf").unlink()
    (files / "letter.docx").write_bytes(b"PK\x03\x04 and so on")
    assert main(["index", str(files), "--profile", "builtin", "-c", str(tmp_path / "collection")]) == 0
    message = capsys.readouterr().out
    assert "1 file not read: each needs LibreOffice" in message
