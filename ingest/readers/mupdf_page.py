"""What is read and drawn of an open MuPDF page, whatever the format of its file: words with boxes, pictures, bitmaps.

Not to be called without `pagelens.ingest.readers.mupdf.LOCK`. Coordinates follow the page as displayed: crop box and rotation applied.
Words come in the order in which the file draws them, which keeps columns apart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pagelens.core.types import PageText
from pagelens.ingest.readers.mupdf import pymupdf
from pagelens.ingest.readers.pdf.hidden_text import Seen, seen
from pagelens.ingest.text.page_text import REPLACEMENT, Word, assemble_text, visual_lines
from pagelens.ingest.text.usable_text import WORDS_LOST

MAX_PIXELS = 40_000_000  # of a page picture: 120 MB

FoundWord = tuple[float, float, float, float, str, int, int]
"""x0, y0, x1, y1 in points before the page is turned, the word, the block and the line it stands in."""

# Ligatures come apart ("fi", not one sign); a glyph without a Unicode value stays U+FFFD instead of a made-up letter.
_FLAGS = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
_BLANKS = "".join(map(chr, (0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))


def words_on(leaf: Any) -> list[FoundWord]:
    """Return the words that are drawn on the page, those of fields and notes among them."""
    return [word[:7] for word in leaf.get_text("words", flags=_FLAGS, delimiters=_BLANKS)]


def page_text(leaf: Any, found: Sequence[FoundWord]) -> tuple[PageText, str]:
    """Return the text of the words that a reader sees, and what is wrong with them."""
    boxes = np.array([word[:4] for word in found], np.float64).reshape(-1, 4)
    shown = turned(boxes, leaf.rotation_matrix)
    sight, unsure = _seen(leaf, [word[4] for word in found], boxes, shown)
    words = [
        Word(word[4], x0, y0, x1, y1, word[5], word[6])
        for word, (x0, y0, x1, y1), is_seen in zip(found, shown.tolist(), sight.mask.tolist(), strict=True)
        if is_seen and word[4].strip(REPLACEMENT)
    ]
    text = assemble_text(visual_lines(words), width=leaf.rect.width, height=leaf.rect.height)
    problem = WORDS_LOST if int(sight.mask.sum()) > 2 * len(words) else ""
    return text, problem or unsure or sight.said()


def _seen(leaf: Any, texts: Sequence[str], boxes: NDArray[np.float64], shown: NDArray[np.float64]) -> tuple[Seen, str]:
    try:
        return seen(leaf, texts, boxes, shown), ""
    except Exception as exc:  # noqa: BLE001 - SWIG classes without a common root; its words could be read
        everything = Seen(np.ones(len(texts), np.bool_))
        return everything, f"it cannot be looked at ({exc}): words nobody sees may be among its words"


def turned(boxes: NDArray[np.float64], matrix: Any) -> NDArray[np.float64]:
    """Turn boxes (n, 4) with the page: PyMuPDF tells them before rotation, relative to the crop box."""
    a, b, c, d, e, f = matrix
    x, y = boxes[:, 0::2], boxes[:, 1::2]  # (n, 2) each: opposite corners
    across, down = a * x + c * y + e, b * x + d * y + f
    return np.stack((across.min(1), down.min(1), across.max(1), down.max(1)), 1)


def bitmaps(leaf: Any) -> NDArray[np.float32]:
    """Return where bitmaps stand on the page as displayed: (n, 4), 0..1."""
    found = np.array([info["bbox"] for info in leaf.get_image_info()], np.float64).reshape(-1, 4)
    width, height = leaf.rect.width, leaf.rect.height
    boxes = turned(found, leaf.rotation_matrix) / (width, height, width, height)
    return np.asarray(np.clip(boxes, 0, 1), np.float32)


def drawn(leaf: Any, *, longest: int | None = None, width: int | None = None) -> Image.Image:
    """Return the page as an RGB picture, `longest` or `width` in pixels; one of more than `MAX_PIXELS` is smaller."""
    across, down = leaf.rect.width, leaf.rect.height
    zoom = longest / max(across, down) if longest else (width or 0) / across
    zoom = min(zoom, (MAX_PIXELS / (across * down)) ** 0.5)
    columns, rows = max(1, round(across * zoom)), max(1, round(down * zoom))
    # Whole pixels on both sides: MuPDF would round outwards and add a row.
    picture = leaf.get_pixmap(matrix=pymupdf.Matrix(columns / across, rows / down), alpha=False)
    return Image.frombytes("RGB", (picture.width, picture.height), picture.samples)
