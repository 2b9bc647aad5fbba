"""Document titles: from metadata, from the largest type on a page, or from the file name."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from pagelens.ingest.text.layer_quality import BLOCK_MARGIN, wrong_words
from pagelens.ingest.text.letter_pairs import pair_score
from pagelens.ingest.text.page_text import REPLACEMENT, clean_text

MAX_TITLE_CHARACTERS = 200  # characters
_TOP = 0.6  # share of the page's height that counts as its top
_FILE_NAME = re.compile(
    r"(?i)\.(docx?|pptx?|xlsx?|pdf|indd|qxd|tex|dvi|ps|eps|ai|pmd|p65|fm|rtf|odt|odp|txt|html?|wpd|pub)\b\W*$"
)
# Suffix added by file sharing sites: yymmddhhmmss and marks of their own ('-150627210357-lva1-app6891_95').
_UPLOAD_STAMP = re.compile(r"[-_]\d{12}(?:[-_][A-Za-z0-9]+)*$")
_NO_HEADLINE = re.compile(
    r"(?i)^(by|for release|(table of )?contents|index|inhalt(sverzeichnis)?|sommaire|abstract|www\.|https?:)\b"
)
_NO_TITLE = re.compile(
    r"""(?ix) ^( microsoft\ (word|powerpoint|excel|office)\b.* | (powerpoint|google\ slides)?\ ?presentation\ ?\d*
    | untitled\b.* | no\ title | (title|document|dokument|slides?|layout|sheet|book|page)\ ?\d* | print | null | none
    | unknown | \(?anonymous\)? | scan(ned)?\b[\W\d]*(document)?[\W\d]* | (new|blank)\ (document|page) | cover | draft
    | output | test | template )$"""
)


class SizedLine(NamedTuple):
    """A horizontal line of a page's first part: its text, type size in points, top edge in fractions of the page."""

    text: str
    size: float
    top: float


def single_line(text: str) -> str:
    """Return the text as one line, cleaned, cut to `MAX_TITLE_CHARACTERS` at the end of a word."""
    words = [word for word in map(clean_text, text.split()) if word]
    line = " ".join(words)
    if len(line) <= MAX_TITLE_CHARACTERS:
        return line
    cut = line.rfind(" ", 0, MAX_TITLE_CHARACTERS)
    return line[: cut if cut > MAX_TITLE_CHARACTERS // 2 else MAX_TITLE_CHARACTERS].rstrip()


def is_usable_title(title: str) -> bool:
    """Tell whether a title from metadata is no file name, no default of a program and no identifier."""
    title = single_line(title)
    letters = sum(character.isalpha() for character in title)
    if letters < max(3 if title.isascii() else 2, 0.4 * len(title)) or REPLACEMENT in title or "\\" in title:
        return False
    if _NO_TITLE.match(title) or _FILE_NAME.search(title):
        return False
    return " " in title or not _is_identifier(title)


def _is_identifier(word: str) -> bool:
    """Tell whether a title of one word looks like an identifier."""
    if not word.isascii():
        return False  # many scripts are written without blanks
    return len(word) < 4 or not word.isalpha() or not re.search("(?i)[aeiouy]", word)


def readable_name(stem: str) -> str:
    """Return the stem of a file name as words: 'annual_report_2020' becomes 'annual report 2020'."""
    name = _UPLOAD_STAMP.sub("", clean_text(stem)) or clean_text(stem)
    if not re.search(r"[_\s]", name):
        name = re.sub(r"(?<!\d)-|-(?!\d)", " ", name)  # hyphens separate words only where nothing else does
    name = re.sub(r"(?<!\d)\.|\.(?!\d)", " ", re.sub(r"[_+\s]+", " ", name))
    return single_line(name) or "untitled"


def title_from_largest_type(lines: Sequence[SizedLine]) -> str | None:
    """Return the text in the largest type at the top of a page, else anywhere if it is much larger than the body text.

    Adjacent lines of about the same size are joined. Text that cannot be a title is passed over. None: no such text.
    """
    body = _body_size(lines)
    groups = _groups([line for line in lines if line.top <= _TOP and line.text.strip()])
    return _headline(groups, 1.15 * body) or _headline(_groups(lines), 1.5 * body)


def _headline(groups: Sequence[tuple[float, str]], least: float) -> str | None:
    for size, text in sorted(groups, key=lambda group: -group[0]):  # stable: the first of equals
        if size >= least and _could_be_title(text):
            return single_line(text)
    return None


def _groups(lines: Sequence[SizedLine]) -> list[tuple[float, str]]:
    groups: list[tuple[float, str]] = []
    for line in lines:
        text = " ".join(line.text.split())
        if groups and abs(groups[-1][0] - line.size) <= 0.1 * line.size:
            groups[-1] = (groups[-1][0], _continued(groups[-1][1], text))
        else:
            groups.append((line.size, text))
    return groups


def _continued(text: str, more: str) -> str:
    """Join two lines of a title, with a word that was hyphenated at the line end."""
    if not re.search(r"[^\W\d_][-\xad]$", text) or not more[:1].isalpha():
        return f"{text} {more}"
    is_one_word = more[0].islower() or text[-2].isupper()
    return (text[:-1] if is_one_word else text) + more


def _body_size(lines: Sequence[SizedLine]) -> float:
    """Return the type size of most characters; 0 where the page holds hardly more than a title."""
    characters: dict[float, int] = {}
    for line in lines:
        size = round(line.size * 2) / 2
        characters[size] = characters.get(size, 0) + len(line.text)
    if len(characters) < 2 and sum(characters.values()) < MAX_TITLE_CHARACTERS:
        return 0.0
    return max(characters, key=lambda size: characters[size])


def _could_be_title(text: str) -> bool:
    letters = sum(character.isalpha() for character in text)
    shortest = 4 if text.isascii() else 2
    if not shortest <= len(text) < MAX_TITLE_CHARACTERS or letters < 0.5 * len(text):
        return False
    if _NO_TITLE.match(text) or _NO_HEADLINE.match(text):
        return False
    return not wrong_words(text) and not pair_score(text).is_unlikely(margin=BLOCK_MARGIN)  # no letters of a junk layer
