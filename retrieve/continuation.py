"""Detect text that continues on the next page: an unfinished sentence or the rows of a table.

Running titles and page numbers at the edges of the pages are ignored. Where the words leave it open the answer is no:
bullet points on slides end without a full stop too.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from pagelens.core.types import PageText

_EDGE_LINES = 4  # lines at a page's edge that are searched for running titles and page numbers
_MIN_PROSE_WORDS = 4  # a line of prose has at least so many words
_MIN_TABLE_FIGURES = 2  # a table row has at least so many numbers

_SENTENCE_END = re.compile(r"[.!?…:;。！？।؟۔](?:[\"'’”»)\]]|\[\d+\])*$")
_PAGE_NUMBER = re.compile(r"(?i)^(?:page|p\.?|seite)?\W*(?:\d{1,4}|[ivxlc]+)\W*(?:(?:of|/|\|)\s*\d+)?$")
_NUMBER = re.compile(r"^[(\-–+]?[$€£¥]?\d[\d.,:/]*[%)]?$")


class Span(NamedTuple):
    """A half-open range of a page's text."""

    start: int
    end: int


def find_continuation(page: PageText, following: PageText) -> Span | None:
    """Return the span of the following page's text that continues the text of `page`, without running titles.

    None where the text of `page` ends with the page, or where that cannot be decided.
    """
    lines, following_lines = _lines(page.text), _lines(following.text)
    last = _body_lines(page.text, lines[::-1], following.text, following_lines[::-1])[:2]
    first = _body_lines(following.text, following_lines, page.text, lines)[:2]
    if not last or not first:
        return None
    ends = [page.text[line.start : line.end] for line in last]
    starts = [following.text[line.start : line.end] for line in first]
    if not (_sentence_continues(ends[0], starts[0]) or _table_continues(ends, starts)):
        return None
    return Span(first[0].start, len(following.text))


def _sentence_continues(end: str, start: str) -> bool:
    """Tell whether the last line has no full stop and the first line does not start a new sentence."""
    if _SENTENCE_END.search(end) or min(len(end.split()), len(start.split())) < _MIN_PROSE_WORDS:
        return False
    return start[0].islower() or end.endswith(",")


def _table_continues(ends: Sequence[str], starts: Sequence[str]) -> bool:
    """Tell whether the two lines on either side of the page break are table rows with equally many numbers."""
    counts = {sum(bool(_NUMBER.match(word)) for word in line.split()) for line in (*ends, *starts)}
    return len(ends) == len(starts) == 2 and len(counts) == 1 and counts.pop() >= _MIN_TABLE_FIGURES


def _body_lines(text: str, lines: Sequence[Span], other: str, other_lines: Sequence[Span]) -> Sequence[Span]:
    """Return the lines, ordered from the page's edge inwards, without those repeated at the same edge of the other page."""
    repeated = {_normalized(other[line.start : line.end]) for line in other_lines[:_EDGE_LINES]}

    def is_running_title(line: Span) -> bool:
        content = text[line.start : line.end]
        return bool(_PAGE_NUMBER.match(content)) or _normalized(content) in repeated

    return lines[sum(1 for _ in takewhile(is_running_title, lines[:_EDGE_LINES])) :]


def _normalized(line: str) -> str:
    """Return a line without what varies between the pages of a running title: digits, punctuation, case."""
    return re.sub(r"\d+|\W+", " ", line).strip().casefold()


def _lines(text: str) -> list[Span]:
    return [Span(match.start(), match.end()) for match in re.finditer(r"[^\n]*\S", text)]
