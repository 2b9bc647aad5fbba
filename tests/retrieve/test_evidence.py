"""Evidence is a passage of the page's own words, and its boxes are those of these words."""

import random
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.types import PageText, Passage
from pagelens.index.lexical.word_terms import analyze_words
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.retrieve.evidence import QUOTE_WORDS, SNAP_WORDS, find_quote
from tests.index.fixtures import page_text

FILLER = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor".split()


def long_page(sentence: str, before: int = 120, after: int = 120) -> PageText:
    words = [FILLER[i % len(FILLER)] for i in range(before)]
    words[-1] += "."
    rest = [FILLER[i % len(FILLER)] for i in range(after)]
    return page_text(" ".join([*words, sentence, *rest]))


def test_the_quote_holds_the_rare_words_of_the_query_wherever_they_stand() -> None:
    text = long_page("The northern breakwater was finished in September.")
    found = find_quote(text, {"breakwat": 3.0, "finish": 2.0, "dolor": 0.1}, analyze_words)
    assert found is not None
    assert "The northern breakwater was finished in September." in found.quote
    assert text.text[found.start : found.end] == found.quote


def test_the_boxes_are_those_of_the_quoted_words() -> None:
    text = page_text("one two three four")
    found = find_quote(text, {"three": 1.0}, analyze_words)
    assert found is not None
    assert (found.start, found.end) == (0, 18)
    [box] = found.boxes
    assert np.allclose(box, (0.0, 0.1, 1.0, 0.2), atol=1e-4)


def test_without_any_word_of_the_query_the_passage_found_is_quoted() -> None:
    text = long_page("The northern breakwater was finished in September.")
    start = text.text.index("The northern")
    found = find_quote(text, {"limpet": 1.0}, analyze_words, passage=Passage(3, start, start + 40))
    assert found is not None
    assert found.quote.startswith("The northern breakwater")


def test_a_word_broken_at_a_line_end_is_found_and_both_its_parts_are_marked() -> None:
    lines = ("A report on con-", "tamination near the old tannery")
    words = [Word(word, 0.1, y, 0.9, y + 0.1, 0, y) for y, line in enumerate(lines) for word in line.split()]
    text = assemble_text(words, height=9)
    found = find_quote(text, {"contamin": 3.0}, analyze_words)
    assert found is not None and found.quote == "A report on contamination near the old tannery"
    assert text.text[found.start : found.end] == text.text
    assert len(found.boxes) == 2


def test_a_quote_has_no_blank_between_chinese_or_japanese_characters() -> None:
    texts = [("会費は毎年", 0, 0), ("五千円とする。", 0, 1), ("規則は次に定める。", 1, 2)]
    words = [Word(text, 0.1, 0.1 * line, 0.9, 0.1 * line + 0.05, block, line) for text, block, line in texts]
    quote = find_quote(assemble_text(words), {"円": 1.0}, analyze_words)
    assert quote is not None and quote.quote.startswith("会費は毎年五千円とする。")
    assert not any(character.isspace() for character in quote.quote)


def test_a_page_without_words_has_no_quote() -> None:
    assert (
        find_quote(
            PageText(text="", spans=np.zeros((0, 2), np.int32), boxes=np.zeros((0, 4), np.float32)),
            {"a": 1},
            analyze_words,
        )
        is None
    )


@given(st.lists(st.sampled_from([*FILLER, "limpet", "limpet.", "tide!"]), min_size=1, max_size=300))
def test_a_quote_is_exact_whole_words_and_short(words: list[str]) -> None:
    text = page_text(" ".join(words))
    found = find_quote(text, {"limpet": 2.0, "tide": 1.0}, analyze_words)
    assert found is not None
    assert found.quote == text.text[found.start : found.end]
    assert found.start in text.spans[:, 0]
    assert found.end in text.spans[:, 1]
    assert len(found.quote.split()) <= QUOTE_WORDS + 2 * SNAP_WORDS
    if any("limpet" in word for word in words):
        assert "limpet" in found.quote


def test_of_two_windows_with_the_same_terms_the_first_is_quoted_whatever_order_they_stand_in() -> None:
    rng = random.Random(0)
    for _ in range(40):
        terms = {f"zq{number}x": rng.random() for number in rng.sample(range(300), 24)}
        words = [*terms, *["filler"] * 60, *reversed(terms)]
        spans = np.cumsum([0, *(len(word) + 1 for word in words)])
        text = PageText(
            text=" ".join(words),
            spans=np.array([(start, end - 1) for start, end in pairwise(spans)], np.int32),
            boxes=np.tile(np.array([[0.1, 0.1, 0.2, 0.2]], np.float32), (len(words), 1)),
        )
        found = find_quote(text, terms, lambda given: {word: [word] for word in given})
        assert found is not None and found.start == 0
