"""Texts that belong to a page but are not drawn on it (comments, speaker notes, formulas), and which page that is."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MAX_NOTE_CHARACTERS = 4_000  # of the notes of a page
_MIN_ANCHOR = 8  # characters; a shorter text stands on many pages
_ANCHOR_LENGTHS = (80, 40, 20)  # characters of a paragraph that are searched for, the longest first
_NOT_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class PageNote:
    """A text and where it belongs: to a page by its number from 1, else to the page that shows one of `anchors`."""

    text: str
    anchors: tuple[str, ...] = ()  # texts of the document, the best first
    page: int | None = None


@dataclass(slots=True)
class OfficeContent:
    """What an Office file holds besides what LibreOffice draws."""

    changed: dict[str, bytes] = field(default_factory=dict)  # parts to be replaced before the file is converted
    notes: list[PageNote] = field(default_factory=list)
    formulas: list[PageNote] = field(default_factory=list)


def anchors_around(paragraph: str, anchored: str, position: int) -> tuple[str, ...]:
    """Return texts by which the page of a note is found: around `position` in its paragraph, and what it is about."""
    start = max(0, min(position - 20, len(paragraph) - _ANCHOR_LENGTHS[0]))
    return tuple(text for text in (paragraph[start:], anchored, paragraph) if text.strip())


def notes_by_page(notes: Sequence[PageNote], page_texts: Sequence[str]) -> Mapping[int, str]:
    """Return the notes of each page (from 1), one a line. Notes stand in the document's order.

    A note whose anchors stand on no page belongs to the page of the note before it, or to the first.
    """
    pages = [_letters(text) for text in page_texts]
    lines: dict[int, list[str]] = defaultdict(list)
    current = 1
    for note in notes:
        current = note.page or _page_of(note.anchors, pages, current) or current
        lines[min(current, max(1, len(pages)))].append(note.text)
    return {page: "\n".join(dict.fromkeys(texts))[:MAX_NOTE_CHARACTERS] for page, texts in lines.items()}


def _page_of(anchors: Sequence[str], pages: Sequence[str], current: int) -> int | None:
    """Return the first page from `current` on that shows an anchor, else the first before it, None where none does."""
    order: list[int] = [*range(current, len(pages) + 1), *range(1, current)]
    letters = [_letters(anchor) for anchor in anchors]
    for length in _ANCHOR_LENGTHS:
        for anchor in letters:
            part = anchor[:length]
            if len(part) >= _MIN_ANCHOR:
                found = [number for number in order if part in pages[number - 1]]
                if found:
                    return found[0]
    short = [number for number in order if any(anchor and anchor in pages[number - 1] for anchor in letters)]
    return short[0] if short else None


def _letters(text: str) -> str:
    """Return the letters and digits of a text, without case: blanks, hyphens and line ends differ between programs."""
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text)).casefold()
