"""Sentences: where they begin and end, and that no word is lost."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.core.types import PageText, no_text
from pagelens.generate.sentences import MAX_CHARACTERS, MAX_WORDS, split_sentences
from tests.generate.pages import set_page


def units(text: PageText) -> list[str]:
    return [text.text[item.start : item.end].replace("\n", " ") for item in split_sentences(text)]


def shapes(text: PageText) -> list[str]:
    return [item.shape for item in split_sentences(text)]


@pytest.mark.parametrize(
    "sentence",
    [
        "The U.S. Department of Energy paid 3.5 million dollars.",
        "See Fig. 3 and Eqs. 4 to 6 for the curve.",
        "Exports were worth Rs. 52.47 crore as against Rs. 41 crore.",
        "Dr. Smith and Mr. J. R. Jones met Prof. Lee.",
        "Some metals, e.g. Iron and Nickel, rust; cf. Brown et al. (2022).",
        "The case Roe vs. Wade was heard at 9 a.m. on Monday.",
        "It grew by 2.4% (approx. 1,200 units) in Jan. 2020.",
        "Acme Inc. Holdings owns St. Mary's hospital, No. 5 on the list.",
        "He waited... and waited.",
        "The file is at www.example.org/a.b and weighs 1.5 MB.",
        "“Is it safe?” asked the inspector.",
    ],
)
def test_an_abbreviation_or_a_decimal_does_not_end_a_sentence(sentence: str) -> None:
    assert units(set_page(f"{sentence} Then came the rain.")) == [sentence, "Then came the rain."]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("He lives in the U.S.", "The house is old."),
        ("It was sold by Acme Inc.", "In 2019 it was bought back."),
        ("She wrote “It is done.”", "Nobody answered."),
        ("Maps come from the cloud.13", "Voice comes from the car."),
        ("Is it over?", "(Not yet.)"),
        ("It works!", "2019 was better."),
    ],
)
def test_a_sentence_ends_where_the_next_word_begins_one(first: str, second: str) -> None:
    assert units(set_page(f"{first} {second}")) == [first, second]


def test_a_sentence_runs_over_line_breaks_and_a_span_holds_them_exactly() -> None:
    text = set_page("The warranty lasts five years from the day on which\nthe pump was bought. Keep the receipt safe.")
    first, second = split_sentences(text)
    assert text.text[first.start : first.end] == (
        "The warranty lasts five years from the day on which\nthe pump was bought."
    )
    assert text.text[second.start : second.end] == "Keep the receipt safe."


def test_a_sentence_runs_on_into_the_next_block_where_the_reader_parted_every_line() -> None:
    lines = ["Take advantage of simple and convenient tools", "that are made for everyday life. Trial periods differ."]
    text = set_page("\n".join(lines))
    parted = PageText(text=text.text.replace("\n", "\n\n"), spans=text.spans + _shift(text), boxes=text.boxes)
    assert (
        units(parted)[0].split()
        == "Take advantage of simple and convenient tools that are made for everyday life.".split()
    )


def _shift(text: PageText) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    after = text.spans[:, :1] > text.text.index("\n")
    return np.repeat(after.astype(np.int32), 2, axis=1)


def test_headings_list_items_and_rows_are_units_of_their_own() -> None:
    text = set_page(
        """Service

Replace the filter every six months. It costs little.

What the box holds
• The pump itself
• Two spare filters
• A manual

