"""The bidirectional algorithm, compared with python-bidi, which has the other way: from reading order to display."""

import bidi
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pagelens.ingest.text.bidirectional import embedding_levels, logical_order, mirrored

ARABIC = "الاشتراك السنوي 1250 دينار للأعضاء."
HEBREW = 'המחיר 250 ש"ח (לא כולל מע"מ) עבור ABC Ltd. (ישראל) בלבד, 10-20 אחוז.'

hebrew = st.sampled_from(["שלום", "עולם", "א"])
arabic = st.sampled_from(["سنة", "دينار", "في"])
number = st.sampled_from(["1250", "14/05/2024", "3.14", "50%", "10-20", "٢٥٠٠", "-7", "$5"])
latin = st.sampled_from(["ABC", "Ltd.", "x", "e-mail"])
part = hebrew | arabic | number | latin
phrase = part | st.builds("({})".format, part) | st.builds("[{} {}]".format, part, part) | st.builds("{},".format, part)
line = st.builds(" ".join, st.lists(phrase, min_size=1, max_size=8))


def displayed(text: str, *, leftwards: bool) -> str:
    return str(bidi.get_display(text, base_dir="R" if leftwards else "L"))


def read_back(shown: str, *, leftwards: bool) -> str:
    """Return a displayed line in reading order; python-bidi does not turn brackets around."""
    return "".join(shown[at] for at, _ in logical_order(shown, leftwards=leftwards))


def reordered(text: str, levels: list[int]) -> str:
    """Apply the rule L2: reverse the runs, highest level first."""
    characters = list(text)
    for level in range(max(levels), 0, -1):
        start = 0
        for at in range(len(text) + 1):
            if at == len(text) or levels[at] < level:
                characters[start:at] = characters[start:at][::-1]
                levels[start:at] = levels[start:at][::-1]
                start = at + 1
    return "".join(characters)


@given(line, st.booleans())
@example(HEBREW, True)
@example("ABC (DEF) שלום", True)
@example("a) שלום (b", False)
def test_levels_are_those_of_another_implementation(text: str, leftwards: bool) -> None:
    assert reordered(text, embedding_levels(text, leftwards=leftwards)) == displayed(text, leftwards=leftwards)


@pytest.mark.parametrize("text", [ARABIC, HEBREW, "النظام Windows Server 2019 (64-bit) فقط، الصفحة 12-15.", "14 במאי."])
def test_a_line_to_the_left_is_read_as_it_was_written(text: str) -> None:
    assert read_back(displayed(text, leftwards=True), leftwards=True) == text


@given(st.lists(hebrew | arabic | number, min_size=1, max_size=6).map(" ".join))
def test_words_and_numbers_of_lines_to_the_left_come_back_in_order(text: str) -> None:
    text = f"שלום {text} עולם"
    again = read_back(displayed(text, leftwards=True), leftwards=True)
    assert displayed(again, leftwards=True) == displayed(text, leftwards=True)  # what is displayed alike is one reading


def test_a_line_to_the_right_keeps_its_order_around_words_to_the_left() -> None:
    text = "The word مرحبا بالعالم means hello."
    assert read_back(displayed(text, leftwards=False), leftwards=False) == text


def test_brackets_are_turned_around_and_back() -> None:
    assert mirrored("(a) [b] «c» ≤") == ")a( ]b[ »c« ≥"
    assert mirrored(mirrored("{x}<y>")) == "{x}<y>"


def test_an_empty_line_has_no_order() -> None:
    assert logical_order("", leftwards=True) == []
