"""Candidates for quotes from a page: its sentences, and lead-ins together with the items they introduce."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pagelens.core.types import PageText
from pagelens.core.word_breaks import join_broken_words
from pagelens.generate.answer_text import one_line
from pagelens.generate.extractive.tables.reading import TableReading
from pagelens.generate.page_lines import is_bullet, is_marker
from pagelens.generate.sentences import MAX_WORDS, Sentence, split_sentences

Span = tuple[int, int]
"""Start and end in a page's text."""

CandidateForm = Literal["text", "list", "item", "count"]
"""A sentence, line or row; a list in full; an item that is asked for by its place; things that are counted."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of a page that may be quoted, with its text in one line."""

    start: int
    end: int
    text: str
    heading: str  # the section's heading, and a label or question on the line before
    lead: str = ""  # the line that introduces a list, if the span is both
    header: Span | None = None  # the line with the names of the columns, if the span is a table row
    reading: TableReading | None = None  # what a table's cells say, if the span is that of cells
    before: str = ""  # the sentence before it
    form: CandidateForm = "text"
    parts: Sequence[Span] = ()  # the spans that are quoted, if not all of it is
    computed: str = ""  # what is counted in them, for the claim
    fit: float = 0.0  # of a list: the share of its heading's terms that the question has


_YEAR = re.compile(r"(?<![\d.,])(19|20)\d\d(?![\d%]|[.,]\d)")  # a frequent name of a column

_STOP = re.compile(r"[.!?…。！？]\W*$")


def join_lines(text: PageText, start: int, end: int) -> str:
    """Return a span in one line, with words joined that are hyphenated at the end of a line."""
    return one_line(join_broken_words(text.text, start, end))


def find_candidates(text: PageText) -> list[Candidate]:
    """Return the candidates of a page, in order. A lead-in is one alone, and one with what it introduces."""
    sentences = [
        sentence
        for sentence in split_sentences(text)
        if any(map(str.isalnum, text.text[sentence.start : sentence.end]))
    ]
    candidates: list[Candidate] = []
    line = section = above = ""  # the last heading; the line just above if it is a label or a question
    columns = _column_names(text, sentences)
    introductions = _introductions(text, sentences)
    for index, sentence in enumerate(sentences):
        context = _without_repeats(section, introductions[index], above)
        line_before, line = line, one_line(text.text[sentence.start : sentence.end])
        for last in sorted({index, _last_introduced(text, sentences, index)}):
            end = sentences[last].end
            start = _after_bullet(text, sentence)
            lead = line if last > index else ""
            header = columns[index] if last == index else None
            quote = join_lines(text, start, end)
            candidates.append(
                Candidate(
                    start=start,
                    end=end,
                    text=quote,
                    heading=context,
                    lead=lead,
                    header=header,
                    before=line_before,
                )
            )
        if sentence.shape != "row" or not any(map(str.isdigit, line)):  # a row without numbers heads a table
            above = line if sentence.shape != "sentence" or line.endswith(("?", ":")) else ""
        section = line if sentence.shape == "heading" else section
    return candidates


def cell_candidate(text: PageText, reading: TableReading) -> Candidate:
    """Return cells of a table as a candidate."""
    values = [cell.value for cell in reading.cells]
    start = min(int(text.spans[value.first, 0]) for value in values)
    end = max(int(text.spans[value.last - 1, 1]) for value in values)
    return Candidate(start=start, end=end, text=reading.statement, heading=reading.heading, reading=reading)


def _column_names(text: PageText, sentences: Sequence[Sentence]) -> list[Span | None]:
    """Return for each sentence the line that names its columns, None if it is no table row.

    That line is the table's first row or the line just above it, whichever has no numbers except years.
    """
    headers: list[Span | None] = []
    names: Span | None = None
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        if sentence.shape != "row":
            names = None
        elif before is None or before.shape != "row":
            lines = [line for line in (sentence, before) if line and line.shape != "sentence"]
            header = next((line for line in lines if not _has_numbers(text, line)), None)
            names = (header.start, header.end) if header else None
        inside = sentence.shape == "row" and names != (sentence.start, sentence.end)
        headers.append(names if inside else None)
    return headers


def _introductions(text: PageText, sentences: Sequence[Sentence]) -> list[str]:
    """Return for each sentence what introduces it in a list of two levels: the marked line above it, and the line below
    that one which ends in a colon."""
    found: list[str] = []
    marked = lead = ""
    for sentence in sentences:
        words = text.text[sentence.start : sentence.end]
        is_marked = is_marker(words.split()[0])
        if is_marked or sentence.shape == "heading":
            marked = lead = ""
        found.append(f"{marked} {lead}".strip())
        if is_marked and not _STOP.search(words):
            marked = one_line(words)
        elif (colon := words.rfind(":\n")) >= 0 or words.endswith(":"):
            lead = one_line(words[: colon + 1] if colon >= 0 else words)
        elif sentence.shape == "sentence" and not is_marked:
            marked = lead = ""
    return found


def _without_repeats(*parts: str) -> str:
    """Return texts in one line, without those that one before holds."""
    line = ""
    for part in parts:
        line = line if part in line else f"{line} {part}".strip()
    return line


def _has_numbers(text: PageText, sentence: Sentence) -> bool:
    return any(map(str.isdigit, _YEAR.sub("", text.text[sentence.start : sentence.end])))


def _after_bullet(text: PageText, sentence: Sentence) -> int:
    bullet, *rest = text.text[sentence.start : sentence.end].split(maxsplit=1)
    return sentence.end - len(rest[0]) if rest and is_bullet(bullet) else sentence.start


def _last_introduced(text: PageText, sentences: Sequence[Sentence], index: int) -> int:
    """Return the last sentence that the one at `index` introduces; `index` itself if it introduces none.

    A heading introduces the items below it. A colon introduces the next sentence whatever it is, then items, and
    sentences after one that ends in a colon, a comma or a semicolon.
    """
    lead = sentences[index]
    before = text.text[lead.start : lead.end]
    if lead.shape != "heading" and not before.endswith(":"):
        return index
    words = len(before.split())
    last = index
    for sentence in sentences[index + 1 :]:
        part = text.text[sentence.start : sentence.end]
        words += len(part.split())
        is_item = sentence.shape in ("item", "row") or is_marker(part.split()[0]) or before.endswith((":", ",", ";"))
        if sentence.shape == "heading" or not is_item or words > MAX_WORDS:
            break
        last, before = last + 1, part
    return last
