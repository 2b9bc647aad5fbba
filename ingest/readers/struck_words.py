"""Finds the words of a page that a line is drawn through: they are no longer valid, and are not read as text.

MuPDF finds the letters, whether the line belongs to the page or to a StrikeOut annotation. Must be called with
`pagelens.ingest.readers.mupdf.LOCK` held.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pagelens.ingest.readers.drawing_log import DrawingLog, log_drawing
from pagelens.ingest.readers.mupdf import TEXT_FLAGS, MuPdfWord, pymupdf

_MAX_THICKNESS = 0.2  # of a line, in heights of the word that it goes through
_MIDDLE = (0.3, 0.75)  # where it crosses a word, from the word's top, 0..1: else it is over or below the word
_MIN_SHARE = 0.85  # of a word's width whose letters are struck through; less is a line that comes near
_MIN_COVERED = 0.5  # of a line's length that goes through words: a chart's lines go on beyond the labels they cross
_MAX_OVERHANG = 0.35  # of a line beyond its words at both ends, in heights of a word: a blank may be struck through
_LEVELS, _MAX_LINES = 20, 2  # lines through a word, counted by twentieths of its height; more are a shading's bands
_MIN_LETTERS = 2  # letters and digits of one word in a line: single ones stand on rules and in formulas
_MAX_PAIRS = 2_000_000  # of lines and words that are compared; a page with more is a drawing


def find_struck_words(
    mupdf_page: Any, words: Sequence[MuPdfWord], drawing: DrawingLog | None = None
) -> NDArray[np.bool_]:
    """Return which words of a page (n,) have a line drawn through all their letters, and that line little else.

    `drawing`: what the page draws, where it is known.
    """
    boxes = np.array([word[:4] for word in words], np.float64).reshape(-1, 4)
    struck = _crossed(drawing or log_drawing(mupdf_page), boxes)
    if not struck.any():
        return struck
    struck &= _struck_share(boxes, _struck_spans(mupdf_page)) >= _MIN_SHARE
    for (is_struck, *_), in_line in groupby(range(len(words)), key=lambda at: (bool(struck[at]), *words[at][5:])):
        places = list(in_line)
        if is_struck and max(sum(map(str.isalnum, words[at][4])) for at in places) < _MIN_LETTERS:
            struck[places] = False
    return struck


def struck_passages(words: Sequence[MuPdfWord], struck: NDArray[np.bool_]) -> list[str]:
    """Return the texts of the words that are struck through, those that follow one another together."""
    runs = groupby(zip(words, struck.tolist(), strict=True), key=lambda pair: pair[1])
    return [" ".join(word[4] for word, _ in run) for is_struck, run in runs if is_struck]


def _crossed(drawing: DrawingLog, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which words, with boxes (n, 4), have something thin drawn across their middle that is there for words."""
    lines = np.array(drawing.rules, np.float64).reshape(-1, 4)
    if not 0 < len(lines) * len(boxes) <= _MAX_PAIRS:
        return np.zeros(len(boxes), np.bool_)
    height = boxes[:, 3] - boxes[:, 1]
    thickest = _MAX_THICKNESS * np.max(height, initial=0, where=np.isfinite(height))
    lines = lines[lines[:, 3] - lines[:, 1] <= thickest]  # others cross no word
    place = ((lines[:, 1, None] + lines[:, 3, None]) / 2 - boxes[:, 1]) / np.maximum(height, 1e-6)  # (n_lines, n_words)
    is_through = (place >= _MIDDLE[0]) & (place <= _MIDDLE[1])
    is_through &= lines[:, 3, None] - lines[:, 1, None] <= _MAX_THICKNESS * height
    across = np.minimum(lines[:, 2, None], boxes[:, 2]) - np.maximum(lines[:, 0, None], boxes[:, 0])
    covered = np.where(is_through, np.maximum(across, 0), 0)
    is_for_words = covered.sum(axis=1) >= _MIN_COVERED * (lines[:, 2] - lines[:, 0])
    is_for_words &= ~_sticks_out(lines, boxes, covered > 0)
    crosses = (covered > 0) & is_for_words[:, None]
    levels = np.where(crosses, np.rint(place * _LEVELS), -1)  # how high each line crosses each word
    lines_through = (np.diff(np.sort(levels, axis=0), axis=0, prepend=-1) > 0).sum(axis=0)
    return np.asarray((lines_through > 0) & (lines_through <= _MAX_LINES), np.bool_)


def _sticks_out(
    lines: NDArray[np.float64], boxes: NDArray[np.float64], crosses: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which lines go on at both ends beyond the words that they cross, (n_lines, n_words), as those of a grid
    do."""
    height = np.where(crosses, boxes[:, 3] - boxes[:, 1], 0).max(axis=1)
    before = np.where(crosses, boxes[:, 0], np.inf).min(axis=1) - lines[:, 0]
    behind = lines[:, 2] - np.where(crosses, boxes[:, 2], -np.inf).max(axis=1)
    return np.asarray(np.minimum(before, behind) > _MAX_OVERHANG * height, np.bool_)


def _struck_spans(mupdf_page: Any) -> NDArray[np.float64]:
    """Return the boxes (n, 4) of letters in a row that MuPDF finds struck through."""
    spans = [
        span["bbox"]
        for block in mupdf_page.get_text("dict", flags=TEXT_FLAGS | pymupdf.TEXT_COLLECT_STYLES)["blocks"]
        for line in block.get("lines", ())
        for span in line["spans"]
        if span["char_flags"] & pymupdf.mupdf.FZ_STEXT_STRIKEOUT
    ]
    return np.array(spans, np.float64).reshape(-1, 4)


def _struck_share(boxes: NDArray[np.float64], spans: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how much of each word's width is struck through, 0..1."""
    middle = (boxes[:, 1] + boxes[:, 3]) / 2
    is_in_line = (spans[:, 1, None] <= middle) & (middle <= spans[:, 3, None])  # (n_spans, n_words)
    across = np.minimum(spans[:, 2, None], boxes[:, 2]) - np.maximum(spans[:, 0, None], boxes[:, 0])
    covered: NDArray[np.float64] = np.where(is_in_line, np.maximum(across, 0), 0).sum(axis=0)
    return covered / np.maximum(boxes[:, 2] - boxes[:, 0], 1e-6)
