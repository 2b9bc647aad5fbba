"""Cross-encoders of sentence-transformers as rerankers: BAAI/bge-reranker-base and -v2-m3, mxbai, gte and others.

A cross-encoder reads the query and a passage together and returns one number. A page's score is that of its best
passage. Length, activation and prompts come from the checkpoint's own configuration.
"""

# First: it repairs torchvision before sentence_transformers imports transformers.
import pagelens.encode.torch_support  # noqa: F401

# isort: split
from collections.abc import Mapping, Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import CrossEncoder

from pagelens.core.errors import WeightsError
from pagelens.core.types import RerankCandidate
from pagelens.encode.sentence_transformers_loading import load_model
from pagelens.encode.weights import WeightsFolder

BATCH = 16  # pairs of a query and a passage
NO_TEXT = ""  # stands for the passage of a page without words


class CrossEncoderReranker:
    """Implements `pagelens.core.protocols.Reranker`. Safe to share between threads, whose batches run one after
    another."""

    cost = ""

    def __init__(self, model: CrossEncoder, name: str) -> None:
        """Use a loaded model with one output."""
        self.name = name
        self._model = model
        self._lock = Lock()

    @classmethod
    def load(cls, folder: WeightsFolder, *, device: str | None = None) -> "CrossEncoderReranker":
        """Load a checkpoint from its folder, onto the best device if none is given. Raises WeightsError."""
        model = load_model(CrossEncoder, folder, "a cross-encoder", device)
        if (outputs := model.config.num_labels) != 1:
            raise WeightsError(
                f"expected a cross-encoder with one output, the relevance, found {outputs} in {folder.model}. "
                "Choose a reranker: BAAI/bge-reranker-base"
            )
        return cls(model, folder.model)

    def scores(
        self, query: str, candidates: Sequence[RerankCandidate], idf: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """See `Reranker.scores`: the best passage's; `idf` is not used."""
        del idf
        passages = [(row, passage) for row, candidate in enumerate(candidates) for passage in _passages(candidate)]
        with self._lock:
            found = self._model.predict(
                [(query, passage) for _, passage in passages],
                batch_size=BATCH,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        best = np.full(len(candidates), -np.inf)
        np.maximum.at(best, [row for row, _ in passages], np.asarray(found, np.float64))
        return best


def _passages(candidate: RerankCandidate) -> list[str]:
    """Return the texts of a page's passages; the page's text where it has none."""
    texts = [candidate.text[passage.start : passage.end] for passage in candidate.passages]
    return texts or [candidate.text or NO_TEXT]
