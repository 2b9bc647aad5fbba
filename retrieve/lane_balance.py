"""How much each lane weighs for a query: photos and pages must not crowd each other out.

A page of words is ranked by three lanes, a photo by one, so with fixed weights either no photo is ever seen or photos
stand before the pages that answer. What decides is whether the pictures or the words have more to say:

    odds = exp(9.4 * (best image cosine - best text cosine) - 2.4 * coverage + 1.55)

where the image lane lives in the text lane's space (builtin: one query vector, comparable cosines), coverage being the
best BM25 score over the sum of the query's idf. Where the spaces differ (CLIP), coverage alone decides. Fitted by
logistic regression on questions about documents and captions of photos; figures in docs/LOG.md. Knows rankings and
numbers; no index.
"""

import math
from collections.abc import Mapping, Sequence

from pagelens.core.types import Query, Ranking

WEIGHTS: Mapping[str, float] = {"words": 2.0, "text": 1.0, "page": 1.5, "image": 1.0, "visual": 1.0}
"""Of lanes of words as measured: docs/LOG.md."""

LEAST, MOST = 0.25, 8.0  # what the image lane may weigh
LEAST_APART = 1.0  # the same where its cosines say nothing beside the text lane's
WITH_PICTURE = {"image": 4.0, "visual": 4.0, "words": 0.5, "text": 0.25, "page": 0.25}
"""For a picture with a text that says what shall be different: words are of little use."""


def balanced_weights(
    query: Query, rankings: Sequence[Ranking], *, idf: float, one_space: bool, weights: Mapping[str, float] = WEIGHTS
) -> Mapping[str, float]:
    """Return each lane's weight. `idf` is the sum over the query's terms, `one_space` whether the best scores of the
    text and the image lane may be compared."""
    if query.image is not None:
        return {**weights, **WITH_PICTURE} if query.text else weights
    best = {ranking.lane: ranking.hits[0].score for ranking in rankings if ranking.hits}
    if "image" not in best:
        return weights
    coverage = best.get("words", 0.0) / idf if idf > 0 else 0.0
    if one_space:
        odds = math.exp(9.4 * (best["image"] - best.get("text", 0.0)) - 2.4 * coverage + 1.55)
        return {**weights, "image": min(max(odds, LEAST), MOST)}
    return {**weights, "image": min(max(math.exp(-5.1 * coverage + 2.45), LEAST_APART), MOST)}
