"""Words with boxes to a page's text."""

import math
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.ingest.text.page_text import GLYPH_GAP, WORD_GAP, Word, assemble_text, clean_text, visual_lines

coordinates = st.floats(-0.5, 1.5) | st.sampled_from([math.nan, math.inf, -math.inf])
any_word = st.builds(
    Word,
    text=st.text(st.characters(exclude_categories=[]), max_size=12),
    x0=coordinates,
    y0=coordinates,
    x1=coordinates,
    y1=coordinates,
    block=st.integers(0, 3),
    line=st.integers(0, 3),
)


def word(text: str, x0: float = 0.1, x1: float = 0.2, *, y: float = 0.1, block: int = 0, line: int = 0) -> Word:
    return Word(text, x0, y, x1, y + 0.02, block, line)


def test_words_are_joined_by_a_blank_lines_by_a_newline_blocks_by_two() -> None:
    page = assemble_text([word("one"), word("two"), word("three", line=1), word("four", block=1)])
    assert page.text == "one two\nthree\n\nfour"
    assert page.spans.tolist() == [[0, 3], [4, 7], [8, 13], [15, 19]]
    assert page.boxes[0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.12])


@given(st.lists(any_word, max_size=30))
def test_every_span_is_its_word_whatever_comes_in(words: list[Word]) -> None:
    page = assemble_text(words)
    cut = [page.text[start:end] for start, end in page.spans.tolist()]
    assert len(cut) == len(page.boxes)
    assert all(part and not any(character.isspace() for character in part) for part in cut)
    assert "".join(cut) == "".join(page.text.split())
    assert unicodedata.is_normalized("NFC", page.text)
    page.text.encode()  # no lone surrogates: it can be stored and sent
    assert ((page.boxes >= 0) & (page.boxes <= 1)).all()
    assert page.source == ("layer" if cut else "none")


@given(st.text(st.characters(exclude_categories=[])))
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("e\u0301te\u0301", "été"),
        ("ก\u0e4d\u0e32หนด น\u0e4d\u0e49\u0e32 น\u0e49\u0e4d\u0e32", "กำหนด น้ำ น้ำ"),
        ("ນ\u0ecd\u0ec9\u0eb2", "ນ້ຳ"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("\u202bright\u202c", "right"),
        ("bell\x07", "bell"),
        ("half\ud83d", "half\ufffd"),
        ("\uf0b7", ""),  # a bullet of a symbol font
        ("five\xadstar", "five-star"),
        ("hyphen-", "hyphen-"),
        ("日本語", "日本語"),
    ],
)
def test_what_cannot_be_seen_goes_and_what_is_drawn_stays(raw: str, cleaned: str) -> None:
    assert clean_text(raw) == cleaned


def test_a_blank_inside_a_word_parts_it_and_its_box() -> None:
    page = assemble_text([word("ab\u3000cd", 0.0, 0.5)])
    assert page.text == "ab cd"
    assert page.boxes[:, 0].tolist() == pytest.approx([0.0, 0.3])
    assert page.boxes[:, 2].tolist() == pytest.approx([0.2, 0.5])


def test_words_off_the_page_are_dropped_and_those_on_its_edge_are_cut() -> None:
    page = assemble_text([word("gone", -0.3, -0.1), word("cut", -0.1, 0.1), word("in"), word("below", y=1.0)])
    assert page.text == "cut in"
    assert page.boxes[0].tolist() == pytest.approx([0.0, 0.1, 0.1, 0.12])


def test_boxes_are_scaled_by_the_page() -> None:
    page = assemble_text([Word("x", 10, 20, 30, 40, 0, 0)], width=100, height=200)
    assert page.boxes[0].tolist() == pytest.approx([0.1, 0.1, 0.3, 0.2])


def lines_of(*words: Word) -> str:
    return assemble_text(visual_lines(words)).text


def test_pieces_of_a_block_side_by_side_are_one_line() -> None:
    assert lines_of(word("2", 0.1, 0.11, line=0), word("Related", 0.15, 0.25, line=1)) == "2 Related"
    assert lines_of(word("a", line=0), word("b", y=0.13, line=1)) == "a\nb"


def test_side_by_side_in_other_blocks_or_to_the_left_are_lines_of_their_own() -> None:
    assert lines_of(word("left", 0.1, 0.2), word("right", 0.6, 0.7, block=1)) == "left\n\nright"
    assert lines_of(word("second", 0.5, 0.6, line=0), word("first", 0.1, 0.2, line=1)) == "second\nfirst"


def test_upright_lines_beside_each_other_stay_two() -> None:
    upright = [Word("up", 0.10, 0.1, 0.12, 0.4, 0, 0), Word("again", 0.13, 0.1, 0.15, 0.4, 0, 1)]
    assert lines_of(*upright) == "up\nagain"


def spaced(texts: str, gap: float, *, size: float = 0.02) -> str:
    """Return the text of words of one line with `gap` type sizes between them."""
    words, x = [], 0.1
    for text in texts.split():
        words.append(Word(text, x, 0.1, x + size * len(text), 0.1 + size, 0, 0))
        x += size * (len(text) + gap)
    return assemble_text(words).text


@pytest.mark.parametrize(
    ("texts", "gap", "expected"),
    [
        ("会 費 規 定", 0.9 * GLYPH_GAP, "会費規定"),  # letter spacing
        ("会 費 規 定", 1.1 * GLYPH_GAP, "会 費 規 定"),  # cells of a table
        ("会費 規定", 0.9 * WORD_GAP, "会費規定"),
        ("山田 太郎", 1.1 * WORD_GAP, "山田 太郎"),
        ("회 비 규 정", 0.5, "회 비 규 정"),
        ("第 3 条", 0.1, "第 3 条"),
    ],
)
def test_glyphs_of_chinese_and_japanese_that_stand_close_are_joined(texts: str, gap: float, expected: str) -> None:
    assert spaced(texts, gap) == expected
    assert 0.5 < GLYPH_GAP < 1.5 and 0.1 < WORD_GAP < 0.3  # letter spacing, less than two blanks; less than a blank
