"""Imports PyMuPDF for all modules that use it, without its layout and Markdown extensions and without its output.

Those extensions are installed with the package, and it imports them where it finds them. They bring in onnxruntime,
networkx and tabulate, which takes ten times the CPU time and three times the memory of PyMuPDF, and are not used here.
"""

import sys
import threading
from types import ModuleType
from typing import cast

_UNUSED = ("pymupdf.layout", "pymupdf4llm")


def _import_without_extensions() -> ModuleType:
    # None in sys.modules makes an import fail (Python's own rule), and PyMuPDF takes that as "not installed".
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = cast("ModuleType", None)
    try:
        import pymupdf
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
    return cast("ModuleType", pymupdf)


pymupdf = _import_without_extensions()
pymupdf.TOOLS.mupdf_display_errors(False)  # they would go to stdout; `take_warnings` still returns them
pymupdf.TOOLS.mupdf_display_warnings(False)

LOCK = threading.RLock()
"""Must be held around every use of PyMuPDF, which has one context for the whole process."""

# Ligatures are split ("fi" is two letters); a glyph without a Unicode value stays U+FFFD instead of a guessed letter.
TEXT_FLAGS: int = pymupdf.TEXT_PRESERVE_WHITESPACE | pymupdf.TEXT_CLIP
BLANKS = "".join(map(chr, (0x1680, *range(0x2000, 0x200C), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)))

MuPdfWord = tuple[float, float, float, float, str, int, int]
"""x0, y0, x1, y1 in points before the page's rotation, the word, the numbers of its block and line."""


def free_caches() -> None:
    """Free the fonts, images and warnings that MuPDF keeps of pages read before. Takes about 3 ms."""
    pymupdf.TOOLS.store_shrink(100)
    pymupdf.TOOLS.reset_mupdf_warnings()


def take_warnings() -> str:
    """Return MuPDF's warnings and errors since the last call."""
    return str(pymupdf.TOOLS.mupdf_warnings())
