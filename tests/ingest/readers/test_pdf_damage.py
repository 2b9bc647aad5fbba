"""PDFs that are locked, cut, empty or broken: a reason, or what can still be read; never a lost neighbour."""

import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pagelens.core.errors import ReadError
from pagelens.core.types import Page
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.pdf_reader import open_document, render_page
from tests.ingest.files import hand_written_pdf, new_pdf, numbered_pages


def read(path: Path) -> list[Page]:
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        return list(opened.pages(1))


def code_of(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read(path)
    with pytest.raises(ReadError):
        render_page(path, 1, longest=100)
    assert str(caught.value)
    return caught.value.code


def test_a_pdf_with_a_password_is_encrypted_and_one_with_an_empty_password_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    method = pymupdf.PDF_ENCRYPT_AES_256
    assert code_of(new_pdf("x").tobytes(encryption=method, user_pw="u", owner_pw="o"), path) == "encrypted"
    path.write_bytes(new_pdf("open").tobytes(encryption=method, user_pw="", owner_pw="o"))
    assert read(path)[0].text.text == "open"


def test_a_pdf_without_pages_says_so(tmp_path: Path) -> None:
    empty = hand_written_pdf(["<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Kids[]/Count 0>>"])
    assert code_of(empty, tmp_path / "x.pdf") == "no-pages"


def test_a_truncated_pdf_is_a_read_error_that_says_damaged(tmp_path: Path) -> None:
    whole = new_pdf(*numbered_pages(8)).tobytes()
    assert code_of(whole[: len(whole) // 50], tmp_path / "x.pdf") == "damaged"
    assert code_of(b"%PDF-1.7\n", tmp_path / "x.pdf") == "damaged"


@pytest.mark.parametrize("count", ["900000", "99999999999", "-3"])
def test_a_page_count_that_cannot_be_is_damage(tmp_path: Path, count: str) -> None:
    page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    lying = hand_written_pdf(["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Kids[3 0 R]/Count {count}>>", page])
    (tmp_path / "x.pdf").write_bytes(lying)
    try:
        assert len(read(tmp_path / "x.pdf")) == 1
    except ReadError as error:
        assert error.code in ("damaged", "no-pages")  # noqa: PT017 - either is right


def test_a_half_pdf_gives_its_first_pages_and_says_which_are_lost(tmp_path: Path) -> None:
    pdf = new_pdf(*numbered_pages(8))
    whole = pdf.tobytes(garbage=0)
    (tmp_path / "x.pdf").write_bytes(whole[: len(whole) // 2])
    pages = read(tmp_path / "x.pdf")
    assert [page.number for page in pages] == list(range(1, 9))
    assert pages[0].text.text.startswith("Page number 1.") and not pages[0].problem
    lost = [page for page in pages if not page.text.text]
    assert lost
    assert all(page.problem for page in lost)


def test_one_bad_page_does_not_lose_the_document(tmp_path: Path) -> None:
    pdf = new_pdf("first", "second", "third", "fourth")
    pdf.update_stream(pdf[1].get_contents()[0], b"BT /F 12 Tf (lost) Tj ET q q garbage [[[ << (unbalanced")
    pdf.xref_set_key(pdf.page_xref(2), "Contents", f"{pdf.page_xref(0)} 0 R")
    (tmp_path / "x.pdf").write_bytes(pdf.tobytes())
    first, second, third, fourth = read(tmp_path / "x.pdf")
    assert (first.text.text, first.problem) == ("first", "")
    assert "damaged" in second.problem
    assert (third.text.text, third.problem) == ("", "the page's content is missing from the file")
    assert (fourth.text.text, fourth.problem) == ("fourth", "")


def test_a_pdf_of_which_no_page_can_be_read_is_damaged(tmp_path: Path) -> None:
    pdf = new_pdf("first", "second")
    for number in range(2):
        pdf.xref_set_key(pdf.page_xref(number), "Contents", "1 0 R")
    assert code_of_reading(pdf.tobytes(), tmp_path / "x.pdf") == "damaged"


def code_of_reading(content: bytes, path: Path) -> str:
    path.write_bytes(content)
    with pytest.raises(ReadError) as caught:
        read(path)
    return caught.value.code


def test_words_without_unicode_values_are_no_text_but_a_problem(tmp_path: Path) -> None:
    # A font of drawn glyphs (Type 3) whose names say nothing, as old scanning software made them.
    font = (
        "<</Type/Font/Subtype/Type3/FontBBox[0 0 750 750]/FontMatrix[.001 0 0 .001 0 0]/FirstChar 17/LastChar 18"
        "/Widths[1000 1000]/CharProcs<</zz1 6 0 R/zz2 6 0 R>>/Encoding<</Type/Encoding/Differences[17/zz1/zz2]>>"
        "/Resources<<>>>>"
    )
    glyph, content = "1000 0 0 0 750 750 d1 0 0 750 750 re f", "BT /F 20 Tf 50 100 Td <1112> Tj ET"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        font,
        f"<</Length {len(glyph)}>>stream\n{glyph}\nendstream",
    ]
    (tmp_path / "x.pdf").write_bytes(hand_written_pdf(objects))
    (page,) = read(tmp_path / "x.pdf")
    assert page.text.text == ""
    assert "Unicode" in page.problem


def test_a_file_that_is_not_there_or_no_pdf_is_a_read_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        read_missing(tmp_path / "nowhere.pdf")
    assert caught.value.code == "vanished"
    assert code_of(b"", tmp_path / "x.pdf") == "empty"
    assert code_of(b"hello", tmp_path / "x.pdf") in ("damaged", "mislabelled")


def read_missing(path: Path) -> None:
    with open_document(path, sha256="", size=0):
        pass


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=40), st.floats(0.3, 1))
def test_whatever_is_broken_there_are_pages_or_a_read_error(
    tmp_path: Path, flips: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(new_pdf(*numbered_pages(3)).tobytes(garbage=0))
    for place, value in flips:
        content[int(place * (len(content) - 1))] = value
    path = tmp_path / "x.pdf"
    path.write_bytes(content[: int(kept * len(content))])
    try:
        pages = read(path)
    except ReadError as error:
        assert str(error)  # noqa: PT017 - both ends are right
    else:
        assert [page.number for page in pages] == list(range(1, len(pages) + 1))


READING = """
import sys
import zlib
from pathlib import Path
from pagelens.ingest.readers.pdf.pdf_reader import open_document

with open_document(Path(sys.argv[1]), sha256="", size=0) as opened:
    assert any(page.problem for page in opened.pages(1))
"""


def test_the_complaints_of_mupdf_are_not_printed(tmp_path: Path) -> None:
    whole = new_pdf(*numbered_pages(8)).tobytes(garbage=0)
    (tmp_path / "x.pdf").write_bytes(whole[: len(whole) // 2])
    ran = subprocess.run(
        [sys.executable, "-c", READING, tmp_path / "x.pdf"], capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("", "")


def test_the_complaints_of_mupdf_do_not_pile_up(tmp_path: Path) -> None:
    whole = new_pdf(*numbered_pages(8)).tobytes(garbage=0)
    (tmp_path / "x.pdf").write_bytes(whole[: len(whole) // 2])
    assert len(read(tmp_path / "x.pdf")) == 8
    assert pymupdf.TOOLS.mupdf_warnings() == ""


HUGE = """
import re, sys
from pathlib import Path
from pagelens.ingest.readers.pdf.pdf_reader import render_page
picture = render_page(Path(sys.argv[1]), 1, longest=60)
print(picture.getpixel((30, 30)), int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the process's memory from /proc")
def test_a_huge_picture_in_a_small_pdf_is_drawn_in_little_memory(tmp_path: Path) -> None:
    side = 14_000  # 588 MB decoded
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(b"\xc8\x00\x64" * side) for _ in range(side)) + packer.flush()
    pdf = new_pdf("")
    number = pdf.get_new_xref()
    pdf.update_object(
        number,
        f"<</Type/XObject/Subtype/Image/Width {side}/Height {side}/ColorSpace/DeviceRGB"
        "/BitsPerComponent 8/Filter/FlateDecode>>",
    )
    pdf.update_stream(number, data, compress=False, new=False)
    content = pdf.get_new_xref()
    pdf.update_object(content, "<<>>")
    pdf.update_stream(content, b"q 595 0 0 842 0 0 cm /Im Do Q")
    pdf.xref_set_key(pdf.page_xref(0), "Resources", f"<</XObject<</Im {number} 0 R>>>>")
    pdf.xref_set_key(pdf.page_xref(0), "Contents", f"{content} 0 R")
    pdf.xref_set_key(number, "Filter", "/FlateDecode")
    pdf.save(tmp_path / "x.pdf")
    ran = subprocess.run([sys.executable, "-c", HUGE, tmp_path / "x.pdf"], capture_output=True, text=True, check=True)
    pixel, _, megabytes = ran.stdout.strip().rpartition(" ")
    assert pixel == "(200, 0, 100)"
    assert int(megabytes) < 300
