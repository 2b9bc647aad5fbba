"""A PDF of an answer: its text and sources, then the cited pages as images with their quotes marked."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

from pagelens.ingest.readers.mupdf import LOCK, pymupdf

A4 = (595.0, 842.0)  # points
MARGIN = 56.0
CAPTION = 28.0  # height of the line below a page that says which page it is
_STYLE = "body { font-family: sans-serif; font-size: 11pt; } h1 { font-size: 15pt; } p { white-space: pre-wrap; }"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPage:
    """A cited page: which it is in words, its image as JPEG, and the ratio of its height to its width."""

    caption: str
    image: bytes
    ratio: float


def make_answer_pdf(question: str, text: str, sources: Sequence[str], pages: Sequence[MarkedPage]) -> bytes:
    """Return a PDF with a question, the text of its answer, its sources as lines, and each page on a sheet."""
    lines = "".join(f"<li>{escape(source)}</li>" for source in sources)
    paragraphs = "".join(f"<p>{escape(part)}</p>" for part in text.split("\n") if part.strip())
    html = f"<h1>{escape(question)}</h1>{paragraphs}" + (f"<ul>{lines}</ul>" if lines else "")
    with LOCK, pymupdf.open("pdf", _text_pages(html)) as pdf:
        for marked in pages:
            page = pdf.new_page(width=A4[0], height=A4[0] * marked.ratio + CAPTION)
            page.insert_image(pymupdf.Rect(0, 0, A4[0], A4[0] * marked.ratio), stream=marked.image)
            below = pymupdf.Rect(MARGIN, page.rect.y1 - CAPTION + 6, A4[0] - MARGIN, page.rect.y1)
            page.insert_htmlbox(below, escape(marked.caption), css="* { font-family: sans-serif; font-size: 9pt; }")
        data: bytes = pdf.tobytes(garbage=3, deflate=True)
    return data


def _text_pages(html: str) -> bytes:
    """Return a PDF of HTML on as many A4 sheets as it needs."""
    sheet = pymupdf.Rect(0, 0, *A4)
    buffer = BytesIO()
    with LOCK:
        story, writer, more = pymupdf.Story(html=html, user_css=_STYLE), pymupdf.DocumentWriter(buffer), 1
        while more:
            device = writer.begin_page(sheet)
            more, _ = story.place(pymupdf.Rect(MARGIN, MARGIN, A4[0] - MARGIN, A4[1] - MARGIN))
            story.draw(device)
            writer.end_page()
        writer.close()
    return buffer.getvalue()
