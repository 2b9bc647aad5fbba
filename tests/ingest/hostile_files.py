"""Small files that take a reader minutes and gigabytes: each level draws the level below ten times."""

from pathlib import Path

from pagelens.ingest.readers.mupdf import pymupdf
from tests.ingest.files import hand_written_pdf

LEVELS, COPIES = 10, 10


def use_bomb(path: Path) -> Path:
    """Write an SVG of 2 KB that draws 10 billion rectangles."""
    groups = "".join(
        f'<g id="g{level}">' + f'<use xlink:href="#g{level - 1}"/>' * COPIES + "</g>" for level in range(1, LEVELS + 1)
    )
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="300" height="200">'
        f'<defs><g id="g0"><rect width="3" height="3"/></g>{groups}</defs><use xlink:href="#g{LEVELS}"/></svg>'
    )
    return path


def form_bomb(path: Path) -> Path:
    """Write a PDF of 2 KB whose page draws 10 billion forms."""
    draw = "/X Do " * COPIES
    form = "<</Type/XObject/Subtype/Form/BBox[0 0 612 792]{resources}/Length {length}>>stream\n{content}\nendstream"
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
        f"<</Length {len(draw)}>>stream\n{draw}\nendstream",
    ]
    for level in range(LEVELS):
        below = f"/Resources<</XObject<</X {6 + level} 0 R>>>>"
        objects.append(form.format(resources=below, length=len(draw), content=draw))
    objects.append(form.format(resources="", length=9, content="0 0 9 9 re f"[:9]))
    path.write_bytes(hand_written_pdf(objects))
    return path


def empty_pages(path: Path, count: int) -> Path:
    """Write a PDF of empty pages."""
    pdf = pymupdf.open()
    for _ in range(count):
        pdf.new_page()
    path.write_bytes(pdf.tobytes())
    return path
