"""Lines of pages that are no statements and are never quoted: running headers, tables of contents, spaced letters."""

import re
from collections import Counter
from collections.abc import Sequence

from pagelens.core.types import ContextPage, PageText
from pagelens.generate.extractive.candidates import Candidate

MARGIN = 0.09  # of a page's height at its top and bottom, where headers and footers stand
MAX_HEADER_WORDS = 12
MIN_LETTERS = 4  # single letters in a row of words that are a heading set with spaces
LETTERS_SHARE = 0.6  # of a candidate's words that are single letters, from which it is such a heading
MIN_LABELS = 8  # words of letters in a run of labels
MAX_LABELS = 12  # words of labels behind a line that introduces them, if nothing parts them
LOWER_SHARE = 0.25  # of them that begin with a small letter, below which they are labels
MIN_CONTENTS = 4  # lines that end in a page's number, from which a page headed "Contents" is a table of contents

_LEADERS = re.compile(r"\.{4,}|(?:\. ){4,}|…{2,}|(?:_ ?){5,}")
_ENDS_IN_NUMBER = re.compile(r"\S\s+\d{1,4}\s*$", re.MULTILINE)
_CONTENTS = re.compile(
    r"^\W*(?:table of )?contents\W*$|^\W*(?:inhalt(?:sverzeichnis)?|inhoud(?:sopgave)?|table des matières|sommaire"
    r"|índice|sumário|indice|sommario|содержание|оглавление|目录|目次|차례|목차|المحتويات|فهرس)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_DIGITS = re.compile(r"\d+")
_SEPARATED = re.compile(r"[,;•●▪·]")
_STOP = re.compile(r"[.!?…。！？]\W*$")


def statements(
    pages: Sequence[ContextPage], candidates: Sequence[tuple[int, Candidate]]
) -> list[tuple[int, Candidate]]:
    """Return the candidates, each with the index of its page, that may be quoted."""
    headers = _running_headers(pages, candidates)
    contents = {number for number, page in enumerate(pages) if is_table_of_contents(page.text.text)}
    return [
        (number, candidate)
        for number, candidate in candidates
        if not (is_debris(candidate.text, row=candidate.header is not None) or (number, candidate.start) in headers)
        and not (
            candidate.header is None
            and (
                not candidate.lead
                or (len(candidate.text.split()) > MAX_LABELS and not _SEPARATED.search(candidate.text))
            )
            and is_label_run(candidate.text)
        )
        and not (number in contents and _ENDS_IN_NUMBER.search(candidate.text))
    ]


def is_debris(text: str, *, row: bool = False) -> bool:
    """Return whether a text is letters set with spaces, an entry of contents with leaders, or labels without a word.

    A `row` of a table that has column names may be of numbers only.
    """
    words = text.split()
    single = sum(len(word) == 1 and word.isalpha() and word.isascii() for word in words)
    spaced = single >= MIN_LETTERS and single >= LETTERS_SHARE * len(words)
    wordless = not row and not any(char.isalpha() for char in text)
    return spaced or wordless or _LEADERS.search(text) is not None


def is_label_run(text: str) -> bool:
    """Return whether a text is labels of a chart or heads of columns in a row, and no sentence: many words with
    capitals, hardly one without."""
    words = [word for word in text.split() if any(map(str.isalpha, word))]
    if len(words) < MIN_LABELS or _STOP.search(text):
        return False
    return sum(word[:1].islower() for word in words) < LOWER_SHARE * len(words)


def is_table_of_contents(text: str) -> bool:
    """Return whether a page's text is a table of contents."""
    return _CONTENTS.search(text) is not None and len(_ENDS_IN_NUMBER.findall(text)) >= MIN_CONTENTS


def _running_headers(pages: Sequence[ContextPage], candidates: Sequence[tuple[int, Candidate]]) -> set[tuple[int, int]]:
    """Return page and start of short lines in the margin that stand on two pages of a document, numbers apart."""
    lines: dict[tuple[int, int], tuple[str, str]] = {}
    for number, candidate in candidates:
        is_short = len(candidate.text.split()) <= MAX_HEADER_WORDS and not _STOP.search(candidate.text)
        if is_short and _in_margin(pages[number], candidate):
            lines[number, candidate.start] = (pages[number].ref.path, _DIGITS.sub("0", candidate.text.casefold()))
    places = Counter(line for (_, line) in {(number, line) for (number, _), line in lines.items()})
    return {
        place
        for place, line in lines.items()
        if places[line] > 1 or line[1] == _DIGITS.sub("0", pages[place[0]].title.casefold())
    }


def margin_text(text: PageText) -> str:
    """Return the words at a page's top and bottom, where headers and footers stand."""
    inside = (text.boxes[:, 3] < MARGIN) | (text.boxes[:, 1] > 1 - MARGIN)
    return " ".join(text.text[start:end] for start, end in text.spans[inside].tolist())


def _in_margin(page: ContextPage, candidate: Candidate) -> bool:
    boxes = page.text.boxes_of(candidate.start, candidate.end)
    return bool(boxes) and (all(box.y1 < MARGIN for box in boxes) or all(box.y0 > 1 - MARGIN for box in boxes))
