"""A vision model reranks searches: it sees the pages, its cost is told before, and a quick search does without it."""

from collections.abc import Iterator

import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError
from pagelens.core.types import Query
from pagelens.generate.llm.openai_compatible import OpenAICompatibleModel
from pagelens.generate.vision_reranker import VisionReranker
from tests.generate.model_server import Complete, Fail, ModelServer, running

QUERY = "timber pilot tide"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with running() as server:
        monkeypatch.setenv("PAGELENS_RERANKER", "vision:openai:tiny")
        monkeypatch.setenv("PAGELENS_RERANK_PAGES", "3")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


def pages(engine: Engine, *, rerank: bool | None = None) -> list[str]:
    return [str(hit.ref) for hit in engine.search(QUERY, rerank=rerank).hits]


def test_the_first_pages_are_shown_and_ties_keep_the_fused_order(engine: Engine, server: ModelServer) -> None:
    with pagelens.open(engine.layout.root) as seeing:
        fused = pages(seeing, rerank=False)
        assert server.requests == []
        server.replies += [Complete(["no"])] * 3
        assert pages(seeing) == fused
        assert len(server.requests) == 3
        server.replies += [Complete(["yes"])] * 3
        hits = seeing.search(QUERY).hits
        assert [hit.rerank and (hit.rerank.rank, hit.rerank.score) for hit in hits[:4]] == [
            *((rank, 1.0) for rank in (1, 2, 3)),
            None,
        ]


def test_a_yes_moves_a_page_up_and_a_reply_that_is_neither_leaves_it(engine: Engine, server: ModelServer) -> None:
    model = OpenAICompatibleModel("tiny", address=f"{server.root}/v1")
    one_by_one = VisionReranker(model, engine.page_image_array, pages=3, concurrency=1)  # replies in the pages' order
    retriever = engine.retriever.with_reranker(one_by_one)
    with engine.snapshot() as snapshot:
        fused = [hit.page for hit in retriever.search(snapshot, Query(QUERY), k=10, rerank=False).hits]
        server.replies += [Complete(["maybe"]), Complete(["no"]), Complete(["yes"])]
        hits = retriever.search(snapshot, Query(QUERY), k=10).hits
    assert [hit.page for hit in hits] == [fused[0], fused[2], fused[1], *fused[3:]]
    assert [hit.rerank and hit.rerank.rank for hit in hits[:3]] == [None, 1, 2]


def test_the_cost_is_told_before_the_search_and_quick_costs_nothing(
    engine: Engine, server: ModelServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PAGELENS_LLM_PRICES", "2.5 10")
    server.replies += [Complete(["no"])] * 3
    assert main(["search", QUERY, "-c", str(engine.layout.root)]) == 0
    cost = capsys.readouterr().err
    assert "Reranking: tiny looks at the first 3 pages: about 3," in cost and "at your prices" in cost
    for options in (["--depth", "quick"], ["--no-rerank"]):
        assert main(["search", QUERY, "-c", str(engine.layout.root), *options]) == 0
        assert "Reranking" not in capsys.readouterr().err
    assert len(server.requests) == 3


def test_a_model_that_does_not_answer_leaves_the_fused_order_with_a_note(engine: Engine, server: ModelServer) -> None:
    server.replies += [Fail(401, "wrong key")] * 3
    with pagelens.open(engine.layout.root) as seeing:
        found = seeing.search(QUERY)
        assert [str(hit.ref) for hit in found.hits] == pages(seeing, rerank=False)
        assert len(found.notes) == 1 and found.notes[0].startswith("Not reranked: ")


def test_without_a_vision_model_the_message_says_how_to_name_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_RERANKER", "vision")
    monkeypatch.delenv("PAGELENS_LLM_MODEL", raising=False)
    with pagelens.open(engine.layout.root) as nameless, pytest.raises(GenerationError, match="PAGELENS_LLM_MODEL"):
        nameless.search(QUERY)
