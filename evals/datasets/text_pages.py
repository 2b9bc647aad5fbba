"""Writes the texts of a data set as PDFs whose words a reader gets back: any script, in the direction it runs.

PageLens reads PDFs and photos, so each text becomes a PDF of one page, as tall as needed, with the text's title as the
document's. Lines of Arabic, Hebrew and other scripts that run to the left are drawn as displayed, right-aligned, and
their letters are not joined.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import pymupdf

from pagelens.ingest.text.bidirectional import embedding_levels, is_right_to_left, mirrored

WIDTH = 595  # points, as A4
TALLEST = 14_000  # points; PDF viewers stop at 14,400
LETTERS = 92  # in a line
LINE = 13.0  # points
SIZE = 9.5  # points
MARGIN = 40
SCRIPTS = range(1, 150)  # MuPDF's numbers of scripts, each with a Noto font
_BEYOND_PLANE_0 = re.compile(rb"<([0-9a-fA-F]{5,6})>")


def document_file_name(identity: str) -> str:
    """Return a file name for a document id: the id if it is a safe name, else a safe form of it with a short hash."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", identity)[:80]
    if plain == identity and not plain.startswith("."):
        return f"{plain}.pdf"
    return f"{plain.lstrip('.')}-{hashlib.sha256(identity.encode('utf-8', 'replace')).hexdigest()[:8]}.pdf"


def write_text_pages(texts: Mapping[str, tuple[str, str]], folder: Path) -> None:
    """Write (title, text) pairs as PDFs, of one page unless a text exceeds `TALLEST`; existing files are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (title, text) in texts.items():
        if not (folder / name).exists():
            _write_pdf(folder / name, title, text)


def letters_without_glyph(texts: Iterable[str]) -> str:
    """Return the letters that no font at hand has, in order: a page shows boxes for them, and they are not found."""
    letters = {character for text in texts if not _is_latin(text) for character in text}
    return "".join(sorted(character for character in letters if not _is_ignorable(character) and not _font(character)))


def _write_pdf(path: Path, title: str, text: str) -> None:
    lines = [line for part in (f"{title}\n\n{text}" if title else text).split("\n") for line in _display_lines(part)]
    capacity = int((TALLEST - 2 * MARGIN) // LINE)
    is_plain = _is_latin(title + text)
    pdf = pymupdf.open()
    for start in range(0, max(1, len(lines)), capacity):
        part_lines = lines[start : start + capacity]
        page = pdf.new_page(width=WIDTH, height=max(200.0, 2 * MARGIN + LINE * (len(part_lines) + 1)))
        writer = pymupdf.TextWriter(page.rect)
        for row, (line, leftwards) in enumerate(part_lines):
            _append(writer, MARGIN + LINE * (row + 1), line, is_plain=is_plain, leftwards=leftwards)
        writer.write_text(page)
    if not is_plain:
        pdf.subset_fonts()  # the complete font has megabytes
        _correct_unicode_values(pdf)
    pdf.set_metadata({"title": title})
    pdf.save(path, garbage=3, deflate=True, no_new_id=True)
    pdf.close()


def _append(writer: Any, y: float, line: str, *, is_plain: bool, leftwards: bool) -> None:
    """Add a line to the page in the fonts that have its letters."""
    if is_plain:
        runs = [(_named_font("helv"), line)] if line else []
    else:
        fallback = _named_font("cjk")
        runs = [
            (font, "".join(letters)) for font, letters in groupby(line, key=lambda letter: _font(letter) or fallback)
        ]
    x = float(MARGIN)
    if leftwards:
        x = max(x, WIDTH - MARGIN - sum(font.text_length(text, fontsize=SIZE) for font, text in runs))
    for font, text in runs:
        _, (x, _) = writer.append((x, y), text, font=font, fontsize=SIZE)


@cache
def _named_font(name: str) -> Any:
    return pymupdf.Font(name)


@cache
def _script_font(script: int) -> Any | None:
    try:
        return pymupdf.Font(script=script)
    except AttributeError:  # what PyMuPDF raises where MuPDF has no font of the script
        return None


@cache
def _font(character: str) -> Any | None:
    """Return a font that has a character, None if there is none.

    MuPDF finds a font by the character's script, and so none for marks and stops that several scripts have in common.
    Letters that run to the left are drawn in the font of their marks: a mark apart is read as part of another word.
    """
    code = ord(character)
    if not is_right_to_left(character) and _named_font("cjk").has_glyph(code, fallback=True):
        return _named_font("cjk")
    fonts = (font for script in SCRIPTS if (font := _script_font(script)) is not None)
    return next((font for font in fonts if font.has_glyph(code)), None)


def _is_ignorable(character: str) -> bool:
    """Return whether a character is not shown: a control, a direction mark, a variation selector."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs") or "\ufe00" <= character <= "\ufe0f"


def _is_latin(text: str) -> bool:
    """Return whether Helvetica, which every PDF viewer has, has every letter of the text."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return True


def _display_lines(paragraph: str) -> Iterator[tuple[str, bool]]:
    """Yield a paragraph's lines as they are displayed from left to right, and whether they run to the left.

    The first letter with a direction decides for the paragraph (UAX #9, P2).
    """
    kinds = map(unicodedata.bidirectional, paragraph)
    leftwards = next((kind for kind in kinds if kind in ("L", "R", "AL")), "L") != "L"
    for line in _folded(paragraph):
        shown = line if line.isascii() else "".join(c for c in line if not _is_ignorable(c) or _has_meaning(c))
        yield _displayed(shown, leftwards=leftwards), leftwards


def _has_meaning(character: str) -> bool:
    """Return whether a character that is not shown parts or joins letters: Persian and Indic words need it."""
    return character in "\u200c\u200d" and _font(character) is not None


def _displayed(line: str, *, leftwards: bool) -> str:
    """Return a line's characters in the order in which they are displayed (UAX #9, L2 and L4)."""
    levels = embedding_levels(line, leftwards=leftwards)
    if not any(levels):
        return line
    order = list(range(len(line)))
    for level in range(max(levels), 0, -1):
        reordered: list[int] = []
        for is_run, positions in groupby(order, key=lambda at: levels[at] >= level):
            run = list(positions)
            reordered += reversed(run) if is_run else run
        order = reordered
    return "".join(mirrored(line[at]) if levels[at] % 2 else line[at] for at in order)


def _folded(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        while len(word) > LETTERS:
            lines += [line] if line else []
            lines.append(word[:LETTERS])
            line, word = "", word[LETTERS:]
        if line and len(line) + 1 + len(word) > LETTERS:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _correct_unicode_values(pdf: Any) -> None:
    """Write the letters beyond U+FFFF in the fonts' ToUnicode tables as UTF-16: MuPDF cuts their last digit off."""
    fonts = {font[0] for page in pdf for font in page.get_fonts()}
    tables = {int(value.split()[0]) for font in fonts if (value := pdf.xref_get_key(font, "ToUnicode")[1])[0].isdigit()}
    for table in tables:
        stream = pdf.xref_stream(table)
        pdf.update_stream(table, _BEYOND_PLANE_0.sub(_as_utf16, stream))


def _as_utf16(match: re.Match[bytes]) -> bytes:
    return b"<" + chr(int(match[1], 16)).encode("utf-16-be").hex().encode() + b">"
