"""The records that enter the index: pages of a document with the rows that its lanes store for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import passage_key
from pagelens.core.tables.outlines import TableOutline
from pagelens.core.types import Document, Guess, Page, Passage, TokenMatrix
from pagelens.index.late.token_segments import TokenRows


@dataclass(frozen=True, slots=True)
class DenseRows:
    """Rows of some pages in a lane with one vector a row: one row for each passage, or for the page's image."""

    counts: Sequence[int]  # (n_pages,) rows of each page
    vectors: NDArray[np.float32]  # (sum of counts, dim)

    def keys(self, pages: Sequence[int]) -> NDArray[np.int64]:
        """Return the key of each row, (sum of counts,), for these page keys."""
        rows = [passage_key(page, n) for page, count in zip(pages, self.counts, strict=True) for n in range(count)]
        return np.array(rows, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentPages:
    """Consecutive pages of one document, ready to be stored."""

    document: Document
    path: str
    pages: Sequence[Page]
    passages: Sequence[Sequence[Passage]]  # of each page
    vectors: Mapping[str, DenseRows]  # by lane with one vector a row
    last: bool  # whether the document ends with these pages
    tokens: Mapping[str, Sequence[TokenMatrix] | TokenRows] = field(default_factory=dict)
    """By multi-vector lane: each page's tokens, as an encoder returns them or packed already."""
    guesses: Mapping[int, Sequence[Guess]] = field(default_factory=dict)  # page number -> labels of a photo
    perceptual_hashes: Mapping[int, int] = field(default_factory=dict)  # page number -> 64 bits
    tables: Mapping[int, Sequence[TableOutline]] = field(default_factory=dict)  # page number -> its tables
    embedded: bool = True  # whether the rows of all lanes are here; False: none is, and they are made later


@dataclass(frozen=True, slots=True)
class EmbeddedPages:
    """The rows that pages of the catalog, of one document or several, get in some lanes."""

    pages: Sequence[int]  # page keys
    vectors: Mapping[str, DenseRows]  # dense lane -> rows of these pages
    # multi-vector lane -> one matrix a page
    tokens: Mapping[str, Sequence[TokenMatrix] | TokenRows] = field(default_factory=dict)
    guesses: Mapping[int, Sequence[Guess]] = field(default_factory=dict)  # page key -> what the photo shows
    problems: Mapping[int, str] = field(default_factory=dict)  # page key -> why it could not be rendered
    perceptual_hashes: Mapping[int, int] = field(default_factory=dict)  # page key -> 64 bits, of pages with an image
    tables: Mapping[int, Sequence[TableOutline]] = field(default_factory=dict)  # page key -> its tables


DenseParts: TypeAlias = Sequence[tuple[Sequence[int], DenseRows]]
"""Page keys and the rows of these pages, in as many parts as the caller has."""

TokenParts: TypeAlias = Sequence[tuple[Sequence[int], TokenRows]]
"""The same for a multi-vector lane, where a page is one row, with or without tokens."""

WrittenRows: TypeAlias = tuple[str, Sequence[tuple[int, int]]]
"""The name under which the catalog registers written rows ("" if there were none), and (document, number of rows) in
row order."""

NO_ROWS: WrittenRows = ("", ())
