"""Words that are broken at line ends: which are whole, which keep their hyphen, and where their letters stand."""

import numpy as np
import pytest

from pagelens.core.types import PageText, TokenVectors
from pagelens.core.word_breaks import (
    join_broken_words,
    join_cjk_lines,
    join_with_offsets,
    join_words_of_line,
    other_forms,
    whole_words,
    word_breaks,
)


def page(text: str) -> PageText:
    """Return a page with these words, each line below the other."""
    spans, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        spans.append((at, at + len(word)))
        at += len(word)
    lines = [text.count("\n", 0, start) for start, _ in spans]
    boxes = [(0.1, line / 10, 0.2, line / 10 + 0.05) for line in lines]
    return PageText(text=text, spans=np.array(spans, np.int32), boxes=np.array(boxes, np.float32))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a report on con-\ntamination here", "a report on contamination here"),
        ("a con\u00ad\ntamination, a con\u2010\ntamination", "a contamination, a contamination"),
        ("CON-\nTAMINATION", "CONTAMINATION"),
        ("con- \n  tamination", "contamination"),
        ("at the foot con-\n\ntamination of the next column", "at the foot contamination of the next column"),
        ("con-\ntam-\nination", "contamination"),
        ("Grundwasser-\nstand und Grenz-\nwert", "Grundwasserstand und Grenzwert"),
        ("за-\nгрязнение", "загрязнение"),
    ],
)
def test_a_word_that_is_broken_at_a_line_end_is_joined(text: str, expected: str) -> None:
    assert join_broken_words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a five-\nstar hotel", "a five-star hotel"),
        ("a fire-\nproof door, no other fire-proof door", "a fire-proof door, no other fire-proof door"),
        ("Jean-\nPaul, T-\nshirt, US-\nbased", "Jean-Paul, T-shirt, US-based"),
        ("COVID-\n19 and a 10-\nyear plan", "COVID-19 and a 10-year plan"),
        ("chain-of-\nthought, step-\nby-step", "chain-of-thought, step-by-step"),
        ("an oil lamp and a burner: the lamp-\nburner", "an oil lamp and a burner: the lamp-burner"),
    ],
)
def test_a_hyphen_that_belongs_to_the_word_stays(text: str, expected: str) -> None:
    assert join_broken_words(text) == expected


UNBROKEN = ("short-\nand long-term", "Ein-\nund Ausgabe", "Quarter-\n\nResults", "a -\nb", "line\nline", "1999 –\n2001")


@pytest.mark.parametrize("text", [*UNBROKEN, "pages 12-\n14"])
def test_other_line_ends_stay(text: str) -> None:
    assert join_broken_words(text) == text and word_breaks(text) == ()


def test_the_pages_other_words_decide_before_any_rule() -> None:
    assert join_broken_words("self-\nservice; Selfservice") == "selfservice; Selfservice"
    assert join_broken_words("light-\nhouse, a light, a house, a lighthouse").startswith("lighthouse,")
    assert join_broken_words("short-\nage") == "shortage"  # a suffix, although "short" makes compounds
    assert join_broken_words("the low-\nest") == "the lowest"
    assert join_broken_words("a long-\nbow") == "a longbow"  # fewer letters than any such compound has


@pytest.mark.parametrize(
    ("others", "decides"),
    [
        ("lampburner", True),
        ("Lampburner,", True),
        ("oil-lampburner", True),
        ("lampburner\u2010oil", True),
        ("lampburners", False),
        ("oillampburner", False),
        ("lampburner-\ns", False),
        ("oil-\nlampburner", False),
        ("lampburner-\ns lampburner", True),
        ("Straßen lampburner", True),
        ("Straßen lampburners", False),
    ],
)
def test_a_word_of_the_page_decides_where_it_stands_whole_or_as_a_part_that_is_not_broken(
    others: str, decides: bool
) -> None:
    [*_, place] = word_breaks(f"{others} lamp-\nburner")
    assert place.is_certain == decides


