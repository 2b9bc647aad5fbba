"""A page's words to passages."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pagelens.core.errors import UsageError
from pagelens.core.keys import MAX_PASSAGES
from pagelens.core.protocols import TokenCounter
from pagelens.core.types import Document, PageText, Passage, no_text
from pagelens.ingest.text.page_text import Word, assemble_text
from pagelens.ingest.text.passages import passage_input, passage_inputs, passage_prefix, split_into_passages


def one_each(texts: Sequence[str]) -> list[int]:
    return [1] * len(texts)


def by_length(texts: Sequence[str]) -> list[int]:
    """As many tokens as characters: some words are long."""
    return [len(text) for text in texts]


def page(text: str) -> PageText:
    """Return a page whose blocks and lines are those of the text."""
    words = [
        Word(word, 0.1, 0.1, 0.2, 0.2, at, line)
        for at, block in enumerate(text.split("\n\n"))
        for line, words in enumerate(block.split("\n"))
        for word in words.split()
    ]
    made = assemble_text(words)
    assert made.text == text
    return made


def texts_of(text: PageText, passages: list[Passage]) -> list[str]:
    return [text.text[passage.start : passage.end] for passage in passages]


any_page = st.lists(
    st.tuples(st.text("abcdefgh.!?", min_size=1, max_size=12), st.integers(0, 9)), min_size=1, max_size=120
).map(
    lambda words: assemble_text(
        [Word(word, 0.1, 0.1, 0.2, 0.2, at // 40, at // (gap + 1)) for at, (word, gap) in enumerate(words)]
    )
)
sizes = st.integers(1, 40).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@settings(max_examples=300)
@given(any_page, sizes, st.sampled_from([one_each, by_length]))
@example(page("?\n????????????\n?\na"), (14, 13), by_length)  # the first passage fits into the overlap
@example(page("a b c d e f g h\n\ni j k l m n o p"), (10, 9), one_each)  # the best end is the last passage's
def test_passages_hold_every_word_in_order_and_keep_to_their_size(
    text: PageText, limits: tuple[int, int], count: TokenCounter
) -> None:
    size, overlap = limits
    passages = split_into_passages(text, count, size=size, overlap=overlap)
    starts, ends = text.spans[:, 0].tolist(), text.spans[:, 1].tolist()
    ranges = [(starts.index(passage.start), ends.index(passage.end) + 1) for passage in passages]  # whole words
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert {word for first, end in ranges for word in range(first, end)} == set(range(len(starts)))
    for first, end in ranges:
        tokens = sum(count([text.text[starts[at] : ends[at]] for at in range(first, end)]))
        assert end > first
        assert tokens <= size or end == first + 1
    for (before, reached), (first, end) in pairwise(ranges):
        assert before < first <= reached < end
        assert sum(count([text.text[starts[at] : ends[at]] for at in range(first, reached)])) <= overlap
    assert split_into_passages(text, count, size=size, overlap=overlap) == passages


def test_a_page_that_fits_is_one_passage_and_an_empty_page_none() -> None:
    text = page("One two three.\nFour five.")
    assert texts_of(text, split_into_passages(text, one_each)) == ["One two three.\nFour five."]
    assert split_into_passages(no_text(), one_each) == []


@pytest.mark.parametrize(
    ("text", "passages"),
    [
        ("aa bb cc dd ee ff\n\ngg hh. Ii jj", ["aa bb cc dd ee ff", "gg hh. Ii jj"]),
        ("aa bb cc dd ee ff. Gg\nhh ii jj kk ll", ["aa bb cc dd ee ff.", "Gg\nhh ii jj kk ll"]),
        ("aa bb cc dd ee ff\ngg hh ii jj kk ll", ["aa bb cc dd ee ff", "gg hh ii jj kk ll"]),
        ("aa bb cc dd ee ff gg hh ii jj kk ll", ["aa bb cc dd ee ff gg hh", "ii jj kk ll"]),
    ],
)
def test_passages_end_with_a_block_else_a_sentence_else_a_line(text: str, passages: list[str]) -> None:
    assert texts_of(page(text), split_into_passages(page(text), one_each, size=8, overlap=0)) == passages


def test_a_passage_begins_with_the_last_sentence_of_the_one_before() -> None:
    text = page("aa bb cc dd. Ee ff gg hh. Ii jj kk ll mm nn. Oo pp")
    found = texts_of(text, split_into_passages(text, one_each, size=9, overlap=6))
    assert found == ["aa bb cc dd. Ee ff gg hh.", "Ee ff gg hh. Ii jj kk ll mm", "Ii jj kk ll mm nn. Oo pp"]


@pytest.mark.parametrize("word", ["Dr.", "e.g.", "J.", "fig.", "(cf."])
def test_a_dot_after_an_abbreviation_ends_no_sentence(word: str) -> None:
    text = page(f"aa bb cc dd ee {word} Smith hh ii jj")
    assert texts_of(text, split_into_passages(text, one_each, size=8, overlap=0)) == [
        f"aa bb cc dd ee {word} Smith hh",
        "ii jj",
    ]


def test_a_dot_before_a_small_letter_ends_no_sentence() -> None:
    text = page("aa bb cc dd ee ff. gg hh ii jj")
    assert texts_of(text, split_into_passages(text, one_each, size=8, overlap=0)) == [
        "aa bb cc dd ee ff. gg hh",
        "ii jj",
    ]


def test_a_word_longer_than_a_passage_stands_alone() -> None:
    text = page(f"a b {'x' * 50} c d")
    assert texts_of(text, split_into_passages(text, by_length, size=10, overlap=2)) == ["a b", "x" * 50, "c d"]


def test_a_page_of_very_many_words_has_no_more_passages_than_its_key_can_count() -> None:
    text = assemble_text([Word("w", 0.1, 0.1, 0.2, 0.2, 0, at // 10) for at in range(3 * MAX_PASSAGES)])
    passages = split_into_passages(text, one_each, size=2, overlap=1)
    assert len(passages) <= MAX_PASSAGES
    assert (passages[0].start, passages[-1].end) == (0, len(text.text))


def test_each_different_word_is_counted_once() -> None:
    counted_texts: list[str] = []

    def count(texts: Sequence[str]) -> list[int]:
        counted_texts.extend(texts)
        return one_each(texts)

    split_into_passages(page("to be or not to be"), count)
    assert counted_texts == ["to", "be", "or", "not"]


@pytest.mark.parametrize(("size", "overlap"), [(0, 0), (10, 10), (10, -1)])
def test_windows_that_cannot_be_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(UsageError, match="overlap < size"):
        split_into_passages(page("a b"), one_each, size=size, overlap=overlap)


def test_a_word_broken_at_a_line_end_is_encoded_whole() -> None:
    text = page("a report on con-\ntamination near the\ntannery")
    document = Document(sha256="0", kind="pdf", title="Wells", page_count=1, size=1)
    whole, part = Passage(0, 0, len(text.text)), Passage(1, 12, len(text.text))
    assert passage_inputs(document, text, [whole, part]) == (
        "Wells\na report on contamination near the\ntannery",
        "Wells\ncontamination near the\ntannery",
    )


def test_a_passage_is_encoded_after_its_title() -> None:
    assert passage_input("A Title", "some text") == "A Title\nsome text"
    assert passage_input("", "some text") == "some text"
    assert passage_prefix("7c3f6204b3241f142f0f8eb8e1fefe7a") == ""
    assert passage_prefix("Introduction") == "Introduction\n"
    assert len(passage_prefix("word " * 60)) <= 121
    assert len(passage_prefix("x" * 300)) == 121
