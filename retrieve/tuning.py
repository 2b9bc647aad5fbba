"""What a collection's tuning says of the fusion and of the builtin reranker."""

import logging

from pagelens.index.layout import Tuning
from pagelens.retrieve.reranking.builtin import BuiltinReranker
from pagelens.retrieve.reranking.features import FEATURES
from pagelens.retrieve.search import DEFAULT_FUSION, Fusion

logger = logging.getLogger(__name__)


def tuned_fusion(tuning: Tuning | None) -> Fusion:
    """Return the fusion of a collection; the shipped one if it is not tuned."""
    return DEFAULT_FUSION if tuning is None else Fusion(k=tuning.k, factors=tuning.factors, scaled=tuning.scaled)


def tuned_reranker(tuning: Tuning | None) -> BuiltinReranker | None:
    """Return the builtin reranker with a collection's weights; None if its tuning has none, or not for its features."""
    if tuning is None or tuning.reranker is None:
        return None
    if set(tuning.reranker) != set(FEATURES):
        logger.warning(
            "expected weights of %s, found those of %s: the collection was tuned by another version and is not "
            "reranked; pagelens eval tune fits it again",
            ", ".join(FEATURES),
            ", ".join(tuning.reranker),
        )
        return None
    return BuiltinReranker(tuning.reranker)
