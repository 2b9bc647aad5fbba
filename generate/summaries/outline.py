"""The outline of pages without a language model: headings, the sentences that follow them, and sentences with figures.

Every line is quoted word for word, with its page.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.types import Answer, Citation, ContextPage
from pagelens.generate.answer_text import not_found_text, page_name, printable
from pagelens.generate.citations.marks import disarm_marks
from pagelens.generate.citations.numbers import NUMBER, unit_of
from pagelens.generate.extractive.candidates import Candidate, find_candidates
from pagelens.generate.extractive.debris import is_table_of_contents, statements
from pagelens.generate.sentences import split_sentences

MIN_WORDS = 6  # of a sentence that is quoted
_STOP = re.compile(r"[.!?。！？][\"'”’»)]*$")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of the outline: a span of a page."""

    page: int  # index
    start: int
    end: int
    text: str
    heading: str


def outline(pages: Sequence[ContextPage], *, lines: int) -> Answer:
    """Return the outline of pages in their order: at most `lines` lines, two thirds of them headings or lead sentences,
    the rest sentences with most figures."""
    candidates = [(index, item) for index, page in enumerate(pages) for item in find_candidates(page.text)]
    sentences = [
        (index, item)
        for index, item in statements(pages, candidates)
        if len(item.text.split()) >= MIN_WORDS and _STOP.search(item.text) and not item.header
    ]
    figures = _figures(sentences)[: lines // 3]
    leads = _spread(_leads(pages, sentences), lines - len(figures))
    taken = {(line.page, line.start) for line in leads}
    chosen = sorted(
        [*leads, *(line for line in figures if (line.page, line.start) not in taken)],
        key=lambda line: (line.page, line.start),
    )
    citations = _cite(chosen, pages)
    return Answer(
        question="",
        text=_text(pages, chosen, citations) or not_found_text(pages, "the pages hold no sentences"),
        found=bool(citations),
        citations=citations,
        context_pages=[page.ref for page in pages],
        confidence=float(bool(citations)),
        reason="each line is quoted; what matters most was chosen by its place and its figures, not by its sense",
    )


def _leads(pages: Sequence[ContextPage], sentences: Sequence[tuple[int, Candidate]]) -> list[_Line]:
    """Return the first sentence of each page, or those that follow its headings, with the headings."""
    found: list[_Line] = []
    for index, page in enumerate(pages):
        if is_table_of_contents(page.text.text):
            continue
        own = [item for number, item in sentences if number == index]
        starts = [sentence.start for sentence in split_sentences(page.text) if sentence.shape == "heading"]
        following = [next((item for item in own if item.start >= start), None) for start in starts]
        leads = list(dict.fromkeys(item for item in following if item is not None)) or own[:1]
        found += [_line(index, item) for item in leads]
    return found


def _line(page: int, item: Candidate) -> _Line:
    return _Line(page=page, start=item.start, end=item.end, text=item.text, heading=item.heading)


def _spread(lines: Sequence[_Line], count: int) -> list[_Line]:
    """Return so many lines, drawn evenly: the first of each page before the second of any."""
    ranks: dict[int, int] = {}
    ranked = []
    for line in lines:
        ranks[line.page] = ranks.get(line.page, 0) + 1
        ranked.append((ranks[line.page], line))
    kept: list[_Line] = []
    for rank in sorted({rank for rank, _ in ranked}):
        level = [line for own, line in ranked if own == rank]
        room = count - len(kept)
        kept += level if len(level) <= room else [level[number * len(level) // room] for number in range(room)]
    return kept


def _figures(sentences: Sequence[tuple[int, Candidate]]) -> list[_Line]:
    """Return the sentences with most numbers that have a unit, most first, each page once."""
    counted = [
        (sum(unit_of(item.text, *match.span()) != "" for match in NUMBER.finditer(item.text)), index, item)
        for index, item in sentences
    ]
    best: dict[int, tuple[int, Candidate]] = {}
    for count, index, item in counted:
        if count and count > best.get(index, (0, item))[0]:
            best[index] = count, item
    ranked = sorted(best.items(), key=lambda entry: (-entry[1][0], entry[0]))
    return [_line(index, item) for index, (_, item) in ranked]


def _cite(lines: Sequence[_Line], pages: Sequence[ContextPage]) -> list[Citation]:
    marks: dict[int, int] = {}
    return [
        Citation(
            mark=marks.setdefault(line.page, len(marks) + 1),
            ref=pages[line.page].ref,
            label=pages[line.page].label,
            quote=printable(line.text),
            boxes=pages[line.page].text.boxes_of(line.start, line.end),
            source=pages[line.page].text.source,
            state="quoted",
            claim=printable(line.text),
        )
        for line in lines
    ]


def _text(pages: Sequence[ContextPage], lines: Sequence[_Line], citations: Sequence[Citation]) -> str:
    """Return the lines under their documents' titles, their pages and headings."""
    written: list[str] = []
    several = len({citation.ref.path for citation in citations}) > 1
    title = place = ""
    for line, citation in zip(lines, citations, strict=True):
        page = pages[line.page]
        if several and title != (title := printable(page.title or page.ref.path.rpartition("/")[2])):
            written.append(title)
        heading = printable(line.heading).strip(" :")
        if place != (place := f"{page_name(page.ref, page.label)}{': ' if heading else ''}{heading}"):
            written.append(place)
        written.append(f"- {disarm_marks(citation.claim)} [{citation.mark}]")
    return "\n".join(written)
