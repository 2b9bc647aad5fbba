"""RTF without LibreOffice: its paragraphs as text, by striprtf. Deleted and hidden text is left out."""

import re

_UNSEEN = re.compile(r"\{(?:\\[a-z]+-?\d* ?)*?\\(?:deleted|v)(?![a-z0-9])[^{}]*\}")


def rich_text_lines(data: bytes) -> list[str]:
    """Return the paragraphs of an RTF file; the cells of a table's row are separated by "; "."""
    from striprtf.striprtf import rtf_to_text

    source = data.decode("latin-1")  # RTF is ASCII; other characters are written as \\'xx and \\u
    text = rtf_to_text(_UNSEEN.sub("", source), encoding="cp1252", errors="replace")  # type: ignore[no-untyped-call]
    return [_row(line) if "|" in line else line for line in text.splitlines() if line.strip()]


def _row(line: str) -> str:
    return "; ".join(cell.strip() for cell in line.split("|") if cell.strip())
