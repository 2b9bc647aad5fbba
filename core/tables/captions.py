"""Captions of tables: the lines just above, and a numbered caption above or below."""

import re

from pagelens.core.tables.chunk_map import ChunkMap
from pagelens.core.tables.chunks import Chunk
from pagelens.core.types import Box

CONTEXT_LINES = 6  # above a table, that may say what it shows
CAPTION_LINES = 3  # of a numbered caption that are read
CAPTION_REACH = 0.08  # of the page's height, between a table and its numbered caption

_CAPTION = re.compile(
    r"(table|figure|fig|chart|exhibit|graph|abb|tabelle|tableau|tabla|tabela)\b.{0,3}\d", re.IGNORECASE
)


def find_caption(page: ChunkMap, box: Box) -> list[Chunk]:
    """Return the lines just above a table, from top to bottom, and a caption below it."""
    lines: list[Chunk] = []
    edge = box.y0
    above = page.where((page.y1 <= box.y0 + 0.005) & (page.x1 > box.x0) & (page.x0 < box.x1))
    for chunk in reversed(above):
        too_far = edge - chunk.box.y1 > 3 * chunk.height or len(lines) == CONTEXT_LINES
        if too_far or chunk.kind == "value" or (chunk.kind == "prose" and not _CAPTION.match(chunk.text)):
            break
        lines.append(chunk)
        edge = min(edge, chunk.box.y0)
    return [*(chunk for chunk in _numbered_caption(page, box) if chunk not in lines), *reversed(lines)]


def _numbered_caption(page: ChunkMap, box: Box) -> list[Chunk]:
    """Return the first lines of a caption ("Table 3: ...") above or below a table, the nearest."""
    near = page.where((page.y1 > box.y0 - CAPTION_REACH) & (page.y0 < box.y1 + CAPTION_REACH) & (page.x1 > box.x0))
    near = [chunk for chunk in near if chunk.box.x0 < box.x1]
    found = [index for index, chunk in enumerate(near) if _CAPTION.match(chunk.text)]
    if not found:
        return []
    best = min(found, key=lambda index: min(abs(near[index].box.y0 - box.y1), abs(near[index].box.y1 - box.y0)))
    first = near[best]
    below = [chunk for chunk in near[best:] if abs(chunk.box.x0 - first.box.x0) < 3 * first.letter_width]
    return [chunk for chunk in below if chunk.box.y0 - first.box.y0 < CAPTION_LINES * 1.6 * first.height]