Item | 2019 | 2020
Pumps sold | 1,200 | 1,350
Filters sold | 9,100 | 9,800"""
    )
    assert units(text) == [
        "Service",
        "Replace the filter every six months.",
        "It costs little.",
        "What the box holds",
        "• The pump itself",
        "• Two spare filters",
        "• A manual",
        "Item 2019 2020",
        "Pumps sold 1,200 1,350",
        "Filters sold 9,100 9,800",
    ]
    assert shapes(text)[0] == shapes(text)[3] == "heading"
    assert shapes(text)[1:3] == ["sentence"] * 2
    assert shapes(text)[-3:] == ["row"] * 3


def test_pieces_of_a_line_that_stand_side_by_side_are_one_line_again() -> None:
    text = set_page("4.2 | Results of the trial\n\nAll was well.")
    assert "\n" in text.text[: text.text.index("Results")]
    assert units(text) == ["4.2 Results of the trial", "All was well."]


def test_a_column_of_names_is_a_list_under_its_first_line() -> None:
    text = set_page("Committee\n\nAda Byron\n\nGrace Hopper\n\nAlan Turing\n\nThey met twice in May.")
    assert shapes(text) == ["heading", "item", "item", "heading", "sentence"]
    assert len(units(text)) == 5


def test_a_number_at_the_start_of_a_line_is_no_sentence() -> None:
    assert units(set_page("2. Board of Directors")) == ["2. Board of Directors"]


def test_chinese_sentences_end_at_their_own_full_stop() -> None:
    assert units(set_page("水泵保修五年。滤芯每六个月更换一次。请保存收据")) == [
        "水泵保修五年。",
        "滤芯每六个月更换一次。",
        "请保存收据",
    ]


def test_a_sentence_without_end_is_cut_at_a_clause() -> None:
    clause = "and so the tale went on and on without any rest for anyone who listened;"
    found = units(set_page(" ".join([clause] * 12)))
    assert all(unit.endswith(";") and len(unit.split()) <= MAX_WORDS for unit in found)
    assert " ".join(found) == " ".join([clause] * 12)


def test_no_sentence_has_more_than_sixty_words() -> None:
    found = units(set_page(" ".join(["so"] * 150)))
    assert [len(unit.split()) for unit in found] == [60, 60, 30]


def test_a_page_without_words_has_no_sentences() -> None:
    assert split_sentences(no_text()) == []


_words = st.one_of(
    st.sampled_from(
        "The a of Dr. U.S. e.g. 3.5 12 (b) • … ... No. end. end.” Really? 45% : ; well, - 7) I. et al. 。 ".split()
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12).filter(
        lambda word: len(word.split()) == 1 and word == word.strip()
    ),
    st.integers(190, 900).map(lambda length: "x" * length),
)


@st.composite
def page_texts(draw: st.DrawFn) -> PageText:
    """Words with any joints between them, and any boxes."""
    words = draw(st.lists(_words, max_size=140))
    joints = draw(st.lists(st.sampled_from([" ", " ", " ", "\n", "\n\n"]), min_size=len(words), max_size=len(words)))
    text, spans = "", []
    for word, joint in zip(words, joints, strict=True):
        spans.append((len(text), len(text) + len(word)))
        text += word + joint
    corners = draw(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4))
    steps = np.arange(len(words), dtype=np.float32)[:, None] * draw(st.sampled_from([0.0, 0.01, 0.05]))
    boxes = np.sort(np.clip(np.array(corners, np.float32)[None] + steps, 0, 1).reshape(-1, 2, 2), axis=1).reshape(-1, 4)
    return PageText(text=text.rstrip(), spans=np.array(spans, np.int32).reshape(-1, 2), boxes=boxes.astype(np.float32))


@settings(max_examples=150, deadline=None)
@given(page_texts())
def test_sentences_are_in_order_disjoint_short_and_hold_every_word(text: PageText) -> None:
    found = split_sentences(text)
    covered = np.zeros(len(text.text) + 1, np.int32)
    for item in found:
        assert 0 <= item.start < item.end <= len(text.text)
        covered[item.start : item.end] += 1
        inside = text.text[item.start : item.end]
        assert inside == inside.strip()
        assert len(inside.split()) <= MAX_WORDS
        assert len(inside) <= MAX_CHARACTERS
    assert covered.max(initial=0) <= 1
    assert [item.start for item in found] == sorted(item.start for item in found)
    for start, end in text.spans:
        assert covered[start:end].all(), text.text[start:end]
