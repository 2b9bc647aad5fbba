"""Reads and renders an open MuPDF page of any format: words with boxes, bitmaps, the page image.

Must be called with `pagelens.ingest.readers.mupdf.LOCK` held. Coordinates are those of the page as displayed: crop box
and rotation applied. Words come in the order in which the file draws them, blocks that it draws out of order and
columns that it draws row by row apart.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.types import Box, PageText
from pagelens.ingest.readers.autospace import draws_blanks, without_autospace
from pagelens.ingest.readers.drawing_log import DrawingLog
from pagelens.ingest.readers.drawn_glyphs import GlyphKey
from pagelens.ingest.readers.gap_words import gap_words, loses_gaps
from pagelens.ingest.readers.glyph_words import NO_GLYPH_TEXTS, glyph_words, is_brahmic
from pagelens.ingest.readers.hidden_text import VisibleWords, find_visible_words
from pagelens.ingest.readers.mupdf import BLANKS, TEXT_FLAGS, MuPdfWord, pymupdf
from pagelens.ingest.text.block_order import in_reading_order
from pagelens.ingest.text.columns import part_columns
from pagelens.ingest.text.page_text import REPLACEMENT, Word, assemble_text, visual_lines
from pagelens.ingest.text.right_to_left import (
    MARK_REACH,
    TOUCH,
    Glyph,
    has_right_to_left,
    is_mark,
    letters_of,
    margins_of,
    mark_bases,
    shows_mirrored,
    words_of_block,
)
from pagelens.ingest.text.usable_text import WORDS_LOST
from pagelens.ingest.text.vertical_text import join_vertical_text

MAX_PIXELS = 40_000_000  # of a page image: 120 MB

_BLANK = re.compile(f"[{BLANKS}]")
_TEXT_KINDS = ("fill-text", "stroke-text", "ignore-text")  # in MuPDF's list of what it draws on a page


def page_words(mupdf_page: Any, glyph_texts: Mapping[GlyphKey, str] = NO_GLYPH_TEXTS) -> list[MuPdfWord]:
    """Return the words that are drawn on the page, those of form fields and annotations included.

    `glyph_texts`: what glyphs of a Brahmic script stand for that have no Unicode value.
    """
    words = drawn_words(mupdf_page, TEXT_FLAGS)
    text = "".join([word[4] for word in words])
    if mupdf_page.parent.is_reflowable:
        is_misread = has_right_to_left(text) or is_brahmic(text)
        return glyph_words(mupdf_page, words, as_drawn=True) if is_misread else words
    if has_right_to_left(text):
        return _right_to_left_words(mupdf_page)
    if is_brahmic(text):
        return glyph_words(mupdf_page, words, glyph_texts=glyph_texts)
    if loses_gaps(text):
        flags = TEXT_FLAGS | pymupdf.TEXT_INHIBIT_SPACES
        drawn = drawn_words(mupdf_page, flags)
        if draws_blanks(words, drawn):
            return without_autospace(words, drawn)
        return gap_words(mupdf_page)
    return words


def drawn_words(mupdf_page: Any, flags: int) -> list[MuPdfWord]:
    """Return the words of MuPDF's structured text; those of `BLANKS` that are on the page part words too."""
    text_page = mupdf_page.get_textpage(flags=flags)
    words = [word[:7] for word in text_page.extractWORDS()]
    if not _BLANK.search("".join([word[4] for word in words])):  # looking for them takes four times as long
        return words
    return [word[:7] for word in text_page.extractWORDS(BLANKS)]


def _right_to_left_words(mupdf_page: Any) -> list[MuPdfWord]:
    """Return the page's words with the lines of each block in the order of their script."""
    flags = TEXT_FLAGS | pymupdf.TEXT_PRESERVE_LIGATURES  # MuPDF would split them before it turns a run around
    blocks = mupdf_page.get_text("rawdict", flags=flags)["blocks"]
    drawn = _drawn_letters(mupdf_page)
    glyphs = [[_line_glyphs(line, drawn) for line in block["lines"]] for block in blocks]
    mirror, margins = shows_mirrored(glyphs), margins_of(glyphs)
    return [
        (*word.box, word.text, number, word.line)
        for number, lines in enumerate(glyphs)
        for word in words_of_block(lines, mirror=mirror, margins=margins)
    ]


