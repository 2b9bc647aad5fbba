"""The reranking stage of a search: the first fused pages are scored again by a reranker."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pagelens.core.keys import document_of, number_of
from pagelens.core.protocols import Reranker
from pagelens.core.types import FusedHit, LaneRank, PageRef, Query, RerankCandidate
from pagelens.index.reader import Snapshot

RERANKED = 30  # first pages of the fused ranking; measured: docs/LOG.md


def rerank(
    snapshot: Snapshot, reranker: Reranker, query: Query, hits: Sequence[FusedHit], idf: Mapping[str, float]
) -> list[FusedHit]:
    """Return the hits with the first `RERANKED` in the order of the reranker's scores, which are in their `rerank`.

    Photos keep their places and have none: there is nothing on them to read. So do pages of which the reranker says
    nothing. A query with a picture is not reranked. Raises GenerationError where a model cannot be asked.
    """
    first = hits[:RERANKED] if query.image is None and query.words else ()
    documents = snapshot.document_rows(sorted({document_of(hit.page) for hit in first})) if first else {}
    places = [place for place, hit in enumerate(first) if documents[document_of(hit.page)].document.kind != "photo"]
    if len(places) < 2:
        return list(hits)
    pages = snapshot.pages([hits[place].page for place in places])
    candidates = [
        RerankCandidate(
            page=hits[place].page,
            ref=PageRef(documents[document_of(hits[place].page)].path, number_of(hits[place].page)),
            text=pages[hits[place].page].text.text,
            passages=pages[hits[place].page].passages,
            rank=rank,
            score=hits[place].score,
            lanes=hits[place].lanes,
        )
        for rank, place in enumerate(places, start=1)
    ]
    scores = reranker.scores(query.words, candidates, idf)
    assert scores.shape == (len(places),), scores.shape
    scored = np.flatnonzero(~np.isnan(scores))
    ranked = list(hits)
    for rank, row in enumerate(scored[np.argsort(-scores[scored], kind="stable")].tolist(), start=1):
        ranked[places[scored[rank - 1]]] = replace(hits[places[row]], rerank=LaneRank(rank, float(scores[row])))
    return ranked
