"""Real PDFs for tests of the whole: pages of given sentences, laid out by PyMuPDF."""

from collections.abc import Sequence
from pathlib import Path

import pymupdf


def write_pdf(path: Path, pages: Sequence[str], *, title: str = "") -> Path:
    """Write a PDF, a page for each text; lines are broken by the text's own newlines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pdf = pymupdf.open()
    for text in pages:
        page = pdf.new_page()
        if text:
            page.insert_textbox((50, 60, 545, 800), text, fontsize=11)
    pdf.set_metadata({"title": title})
    pdf.save(path, no_new_id=True)
    pdf.close()
    return path


SENTENCES = (
    "The northern breakwater was finished in September and has stood two storms.",
    "Timber grew to 52,300 tonnes while grain fell after the dry summer.",
    "Ships with a draught of more than 8.2 metres need a pilot.",
    "A limpet returns to its home scar before the tide falls.",
    "The crank arm is tightened to 38 newton metres.",
    "Beadlet anemones fight their neighbours with blue stinging beads.",
)


def made_up_pages(count: int, seed: int) -> list[str]:
    """Return texts of two sentences and a word of their own, different for each page."""
    pages = []
    for number in range(count):
        first, second = SENTENCES[(number + seed) % 6], SENTENCES[(number * 5 + seed + 1) % 6]
        own = "".join(chr(ord("a") + int(digit)) for digit in f"{seed:02d}{number:03d}")
        pages.append(f"{first}\n{second}\nThe word of this page is q{own}.")
    return pages


# A job started in the background ignores Ctrl-C, and so would its children.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pagelens.api.cli.main import main
sys.exit(main())
"""
