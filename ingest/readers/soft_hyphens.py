"""Removes soft hyphens that a PDF names but does not draw: browsers write each place where a word may be broken.

Must be called with `pagelens.ingest.readers.mupdf.LOCK` held.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import zip_longest
from math import inf
from operator import attrgetter
from typing import Any, NamedTuple

from pagelens.ingest.readers.mupdf import TEXT_FLAGS, MuPdfWord, pymupdf

SOFT_HYPHEN = "\xad"
MIN_ADVANCE = 0.1  # of the type size: how far what follows a drawn hyphen stands from where the hyphen begins


class _Hyphen(NamedTuple):
    y: float  # of its middle and its left edge, in points before the page's rotation
    x: float
    is_drawn: bool


def without_undrawn_hyphens(mupdf_page: Any, words: Sequence[MuPdfWord]) -> list[MuPdfWord]:
    """Return the words of a page without the soft hyphens on which the next letter stands; those drawn stay."""
    if not any(SOFT_HYPHEN in word[4] for word in words):
        return list(words)
    hyphens = sorted(_hyphens(mupdf_page, [word[:4] for word in words if SOFT_HYPHEN in word[4]]))
    return [(*word[:4], _visible(word, hyphens), *word[5:]) if SOFT_HYPHEN in word[4] else word for word in words]


def _visible(word: MuPdfWord, hyphens: Sequence[_Hyphen]) -> str:
    """Return the word's text without soft hyphens that are not drawn; as it is where they cannot be matched."""
    x0, y0, x1, y1, text = word[:5]
    level = hyphens[bisect_left(hyphens, (y0,)) : bisect_right(hyphens, (y1, inf))]
    inside = sorted((hyphen for hyphen in level if x0 <= hyphen.x <= x1), key=attrgetter("x"))
    first, *parts = text.split(SOFT_HYPHEN)
    if len(inside) != len(parts):
        return text
    return first + "".join(
        (SOFT_HYPHEN if hyphen.is_drawn else "") + part for hyphen, part in zip(inside, parts, strict=True)
    )


def _hyphens(mupdf_page: Any, boxes: Sequence[tuple[float, float, float, float]]) -> list[_Hyphen]:
    """Return the soft hyphens of the page's lines that lie in one of the boxes in part."""
    text_page = mupdf_page.get_textpage(flags=TEXT_FLAGS).this
    return [
        hyphen
        for block in text_page
        if block.m_internal.type == pymupdf.mupdf.FZ_STEXT_BLOCK_TEXT
        for line in block
        if _touches(line.m_internal.bbox, boxes)
        for hyphen in _hyphens_of_line(line, text_page)
    ]


def _touches(area: Any, boxes: Sequence[tuple[float, float, float, float]]) -> bool:
    left, top, right, bottom = area.x0, area.y0, area.x1, area.y1
    return any(x0 <= right and x1 >= left and y0 <= bottom and y1 >= top for x0, y0, x1, y1 in boxes)


def _hyphens_of_line(line: Any, text_page: Any) -> list[_Hyphen]:
    mupdf = pymupdf.mupdf
    content: dict[str, Any] = {}  # as in PyMuPDF's "rawdict", which takes longer: it has all lines of a page
    area = mupdf.FzRect(text_page.m_internal.mediabox)
    pymupdf.JM_make_spanlist(content, line, True, mupdf.fz_new_buffer(128), area)
    chars = [(char, span["size"]) for span in content["spans"] for char in span["chars"]]
    hyphens: list[_Hyphen] = []
    for (char, size), following in zip_longest(chars, chars[1:]):
        if char["c"] == SOFT_HYPHEN:
            is_drawn = following is None or _distance(char, following[0]) >= MIN_ADVANCE * size
            x0, y0, _, y1 = char["bbox"]
            hyphens.append(_Hyphen(y=(y0 + y1) / 2, x=x0, is_drawn=is_drawn))
    return hyphens


def _distance(char: Any, following: Any) -> float:
    (x, y), (next_x, next_y) = char["origin"], following["origin"]
    return abs(float(next_x - x)) + abs(float(next_y - y))
