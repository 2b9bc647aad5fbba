import io
import zipfile
from pathlib import Path

import pytest

from pagelens.core.types import Page
from pagelens.ingest.readers import korean_words
from pagelens.ingest.readers.korean_words import join_syllables, korean_book
from pagelens.ingest.readers.reflowable_reader import open_document, render_page

SENTENCE = "키보드 배치는 국가에 따라 다릅니다. 어떤 국가는 여러 개의 표준 키보드 배치가 있습니다. "
KOREAN = SENTENCE + "이 컴퓨터의 키보드의 제조 국가를 선택하십시오. " + SENTENCE + "키를 사용할 수도 있습니다."
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>'
    '<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="2.0"><metadata/><manifest>'
    '<item id="a" href="a.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="a"/></spine>'
    "</package>"
)


def epub(text: str) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr("META-INF/container.xml", CONTAINER)
        book.writestr("book.opf", PACKAGE)
        page = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><p>{text}</p></body></html>'
        book.writestr("a.xhtml", page, zipfile.ZIP_DEFLATED)
        book.writestr("picture.bin", b"\xed\x9e\xa3" * 20)
    return written.getvalue()


def pages_of(path: Path) -> list[Page]:
    with open_document(path, sha256="", size=path.stat().st_size) as opened:
        return list(opened.pages(1))


@pytest.mark.parametrize("suffix", ["txt", "html", "md", "epub"])
def test_no_line_ends_within_a_korean_word(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(epub(KOREAN) if suffix == "epub" else KOREAN.encode())
    (page,) = pages_of(path)
    assert page.text.text.split() == KOREAN.split()
    assert page.text.text.count("\n") > 2, "its lines are broken, between words"


def test_a_long_line_of_syllables_is_broken_at_the_edge_and_none_is_lost(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("가나다라마바사" * 40)
    (page,) = pages_of(tmp_path / "a.txt")
    assert "".join(page.text.text.split()) == "가나다라마바사" * 40
    assert page.text.boxes[:, 2].max() < 1


def test_word_joiners_are_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tmp_path / "a.txt"
    short.write_text("키보드 배치는 국가에 따라")
    with_joiners = render_page(short, 1, longest=400).tobytes()
    monkeypatch.setattr("pagelens.ingest.readers.reflowable_reader.join_syllables", lambda markup: markup)
    assert render_page(short, 1, longest=400).tobytes() == with_joiners


@pytest.mark.parametrize(
    ("text", "expected"), [("가나 다", "가\u2060나 다"), ("日本語", "日本語"), ("a가", "a가"), ("힣힣", "힣\u2060힣")]
)
def test_joiners_stand_between_syllables_only(text: str, expected: str) -> None:
    assert join_syllables(text) == expected


def test_only_the_pages_of_korean_books_are_changed() -> None:
    book = korean_book(io.BytesIO(epub("가나 다")))
    assert book is not None
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.namelist()[0] == "mimetype"
        assert "가\u2060나 다" in archive.read("a.xhtml").decode()
        assert archive.read("picture.bin") == b"\xed\x9e\xa3" * 20
    assert korean_book(io.BytesIO(epub("日本語 ꀀꀁ и words"))) is None


def test_large_and_damaged_books_are_left_to_mupdf(monkeypatch: pytest.MonkeyPatch) -> None:
    data = epub("가나 다")
    damaged = data.replace(b"a.xhtml", b"b.xhtml", 1)
    for broken in (b"", b"PK\x03\x04", data[: len(data) // 2], damaged):
        file = io.BytesIO(broken)
        assert korean_book(file) is None
        assert file.tell() == 0
    assert korean_words.MAX_BOOK_BYTES == 64_000_000
    monkeypatch.setattr(korean_words, "MAX_BOOK_BYTES", 100)
    assert korean_book(io.BytesIO(data)) is None
