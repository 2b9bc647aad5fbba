"""Regions of a page that a query is about: a table or chart that has its words as labels, or a figure.

Both are found from the boxes of words alone. A figure is the largest part of the page without running text: a picture
has no words, a diagram short ones.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from math import fsum

import numpy as np

from pagelens.core.protocols import WordsAnalyzer
from pagelens.core.tables.chunks import Chunk
from pagelens.core.tables.outlines import TableOutline, layout_with_tables, outlines
from pagelens.core.tables.structure import table_layout
from pagelens.core.terms import WantedTerms
from pagelens.core.types import Box, Evidence, PageText

CAPTION_WEIGHT = 0.7  # of a query term that stands in a table's caption only
TABLE_SHARE = 0.5  # of the weight of the best words of the page: from here on a table is shown in their place
MIN_WIDTH, MIN_HEIGHT = 0.2, 0.1  # of a figure, as fractions of the page
MARGIN = 0.04  # of the page, where no figure is looked for
LABEL_LETTERS = 40  # of a diagram; longer lines are text
TITLE_HEIGHT = 1.35  # of the median height of words: taller words at the top are a title
TITLE_FOOT = 0.25  # of the page's height, where titles stand
_GRID = 60  # rows and columns in which figures are looked for

# Words of queries about what is seen, in the languages of most queries.
_SEEN = {
    "en": r"figures?|images?|photos?|photographs?|pictures?|cartoons?|maps?|logos?|icons?|colou?rs?|cover|diagrams?"
    r"|illustrations?|illustrated|screenshots?|wearing|drawn|drawings?|flow ?charts?",
    "de": r"abbildung(en)?|bild(er)?|fotos?|karten?|logos?|farben?|zeichnung(en)?|titelbild|symbole?",
    "fr": r"figures?|images?|photos?|cartes?|logos?|couleurs?|dessins?|couverture|ic[oô]nes?",
    "es": r"figuras?|im[aá]gen(es)?|fotos?|mapas?|logos?|color(es)?|dibujos?|portada|iconos?",
    "pt": r"imagens?|imagem|mapas?|cor(es)?|desenhos?|capa|[ií]cones?",
}
_ABOUT_FIGURE = re.compile(rf"\b({'|'.join(_SEEN.values())})\b", re.IGNORECASE)


def find_region(
    query: str,
    text: PageText,
    quote: Evidence,
    wanted: WantedTerms,
    weights: Mapping[str, float],
    analyze: WordsAnalyzer,
    tables: Sequence[TableOutline] | None = None,
) -> list[Box]:
    """Return the box of the figure, table or chart of a page that a query is about; empty if its quote shows more.

    `tables` are the page's, as `outline_tables` finds them; None: they are looked for.
    """
    in_quote = _terms(text.text[quote.start : quote.end].split(), wanted, analyze)
    least = _weight(in_quote, weights)
    region = find_figure(query, text)
    if region is None and (in_quote or _terms([text.text], wanted, analyze)):
        region = find_table(text, wanted, weights, analyze, least=least, tables=tables)
    return [region] if region else []


def find_figure(query: str, text: PageText) -> Box | None:
    """Return the largest part of a page without running text, if a query is about what is seen."""
    if not _is_about_figure(query) or not len(text.spans):
        return None
    region = _largest_gap(table_layout(text).chunks)
    is_large = region is not None and region.x1 - region.x0 >= MIN_WIDTH and region.y1 - region.y0 >= MIN_HEIGHT
    return region if is_large else None


@lru_cache(64)
def _is_about_figure(query: str) -> bool:
    return _ABOUT_FIGURE.search(query) is not None


def find_table(
    text: PageText,
    wanted: WantedTerms,
    weights: Mapping[str, float],
    analyze: WordsAnalyzer,
    *,
    least: float,
    tables: Sequence[TableOutline] | None = None,
) -> Box | None:
    """Return the table whose labels and caption have most of a query's terms by weight.

    None if none has a term among its labels, or none has `TABLE_SHARE` of `least`, the weight of the best words.
    `tables`: see `find_region`.
    """
    if tables is None:
        layout = layout_with_tables(text)
        if layout is None or not _terms(layout.label_words, wanted, analyze):
            return None
        tables = outlines(layout.tables)
    best, region = max(1e-9, TABLE_SHARE * least), None
    for table in tables:
        if labels := _terms([table.labels], wanted, analyze):
            caption = _terms([table.caption], wanted, analyze) - labels
            weight = _weight(labels, weights) + CAPTION_WEIGHT * _weight(caption, weights)
            if weight >= best:
                best, region = weight, table.box
    return region


def _weight(terms: Collection[str], weights: Mapping[str, float]) -> float:
    """Return the sum of the weights of some terms, the same in whatever order a set has them."""
    return fsum(weights[term] for term in terms)


def without_titles(text: PageText, boxes: Sequence[Box]) -> Sequence[Box]:
    """Return the boxes of a quote without those of a title at the page's top, unless the quote is nothing else."""
    if all(box.y0 >= TITLE_FOOT for box in boxes):
        return boxes
    median = float(np.median(text.boxes[:, 3] - text.boxes[:, 1]))
    rest = [box for box in boxes if box.y1 - box.y0 <= TITLE_HEIGHT * median or box.y0 >= TITLE_FOOT]
    return rest or boxes


def _terms(texts: Iterable[str], wanted: WantedTerms, analyze: WordsAnalyzer) -> frozenset[str]:
    """Return the plain terms that the words of any of the texts have."""
    words = {word for text in set(texts) for word in text.split()}
    return frozenset().union(*wanted.found_in_words(analyze(words)).values())


def _largest_gap(chunks: Sequence[Chunk]) -> Box | None:
    """Return the largest rectangle of the page, margins left out, that no line of running text touches."""
    taken = np.zeros((_GRID, _GRID), bool)
    edge = round(MARGIN * _GRID)
    taken[:edge] = taken[-edge:] = taken[:, :edge] = taken[:, -edge:] = True
    for chunk in chunks:
        if chunk.kind == "prose" or len(chunk.text) > LABEL_LETTERS:
            x0, y0, x1, y1 = (value * _GRID for value in chunk.box)
            taken[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))] = True
    return _largest_rectangle(taken.tobytes())


@lru_cache(64)
def _largest_rectangle(taken: bytes) -> Box | None:
    """Return the largest rectangle of free cells of the grid: for each row, over the heights of free cells above it.

    A rectangle that the next row continues is not the largest, so a row is looked at only if the next has less free.
    """
    cells = np.frombuffer(taken, bool).reshape(_GRID, _GRID)
    is_last = np.append((cells[1:] & ~cells[:-1]).any(axis=1), True)
    free = np.zeros(_GRID, np.int64)
    best, found = 0, None
    for row in range(_GRID):
        free = np.where(cells[row], 0, free + 1)
        if not is_last[row] or free.max() * np.count_nonzero(free) <= best:
            continue
        heights = free.tolist()
        open_columns: list[tuple[int, int]] = []  # (first column, height), heights rising
        for column, height in enumerate([*heights, 0]):
            first = column
            while open_columns and open_columns[-1][1] >= height:
                first, tall = open_columns.pop()
                if tall * (column - first) > best:
                    best, found = tall * (column - first), (first, row + 1 - tall, column, row + 1)
            open_columns.append((first, height))
    if found is None:
        return None
    x0, y0, x1, y1 = (value / _GRID for value in found)
    return Box(x0, y0, x1, y1)
