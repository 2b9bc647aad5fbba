"""Words of a page that draws no blanks, as TeX's: parted at gaps, in scripts in which MuPDF finds none.

MuPDF finds no gap after letters from U+0700 on: Vietnamese, Korean, Georgian, Thai, Chinese, Japanese. Where a line is
justified, scripts without blanks between words have gaps between their letters, and blanks are wider by a blank.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from pagelens.ingest.readers.mupdf import BLANKS, TEXT_FLAGS, MuPdfWord, pymupdf

GAP = 0.15  # of the type size: a gap that is wider than the line's letter spacing by more parts words
SPACED_SHARE = 0.15  # of the gaps between letters of a line: as many have at least the width of its letter spacing
MIN_SPACED = 4  # of them

# Latin Extended Additional (Vietnamese) and Greek Extended, Hangul, Georgian, Ethiopic, Cherokee.
_WITH_BLANKS = "\u10a0-\u13ff\u1e00-\u1fff\u2d00-\u2ddf\uac00-\ud7af"
_WITHOUT_BLANKS = "\u0e00-\u0eff\u2e80-\u31ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"  # Thai, Lao, Chinese, Japanese
_LOSES_GAPS = re.compile(f"[{_WITH_BLANKS}{_WITHOUT_BLANKS}]")
_UNSPACED = re.compile(f"[{_WITHOUT_BLANKS}]")


class _Glyph(NamedTuple):
    text: str
    start: float  # along the line, in type sizes
    end: float
    box: tuple[float, float, float, float]


def loses_gaps(text: str) -> bool:
    """Tell whether a page's text has letters after which MuPDF finds no gap."""
    return not text.isascii() and _LOSES_GAPS.search(text) is not None


def gap_words(mupdf_page: Any) -> list[MuPdfWord]:
    """Return the page's words, parted at blanks and at gaps."""
    flags = TEXT_FLAGS | pymupdf.TEXT_INHIBIT_SPACES
    words: list[MuPdfWord] = []
    for number, block in enumerate(mupdf_page.get_text("rawdict", flags=flags)["blocks"]):
        lines = [_glyphs(line) for line in block["lines"]]
        spacing = _letter_spacing(block["lines"], lines)
        words += (
            (*_union([glyph.box for glyph in word]), "".join(glyph.text for glyph in word), number, line_number)
            for line_number, line in enumerate(lines)
            for word in _words(line, GAP + spacing[line_number])
        )
    return words


def _glyphs(line: Any) -> list[_Glyph]:
    across, down = line["dir"]
    glyphs = []
    for span in line["spans"]:
        size = span["size"] or 1.0
        for char in span["chars"]:
            x0, y0, x1, y1 = char["bbox"]
            ends = (x0 * across + y0 * down, x1 * across + y1 * down)
            glyphs.append(_Glyph(char["c"], min(ends) / size, max(ends) / size, char["bbox"]))
    return glyphs


def _letter_spacing(mupdf_lines: Sequence[Any], lines: Sequence[Sequence[_Glyph]]) -> list[float]:
    """Return the usual gap between two letters of scripts without blanks, in type sizes, for each line.

    MuPDF ends a line at a wide blank: those on one baseline are one line here.
    """
    baselines = [round(_across(line["spans"][0]["origin"], line["dir"])) for line in mupdf_lines]
    gaps: dict[int, list[float]] = {}
    for baseline, line in zip(baselines, lines, strict=True):
        gaps.setdefault(baseline, []).extend(
            second.start - first.end
            for first, second in pairwise(line)
            if _UNSPACED.match(first.text) and _UNSPACED.match(second.text)
        )
    spacing = {baseline: _spacing(found) for baseline, found in gaps.items()}
    return [spacing[baseline] for baseline in baselines]


def _spacing(gaps: Sequence[float]) -> float:
    """Return the greatest gap that many letters have, or words in Thai, which are parted so at any justified line."""
    common = max(MIN_SPACED, round(SPACED_SHARE * len(gaps)))
    return max(0.0, sorted(gaps)[-common]) if len(gaps) >= common else 0.0


def _across(point: tuple[float, float], direction: tuple[float, float]) -> float:
    return point[1] * direction[0] - point[0] * direction[1]


def _words(line: Sequence[_Glyph], gap: float) -> Iterator[list[_Glyph]]:
    word: list[_Glyph] = []
    end = 0.0
    for glyph in line:
        is_blank = glyph.text.isspace() or glyph.text in BLANKS
        if word and (is_blank or glyph.start - end > gap):
            yield word
            word = []
        if not is_blank:
            end = max(end, glyph.end) if word else glyph.end
            word.append(glyph)
    if word:
        yield word


def _union(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[float, float, float, float]:
    x0s, y0s, x1s, y1s = zip(*boxes, strict=True)
    return min(x0s), min(y0s), max(x1s), max(y1s)
