"""Filters: which documents and pages they select."""

import unicodedata
from datetime import datetime, timedelta

import numpy as np
import pytest

from pagelens.core.keys import page_key
from pagelens.core.types import DATE_UNCERTAINTY, ONE_DAY, Document, Filters
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.selection import path_matches, select_pages

DATE = datetime(2024, 5, 1, 12, 30)
MOMENT = timedelta(microseconds=1)
ROWS = [
    DocumentRow(
        1,
        Document(sha256="a" * 64, kind="pdf", title="dated", page_count=3, size=100, date=DATE),
        ("reports/dated.pdf",),
    ),
    DocumentRow(2, Document(sha256="b" * 64, kind="pdf", title="undated", page_count=2, size=100), ("undated.pdf",)),
]


def selected(filters: Filters) -> list[int]:
    selection = select_pages(ROWS, filters)
    return [row.key for row in ROWS if selection is None or selection.has(row.key)]


def test_no_filters_select_everything() -> None:
    assert select_pages(ROWS, Filters()) is None


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (DATE, None, [1]),
        (DATE + MOMENT, None, []),
        (None, DATE, [1]),
        (None, DATE - MOMENT, []),
        (DATE, DATE, [1]),
    ],
)
def test_both_ends_of_a_date_range_are_included_and_undated_documents_are_not(
    since: datetime | None, until: datetime | None, expected: list[int]
) -> None:
    assert selected(Filters(since=since, until=until)) == expected


def test_both_ends_of_a_page_range_are_included() -> None:
    selection = select_pages(ROWS, Filters(first_page=2, last_page=3))
    assert selection is not None
    pages = np.array([page_key(1, number) for number in (1, 2, 3, 4)], np.int64)
    assert selection.mask(pages).tolist() == [False, True, True, False]
    assert selection.count({row.key: row for row in ROWS}) == 2 + 1


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("reports/2024/a.pdf", "*.pdf", True),
        ("reports/2024/a.pdf", "2024/*", True),
        ("reports/2024/a.pdf", "/2024/*", False),
        ("reports/2024/a.pdf", "reports", True),
        ("reports/2024/a.pdf", "report", False),
        ("reports/2024/a.pdf", "./reports/2024/", True),
        ("reports/trip 2024/a.pdf", "*2024*", True),
        ("old.zip / trip 2024/a.pdf", "old.*", True),
        ("reports/2024/a.pdf", "*2023*", False),
    ],
)
def test_a_pattern_is_compared_with_the_name_the_end_of_the_path_or_a_folder(
    path: str, pattern: str, expected: bool
) -> None:
    assert path_matches(path, pattern) is expected


def test_a_glob_for_what_is_removed_is_compared_with_file_names_alone() -> None:
    assert not path_matches("/home/ada/old 2024/a.pdf", "*2024*", in_folders=False)
    assert path_matches("/home/ada/2024/a-2024.pdf", "*2024*", in_folders=False)


PHOTO = DocumentRow(
    3,
    Document(
        sha256="c" * 64,
        kind="photo",
        title="photo",
        page_count=1,
        size=100,
        date=DATE,
        metadata={"keywords": "Průhonice; rybník", "people": "Zoë Müller; Søren Ågård", DATE_UNCERTAINTY: ONE_DAY},
    ),
    ("/a/Été à Müritz/IMG_1.JPG",),
)


def selects_photo(**conditions: object) -> bool:
    selection = select_pages([PHOTO], Filters(**conditions))  # type: ignore[arg-type]
    return selection is None or selection.has(PHOTO.key)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("keywords", "Pruhonice"),
        ("KEYWORDS", "průhonice"),
        ("keywords", unicodedata.normalize("NFD", "Průhonice")),
        ("people", "Zoe Muller"),
        ("people", "soren*"),
    ],
)
def test_metadata_is_compared_without_case_accents_and_unicode_form(key: str, value: str) -> None:
    assert selects_photo(metadata={key: value})
    assert not selects_photo(metadata={key: value + "x" if "*" not in value else "x" + value})


@pytest.mark.parametrize("glob", ["*.jpg", "ete a muritz", unicodedata.normalize("NFD", "Été à Müritz/*")])
def test_paths_are_compared_without_case_accents_and_unicode_form(glob: str) -> None:
    assert selects_photo(paths=[glob])
    assert not selects_photo(paths=["x" + glob])
    assert not path_matches(PHOTO.path, glob), "names of documents to be forgotten are exact"


def test_a_date_without_a_known_zone_matches_wherever_it_may_have_been() -> None:
    assert selects_photo(since=DATE + timedelta(hours=14))
    assert not selects_photo(since=DATE + timedelta(hours=14) + MOMENT)
    assert selects_photo(until=DATE - timedelta(hours=12))
    assert not selects_photo(until=DATE - timedelta(hours=12) - MOMENT)
