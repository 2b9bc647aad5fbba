"""PDFs whose glyphs stand for any text, by a ToUnicode map (ISO 32000-1, 9.10.3), without a font of that script."""

from collections.abc import Sequence
from pathlib import Path

from tests.ingest.files import hand_written_pdf

SIZE = 20.0
WIDTH = 10.0  # of every glyph, half the type size

Piece = tuple[float, float, Sequence[str]]
"""x and y (from the foot of the page) of a piece of text, and what its glyphs stand for, from left to right."""


def displayed(text: str, *ligatures: str) -> list[str]:
    """Return what the glyphs of a right-to-left text stand for, from left to right; each ligature is one glyph."""
    glyphs: list[str] = []
    at = 0
    while at < len(text):
        glyph = next((ligature for ligature in ligatures if text.startswith(ligature, at)), text[at])
        glyphs.append(glyph)
        at += len(glyph)
    return glyphs[::-1]


def mapped_pdf(path: Path, *pieces: Piece, rotation: int = 0, no_width: str = "") -> Path:
    """Write a page of 600 x 800 points; glyphs of the characters `no_width` stand where the next one does."""
    codes = {glyph: 33 + at for at, glyph in enumerate(sorted({glyph for _, _, glyphs in pieces for glyph in glyphs}))}
    widths = [0 if glyph in no_width else 1000 * WIDTH / SIZE for glyph in codes]
    content = "BT /F 20 Tf " + " ".join(
        f"1 0 0 1 {x} {y} Tm <{''.join(f'{codes[glyph]:02x}' for glyph in glyphs)}> Tj" for x, y, glyphs in pieces
    )
    content += " ET"
    lines = [f"<{code:02x}> <{glyph.encode('utf-16-be').hex()}>" for glyph, code in codes.items()]
    to_unicode = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(lines)} beginbfchar {' '.join(lines)} endbfchar\nendcmap end end"
    )
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Rotate {rotation}/Contents 4 0 R"
        "/Resources<</Font<</F 5 0 R>>>>>>",
        f"<</Length {len(content)}>>stream\n{content}\nendstream",
        f"<</Type/Font/Subtype/Type1/BaseFont/Courier/FirstChar 33/LastChar {32 + len(codes)}"
        f"/Widths[{' '.join(map(str, widths))}]/ToUnicode 6 0 R>>",
        f"<</Length {len(to_unicode)}>>stream\n{to_unicode}\nendstream",
    ]
    path.write_bytes(hand_written_pdf(objects))
    return path