_Letter = tuple[str, int, int]
"""A letter and the left end of its baseline, in tenths of a point."""


def _drawn_letters(mupdf_page: Any) -> dict[_Letter, list[Box]]:
    """Return the boxes of letters that have a glyph of their own; after a mark's, that of the letter it stands on."""
    drawn: dict[_Letter, list[Box]] = {}
    glyphs = [
        (chr(code), origin, Box(*box))
        for span in mupdf_page.get_texttrace()
        for code, glyph, origin, box in span["chars"]
        if glyph >= 0
    ]
    bases = mark_bases([(text, box) for text, _, box in glyphs])
    for at, (text, origin, box) in enumerate(glyphs):
        boxes = [box, glyphs[bases[at]][2]] if at in bases else [box]
        drawn.setdefault(_letter(text, origin), []).extend(boxes)
    return drawn


def _letter(character: str, origin: Sequence[float]) -> _Letter:
    return letters_of(character), round(10 * origin[0]), round(10 * origin[1])


def _line_glyphs(line: dict[str, Any], drawn: Mapping[_Letter, Sequence[Box]]) -> list[Glyph]:
    """Return the glyphs of a line of MuPDF's `rawdict`, without the blanks that MuPDF adds itself.

    Letters that are not `drawn` themselves are parts of others. Where such a letter has the place of a letter of its
    kind that is drawn, MuPDF takes them for a bold one and leaves one out, which is added here.
    """
    glyphs: list[Glyph] = []
    for span in line["spans"]:
        chars = [char for char in span["chars"] if not char["synthetic"]]
        wide = {_letter(char["c"], char["origin"]) for char in chars if char["bbox"][0] < char["bbox"][2]}
        for char in chars:
            box = Box(*char["bbox"])
            glyph = Glyph(text=char["c"], box=box, along=_along(box, *line["dir"]), size=span["size"])
            if is_mark(glyph.text):
                glyph = _at_its_place(glyph, char["origin"], drawn, line["dir"])
            elif not glyph.has_width:
                letter = _letter(char["c"], char["origin"])
                boxes = [_along(box, *line["dir"]) for box in drawn.get(letter, ())]
                is_part = all(box.x1 - box.x0 > TOUCH * glyph.size for box in boxes)
                if is_part and boxes and letter not in wide:
                    glyphs.append(replace(glyph, box=drawn[letter][0], along=boxes[0]))
                glyph = replace(glyph, is_part=is_part)
            glyphs.append(glyph)
    return glyphs


def _at_its_place(
    mark: Glyph, origin: Sequence[float], drawn: Mapping[_Letter, Sequence[Box]], direction: Sequence[float]
) -> Glyph:
    """Return a mark at the letter that it stands on, where MuPDF has given it another place, at the end of a letter."""
    place, reach = _letter(mark.text, origin), 10 * MARK_REACH * mark.size
    if place in drawn:
        return mark
    _, x, y = place
    near = [
        (abs(at - x) + abs(down - y), boxes[-1])
        for (letter, at, down), boxes in drawn.items()
        if letter == mark.text and abs(at - x) <= reach and abs(down - y) <= reach
    ]
    if not near:
        return mark
    box = min(near)[1]
    return replace(mark, box=box, along=_along(box, *direction))


def _along(box: Box, across: float, down: float) -> Box:
    """Return a box turned so that a line of the direction (across, down) runs to the right."""
    x0, y0, x1, y1 = box
    if abs(across) >= abs(down):
        return box if across > 0 else Box(-x1, -y1, -x0, -y0)
    return Box(y0, -x1, y1, -x0) if down > 0 else Box(-y1, x0, -y0, x1)


