"""Conversions between pages' rows and the parts that vector stores write and return."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import document_of, page_of
from pagelens.core.types import TokenMatrix
from pagelens.index.dense.exact_index import Matrix
from pagelens.index.late.token_pooling import pool_factor, pool_tokens
from pagelens.index.late.token_segments import Storage, TokenRows, pack_tokens
from pagelens.index.layout import LaneRecord
from pagelens.index.records import DenseParts, DenseRows


def pack_pages(lane: LaneRecord, pages: Sequence[TokenMatrix] | TokenRows, storage: Storage) -> TokenRows:
    """Return the tokens of pages as a lane stores them, pooled if its space says so."""
    if isinstance(pages, TokenRows):
        return pages
    factor = pool_factor(lane.space)
    pooled = pages if factor == 1 else [pool_tokens(page, factor) for page in pages]
    return pack_tokens(pooled, lane.space.dim, storage=storage)


def concatenate(parts: DenseParts, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the passage keys (n,) and vectors (n, dim) of all parts."""
    keys = [np.zeros(0, np.int64), *(rows.keys(pages) for pages, rows in parts)]
    vectors = [np.zeros((0, dim), np.float32), *(rows.vectors for _, rows in parts)]
    return np.concatenate(keys), np.concatenate(vectors)


def document_runs(documents: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (document, number of rows) for each run of equal documents; `documents` (n,) has one for each row."""
    if not len(documents):
        return []
    bounds = [0, *(np.flatnonzero(np.diff(documents)) + 1).tolist(), len(documents)]
    return [(int(documents[start]), stop - start) for start, stop in pairwise(bounds)]


def parts_by_document(keys: NDArray[np.int64], vectors: Matrix) -> DenseParts:
    """Return rows with passage keys (n,) and vectors (n, dim) as one part for each document, in the order of keys."""
    order = np.argsort(keys, kind="stable")
    keys, vectors = keys[order], vectors[order]
    parts, start = [], 0
    for _, count in document_runs(document_of(page_of(keys))):
        pages, counts = np.unique(page_of(keys[start : start + count]), return_counts=True)
        rows = np.asarray(vectors[start : start + count], np.float32)
        parts.append((pages.tolist(), DenseRows(counts.tolist(), rows)))
        start += count
    return parts
