import pytest

from pagelens.ingest.readers.autospace import MAX_GAP, draws_blanks, without_autospace
from pagelens.ingest.readers.mupdf import LOCK, MuPdfWord
from pagelens.ingest.readers.mupdf_page import page_words
from tests.ingest.readers.letter_pages import letter_page

CHINESE = {"a": "键", "b": "盘", "c": "布", "d": "局"}
KOREAN = {"a": "키", "b": "보", "c": "드", "d": "를"}


def word(text: str, x0: float, x1: float, *, line: int = 0, top: float = 0) -> MuPdfWord:
    return x0, top, x1, top + 10, text, 0, line


def read(content: str, letters: dict[str, str]) -> list[str]:
    page = letter_page(f"BT /helv 10 Tf 50 700 Td {content} ET", letters | {" ": " "})
    with LOCK:
        return [word[4] for word in page_words(page)]


def test_gaps_beside_chinese_and_korean_letters_are_no_blanks_in_a_file_that_draws_blanks() -> None:
    gap = "[(ab XY) -250 (cd) -250 (ab) -250 (Z) -250 (c XY Z)] TJ"
    assert read(gap, CHINESE) == ["键盘", "XY布局键盘Z布", "XY", "Z"]
    assert read("[(abc XY) -250 (d XY) -250 (d ab)] TJ", KOREAN) == ["키보드", "XY를", "XY를", "키보"]


def test_gaps_between_latin_words_stay_blanks() -> None:
    assert read("[(ab XY) -250 (ZW XY XY)] TJ", CHINESE) == ["键盘", "XY", "ZW", "XY", "XY"]


@pytest.mark.parametrize(("gap", "count"), [(MAX_GAP - 0.01, 1), (MAX_GAP + 0.01, 2)])
def test_a_wide_gap_parts_words(gap: float, count: int) -> None:
    assert MAX_GAP == 0.4
    words = [word("键盘", 0, 20), word("XY", 20 + 10 * gap, 40)]
    whole = without_autospace(words, [word("键盘XY", 0, 40)])
    assert len(whole) == count
    assert whole[0][:4] == ((0, 0, 40, 10) if count == 1 else words[0][:4])


def test_words_that_mupdf_orders_otherwise_stay_as_they_are() -> None:
    words = [word("键盘", 0, 20), word("XY", 22, 40)]
    assert without_autospace(words, [word("XY键盘", 0, 40)]) == words
    assert without_autospace(words, [word("键盘", 0, 20)]) == words


def test_a_file_draws_blanks_where_half_of_its_words_are_parted_by_them() -> None:
    words = [word("ab", 20 * n, 20 * n + 15) for n in range(5)]  # four blanks or gaps
    assert [draws_blanks(words, words[:count]) for count in (1, 2, 3, 5)] == [False, False, True, True]
    assert not draws_blanks([word("ab", 0, 15)], [word("ab", 0, 15)])
