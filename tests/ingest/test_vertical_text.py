"""Vertical Chinese and Japanese: columns of glyphs to lines."""

from pathlib import Path

import pytest

from pagelens.ingest.readers.pdf.pdf_reader import open_document
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.vertical_text import ALIGNED, BLANK, COLUMN_GAP, PITCH, join_vertical_text
from tests.ingest.files import hand_written_pdf

COLUMNS = ("会員は年会費を納める。", "吾輩は猫である。名前", "はまだ無い。")


def column(text: str, x: float, *, pitch: float = 1.0, top: float = 0.0, shift: float = 0.0) -> list[Word]:
    """Return the glyphs of a column at `x`, `pitch` apart, every other one moved by `shift`; type size 1."""
    places = [(x + shift * (at % 2), top + at * pitch) for at in range(len(text))]
    return [Word(glyph, x, y, x + 1, y + 1, 0, at) for at, (glyph, (x, y)) in enumerate(zip(text, places, strict=True))]


def text_of(*columns: list[Word]) -> str:
    words = [word._replace(line=line) for line, word in enumerate(word for column in columns for word in column)]
    return assemble_text(join_vertical_text(words), width=100, height=100).text


def vertical_pdf(path: Path, *columns: str, encoding: str, ordering: str, step: float) -> Path:
    """Write a page of columns in a font of writing mode 1 (ISO 32000-1, 9.7.4.3) that is not embedded."""
    codes = [text.encode("utf-16-be").hex() for text in columns]
    shown = [f"1 0 0 1 {300 + step * at} 700 Tm <{code}> Tj" for at, code in enumerate(codes)]
    content = f"BT /F 20 Tf {' '.join(shown)} ET"
    name = f"/Type/Font/BaseFont/{ordering}"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 500 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        f"<<{name}/Subtype/Type0/Encoding/{encoding}/DescendantFonts[6 0 R]>>",
        f"<<{name}/Subtype/CIDFontType0/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 2>>/DW 1000"
        "/FontDescriptor 7 0 R>>",
        f"<</Type/FontDescriptor/FontName/{ordering}/Flags 4/FontBBox[0 0 1000 1000]/ItalicAngle 0/StemV 80"
        "/Ascent 800/Descent -200>>",
    ]
    path.write_bytes(hand_written_pdf(objects))
    return path


def read(path: Path) -> str:
    with open_document(path, sha256="0" * 64, size=path.stat().st_size) as opened:
        (page,) = opened.pages(1)
    assert len(page.text.spans) == len(page.text.boxes)
    return page.text.text


@pytest.mark.parametrize("step", [-40, 40])
def test_columns_of_japanese_are_lines_from_right_to_left(tmp_path: Path, step: float) -> None:
    drawn = COLUMNS if step < 0 else COLUMNS[::-1]
    path = vertical_pdf(tmp_path / "x.pdf", *drawn, encoding="UniJIS-UTF16-V", ordering="Japan1", step=step)
    assert read(path).split("\n") == list(COLUMNS)


def test_columns_of_chinese_far_apart_are_paragraphs(tmp_path: Path) -> None:
    columns = ("本規則於二〇二四年施行。", "會員應繳納年費五千元。")
    path = vertical_pdf(tmp_path / "x.pdf", *columns, encoding="UniCNS-UTF16-V", ordering="CNS1", step=-80)
    assert read(path).split("\n\n") == list(columns)


def test_a_line_to_the_right_on_the_same_page_stays_one(tmp_path: Path) -> None:
    beside = Word("横書きの文章", 20, 40, 26, 41, 1, 99)
    assert text_of(column("吾輩は猫", 10), [beside]) == "吾輩は猫\n\n横書きの文章"


def test_numbers_and_rotated_words_stand_in_their_column() -> None:
    words = [*column("平成", 10), Word("30", 10, 2, 11.1, 3.2, 0, 0), *column("年に", 10, top=3.2)]
    words.append(Word("Windows", 10, 5.2, 11, 9.0, 0, 0))
    assert text_of(words, column("を使う", 10, top=9.0)) == "平成30年にWindowsを使う"


def test_each_sentence_of_a_column_has_a_box_of_its_own() -> None:
    (first, second) = join_vertical_text(column("猫である。名前は「無い。」", 10))
    assert (first.text, first.y0, first.y1) == ("猫である。", 0, 5)
    assert (second.text, second.y0, second.y1) == ("名前は「無い。」", 5, 13)


def test_single_characters_in_rows_of_a_table_stay_rows() -> None:
    assert text_of(column("有無有無", 10, pitch=1 + 1.1 * PITCH)) == "有\n無\n有\n無"
    assert text_of(column("有無有無", 10, pitch=1 + 0.9 * PITCH)) == "有無有無"
    assert 0.2 < PITCH < 0.5  # letter-spaced columns have up to a quarter, rows of a table at least a half


def test_glyphs_that_do_not_stand_below_one_another_are_no_column() -> None:
    assert text_of(column("有無有無", 10, shift=1.1 * ALIGNED)) == "有\n無\n有\n無"
    assert text_of(column("有無有無", 10, shift=0.9 * ALIGNED)) == "有無有無"
    assert 0.1 < ALIGNED < 0.5


def test_columns_beside_each_other_are_a_paragraph() -> None:
    right, left = column("吾輩は猫", 10), column("である。", 10 - 1 - 0.9 * COLUMN_GAP)
    assert text_of(left, right) == "吾輩は猫\nである。"
    assert text_of(right, column("である。", 10 - 1 - 1.1 * COLUMN_GAP)) == "吾輩は猫\nである。"
    assert 1.0 < COLUMN_GAP < 2.0


def test_latin_words_below_one_another_are_lines() -> None:
    assert text_of([Word(text, 10, at, 11, at + 1, 0, at) for at, text in enumerate("a b c d".split())]) == "a\nb\nc\nd"


@pytest.mark.parametrize(
    ("gap", "expected"), [(0.9 * BLANK, "設定をCapsLockに移す"), (1.2 * BLANK, "設定を Caps Lock に移す")]
)
def test_blanks_beside_rotated_words_stay(gap: float, expected: str) -> None:
    assert 0.1 <= BLANK <= 0.2  # of the type size: blanks have 0.25, less where a font's box is wider than its glyphs
    top = 3 + gap
    words = column("設定を", 10)
    for text in ("Caps", "Lock"):
        words.append(Word(text, 9.8, top, 10.9, top + 2, 0, 9))
        top += 2 + gap
    assert text_of([*words, *column("に移す", 10, top=top)]) == expected
