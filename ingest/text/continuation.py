"""Whether what a page says goes on on the next: a sentence, or a table's rows. Pure: knows words, no file format.

What stands at the edge of both pages (running titles, page numbers) is looked past. Says no where it cannot tell: the
points of a slide end without a full stop and go nowhere.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from pagelens.core.types import PageText

_EDGE = 4  # lines at a page's edge among which running titles and page numbers are looked for
_PROSE = 4  # words of a line that is taken for prose
_CELLS = 2  # figures of a line that is taken for a table's row

_CLOSED = re.compile(r"[.!?…:;。！？।؟۔](?:[\"'’”»)\]]|\[\d+\])*$")
_NUMBER_ALONE = re.compile(r"(?i)^(?:page|p\.?|seite)?\W*(?:\d{1,4}|[ivxlc]+)\W*(?:(?:of|/|\|)\s*\d+)?$")
_FIGURE = re.compile(r"^[(\-–+]?[$€£¥]?\d[\d.,:/]*[%)]?$")


class Span(NamedTuple):
    """A half-open range of a page's text."""

    start: int
    end: int


def runs_on(page: PageText, following: PageText) -> Span | None:
    """Return the body of the following page, from its first word that is no running title, where the page's text
    goes on with it; None where it ends, or where that cannot be told."""
    lines, others = _lines(page.text), _lines(following.text)
    last = _body(page.text, lines[::-1], following.text, others[::-1])[:2]
    first = _body(following.text, others, page.text, lines)[:2]
    if not last or not first:
        return None
    ends = [page.text[line.start : line.end] for line in last]
    begins = [following.text[line.start : line.end] for line in first]
    if not (_sentence_goes_on(ends[0], begins[0]) or _table_goes_on(ends, begins)):
        return None
    return Span(first[0].start, len(following.text))


def _sentence_goes_on(end: str, begin: str) -> bool:
    """Tell whether a line that is no label ends without a full stop and the other begins as no sentence does."""
    if _CLOSED.search(end) or min(len(end.split()), len(begin.split())) < _PROSE:
        return False
    return begin[0].islower() or end.endswith(",")


def _table_goes_on(ends: Sequence[str], begins: Sequence[str]) -> bool:
    """Tell whether the two lines at either side of the break are rows with as many figures each."""
    counts = {sum(bool(_FIGURE.match(word)) for word in line.split()) for line in (*ends, *begins)}
    return len(ends) == len(begins) == 2 and len(counts) == 1 and counts.pop() >= _CELLS


def _body(text: str, lines: Sequence[Span], other: str, others: Sequence[Span]) -> Sequence[Span]:
    """Return lines from a page's edge inwards, without those that stand at the same edge of the other page too."""
    repeated = {_bare(other[line.start : line.end]) for line in others[:_EDGE]}

    def is_running(line: Span) -> bool:
        words = text[line.start : line.end]
        return bool(_NUMBER_ALONE.match(words)) or _bare(words) in repeated

    return lines[sum(1 for _ in takewhile(is_running, lines[:_EDGE])) :]


def _bare(line: str) -> str:
    """Return a line without what differs in a running title from page to page."""
    return re.sub(r"\d+|\W+", " ", line).strip().casefold()


def _lines(text: str) -> list[Span]:
    return [Span(found.start(), found.end()) for found in re.finditer(r"[^\n]*\S", text)]