def test_a_hyphenated_word_decides_only_where_it_stands_whole() -> None:
    for others, decides in (("lamp-burner", True), ("an oil-lamp-burner", False), ("lamp-burner\u2010set", False)):
        [place] = word_breaks(f"{others} lamp-\nburner")
        assert (place.replacement == "-" and place.is_certain) == decides


def test_parts_of_three_letters_are_words_and_shorter_ones_are_not() -> None:
    assert join_broken_words("sea bed, the sea-\nbed") == "sea bed, the sea-bed"
    assert join_broken_words("in form, to in-\nform") == "in form, to inform"


def test_a_part_of_a_broken_word_is_no_other_word() -> None:
    assert join_broken_words("con-\ntamination con-\ntamination") == "contamination contamination"


def test_where_the_page_decides_nothing_an_index_gets_both_forms() -> None:
    assert other_forms("ground and water: the ground-\nwater") == ["groundwater"]
    assert other_forms("ground-water: the ground-\nwater, con-\ntamination, COVID-\n19") == []


def test_letters_of_a_joined_text_stand_where_the_page_has_them() -> None:
    text = "x con-\ntamination and a five-\nstar hotel"
    whole = join_with_offsets(text, 2, 30)
    assert whole.text == join_broken_words(text, 2, 30) == "contamination and a five-"
    assert join_with_offsets(text, 2).text == "contamination and a five-star hotel"
    for letter, offset in zip(whole.text, whole.offsets, strict=False):
        assert text[offset] == letter
    assert whole.offsets[-1] == 30 and len(whole.offsets) == len(whole.text) + 1


def test_tokens_of_a_joined_text_get_their_spans_on_the_page() -> None:
    text = "con-\ntamination here"
    spans = np.array([(-3, -1), (0, 3), (3, 13), (0, 13), (14, 18)], np.int32)
    placed = join_with_offsets(text).on_page(TokenVectors(np.ones((5, 1), np.float32), spans))
    assert placed.spans.tolist() == [[-1, -1], [0, 3], [5, 15], [0, 15], [16, 20]]


def test_both_parts_of_a_broken_word_are_the_whole_word() -> None:
    assert whole_words(page("on con-\ntamination near")) == ["on", "contamination", "contamination", "near"]
    assert whole_words(page("(con-\ntam-\nination),")) == ["(contamination),"] * 3
    assert whole_words(page("five-\nstar x")) == ["five-", "star", "x"]


def test_words_of_a_line_are_joined_across_blanks() -> None:
    assert join_words_of_line("on con- tamination and con\u00adtamination") == "on contamination and contamination"
    assert join_words_of_line("short- and long-term") == "short- and long-term"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("吾輩は猫で\nある。名前は\nまだ無い。", "吾輩は猫である。名前はまだ無い。"),
        ("本規則於二〇二四\n年一月一日施行", "本規則於二〇二四年一月一日施行"),
        ("表題\n\n本文", "表題\n\n本文"),
        ("第3条\nWindows", "第3条\nWindows"),
        ("회원은 회비를\n납부한다", "회원은 회비를\n납부한다"),  # Korean has blanks between words
    ],
)
def test_lines_of_chinese_and_japanese_are_joined_without_a_blank(text: str, expected: str) -> None:
    assert join_broken_words(text) == expected
    assert word_breaks(text) == ()  # each line stays a word of its own for evidence
    whole = join_with_offsets(text)
    assert "".join(text[at] for at in whole.offsets[:-1].tolist()) == whole.text


def test_line_ends_of_any_number_go_where_a_quote_becomes_one_line() -> None:
    assert join_cjk_lines("会費は\n五千円\n\nとする。 A\nb") == "会費は五千円とする。 A\nb"
    assert join_cjk_lines("山田 太郎") == "山田 太郎"  # a blank of the page itself
