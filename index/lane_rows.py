"""Rows of pages to segments: what a commit writes into a lane's store. Knows no catalog."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import document_of, page_of
from pagelens.core.spaces import Space
from pagelens.core.types import TokenMatrix
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.late.token_pooling import pool_factor, pool_tokens
from pagelens.index.late.token_segments import Storage, TokenRows, pack_tokens, write_token_segment
from pagelens.index.layout import LaneRecord
from pagelens.index.records import NO_ROWS, DenseParts, DenseRows, TokenParts, WrittenRows
from pagelens.index.segments import write_segment


def write_dense(folder: Path, space: Space, parts: DenseParts) -> WrittenRows:
    """Write one segment of all parts: page keys, and the rows of these pages."""
    found = [(rows.keys(pages), rows.vectors) for pages, rows in parts if len(rows.vectors)]
    if not found:
        return NO_ROWS
    keys = np.concatenate([one for one, _ in found])
    vectors = np.concatenate([one for _, one in found])
    return write_segment(folder, space, keys, vectors), runs_of(document_of(page_of(keys)))


def write_tokens(folder: Path, space: Space, parts: TokenParts) -> WrittenRows:
    """Likewise in a lane of many vectors; a page is a row, with tokens or without."""
    found = [(pages, rows) for pages, rows in parts if len(pages)]
    if not found:
        return NO_ROWS
    for pages, rows in found:
        assert len(pages) == len(rows), (folder.name, len(pages), len(rows))
    keys = np.array([page for pages, _ in found for page in pages], np.int64)
    return write_token_segment(folder, space, keys, [rows for _, rows in found]), runs_of(document_of(keys))


def pack_pages(lane: LaneRecord, pages: Sequence[TokenMatrix] | TokenRows, storage: Storage) -> TokenRows:
    """Return the tokens of pages as a lane stores them, pooled where its space says so."""
    if isinstance(pages, TokenRows):
        return pages
    return pack_tokens(_pooled(pages, pool_factor(lane.space)), lane.space.dim, storage=storage)


def _pooled(pages: Sequence[TokenMatrix], factor: int) -> Sequence[TokenMatrix]:
    if factor == 1:
        return pages
    return [pool_tokens(page, factor) for page in pages]


def runs_of(documents: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (document, rows) for each stretch of rows of one document."""
    cuts = [0, *(np.flatnonzero(np.diff(documents)) + 1).tolist(), len(documents)]
    return [(int(documents[start]), stop - start) for start, stop in pairwise(cuts)]


def parts_by_document(keys: NDArray[np.int64], vectors: Matrix) -> DenseParts:
    """Return rows with their keys of page and ordinal, (n,), as parts of one document each, in the order of keys."""
    order = np.argsort(keys, kind="stable")
    keys, vectors = keys[order], vectors[order]
    parts, start = [], 0
    for _, count in runs_of(document_of(page_of(keys))) if len(keys) else ():
        pages, counts = np.unique(page_of(keys[start : start + count]), return_counts=True)
        rows = np.asarray(vectors[start : start + count], np.float32)
        parts.append((pages.tolist(), DenseRows(counts.tolist(), rows)))
        start += count
    return parts
