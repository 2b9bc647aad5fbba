import pytest

from pagelens.ingest.readers import gap_words as module
from pagelens.ingest.readers.gap_words import GAP, gap_words, loses_gaps
from pagelens.ingest.readers.mupdf import LOCK, pymupdf
from pagelens.ingest.readers.mupdf_page import page_text, page_words
from tests.ingest.readers.letter_pages import letter_page

CHINESE = dict(zip("abcdefgh", "键盘布局配置文件", strict=True))
THAI = dict(zip("abcdefghi", "กรมทางปลา", strict=True))
KOREAN = dict(zip("abcd", "키보드를", strict=True))


def read(content: str, letters: dict[str, str]) -> list[str]:
    page = letter_page(f"BT /helv 10 Tf 50 700 Td {content} ET", letters)
    with LOCK:
        return [word[4] for word in page_words(page)]


def spread(text: str, gap: float) -> str:
    """The operators that draw letters with a gap between each two, in type sizes."""
    return f" {-1000 * gap} ".join(f"({letter})" for letter in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("keyboard", False),
        ("naïve Größe", False),
        ("ไทย", True),
        ("ລາວ", True),
        ("का", False),
        ("thể", True),
        ("한국어", True),
        ("ქართული", True),
        ("日本語", True),
        ("あ", True),
    ],
)
def test_scripts_in_which_mupdf_finds_no_gaps(text: str, expected: bool) -> None:
    assert loses_gaps(text) == expected


@pytest.mark.parametrize(
    ("first", "second"), [("thể", "có"), ("키보드", "모델"), ("ბეჭდვა", "აქ"), ("กรม", "ประเทศ"), ("键盘", "文件")]
)
def test_words_in_files_without_blanks_are_parted_at_their_gaps(first: str, second: str) -> None:
    letters = dict(zip("abcdefghijkl", first + second, strict=False))
    one, other = "".join(letters)[: len(first)], "".join(letters)[len(first) :]
    assert read(f"[({one}) -300 ({other})] TJ 0 -20 Td ({one}) Tj", letters) == [first, second, first]


def test_words_in_files_with_blanks_are_mupdfs() -> None:
    letters = {"a": "t", "b": "h", "c": "ể", "d": "c", "e": "ó", " ": " "}
    page = letter_page("BT /helv 12 Tf 50 700 Td (abc de) Tj ET", letters)
    with LOCK:
        words = page_words(page)
        assert words == [word[:7] for word in page.get_text("words", flags=pymupdf.TEXT_PRESERVE_WHITESPACE)]
    assert [word[4] for word in words] == ["thể", "có"]


@pytest.mark.parametrize(("gap", "count"), [(GAP - 0.01, 1), (GAP + 0.01, 2)])
def test_a_gap_wider_than_the_limit_parts_words(gap: float, count: int) -> None:
    assert GAP == 0.15
    assert len(read(f"[(abc) {-1000 * gap} (d)] TJ", KOREAN)) == count


def test_latin_words_in_chinese_have_blanks_on_both_sides_where_gaps_are_blanks() -> None:
    assert read("[(ab) -250 (X Y) -250 (cd)] TJ", CHINESE | {" ": "-"}) == ["键盘", "X-Y", "布局"]
    with LOCK:
        page = letter_page("BT /helv 10 Tf 50 700 Td [(ab) -250 (XY) -250 (cd)] TJ ET", CHINESE)
        assert page_text(page, page_words(page))[0].text == "键盘 XY 布局"


def test_letters_of_a_justified_line_are_spread_and_blanks_are_wider() -> None:
    line = f"[{spread('abcdefgh', 0.22)} -800 (XY) -1600 {spread('abcd', 0.22)}] TJ"
    assert read(line, CHINESE) == ["键盘布局配置文件", "XY", "键盘布局"]


def test_thai_words_of_a_justified_line_are_spread_and_blanks_are_wider() -> None:
    line = "[(abc) -500 (def) -500 (ghi) -500 (abc) -500 (def) -900 (ghi) -500 (abc)] TJ"
    assert read(line, THAI) == ["กรมทางปลากรมทาง", "ปลากรม"]


@pytest.mark.parametrize(("spread_gaps", "words"), [(3, 4), (4, 1)])
def test_letter_spacing_is_what_many_letters_have(spread_gaps: int, words: int) -> None:
    assert module.MIN_SPACED == 4
    line = f"[{spread('abcdefgh'[: spread_gaps + 1], 0.3)}] TJ"
    assert len(read(line, CHINESE)) == words


@pytest.mark.parametrize(("letters", "words"), [(29, 5), (31, 6)])
def test_gaps_of_few_letters_of_a_long_line_are_blanks(letters: int, words: int) -> None:
    assert module.SPACED_SHARE == 0.15
    gaps = words - 1
    line = f"[{spread('a' * (gaps + 1), 0.3)} 0 ({'a' * (letters - gaps - 1)})] TJ"
    found = read(line, CHINESE)
    assert len(found) == (1 if gaps >= round(0.15 * (letters - 1)) else words)


def test_boxes_are_those_of_the_letters() -> None:
    page = letter_page("BT /helv 10 Tf 50 700 Td [(ab) -500 (cd)] TJ ET", CHINESE)
    with LOCK:
        (x0, *_), (x1, *_) = gap_words(page)
        whole = page.get_text("words")[0]
    assert x0 == pytest.approx(50)
    assert x1 == pytest.approx(50 + 10 * (2 * 0.556 + 0.5), abs=0.1)
    assert whole[0] == x0
