"""Whether a claim stands on a page: numbers by value, names, quotations, and each beside its neighbours."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagelens.core.types import PageText, no_text
from pagelens.generate.citations.checking import CitationChecker, ClaimCheck
from pagelens.generate.citations.numbers import is_rounded, parse_number_words, possible_values, second_year, unit_of
from pagelens.generate.citations.page_words import edit_distance
from tests.generate.pages import analyze, set_page

PAGE = set_page(
    "Annual report\n\n"
    "The ferry company of Oban carried 1,234,567 passengers in 2019, up 4.5% on the year before.\n"
    "Its fleet of twelve ships burned 3.2 million litres of fuel, and two were sold to Norway.\n\n"
    "In 2020 the harbour of Mallaig was closed for nine weeks while a new pier was built by McAllister.\n"
    'The director, Anna Smith, said that "no winter was ever as hard on our crews" as this one.\n\n'
    "Region | 2018 | 2019 | 2020\nIslands | 310 | 402 | 199\nMainland | 27 | 33 | 12"
)


def check(claim: str, page: PageText = PAGE, question: str = "") -> ClaimCheck:
    checker = CitationChecker(analyze)
    return checker.check(claim, checker.read(page), question=question)


@pytest.mark.parametrize(
    "claim",
    [
        "The ferry company of Oban carried 1,234,567 passengers in 2019.",
        "In 2019, 1234567 passengers were carried by the Oban ferry company [1].",
        "The company carried 1.234.567 passengers, 4.5 percent more than the year before.",
        "Its fleet of 12 ships burned 3.2 million litres of fuel.",
        "The fleet of twelve ships burned 3,200,000 litres of fuel.",
        "The harbour of Mallaig was closed for 9 weeks in 2020.",
        "A new pier was built by McAllister",
        "Director Anna Smith said “no winter was ever as hard on our crews”.",
        "The Islands had 402 in 2019",
        "Mainland: 12 in 2020",
    ],
)
def test_what_stands_on_the_page_is_supported(claim: str) -> None:
    found = check(claim)
    assert found.supported and found.missing == [] and found.boxes and PAGE.text[found.start : found.end]


@pytest.mark.parametrize(
    ("claim", "missing"),
    [
        ("The ferry company of Oban carried 1,234,568 passengers in 2019.", ["1,234,568"]),
        ("The ferry company of Perth carried 1,234,567 passengers in 2019.", ["Perth"]),
        ("Its fleet of thirteen ships burned 3.2 million litres of fuel.", ["thirteen"]),
        ("Its fleet of twelve ships burned 3.2 billion litres of fuel.", ["3.2"]),
        ("The harbour of Mallaig was closed for 12 weeks in 2020.", ["12"]),  # stands elsewhere on the page
        ("The director, Anna Mallaig, said that no winter was as hard.", ["Mallaig"]),
        ("Director Anna Smith said “every winter is as hard on our crews”.", ["every winter is as hard on our crews"]),
        ("The ships carry whales across the moon for money and fame", []),
        ("A moon base has cheese", []),
    ],
)
def test_what_does_not_is_not_and_what_is_missing_is_named(claim: str, missing: list[str]) -> None:
    found = check(claim)
    assert not found.supported
    assert list(found.missing) == missing


def test_a_short_claim_is_about_what_the_question_says() -> None:
    question = "For how many weeks was the harbour of Mallaig closed?"
    assert check("9 weeks.", question=question).supported
    assert not check("45 weeks.", question=question).supported
    assert not check("9 weeks.", question="How many litres of fuel did the fleet burn on the moon of Saturn?").supported


def test_the_words_it_rests_on_are_those_of_the_claim() -> None:
    found = check("Two were sold to Norway")
    assert PAGE.text[found.start : found.end] == "two were sold to Norway"
    assert found.boxes == PAGE.boxes_of(found.start, found.end)


def test_a_table_in_millions_says_the_number_without_its_scale() -> None:
    page = set_page("Sales in millions of euros\n\nYear | 2018 | 2019\nIslands | 31.5 | 40.2")
    assert check("Sales on the Islands were 40.2 million euros in 2019", page).supported
    assert not check("Sales on the Islands were 41.2 million euros in 2019", page).supported


@pytest.mark.parametrize(
    ("written", "year"),
    [("2017/18", 2018), ("1999/00", 2000), ("in 2017/19", 0), ("12017/18", 0), ("17/18", 0), ("2017-18", 0)],
)
def test_the_second_year_of_a_fiscal_year_may_be_written_with_two_digits(written: str, year: int) -> None:
    assert second_year(written, len(written) - 2, len(written)) == ({Decimal(year)} if year else set())


def test_a_fiscal_year_is_the_same_in_both_forms() -> None:
    page = set_page("The fleet carried 310 passengers in 2017/18.")
    assert check("The fleet carried 310 passengers in 2017/2018.", page).supported
    assert not check("The fleet carried 310 passengers in 2017/2019.", page).supported
    other = set_page("The fleet carried 310 passengers in 2017/2018.")
    assert check("The fleet carried 310 passengers in 2017/18.", other).supported


def test_a_page_without_words_bears_nothing_out() -> None:
    assert check("The fleet has twelve ships", no_text()) == ClaimCheck(False, 0.0, [], reason="words")
    assert not check("", PAGE).supported and not check("[1]", PAGE).supported


def test_a_word_parted_at_a_lines_end_is_whole() -> None:
    page = set_page("The commis-\nsion of the Euro-\npean states met in Brussels")
    assert check("The European commission met in Brussels", page).supported


# Thresholds: these tests fail if a number in checking.py moves by 0.01. They count where pages are cited together, in
# tables, and for sentences of few words.

WORDS = [f"zq{first}{second}" for first in "abcdefghijklmnoprt" for second in "abcdefghijklmnoprt"]  # no inflections


@pytest.mark.parametrize(("found", "supported"), [(121, True), (119, False)])
def test_six_tenths_of_the_content_words_must_stand_together(found: int, supported: bool) -> None:
    words = WORDS[:200]  # all of one weight: a share of 0.605 or 0.595
    checker = CitationChecker(analyze)
    checked = checker.check(" ".join(words), checker.read(set_page("\n".join(words[:found]))), joint=True)
    assert checked.share == pytest.approx(found / 200)
    assert checked.supported == supported


def missing_by_context(present: Sequence[int], *, joint: bool) -> list[str]:
    """Return what is missing of a claim with a number and eight words, of which the page has only some.

    Word i weighs 1 / (1 + i / 3): 1, .75, .6, .5, .429, .375, .333, .3; together 4.287.
    """
    checker = CitationChecker(analyze)
    page = checker.read(set_page(" ".join(["77", *(WORDS[i] for i in present)])))
    claim, question = (" ".join(["77", *WORDS[:8]]), "") if joint else ("77", " ".join(WORDS[:8]))
    return list(checker.check(claim, page, question=question, joint=joint).missing)


def test_seven_tenths_of_the_words_around_a_number_must_stand_around_it() -> None:
    assert missing_by_context([0, 1, 2, 5, 7], joint=False) == []  # 3.025 of 4.287: 0.7056
    assert missing_by_context([0, 1, 2, 6, 7], joint=False) == ["77"]  # 2.983 of 4.287: 0.6959


def test_half_of_that_is_enough_if_other_pages_are_cited_beside() -> None:
    assert missing_by_context([1, 4, 6], joint=True) == []  # 1.512 of 4.287: 0.3527
    assert missing_by_context([0, 3], joint=True) == ["77"]  # 1.500 of 4.287: 0.3499


def by_ocr(layout: str) -> PageText:
    return replace(set_page(layout), source="ocr")


def test_letters_that_a_machine_misread_are_forgiven_but_never_digits() -> None:
    page = by_ocr("The harbovr of Ma1laig was c1osed for 2O15 hours, said Director Smlth of the cornpany in 2O17")
    assert check("The harbour of Mallaig was closed for 2015 hours", page).supported
    assert not check("The harbour of Mallaig was closed for 2016 hours", page).supported
    assert not check("The harbour of Mallaig was closed for 2015 hours", replace(page, source="layer")).supported


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_a_whole_number_is_the_same_however_its_thousands_are_parted(number: int) -> None:
    plain = str(number)
    for mark in (",", ".", "\u00a0", "\u202f", "'"):
        assert Decimal(number) in possible_values(f"{number:,}".replace(",", mark))
    assert possible_values(plain) == {Decimal(number)}


@settings(deadline=None)
@given(st.integers(0, 999_999), st.integers(1, 99))
def test_decimals_are_read_with_either_mark(whole: int, hundredths: int) -> None:
    value = Decimal(whole) + Decimal(hundredths) / 100
    for written in (f"{whole}.{hundredths:02}", f"{whole},{hundredths:02}", f"{whole:,}.{hundredths:02}"):
        assert value in possible_values(written)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("1,234", [1234]),
        ("1.234", ["1.234", 1234]),
        ("12.05.2020", []),
        ("3.1.2", []),
        ("1,23,456", []),
        ("0.50", ["0.5"]),
        ("1.234.567,8", ["1234567.8"]),
    ],
)
def test_what_may_be_read_two_ways_is_read_both(written: str, values: list[str]) -> None:
    assert possible_values(written) == {Decimal(value) for value in values}


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("twenty five men", 25),
        ("two hundred forty six", 246),
        ("three million", 3_000_000),
        ("one hundred", 100),
        ("ninety nine thousand", 99_000),
        ("one", None),
        ("hundred", None),
        ("men", None),
    ],
)
def test_numbers_in_words(words: str, value: int | None) -> None:
    found, _ = parse_number_words(words.split())
    assert found == (None if value is None else Decimal(value))


@settings(deadline=None)
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_the_edit_distance_is_that_of_its_definition(item: str, other: str) -> None:
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance_of(i - 1, j) + 1,
            distance_of(i, j - 1) + 1,
            distance_of(i - 1, j - 1) + (item[i - 1] != other[j - 1]),
        )

    known: dict[tuple[int, int], int] = {}

    def distance_of(i: int, j: int) -> int:
        if (i, j) not in known:
            known[i, j] = distance(i, j)
        return known[i, j]

    whole = distance_of(len(item), len(other))
    assert edit_distance(item, other, 20) == whole
    assert edit_distance(item, other, 1) == min(whole, 2)


@settings(deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_claim_can_be_checked_against_any_page(claim: str, text: str) -> None:
    found = check(claim, set_page(text))
    assert 0 <= found.share <= 1.0001 and 0 <= found.start <= found.end


@pytest.mark.parametrize(
    ("number", "exact", "rounded"),
    [
        ("1200000", "1234567", True),
        ("1230000", "1234567", True),
        ("1300000", "1234567", False),
        ("1000000", "1234567", False),  # one digit tells too little
        ("1234567", "1234567", False),  # equal is not rounded
        ("0.13", "0.125", True),
        ("1300", "1250", True),
    ],
)
def test_rounding_to_two_digits_or_more_is_recognised(number: str, exact: str, rounded: bool) -> None:
    assert is_rounded(Decimal(number), Decimal(exact)) == rounded


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("14%", "%"),
        ("14 percent", "%"),
        ("14 per cent of", "%"),
        ("14 percentage points", "points"),
        ("14-point lead", "points"),
        ("14 pages", ""),
        ("$14", "$"),
        ("Rs. 14", "₹"),
        ("₹14", "₹"),
    ],
)
def test_percent_and_points_and_currencies_are_units_of_a_number(text: str, unit: str) -> None:
    start = text.index("14")
    assert unit_of(text, start, start + 2) == unit
