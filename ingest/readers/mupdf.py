"""The one place that imports PyMuPDF: without its layout and Markdown parts, without its chatter, one thread at a time.

Those parts come with the package and are imported by it when they are found; they bring onnxruntime, networkx and
tabulate, ten times the CPU time and three times the memory of PyMuPDF itself, and nothing here uses them.
"""

import sys
import threading
from types import ModuleType
from typing import cast

_UNUSED = ("pymupdf.layout", "pymupdf4llm")


def _import_alone() -> ModuleType:
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


pymupdf = _import_alone()
pymupdf.TOOLS.mupdf_display_errors(False)  # they would go to stdout; they are still kept for `warnings`
pymupdf.TOOLS.mupdf_display_warnings(False)

LOCK = threading.RLock()
"""Held around every use of PyMuPDF, which has one context for the process."""


def forget() -> None:
    """Free what MuPDF keeps of pages done with: fonts, pictures, warnings. About 3 ms; call it every few pages."""
    pymupdf.TOOLS.store_shrink(100)
    pymupdf.TOOLS.reset_mupdf_warnings()


def warnings() -> str:
    """Return what MuPDF complained of since the last call."""
    return str(pymupdf.TOOLS.mupdf_warnings())
