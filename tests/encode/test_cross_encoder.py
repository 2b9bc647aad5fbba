"""Cross-encoders as rerankers: the library's own scores, the best passage of a page."""

from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.types import PageRef, Passage, RerankCandidate
from pagelens.encode.loading import load_cross_encoder
from tests.encode.checkpoints import cross_encoder_checkpoint

OFFLINE = Settings(offline=True)
QUERY = "what was the revenue"
LEFT, RIGHT = "the river and the lake are deep", "solar power revenue grew"


def candidate(text: str, *passages: tuple[int, int]) -> RerankCandidate:
    return RerankCandidate(
        page=1,
        ref=PageRef("a.pdf", 1),
        text=text,
        passages=[Passage(ordinal, start, end) for ordinal, (start, end) in enumerate(passages)],
        rank=1,
        score=0.0,
        lanes={},
    )


def test_a_page_has_the_librarys_own_score_of_its_best_passage(tmp_path: Path) -> None:
    folder = cross_encoder_checkpoint(tmp_path / "tiny", outputs=1)
    reranker = load_cross_encoder(str(folder), OFFLINE)
    from sentence_transformers import CrossEncoder

    library = CrossEncoder(str(folder), device="cpu")
    left, right, empty = (float(score) for score in library.predict([(QUERY, LEFT), (QUERY, RIGHT), (QUERY, "")]))
    both = f"{LEFT}\n{RIGHT}"
    pages = [
        candidate(both, (0, len(LEFT)), (len(LEFT) + 1, len(both))),
        candidate(LEFT, (0, len(LEFT))),
        candidate(RIGHT),  # without passages: the whole text
        candidate(""),
    ]
    scores = reranker.scores(QUERY, pages, {})
    np.testing.assert_allclose(scores, [max(left, right), left, right, empty], atol=1e-5)
    assert abs(left - right) > 1e-3  # the comparison can fail
    assert reranker.name == "tiny"


def test_a_model_with_several_outputs_is_no_reranker(tmp_path: Path) -> None:
    folder = cross_encoder_checkpoint(tmp_path / "classifier", outputs=3)
    with pytest.raises(WeightsError, match="one output"):
        load_cross_encoder(str(folder), OFFLINE)


def test_a_folder_that_holds_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError):
        load_cross_encoder(str(tmp_path / "empty"), OFFLINE)
