"""What may be quoted from a page: its sentences, and lead-ins together with the items they announce.

Knows a page's text; does not know the question.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.types import PageText
from pagelens.generate.extractive.page_lines import is_bullet, is_marker
from pagelens.generate.extractive.sentences import MAX_WORDS, Sentence, split_sentences

Span = tuple[int, int]
"""Half-open, in a page's text."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of a page that may be quoted, its text in one line, and the heading it stands under."""

    start: int
    end: int
    text: str
    heading: str  # what stands above it: the section's heading, and a label or question on the line before
    lead: str = ""  # where a list stands with the line that announces it: that line
    header: Span | None = None  # of a table's row: the line that names its columns


def one_line(text: str) -> str:
    """Return the text with every run of blanks and line breaks as one blank."""
    return " ".join(text.split())


_YEAR = re.compile(r"(?<![\d.,])(19|20)\d\d(?![\d%]|[.,]\d)")  # what columns are often called
_BROKEN = re.compile(r"([^\W\d_]+)-\s*\n\s*([^\W\d_]+)")


def as_read(text: PageText, start: int, end: int) -> str:
    """Return a span in one line, words that were broken at a line's end whole again: without the hyphen, unless the
    page spells the word with one elsewhere."""

    def whole(broken: re.Match[str]) -> str:
        first, second = broken.groups()
        hyphened = f"{first}-{second}"
        if first[-1].isupper() != second[0].isupper() or hyphened in text.text:
            return hyphened
        return first + second

    return one_line(_BROKEN.sub(whole, text.text[start:end]))


def find_candidates(text: PageText) -> list[Candidate]:
    """Return what may be quoted from a page, in order. Lead-ins stand there alone and with what they announce."""
    sentences = [one for one in split_sentences(text) if any(map(str.isalnum, text.text[one.start : one.end]))]
    found: list[Candidate] = []
    section = above = ""  # the last heading; the line just above, where it is a label or a question
    columns = _column_names(text, sentences)
    for index, sentence in enumerate(sentences):
        context = section if above in section else f"{section} {above}".strip()
        line = one_line(text.text[sentence.start : sentence.end])
        for last in sorted({index, _announced(text, sentences, index)}):
            end = sentences[last].end
            start = _after_bullet(text, sentence)
            lead = line if last > index else ""
            header = columns[index] if last == index else None
            found.append(Candidate(start, end, as_read(text, start, end), context, lead, header))
        if sentence.shape != "row" or not any(map(str.isdigit, line)):  # a row without numbers heads a table
            above = line if sentence.shape != "sentence" or line.endswith(("?", ":")) else ""
        section = line if sentence.shape == "heading" else section
    return found


def _column_names(text: PageText, sentences: Sequence[Sentence]) -> list[Span | None]:
    """Return, for each sentence that is a table's row, the line that names its columns: the table's first row or the
    line just above it, whichever holds no number but years; None for everything else."""
    found: list[Span | None] = []
    names: Span | None = None
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        if sentence.shape != "row":
            names = None
        elif before is None or before.shape != "row":
            named = [one for one in (sentence, before) if one and one.shape != "sentence" and not _numbers(text, one)]
            names = (named[0].start, named[0].end) if named else None
        inside = sentence.shape == "row" and names != (sentence.start, sentence.end)
        found.append(names if inside else None)
    return found


def _numbers(text: PageText, sentence: Sentence) -> bool:
    return any(map(str.isdigit, _YEAR.sub("", text.text[sentence.start : sentence.end])))


def _after_bullet(text: PageText, sentence: Sentence) -> int:
    bullet, *rest = text.text[sentence.start : sentence.end].split(maxsplit=1)
    return sentence.end - len(rest[0]) if rest and is_bullet(bullet) else sentence.start


def _announced(text: PageText, sentences: Sequence[Sentence], index: int) -> int:
    """Return the last unit of what a lead-in announces: the items under a heading, what follows a colon; else `index`.

    A colon announces the next unit whatever it is, and after it items, and what a comma or a semicolon goes on to.
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
        itemised = sentence.shape in ("item", "row") or is_marker(part.split()[0]) or before.endswith((":", ",", ";"))
        if sentence.shape == "heading" or not itemised or words > MAX_WORDS:
            break
        last, before = last + 1, part
    return last
