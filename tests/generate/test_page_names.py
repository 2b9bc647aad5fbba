"""Names of pages: printed labels, and labels that say where a page is."""

import pytest

from pagelens.api.cli import terminal
from pagelens.core.types import PageRef
from pagelens.generate.answer_text import page_name


@pytest.mark.parametrize(
    ("label", "described"),
    [
        (None, ""),
        ("2", ""),
        ("iv", " (printed iv)"),
        ("sheet Budget, row 4", " (sheet Budget, row 4)"),
        ("a\x1b[31mb", " (printed ab)"),
    ],
)
def test_a_label_is_said_where_it_says_more_than_the_number(label: str | None, described: str) -> None:
    ref = PageRef("costs.xlsx", 2)
    assert page_name(ref, label) == f"Page 2{described}"
    assert terminal.page_name(ref, label, "costs.xlsx") == f"costs.xlsx p.2{described}"