def page_text(
    mupdf_page: Any, mupdf_words: Sequence[MuPdfWord], drawing: DrawingLog | None = None
) -> tuple[PageText, str]:
    """Return the text of the words that are visible on the page, and a message about what is wrong with them, or "".

    `drawing`: what the page draws, where it is known.
    """
    *edges, texts, blocks, lines = zip(*mupdf_words, strict=True) if mupdf_words else ((),) * 7
    boxes = np.array(edges, np.float64).T  # (n_words, 4)
    displayed = rotate_boxes(boxes, mupdf_page.rotation_matrix)
    visible, check_problem = _visible_words(mupdf_page, texts, boxes, displayed, drawing)
    readable = visible.mask & np.array([bool(text.strip(REPLACEMENT)) for text in texts], np.bool_)
    words = list(map(Word, texts, *displayed.T.tolist(), blocks, lines))
    if not readable.all():
        displayed, words = displayed[readable], [words[at] for at in np.flatnonzero(readable)]
    ordered = _in_reading_order(words, displayed)
    text = assemble_text(ordered, width=mupdf_page.rect.width, height=mupdf_page.rect.height)
    problem = WORDS_LOST if int(visible.mask.sum()) > 2 * len(words) else ""
    return text, problem or check_problem or visible.problem()


def _in_reading_order(words: list[Word], boxes: NDArray[np.float64]) -> Sequence[Word]:
    """Return the words of a page in reading order with the numbers of their lines; `boxes` (n, 4) are theirs."""
    upright = join_vertical_text(words)
    if len(upright) < len(words):
        return visual_lines(upright)
    parted = part_columns(words, boxes)
    return in_reading_order(visual_lines(parted), boxes if parted is words else None)


def _visible_words(
    mupdf_page: Any,
    texts: Sequence[str],
    boxes: NDArray[np.float64],
    displayed: NDArray[np.float64],
    drawing: DrawingLog | None,
) -> tuple[VisibleWords, str]:
    try:
        return find_visible_words(mupdf_page, texts, boxes, displayed, drawing), ""
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common base; the words could be read
        all_words = VisibleWords(np.ones(len(texts), np.bool_))
        return all_words, f"its words could not be checked for hidden ones ({exc}): some may be invisible"


def rotate_boxes(boxes: NDArray[np.float64], matrix: Any) -> NDArray[np.float64]:
    """Return boxes (n, 4) rotated with the page; PyMuPDF returns them before rotation, relative to the crop box."""
    a, b, c, d, e, f = matrix
    x, y = boxes[:, 0::2], boxes[:, 1::2]  # (n, 2) each: opposite corners
    across, down = a * x + c * y + e, b * x + d * y + f
    return np.stack((across.min(1), down.min(1), across.max(1), down.max(1)), 1)


def bitmap_boxes(mupdf_page: Any) -> NDArray[np.float32]:
    """Return where bitmaps stand on the page as displayed: (n, 4), 0..1."""
    points = np.array([info["bbox"] for info in mupdf_page.get_image_info()], np.float64).reshape(-1, 4)
    width, height = mupdf_page.rect.width, mupdf_page.rect.height
    boxes = rotate_boxes(points, mupdf_page.rotation_matrix) / (width, height, width, height)
    return np.asarray(np.clip(boxes, 0, 1), np.float32)


def may_show_more_words(mupdf_page: Any) -> bool:
    """Return whether the page may show words that its text lacks: drawn ones, or glyphs without a Unicode value."""
    if any(kind not in _TEXT_KINDS for kind, *_ in mupdf_page.get_bboxlog()):
        return True
    return any(REPLACEMENT in word[4] for word in mupdf_page.get_text("words", flags=TEXT_FLAGS))


def render_image(mupdf_page: Any, *, longest: int) -> Image.Image:
    """Return the page as an RGB image, `longest` pixels on its longer side, or fewer to stay below `MAX_PIXELS`."""
    across, down = mupdf_page.rect.width, mupdf_page.rect.height
    zoom = min(longest / max(across, down), (MAX_PIXELS / (across * down)) ** 0.5)
    columns, rows = max(1, round(across * zoom)), max(1, round(down * zoom))
    # Whole pixels on both sides: MuPDF would round outwards and add a row.
    pixmap = mupdf_page.get_pixmap(matrix=pymupdf.Matrix(columns / across, rows / down), alpha=False)
    return Image.frombytes("RGB", (pixmap.width, pixmap.height), pixmap.samples)
