"""A dense lane's rows in matrices that lie apart: which are copied, and that rows come back as from one matrix."""

import numpy as np
from numpy.typing import NDArray

from pagelens.core.keys import page_key, passage_key
from pagelens.index.dense.vector_index import open_vector_index
from pagelens.index.stores.local_store import COPIED_ROWS, LocalDenseView, join_short

DIM = 4


def rows(count: int, seed: int = 0) -> NDArray[np.float16]:
    vectors = np.random.default_rng(seed).normal(size=(count, DIM))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float16)


def test_long_runs_stay_where_they_lie_and_short_neighbours_are_joined() -> None:
    runs = [rows(count, count) for count in (5, COPIED_ROWS - 1, COPIED_ROWS, 3, 4, COPIED_ROWS + 1)]
    found = join_short(runs)
    assert [len(chunk) for chunk in found] == [COPIED_ROWS + 4, COPIED_ROWS, 7, COPIED_ROWS + 1]
    assert np.array_equal(np.concatenate(found), np.concatenate(runs))
    assert found[1] is runs[2]
    assert found[3] is runs[5]


def test_rows_of_a_document_come_from_all_chunks() -> None:
    keys = np.array([passage_key(page_key(document, 1), n) for document in (3, 5, 4) for n in range(4)], np.int64)
    vectors = rows(12)
    chunks = [vectors[:2], vectors[2:7], vectors[7:]]
    view = LocalDenseView(keys, chunks, open_vector_index(*chunks))
    assert np.array_equal(view.matrix, vectors)
    for documents in ([5], [3, 4], []):
        of_one = LocalDenseView(keys, [vectors], open_vector_index(vectors)).parts_of(documents)
        parts = view.parts_of(documents)
        assert [(pages, found.counts) for pages, found in parts] == [(pages, found.counts) for pages, found in of_one]
        assert all(np.array_equal(a.vectors, b.vectors) for (_, a), (_, b) in zip(parts, of_one, strict=True))
    assert len(view.parts_of([3, 4])) == 2
