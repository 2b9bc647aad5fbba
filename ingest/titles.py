"""What a document is called: by its metadata, by its largest type, or by its file name made readable. Pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ingest.words import REPLACEMENT, clean

LONGEST = 200  # characters
_FILE_NAME = re.compile(
    r"(?i)\.(docx?|pptx?|xlsx?|pdf|indd|qxd|tex|dvi|ps|eps|ai|pmd|p65|fm|rtf|odt|odp|txt|html?|wpd|pub)\b\W*$"
)
_NO_TITLE = re.compile(
    r"""(?ix) ^( microsoft\ (word|powerpoint|excel|office)\b.* | (powerpoint|google\ slides)?\ ?presentation\ ?\d*
    | untitled\b.* | no\ title | (title|document|dokument|slides?|layout|sheet|book|page)\ ?\d* | print | null | none
    | unknown | \(?anonymous\)? | scan(ned)?\b[\W\d]*(document)?[\W\d]* | (new|blank)\ (document|page) | cover | draft
    | output | test | template )$"""
)


class Line(NamedTuple):
    """A horizontal line of a page's first part: its text, type size in points, top edge in fractions of the page."""

    text: str
    size: float
    top: float


def tidy(text: str) -> str:
    """Return the text on one line, cleaned, cut to `LONGEST` at a word's end."""
    words = [word for word in map(clean, text.split()) if word]
    line = " ".join(words)
    if len(line) <= LONGEST:
        return line
    cut = line.rfind(" ", 0, LONGEST)
    return line[: cut if cut > LONGEST // 2 else LONGEST].rstrip()


def sensible(title: str) -> bool:
    """Say whether a metadata title is one people would use: no file name, no program's default, no odd token."""
    title = tidy(title)
    letters = sum(character.isalpha() for character in title)
    if letters < max(3 if title.isascii() else 2, 0.4 * len(title)) or REPLACEMENT in title or "\\" in title:
        return False
    if _NO_TITLE.match(title) or _FILE_NAME.search(title):
        return False
    return " " in title or not _odd_token(title)


def _odd_token(word: str) -> bool:
    """Say whether a title of one word looks like an identifier."""
    if not word.isascii():
        return False  # many scripts write without blanks
    return len(word) < 4 or not word.isalpha() or not re.search("(?i)[aeiouy]", word)


def readable_name(stem: str) -> str:
    """Return a file name without its ending as words: 'annual_report-2020' as 'annual report-2020'."""
    name = clean(stem)
    if not re.search(r"[_\s]", name):
        name = re.sub(r"(?<!\d)-|-(?!\d)", " ", name)  # hyphens part words only where nothing else does
    name = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", re.sub(r"[_+\s]+", " ", name))
    return tidy(name) or "untitled"


def largest_type(lines: Sequence[Line], *, depth: float = 0.6) -> str | None:
    """Return the text set in the largest type in the upper `depth` of a page, or None where nothing stands out.

    Neighbouring lines of about the same size belong together. Too short or too long a text gives way to the next size.
    """
    groups = _groups([line for line in lines if line.top <= depth and line.text.strip()])
    if not groups:
        return None
    body = _body_size(lines)
    for size, text in sorted(groups, key=lambda group: -group[0]):  # stable: the first of equals
        if size < 1.15 * body:
            break
        if _could_be_title(text):
            return tidy(text)
    return None


def _groups(lines: Sequence[Line]) -> list[tuple[float, str]]:
    groups: list[tuple[float, list[str]]] = []
    for line in lines:
        if groups and abs(groups[-1][0] - line.size) <= 0.1 * line.size:
            groups[-1][1].append(line.text)
        else:
            groups.append((line.size, [line.text]))
    return [(size, " ".join(" ".join(texts).split())) for size, texts in groups]


def _body_size(lines: Sequence[Line]) -> float:
    """Return the size in which most characters are set; 0 where the page is all title."""
    characters: dict[float, int] = {}
    for line in lines:
        size = round(line.size * 2) / 2
        characters[size] = characters.get(size, 0) + len(line.text)
    return max(characters, key=lambda size: characters[size]) if len(characters) > 1 else 0.0


def _could_be_title(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    shortest = 4 if text.isascii() else 2
    return shortest <= len(text) < LONGEST and letters >= 0.5 * len(text) and not _NO_TITLE.match(text)
