"""Text that continues on the next page: detection, and the continuations of pages that a search found.

Two pages belong together where a sentence or the rows of a table continue. Running titles and page numbers at the edges
of the pages are ignored. Where the words leave it open the answer is no: bullet points on slides have no full stop
either. Everything is computed from the stored text at query time; nothing is stored for it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from typing import NamedTuple

from pagelens.core.keys import document_of, number_of
from pagelens.core.types import Evidence, PageText
from pagelens.index.catalog.reads import PageRow
from pagelens.index.reader import Snapshot

CONTINUED_HITS = 2  # how many of the best hits `add_continuation_pages` extends

_EDGE_LINES = 4  # lines at a page's edge that are searched for running titles and page numbers
_BODY_LINES = 2  # next to the page break that are compared
_MIN_PROSE_WORDS = 4  # a line of prose has at least so many words
_MIN_TABLE_FIGURES = 2  # a table row has at least so many numbers

_SENTENCE_END = re.compile(r"[.!?…:;。！？।؟۔](?:[\"'’”»)\]]|\[\d+\])*$")
_PAGE_NUMBER = re.compile(r"(?i)^(?:page|p\.?|seite)?\W*(?:\d{1,4}|[ivxlc]+)\W*(?:(?:of|/|\|)\s*\d+)?$")
_LINE = re.compile(r"[^\n]*\S")
_NUMBER = re.compile(r"^[(\-–+]?[$€£¥]?\d[\d.,:/]*[%)]?$")


@dataclass(frozen=True, slots=True)
class Continuation:
    """Numbers of the neighbouring pages that share a sentence or a table with a page; None where there is none."""

    continued_from: int | None = None
    continues_on: int | None = None


class Span(NamedTuple):
    """A half-open range of a page's text."""

    start: int
    end: int


def find_continuations(
    snapshot: Snapshot, found: Sequence[tuple[PageRow, Sequence[Evidence]]]
) -> dict[int, Continuation]:
    """Return by page key the continuations that matter to each page's evidence.

    A neighbouring page is read only where a quote reaches into the page's first or last passage.
    """
    edges = {page.key: _quoted_edges(page, evidence) for page, evidence in found}
    return _continuations(snapshot, [page for page, _ in found], edges)


def add_continuation_pages(
    snapshot: Snapshot, ranked: Sequence[int], pages: Mapping[int, PageRow], *, k: int, last_page: int | None
) -> dict[int, PageRow]:
    """Return at most `k` pages by key: the ranked ones in order, each of the best followed by the page it continues on.

    The added pages replace those ranked last. None is added whose number is greater than `last_page`.
    """
    best = [pages[key] for key in ranked[:CONTINUED_HITS]]
    edges = {page.key: _Edges(first=False, last=True) for page in best}
    following = {key: one.continues_on for key, one in _continuations(snapshot, best, edges).items()}
    added = {
        key: key + 1 for key, number in following.items() if number is not None and number <= (last_page or number)
    }
    rows = {**pages, **snapshot.pages(list(added.values()))}
    order = dict.fromkeys(chain.from_iterable((key, added[key]) if key in added else (key,) for key in ranked))
    return {key: rows[key] for key in list(order)[:k]}


class _Edges(NamedTuple):
    """Which ends of a page are to be compared with the neighbouring page."""

    first: bool
    last: bool


def _quoted_edges(page: PageRow, evidence: Sequence[Evidence]) -> _Edges:
    """Return whether a quote reaches into the page's first passage, and into its last."""
    quotes = [item for item in evidence if item.quote]
    spans = [passage for passage in page.passages if passage.end > passage.start]
    if not spans:
        return _Edges(False, False)
    return _Edges(any(item.start < spans[0].end for item in quotes), any(item.end > spans[-1].start for item in quotes))


def _continuations(
    snapshot: Snapshot, pages: Sequence[PageRow], edges: Mapping[int, _Edges]
) -> dict[int, Continuation]:
    """Return each page's continuations by page key; only the given edges are looked at."""
    keys = {page.key - 1 for page in pages if edges[page.key].first}
    keys |= {page.key + 1 for page in pages if edges[page.key].last}
    neighbours = snapshot.pages(sorted(key for key in keys if number_of(key))) if keys else {}
    result = {}
    for page in pages:
        before = neighbours.get(page.key - 1) if edges[page.key].first else None
        after = neighbours.get(page.key + 1) if edges[page.key].last else None
        assert all(other is None or document_of(other.key) == document_of(page.key) for other in (before, after))
        result[page.key] = Continuation(
            continued_from=before.number if before is not None and find_continuation(before.text, page.text) else None,
            continues_on=after.number if after is not None and find_continuation(page.text, after.text) else None,
        )
    return result


def find_continuation(page: PageText, following: PageText) -> Span | None:
    """Return the span of the following page's text that continues the text of `page`, without running titles.

    None where the text of `page` ends with the page, or where that cannot be decided.
    """
    last = _body_lines(page.text, _last_lines(page.text), following.text, _last_lines(following.text))
    first = _body_lines(following.text, _first_lines(following.text), page.text, _first_lines(page.text))
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
    """Return at most two lines, ordered from the page's edge inwards, without the running titles that both pages have
    there."""
    repeated = {_normalized(other[line.start : line.end]) for line in other_lines[:_EDGE_LINES]}

    def is_running_title(line: Span) -> bool:
        content = text[line.start : line.end]
        return bool(_PAGE_NUMBER.match(content)) or _normalized(content) in repeated

    first = sum(1 for _ in takewhile(is_running_title, lines[:_EDGE_LINES]))
    return lines[first : first + _BODY_LINES]


def _normalized(line: str) -> str:
    """Return a line without what varies between the pages of a running title: digits, punctuation, case."""
    return re.sub(r"\d+|\W+", " ", line).strip().casefold()


def _first_lines(text: str) -> list[Span]:
    """Return the first lines of a text that are not blank, from the first one on."""
    return [Span(*match.span()) for match in islice(_LINE.finditer(text), _EDGE_LINES + _BODY_LINES)]


def _last_lines(text: str) -> list[Span]:
    """Return the last lines of a text that are not blank, from the last one on."""
    lines, end = list[Span](), len(text)
    while end >= 0 and len(lines) < _EDGE_LINES + _BODY_LINES:
        start = text.rfind("\n", 0, end) + 1
        if line := text[start:end].rstrip():
            lines.append(Span(start, start + len(line)))
        end = start - 1
    return lines
