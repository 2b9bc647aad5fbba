"""Rankings to one ranking: reciprocal-rank fusion.

Cormack, Clarke and Buettcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods"
(SIGIR 2009): score(page) = sum over lanes of weight / (k + rank). Ranks count from 1 and k is 60, as in the paper;
some libraries count from 0, which shifts every score.

Ranks alone throw away how sure a lane was: BM25's first page may be miles ahead of its second, or level with it. With
`scaled`, a lane's share for a page is multiplied by how high the page's score stands between the lane's floor (0) and
its best (1), which keeps the order of each lane and the form of the sum, and measured better on every figure
(docs/LOG.md). The floor is the lane's last score, drawn towards zero where the ranking is short: the second of two
pages need not be bad.
"""

from collections.abc import Mapping, Sequence

from pagelens.core.types import FusedHit, LaneRank, Ranking

K = 60
SHORT = 10  # hits; of rankings about as short, the floor is drawn halfway to zero


def reciprocal_rank_fusion(
    rankings: Sequence[Ranking], *, k: float = K, weights: Mapping[str, float] | None = None, scaled: bool = False
) -> list[FusedHit]:
    """Fuse rankings, best first; equal scores keep the order of the page keys. A lane without a weight weighs 1."""
    places: dict[int, dict[str, LaneRank]] = {}
    scores: dict[int, float] = {}
    for ranking in rankings:
        weight = 1.0 if weights is None else weights.get(ranking.lane, 1.0)
        best, floor = (ranking.hits[0].score, _floor(ranking)) if ranking.hits else (0.0, 0.0)
        for rank, hit in enumerate(ranking.hits, start=1):
            lanes = places.setdefault(hit.page, {})
            assert ranking.lane not in lanes, f"page {hit.page} stands twice in the ranking of {ranking.lane}"
            lanes[ranking.lane] = LaneRank(rank, hit.score, hit.passage)
            share = (hit.score - floor) / (best - floor) if scaled and best > floor else 1.0
            scores[hit.page] = scores.get(hit.page, 0.0) + weight * share / (k + rank)
    order = sorted(scores, key=lambda page: (-scores[page], page))
    return [FusedHit(page, scores[page], places[page]) for page in order]


def _floor(ranking: Ranking) -> float:
    last, count = ranking.hits[-1].score, len(ranking.hits)
    return last * count / (count + SHORT) if last > 0 else last
