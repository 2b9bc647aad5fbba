"""Plain pages: text of Office files laid out without LibreOffice."""

import pytest

from pagelens.core.types import Document
from pagelens.ingest.readers.office.plain_layout import MAX_PAGE_CHARACTERS, PlainPage, opened_plain, split_pages

DOCUMENT = Document(sha256="1" * 64, kind="office", title="", page_count=2, size=1)


def test_text_is_escaped_and_pages_are_counted() -> None:
    pages = [PlainPage(paragraphs=("a <b>bold</b> & more", "next")), PlainPage(paragraphs=("last",), label="x")]
    opened = opened_plain(DOCUMENT, pages)
    first, second = opened.pages(1)
    assert first.text.text == "a <b>bold</b> & more\n\nnext"
    assert (second.number, second.label, second.text.text) == (2, "x", "last")
    assert [page.number for page in opened.pages(2)] == [2]
    assert opened.has_all_words and len(opened.bitmap_boxes(1)) == 0


def test_a_slide_is_wide_and_holds_all_its_text() -> None:
    words = [f"word{number}" for number in range(1500)]
    (page,) = opened_plain(DOCUMENT, [PlainPage(paragraphs=(" ".join(words),), is_slide=True)]).pages(1)
    assert page.text.text.split() == words
    assert page.width > page.height
    assert opened_plain(DOCUMENT, [PlainPage(paragraphs=())]).render_page(1, 100).size[1] == 100


@pytest.mark.parametrize("sizes", [(10,), (2000, 2000, 500), (7000,), (2999, 1, 1)])
def test_pages_hold_so_many_characters(sizes: tuple[int, ...]) -> None:
    paragraphs = [("ab " * size)[:size].strip() or "a" for size in sizes]
    pages = split_pages([paragraphs])
    assert MAX_PAGE_CHARACTERS == 3_000
    assert all(sum(map(len, page)) <= MAX_PAGE_CHARACTERS for page in pages)
    assert " ".join(" ".join(page) for page in pages).split() == " ".join(paragraphs).split()
