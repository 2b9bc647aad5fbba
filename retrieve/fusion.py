"""Fusion of the lanes' rankings into one: reciprocal-rank fusion, and the weight of each lane for a query.

Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods"
(SIGIR 2009): score(page) = sum over lanes of weight / (k + rank). Ranks count from 1 and k is 60, as in the paper;
some libraries count from 0, which shifts every score.

Ranks alone ignore how much better one page is than the next. With `scaled`, a lane's share for a page is multiplied by
(score - floor) / (best - floor), which keeps the order within each lane and measured better throughout (docs/LOG.md).
The floor is the lane's last score, moved towards zero where the ranking is short: the second of two pages need not be
bad.

A page that a lane has no vector of yet (`pagelens index --first words`) would have been ranked by it somewhere. Its
sum is multiplied by 1 + TRUST * (weight of the lanes that lack it) / (weight of those that do not): the lanes that know
a page speak for those that do not, with a little less than their weight, since a page that is first in one lane is
seldom first in all.

Weights: a page of text is ranked by three lanes, a photo by one, so with fixed weights either no photo is ever seen or
photos stand before the pages that answer. The image lane's weight therefore depends on the query:

    odds = exp(9.4 * (best image cosine - best text cosine) - 2.4 * coverage + 1.55)

if the image lane lives in the text lane's space (builtin: one query vector, comparable cosines). `coverage` is the best
BM25 score over the sum of the query terms' idf. If the spaces differ (CLIP), coverage alone decides. Fitted by logistic
regression on questions about documents and captions of photos; figures in docs/LOG.md.
"""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import FusedHit, LaneRank, Query, QueryPart, Ranking

K = 60
TRUST = 0.875  # of other lanes where one lacks a page; measured: docs/LOG.md
SHORT_RANKING = 10  # hits; the floor of a ranking of this length is moved halfway to zero

MIN_IMAGE_WEIGHT, MAX_IMAGE_WEIGHT = 0.25, 8.0
MIN_IMAGE_WEIGHT_ALONE = 1.0  # if the image lane's cosines cannot be compared with the text lane's


def reciprocal_rank_fusion(
    rankings: Sequence[Ranking],
    *,
    k: float = K,
    weights: Mapping[str, float] | None = None,
    scaled: bool = False,
    lacking: Mapping[str, NDArray[np.int64]] = MappingProxyType({}),
    limit: int | None = None,
) -> list[FusedHit]:
    """Fuse rankings, best first, and return the `limit` best hits (None: all); equal scores are ordered by page key. A
    lane without a weight weighs 1.

    `lacking`: the lanes that speak for each other where one does not have a page yet, each with the keys of its missing
    pages.
    """
    scores: dict[int, float] = {}
    for ranking in rankings:
        weight = 1.0 if weights is None else weights.get(ranking.lane, 1.0)
        best, floor = (ranking.hits[0].score, _floor(ranking)) if ranking.hits else (0.0, 0.0)
        for rank, hit in enumerate(ranking.hits, start=1):
            share = (hit.score - floor) / (best - floor) if scaled and best > floor else 1.0
            scores[hit.page] = scores.get(hit.page, 0.0) + weight * share / (k + rank)
    for page, factor in _factors(list(scores), weights or {}, lacking).items():
        scores[page] *= factor
    order = sorted(scores, key=lambda page: (-scores[page], page))[:limit]
    lanes: dict[int, dict[str, LaneRank]] = {page: {} for page in order}
    for ranking in rankings:
        for rank, hit in enumerate(ranking.hits, start=1):
            if (ranks := lanes.get(hit.page)) is not None:
                assert ranking.lane not in ranks, f"page {hit.page} stands twice in the ranking of {ranking.lane}"
                ranks[ranking.lane] = LaneRank(rank, hit.score, hit.passage)
    return [FusedHit(page, scores[page], lanes[page]) for page in order]


def _factors(
    pages: Sequence[int], weights: Mapping[str, float], lacking: Mapping[str, NDArray[np.int64]]
) -> dict[int, float]:
    """Return what the sums of those pages are multiplied by that a lane lacks."""
    keys, missing, total = np.array(pages, np.int64), np.zeros(len(pages)), 0.0
    for lane, lacked in lacking.items():
        weight = weights.get(lane, 1.0)
        total += weight
        missing += np.isin(keys, lacked) * weight
    rows = np.flatnonzero((missing > 0) & (missing < total))
    return {pages[row]: 1 + TRUST * missing[row] / (total - missing[row]) for row in rows.tolist()}


def share_weights(weights: Mapping[str, float], parts: Mapping[str, QueryPart], text_share: float) -> dict[str, float]:
    """Return the lanes' weights for a query of words and images, given the share of the words, 0 to 1.

    `weights` are those for an even share. At 0, lanes that use words only weigh nothing; at 1, those that use images
    only.
    """
    factors = {"words": 2 * text_share, "images": 2 * (1 - text_share), "both": 1.0}
    return {lane: weight * factors[parts[lane]] for lane, weight in weights.items()}


def _floor(ranking: Ranking) -> float:
    last, count = ranking.hits[-1].score, len(ranking.hits)
    return last * count / (count + SHORT_RANKING) if last > 0 else last


def balanced_weights(
    query: Query,
    rankings: Sequence[Ranking],
    *,
    idf_sum: float,
    comparable_cosines: bool,
    weights: Mapping[str, float],
    image_query_weights: Mapping[str, float],
) -> Mapping[str, float]:
    """Return each lane's weight for a query.

    `idf_sum` is the sum over the query's terms; `comparable_cosines` says whether the text and the image lane share a
    space. `weights` are those of the lanes for a text or an image, `image_query_weights` those for both together.
    """
    if query.image is not None:
        return image_query_weights if query.text else weights
    best = {ranking.lane: ranking.hits[0].score for ranking in rankings if ranking.hits}
    if "image" not in best:
        return weights
    coverage = best.get("words", 0.0) / idf_sum if idf_sum > 0 else 0.0
    if comparable_cosines:
        odds = math.exp(9.4 * (best["image"] - best.get("text", 0.0)) - 2.4 * coverage + 1.55)
        return {**weights, "image": min(max(odds, MIN_IMAGE_WEIGHT), MAX_IMAGE_WEIGHT)}
    odds = math.exp(-5.1 * coverage + 2.45)
    return {**weights, "image": min(max(odds, MIN_IMAGE_WEIGHT_ALONE), MAX_IMAGE_WEIGHT)}
