"""A ColPali-like model reranks the first pages of a search from their pictures, encoded when they are first found."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.embedding import PAGE_SIDE
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.protocols import PageImageEncoder
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray, PageRef, QueryTokens, RerankCandidate, TokenMatrix
from pagelens.encode.loading import load_page_encoder
from pagelens.encode.rerank.late_pages import LatePagesReranker
from pagelens.ingest.events import PageWindow
from pagelens.ingest.pipeline import PipelineSettings, read_documents
from tests.encode.tiny_vision import make_page_checkpoint

QUERY = "timber pilot tide"


class CountingEncoder:
    """Counts the pages that an encoder encodes."""

    def __init__(self, encoder: PageImageEncoder) -> None:
        self.space = encoder.space
        self.pages = 0
        self._encoder = encoder

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        return self._encoder.encode_queries(texts)

    def encode_page_images(self, images: Sequence[ImageArray]) -> list[TokenMatrix]:
        self.pages += len(images)
        return self._encoder.encode_page_images(images)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_page_checkpoint("ColModernVBert", tmp_path_factory.mktemp("tiny") / "pages")


@pytest.fixture(scope="module")
def encoder(checkpoint: Path) -> PageImageEncoder:
    return load_page_encoder(str(checkpoint), Settings(offline=True))


def candidates(engine: Engine) -> list[RerankCandidate]:
    """Return the pages of the harbour's report, as a search hands them to a reranker."""
    paths = [path for document in engine.status().documents for path in document.paths]
    path = next(path for path in paths if path.endswith("harbour.pdf"))
    return [
        RerankCandidate(page=number, ref=PageRef(path, number), text="", passages=(), rank=number, score=1.0, lanes={})
        for number in (1, 2, 3)
    ]


def index_time_images(path: Path) -> list[ImageArray]:
    """Return the page images that the `page` lane encodes when the file is indexed."""
    events = read_documents(
        [path],
        next_page=lambda _: 1,
        count_tokens=lambda texts: [len(text.split()) for text in texts],
        settings=PipelineSettings(image_side=PAGE_SIDE),
    )
    windows = [event for event in events if isinstance(event, PageWindow)]
    return [image for window in windows for image in window.images if image is not None]


def test_scores_are_maxsim_of_the_vectors_that_an_index_would_hold(engine: Engine, encoder: PageImageEncoder) -> None:
    pages = candidates(engine)
    reranker = LatePagesReranker(encoder, engine.page_image_array, image_side=PAGE_SIDE, pages=2)
    (query,) = encoder.encode_queries([QUERY])
    indexed = encoder.encode_page_images(index_time_images(Path(pages[0].ref.path)))
    expected = [
        sum(max(float(np.dot(token, patch)) for patch in page.vectors) for token in query.vectors)
        for page in indexed[:2]
    ]
    assert reranker.scores(QUERY, pages, {}) == pytest.approx([*expected, np.nan], abs=1e-5, nan_ok=True)


def test_a_page_is_encoded_once_as_long_as_it_is_among_the_last_ones(engine: Engine, encoder: PageImageEncoder) -> None:
    counting = CountingEncoder(encoder)
    pages = candidates(engine)
    reranker = LatePagesReranker(counting, engine.page_image_array, image_side=400, pages=3, cached_pages=2)
    first = reranker.scores(QUERY, pages[:2], {})
    assert list(reranker.scores(QUERY, pages[:2], {})) == list(first)
    assert counting.pages == 2
    reranker.scores(QUERY, pages, {})  # the third page takes the place of the first
    assert counting.pages == 3
    reranker.scores(QUERY, pages[:1], {})
    assert counting.pages == 4


def test_five_pages_are_looked_at_unless_another_number_is_given(engine: Engine, encoder: PageImageEncoder) -> None:
    counting = CountingEncoder(encoder)
    reranker = LatePagesReranker(counting, engine.page_image_array, image_side=400)
    scores = reranker.scores(QUERY, candidates(engine)[:1] * 7, {})
    assert list(np.isnan(scores)) == [False] * 5 + [True] * 2
    assert counting.pages == 1  # the same image again


def test_the_cost_is_told_in_pages_before_and_in_seconds_after_the_first(
    engine: Engine, encoder: PageImageEncoder
) -> None:
    reranker = LatePagesReranker(encoder, engine.page_image_array, image_side=400, pages=3)
    assert reranker.cost.endswith(
        "looks at the first 3 pages, as far as it does not know them: seconds each on a CPU, measured on the first"
    )
    reranker.scores(QUERY, candidates(engine), {})
    assert "s each, " in reranker.cost and reranker.cost.endswith("s for all")


def test_a_page_that_cannot_be_drawn_says_nothing(engine: Engine, encoder: PageImageEncoder) -> None:
    reranker = LatePagesReranker(encoder, engine.page_image_array, image_side=400)
    first, *_ = candidates(engine)
    gone = RerankCandidate(page=9, ref=PageRef(first.ref.path, 999), text="", passages=(), rank=2, score=1.0, lanes={})
    found, missing = reranker.scores(QUERY, [first, gone], {})
    assert np.isfinite(found) and np.isnan(missing)


def test_a_search_orders_its_first_pages_by_the_model_and_tells_its_cost(
    engine: Engine, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGELENS_RERANKER", f"late:{checkpoint}")
    monkeypatch.setenv("PAGELENS_RERANK_PAGES", "3")
    with pagelens.open(engine.layout.root) as seeing:
        hits = seeing.search(QUERY).hits
    ranked = [hit.rerank for hit in hits if hit.rerank]
    assert [one.rank for one in ranked] == [1, 2, 3]
    assert sorted((one.score for one in ranked), reverse=True) == [one.score for one in ranked]
    assert main(["search", QUERY, "-c", str(engine.layout.root)]) == 0
    assert "looks at the first 3 pages" in capsys.readouterr().err


def test_a_model_name_is_required(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setenv("PAGELENS_RERANKER", "late:")
    with pagelens.open(engine.layout.root) as seeing, pytest.raises(UsageError, match="PAGELENS_RERANKER=late:MODEL"):
        seeing.search(QUERY)
