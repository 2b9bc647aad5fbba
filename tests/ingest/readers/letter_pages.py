"""PDF pages whose glyphs a, b, c, ... stand for the letters of a ToUnicode map, as programs write them."""

from collections.abc import Mapping
from typing import Any

from pagelens.ingest.readers.mupdf import pymupdf


def utf16(text: str) -> str:
    return text.encode("utf-16-be").hex()


def letter_page(content: str, letters: Mapping[str, str]) -> Any:
    """An A4 page that draws `content` with Helvetica, whose letters stand for others."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_font(fontname="helv")
    font = int(page.get_fonts()[0][0])
    pairs = "\n".join(f"<{ord(code):02x}> <{utf16(text)}>" for code, text in letters.items())
    cmap = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /M def /CMapType 2 def
1 begincodespacerange <00> <ff> endcodespacerange {len(letters)} beginbfchar
{pairs}
endbfchar endcmap end end"""
    mapping, contents = document.get_new_xref(), document.get_new_xref()
    for number, stream in ((mapping, cmap), (contents, content)):
        document.update_object(number, "<<>>")
        document.update_stream(number, stream.encode("latin-1"))
    document.xref_set_key(font, "ToUnicode", f"{mapping} 0 R")
    document.xref_set_key(page.xref, "Contents", f"{contents} 0 R")
    return pymupdf.open(stream=document.tobytes())[0]
