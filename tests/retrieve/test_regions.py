"""Where a search points: a table or chart by its labels, a figure, else the quote without its title."""

import random
from collections.abc import Collection, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.tables.chunks import find_chunks
from pagelens.core.tables.outlines import TableOutline, outline_tables
from pagelens.core.terms import WantedTerms
from pagelens.core.types import Box, PageText
from pagelens.retrieve.evidence import find_quote
from pagelens.retrieve.regions import find_figure, find_region, find_table, without_titles
from tests.generate.pages import LETTER, LINE, analyze, place_lines

PROSE = "The harbour master said that the year was a good one for"
TABLE = [
    [("Cargo", 0.05), ("Tonnes", 0.5)],
    [("Timber", 0.05), ("52", 0.5)],
    [("Grain", 0.05), ("97", 0.5)],
    [("Coal", 0.05), ("11", 0.5)],
]


def analyze_words(words: Collection[str]) -> dict[str, list[str]]:
    return {word: analyze(word) for word in words}


def region_of(query: str, page: PageText, tables: Sequence[TableOutline] | None = None) -> list[Box]:
    wanted = WantedTerms.of(analyze(query))
    weights = dict.fromkeys(wanted.plain, 1.0)
    quote = find_quote(page, weights, analyze_words, forms=wanted.forms)
    assert quote is not None
    return find_region(query, page, quote, wanted, weights, analyze_words, tables)


def report() -> PageText:
    return place_lines([[(PROSE, 0.05)]] * 5 + [[]] * 3 + TABLE)


def test_a_table_that_has_the_querys_words_as_labels_is_shown_whole() -> None:
    (box,) = region_of("tonnes of timber", report())
    top = 0.1 + 8 * LINE
    assert box == pytest.approx((0.05, top, 0.5 + 6 * LETTER, top + 3.75 * LINE), abs=1e-6)


def test_no_table_is_shown_where_the_text_has_twice_as_many_of_the_querys_words() -> None:
    assert region_of("harbour master year timber", report()) == []
    assert region_of("harbour timber", report()) != []


def test_the_figure_is_the_largest_part_without_running_text() -> None:
    page = place_lines([[(PROSE, 0.05)]] * 10)  # down to .295
    box = find_figure("What is the colour of the ship in the picture?", page)
    assert box is not None
    assert (box.x0, box.x1) == pytest.approx((0.04, 0.96), abs=0.02)
    assert (box.y0, box.y1) == pytest.approx((0.295, 0.96), abs=0.02)


def largest_free_area(page: PageText) -> int:
    """Return the most cells of a grid of 60 by 60, but for its edges, that no line touches: by every pair of rows."""
    taken = np.ones((60, 60), bool)
    taken[2:-2, 2:-2] = False
    for chunk in find_chunks(page):
        x0, y0, x1, y1 = (value * 60 for value in chunk.box)
        taken[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    best = 0
    for top in range(60):
        for bottom in range(top + 1, 61):
            edges = np.flatnonzero(taken[top:bottom].any(axis=0))
            widths = np.diff([-1, *edges, 60]) - 1
            best = max(best, int(widths.max()) * (bottom - top))
    return best


@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from((0.02, 0.1, 0.25, 0.4))), max_size=12))
def test_no_part_without_text_is_larger_than_the_figure(lines: list[tuple[int, float]]) -> None:
    rows = sorted({0: 0.02, **dict(lines)}.items())
    page = place_lines([[(PROSE, x)] for _, x in rows], tops=[LINE * row for row, _ in rows])
    box = find_figure("What is in the picture?", page)
    assert box is not None
    assert round(3_600 * (box.x1 - box.x0) * (box.y1 - box.y0)) == largest_free_area(page)


def test_labels_of_a_diagram_are_inside_the_figure() -> None:
    page = place_lines([[(PROSE, 0.05)]] * 10 + [[], [("Pump", 0.3), ("Valve", 0.6)]])
    box = find_figure("Which part does the diagram show?", page)
    assert box is not None and box.y0 < 0.32 and box.y1 > 0.9


def test_no_figure_is_shown_to_a_query_about_none_nor_on_a_page_full_of_text() -> None:
    page = place_lines([[(PROSE, 0.05), (PROSE[:40], 0.66)]] * 43, tops=[0.05 + LINE * row for row in range(43)])
    assert find_figure("What is the colour?", page) is None
    assert find_figure("When was the harbour built?", place_lines([[(PROSE, 0.05)]] * 10)) is None


@pytest.mark.parametrize("query", ["Welche Farbe hat das Schiff?", "Quelle carte est montrée ?", "¿Qué color tiene?"])
def test_figures_are_asked_for_in_several_languages(query: str) -> None:
    assert find_figure(query, place_lines([[(PROSE, 0.05)]] * 10)) is not None


def test_a_title_is_not_pointed_at_unless_it_is_all() -> None:
    page = place_lines([[(PROSE, 0.05)]] * 3)
    title, line = Box(0.05, 0.02, 0.6, 0.08), Box(0.05, 0.1, 0.6, 0.115)
    assert without_titles(page, [title, line]) == [line]
    assert without_titles(page, [title]) == [title]
    assert without_titles(page, [Box(0.05, 0.5, 0.6, 0.56), line]) == [Box(0.05, 0.5, 0.6, 0.56), line]


def test_the_tests_letters_are_as_high_as_they_say() -> None:
    boxes = report().boxes
    assert np.allclose(boxes[:, 3] - boxes[:, 1], 0.75 * LINE)


@pytest.mark.parametrize("query", ["tonnes of timber", "harbour master year timber", "harbour timber", "cargo", "ship"])
def test_stored_outlines_of_tables_show_what_the_page_shows(query: str) -> None:
    page = report()
    assert region_of(query, page, outline_tables(page)) == region_of(query, page)


def test_where_outlines_are_known_the_page_is_not_looked_at() -> None:
    elsewhere = TableOutline("Timber", "", Box(0.1, 0.2, 0.3, 0.4))
    assert region_of("tonnes of timber", report(), [elsewhere]) == [elsewhere.box]
    assert region_of("tonnes of timber", report(), []) == []


def test_of_two_tables_with_the_same_labels_the_same_one_is_always_shown() -> None:
    rng = random.Random(0)
    shown = set()
    for _ in range(100):
        terms = {"".join(rng.choices("bdfgklmnprstvz", k=6)): rng.random() for _ in range(18)}
        rows = [[(term, 0.05), (str(number), 0.5)] for number, term in enumerate(terms, start=20)]
        page = place_lines([*rows, *[[]] * 4, [(PROSE, 0.05)], *[[]] * 4, *reversed(rows)])
        box = find_table(page, WantedTerms.of(list(terms)), terms, analyze_words, least=0.0)
        assert box is not None
        shown.add(round(box.y0, 3))
    assert len(shown) == 1
