"""What a document is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.ingest.text.titles import (
    MAX_TITLE_CHARACTERS,
    SizedLine,
    is_usable_title,
    readable_name,
    single_line,
    title_from_largest_type,
)


@pytest.mark.parametrize(
    "title",
    [
        "Annual Report 2020",
        "Exhibit 300: Capital Asset Plan",
        "Introduction",
        "年次報告書",
        "Übersicht über die Lage",
        "Presentation of the results",
        "Untangling knots",
        "Scanning electron microscopy of beetles",
    ],
)
def test_a_title_that_people_would_use_is_usable(title: str) -> None:
    assert is_usable_title(title)


@pytest.mark.parametrize(
    "title",
    [
        "",
        "   ",
        "untitled",
        "Untitled Document",
        "Microsoft Word - report final.doc",
        "Microsoft PowerPoint - x",
        "PowerPoint Presentation",
        "Document1",
        "Slide 1",
        "brochure_final_v3.indd",
        "thesis.dvi",
        "C:\\temp\\print",
        "7c3f6204b3241f142f0f8eb8e1fefe7a",
        "tmp1234",
        "xqzw",
        "ab",
        "12/03/2020 14:22",
        "bad \ufffd\ufffd title",
        "scan0001",
    ],
)
def test_defaults_file_names_and_identifiers_are_no_titles(title: str) -> None:
    assert not is_usable_title(title)


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("annual_report_2020", "annual report 2020"),
        ("annual-report-2020", "annual report 2020"),
        ("PG_2020.03.09_US-Germany_FINAL", "PG 2020.03.09 US-Germany FINAL"),
        ("2020-05-03", "2020-05-03"),
        ("some.dotted.name", "some dotted name"),
        ("big-data-120723191058-phpapp02_95", "big data"),
        ("IMG_1234", "IMG 1234"),
        ("Ελληνικά αρχεία", "Ελληνικά αρχεία"),
        ("___", "untitled"),
        ("bytes\udcff", "bytes\ufffd"),
    ],
)
def test_a_file_name_becomes_readable(stem: str, name: str) -> None:
    assert readable_name(stem) == name


@given(st.text(st.characters(exclude_categories=[])))
def test_any_name_becomes_one_line_that_can_be_stored(stem: str) -> None:
    name = readable_name(stem)
    assert 0 < len(name) <= MAX_TITLE_CHARACTERS and "\n" not in name
    name.encode()


def test_a_long_title_is_cut_at_a_word() -> None:
    assert single_line("word " * 100) == ("word " * 40).strip()
    assert len(single_line("x" * 500)) == MAX_TITLE_CHARACTERS


def page(*lines: tuple[str, float, float]) -> list[SizedLine]:
    body = [SizedLine("All of this is the body of the page, set small.", 10, 0.5 + at / 100) for at in range(20)]
    return [SizedLine(text, size, top) for text, size, top in lines] + body


def test_the_largest_type_near_the_top_is_the_title() -> None:
    lines = page(
        ("Journal of Tests", 12, 0.02), ("A Study of", 20, 0.1), ("Things", 20, 0.13), ("By Ann Onymous", 24, 0.2)
    )
    assert title_from_largest_type(lines) == "A Study of Things"


def test_a_hyphenated_word_of_a_title_becomes_whole_and_a_compound_keeps_its_hyphen() -> None:
    assert (
        title_from_largest_type(page(("REASONING VIA AB-", 20, 0.1), ("STRACTION", 20, 0.13)))
        == "REASONING VIA ABSTRACTION"
    )
    assert title_from_largest_type(page(("A long intro-", 20, 0.1), ("duction", 20, 0.13))) == "A long introduction"
    assert (
        title_from_largest_type(page(("Guided Multi-", 20, 0.1), ("Hop Checking", 20, 0.13)))
        == "Guided Multi-Hop Checking"
    )


def test_short_numeric_and_contents_headings_give_way_to_the_next_size() -> None:
    lines = page(("2024", 60, 0.1), ("T", 50, 0.1), ("Contents", 40, 0.2), ("The Real Title", 20, 0.3))
    assert title_from_largest_type(lines) == "The Real Title"


def test_large_type_far_down_is_the_title_only_where_the_top_has_none() -> None:
    assert title_from_largest_type(page(("Human Health", 40, 0.8))) == "Human Health"
    assert title_from_largest_type(page(("Human Health", 40, 0.8), ("Climate Change", 20, 0.1))) == "Climate Change"


def test_a_page_in_one_size_has_no_title_unless_it_holds_nothing_else() -> None:
    assert title_from_largest_type(page()) is None
    assert title_from_largest_type([]) is None
    assert title_from_largest_type([SizedLine("2024 Camry", 14, 0.86)]) == "2024 Camry"
