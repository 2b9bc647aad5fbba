"""Books, texts, drawings and XPS: laid out the same each time, and nothing fetched for them."""

import base64
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pagelens.core.errors import ReadError
from pagelens.core.types import Document, Kind, Page
from pagelens.ingest.files.walk import identify
from pagelens.ingest.readers.html_source import sanitize_html, sanitize_markdown
from pagelens.ingest.readers.registry import load_reader
from pagelens.ingest.text.decoding import decode
from tests.ingest.files import SENTENCE, corners, new_pdf

RED = (255, 0, 0)


def read(path: Path) -> tuple[Document, list[Page]]:
    with load_reader(identify(path)).open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        return opened.document, list(opened.pages(1))


def words(pages: list[Page]) -> list[str]:
    return " ".join(page.text.text for page in pages).split()


def picture(colour: tuple[int, int, int] = RED, size: tuple[int, int] = (80, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def epub(path: Path, *chapters: str) -> Path:
    manifest = "".join(
        f"<item id='c{n}' href='{n}.xhtml' media-type='application/xhtml+xml'/>" for n in range(len(chapters))
    )
    spine = "".join(f"<itemref idref='c{n}'/>" for n in range(len(chapters)))
    opf = (
        "<package xmlns='http://www.idpf.org/2007/opf' version='3.0' unique-identifier='i'>"
        "<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>The Long Book</dc:title>"
        f"<dc:creator>Ann Author</dc:creator></metadata><manifest>{manifest}</manifest><spine>{spine}</spine></package>"
    )
    container = (
        "<container version='1.0' xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
        "<rootfile full-path='b.opf' media-type='application/oebps-package+xml'/></rootfiles></container>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("b.opf", opf)
        for number, chapter in enumerate(chapters):
            page = (
                f"<html xmlns='http://www.w3.org/1999/xhtml'><head><title>x</title></head><body>{chapter}</body></html>"
            )
            archive.writestr(f"{number}.xhtml", page)
    return path


def xps(path: Path) -> Path:
    parts = {
        "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>",
        "_rels/.rels": "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
        "<Relationship Id='a' Target='/s.fdseq' Type='http://schemas.microsoft.com/xps/2005/06/fixedrepresentation'/>"
        "</Relationships>",
        "s.fdseq": "<FixedDocumentSequence xmlns='http://schemas.microsoft.com/xps/2005/06'>"
        "<DocumentReference Source='/d.fdoc'/></FixedDocumentSequence>",
        "d.fdoc": "<FixedDocument xmlns='http://schemas.microsoft.com/xps/2005/06'><PageContent Source='/1.fpage'/>"
        "<PageContent Source='/2.fpage'/></FixedDocument>",
        "1.fpage": "<FixedPage xmlns='http://schemas.microsoft.com/xps/2005/06' Width='400' Height='200'/>",
        "2.fpage": "<FixedPage xmlns='http://schemas.microsoft.com/xps/2005/06' Width='400' Height='200'>"
        "<Path Data='M 0,0 L 200,0 200,200 0,200 Z' Fill='#FF0000'/></FixedPage>",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def cbz(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("02.png", picture((0, 0, 255)))
        archive.writestr("01.png", picture())
    return path


FB2 = (
    "<?xml version='1.0' encoding='utf-8'?><FictionBook xmlns='http://www.gribuser.ru/xml/fictionbook/2.0'><description>"
    "<title-info><book-title>"
    "\u0412\u043e\u0439\u043d\u0430 \u0438 \u043c\u0438\u0440</book-title></title-info>"
    "</description><body><section><p>Eh bien, mon prince.</p></section></body></FictionBook>"
)
SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='200' height='100'><text x='10' y='50'>A drawing</text></svg>"


def test_each_format_is_a_document_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "a.fb2").write_text(FB2, encoding="utf-8")
    (tmp_path / "a.svg").write_text(SVG)
    (tmp_path / "a_text.txt").write_text("Some words.")
    (tmp_path / "a.md").write_text("# A Heading\n\nSome *words*.\n")
    (tmp_path / "a.html").write_text("<title>A Page</title><p>Some words.</p>")
    expected: dict[Path, tuple[Kind, str, str, str]] = {
        epub(tmp_path / "a.epub", f"<p>{SENTENCE}</p>"): ("book", "EPUB", "The Long Book", SENTENCE),
        cbz(tmp_path / "my_comic.cbz"): ("book", "CBZ", "my comic", ""),
        xps(tmp_path / "a_print.xps"): ("xps", "XPS", "a print", ""),
        tmp_path / "a.fb2": (
            "book",
            "FB2",
            "\u0412\u043e\u0439\u043d\u0430 \u0438 \u043c\u0438\u0440",
            "Eh bien, mon prince.",
        ),
        tmp_path / "a.svg": ("drawing", "SVG", "A drawing", "A drawing"),
        tmp_path / "a_text.txt": ("text", "text", "a text", "Some words."),
        tmp_path / "a.md": ("text", "Markdown", "A Heading", "A Heading Some words."),
        tmp_path / "a.html": ("text", "HTML", "A Page", "Some words."),
    }
    for path, (kind, form, title, text) in expected.items():
        document, pages = read(path)
        assert (document.kind, document.metadata["format"]) == (kind, form)
        assert words(pages) == text.split()
        assert not [page.problem for page in pages if page.problem]
        is_estimated = form in ("EPUB", "FB2", "text", "Markdown", "HTML")
        assert document.metadata.get("pages") == ("estimated" if is_estimated else None)
        assert document.page_count == len(pages) >= 1
        assert document.title == title


def test_the_pages_of_comics_and_xps_are_drawn_in_order(tmp_path: Path) -> None:
    comic = cbz(tmp_path / "a.cbz")
    for number, colour in ((1, RED), (2, (0, 0, 255))):
        drawn = np.asarray(load_reader("book").render_page(comic, number, longest=60))
        assert drawn.shape == (30, 60, 3) and (drawn == colour).all()
    with load_reader("book").open_document(comic, sha256="0", size=1) as opened:
        assert opened.bitmap_boxes(2).round(3).tolist() == [[0, 0, 1, 1]]
    half = np.asarray(load_reader("xps").render_page(xps(tmp_path / "a.xps"), 2, longest=400))
    assert half.shape == (200, 400, 3)
    assert (half[5:-5, 5:195] == RED).all() and (half[5:-5, 205:-5] == 255).all()
    with pytest.raises(ReadError, match="from 1 to 2"):
        load_reader("xps").render_page(tmp_path / "a.xps", 3, longest=10)


def test_long_texts_are_laid_out_on_the_same_pages_each_time(tmp_path: Path) -> None:
    numbered = [f"word{number}" for number in range(3000)]
    (tmp_path / "a.txt").write_text(" ".join(numbered))
    (tmp_path / "b.html").write_text(f"<p>{' '.join(numbered)}</p>")
    book = epub(
        tmp_path / "a.epub",
        *(f"<h1>Chapter</h1><p>{' '.join(numbered[at : at + 500])}</p>" for at in range(0, 3000, 500)),
    )
    for path in (tmp_path / "a.txt", tmp_path / "b.html", book):
        once, again = read(path), read(path)
        assert once[0].page_count == again[0].page_count >= 6
        assert [page.text.text for page in once[1]] == [page.text.text for page in again[1]]
        assert [word for word in words(once[1]) if word != "Chapter"] == numbered
        with load_reader(identify(path)).open_document(path, sha256="0", size=1) as opened:
            assert [page.number for page in opened.pages(5)] == list(range(5, once[0].page_count + 1))


def test_nothing_of_a_long_line_is_lost_at_the_edge(tmp_path: Path) -> None:
    code = " ".join(f"w{number}" for number in range(60))
    address = "x" * 300
    (tmp_path / "a.txt").write_text(f"{address} {code}")
    (tmp_path / "a.html").write_text(f"<p>{address}</p><pre>{code}</pre>")
    (tmp_path / "a.md").write_text(f"{address}\n\n```\n{code}\n```\n")
    for name in ("a.txt", "a.html", "a.md"):
        found = words(read(tmp_path / name)[1])
        assert "".join(found) == address + code.replace(" ", "")
        assert found[-60:] == code.split()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html"])
def test_texts_are_read_in_the_encoding_they_are_in(tmp_path: Path, name: str, encoding: str) -> None:
    text = "Gr\u00f6\u00dfe \u201cquoted\u201d \u2013 \u00fcn\u00ef"
    (tmp_path / name).write_bytes(text.encode(encoding))
    assert words(read(tmp_path / name)[1]) == text.split()


def test_a_declared_encoding_is_believed_and_an_unknown_one_is_not() -> None:
    declared = decode("<meta charset='windows-1251'>Strasse \u044f".encode("cp1251"))
    assert declared.text.endswith("Strasse \u044f") and not declared.problem
    assert "\u00e9" in decode(b"<meta charset=nonsense>" + "\u00e9".encode()).text


def test_scripts_of_the_world_are_read(tmp_path: Path) -> None:
    text = (
        "\u65e5\u672c\u8a9e \u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u0420\u0443\u0441\u0441\u043a\u0438\u0439"
    )
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert words(read(tmp_path / "a.txt")[1]) == text.split()


REACHING_OUT = """<html><head><base href='file:///'><link rel=stylesheet href='../secret.css'>
<style>@import url('../secret.css'); @import url('file://{folder}/secret.css');
p {{ background: url('{folder}/s.png') }}</style></head>
<body><p>seen</p><img src='s.png'><img src='../s.png'><img src='{folder}/s.png'><img src='file://{folder}/s.png'>
<img src='http://127.0.0.1:9/s.png'><object data='{folder}/s.png'></object><embed src='{folder}/s.png'>
<iframe src='file://{folder}/secret.txt'></iframe><svg xmlns='http://www.w3.org/2000/svg'>
<image href='{folder}/s.png' width='50' height='50'/></svg></body></html>"""
REACHING_SVG = """<svg xmlns='http://www.w3.org/2000/svg'
xmlns:xlink='http://www.w3.org/1999/xlink' width='99' height='99'>
<image xlink:href='file://{folder}/s.png' width='50' height='50'/><image href='s.png' width='9' height='9'/>
<text x='9' y='50'>seen</text></svg>"""
REACHING_FB2 = """<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file://{folder}/secret.txt'>]>
<FictionBook xmlns:l='http://www.w3.org/1999/xlink'><body><section><p>seen &e;</p><image l:href='s.png'/>
<image l:href='file://{folder}/s.png'/></section></body></FictionBook>"""
REACHING_MARKDOWN = "seen\n\n![x](s.png) ![y]({folder}/s.png)\n\n<img src='s.png'>\n"
SOURCES = {"a.svg": REACHING_SVG, "a.fb2": REACHING_FB2, "a.md": REACHING_MARKDOWN}


@pytest.mark.parametrize("name", ["a.html", "a.md", "a.svg", "a.fb2", "a.epub", "a.txt"])
def test_nothing_is_fetched_from_beside_a_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "s.png").write_bytes(picture())
        (place / "secret.css").write_text("p { color: red } p:after { content: 'stolen' }")
        (place / "secret.txt").write_text("stolen")
    source = SOURCES.get(name, REACHING_OUT).format(folder=tmp_path)
    if name == "a.epub":
        epub(folder / name, "<p>seen</p>" + source.partition("<body>")[2].partition("</body>")[0])
    else:
        (folder / name).write_text(source)
    kind = identify(folder / name)
    _, pages = read(folder / name)
    assert "stolen" not in words(pages) and "seen" in " ".join(words(pages))
    for page in pages:
        drawn = np.asarray(load_reader(kind).render_page(folder / name, page.number, longest=300)).astype(int)
        assert not ((drawn[..., 0] > 180) & (drawn[..., 1:].max(-1) < 90)).any()


def test_what_a_web_page_hides_is_no_text_and_pictures_are_their_words(tmp_path: Path) -> None:
    hidden = (
        "<script>var secret</script><noscript>secret</noscript><template>secret</template><div hidden>secret</div>"
        "<p style='display: none'>secret</p><p style='color: white'>secret secret</p>"
        "<p style='font-size: 1px'>secret</p>"
        "<p style='visibility: hidden'>secret</p><!-- secret --><style>.x{color:red}</style><!secret>"
    )
    (tmp_path / "a.html").write_text(f"<body>{hidden}<p>seen <img src='x.png' alt='a cat'> too</p></body>")
    _, pages = read(tmp_path / "a.html")
    assert words(pages) == "seen a cat too".split()
    assert "3 hidden words left out" in pages[0].problem


def test_pictures_inside_html_are_drawn(tmp_path: Path) -> None:
    data = base64.b64encode(picture()).decode()
    (tmp_path / "a.html").write_text(f"<p>one</p><img src='data:image/png;base64,{data}'>")
    drawn = np.asarray(load_reader("text").render_page(tmp_path / "a.html", 1, longest=648))
    assert 1700 < (drawn == RED).all(-1).sum() < 2000  # 80 x 40 pixels of a screen, 96 to the inch
    with load_reader("text").open_document(tmp_path / "a.html", sha256="0", size=1) as opened:
        assert len(opened.bitmap_boxes(1)) == 1


def test_deep_nesting_is_made_shallow() -> None:
    assert sanitize_html("<div>" * 50_000 + "deep").count("<div>") <= 60
    assert "deep" in sanitize_html("<b>" * 50_000 + "deep")
    assert sanitize_markdown(">" * 50_000 + "deep") == ">" * 6 + " deep\n"


def test_deep_texts_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 30_000 + "deep")
    (tmp_path / "b.html").write_text("<blockquote><ul><li>" * 10_000 + "deep")
    (tmp_path / "a.md").write_text(">" * 30_000 + "deep")
    for name in ("a.html", "b.html", "a.md"):
        assert words(read(tmp_path / name)[1])[-1] == "deep"


def test_broken_books_and_texts_have_their_reason(tmp_path: Path) -> None:
    whole = epub(tmp_path / "whole.epub", f"<p>{SENTENCE * 50}</p>").read_bytes()
    contents = {
        "cut.epub": whole[: len(whole) // 2],
        "nothing.epub": b"PK\x03\x04 nothing",
        "empty.cbz": b"PK\x05\x06" + bytes(18),
        "broken.fb2": b"<?xml version='1.0'?><FictionBook><body>",
        "broken.svg": b"<svg><<<",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        try:
            _, pages = read(tmp_path / name)
        except ReadError as error:
            assert str(error)  # noqa: PT017 - broken XML may still be read
        else:
            assert name.startswith("broken") and pages
    with pytest.raises(ReadError) as caught:
        read(tmp_path / "cut.epub")
    assert caught.value.code == "damaged"


def test_an_archive_that_would_unpack_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = epub(tmp_path / "bomb.epub", "<p>x</p>")
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24  # the first entry of the directory: its size unpacked
    content[at : at + 4] = (3_000_000_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ReadError, match="found 3,000,00") as caught:
        read(path)
    assert caught.value.code == "too-large"


def test_a_pdf_named_as_a_text_is_read_as_a_pdf(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(new_pdf("hello").tobytes())
    assert read(tmp_path / "a.txt")[0].kind == "pdf"


def test_a_photo_in_a_comic_is_drawn_as_it_is(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    corners(80, 40).save(buffer, "PNG")
    with zipfile.ZipFile(tmp_path / "a.cbz", "w") as archive:
        archive.writestr("1.png", buffer.getvalue())
    drawn = np.asarray(load_reader("book").render_page(tmp_path / "a.cbz", 1, longest=80))
    assert drawn[5, 5].tolist() == [255, 0, 0] and drawn[-5, -5].tolist() == [255, 255, 255]
