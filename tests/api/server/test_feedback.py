"""POST /v1/feedback: off unless the owner wants it, for readers of the collection only, and nobody's name."""

from typing import Any

import pytest

from pagelens.core.settings import Settings
from tests.api.server.conftest import Server, Started


@pytest.fixture(scope="module")
def kept(start: Started, pdfs: dict[str, bytes]) -> Server:
    """A server that keeps judgements."""
    server = start()
    server.service.feedback = True
    assert server.add(pdfs)["state"] == "succeeded"
    return server


def first_page(server: Server) -> str:
    page: str = server.client.post("/v1/search", json={"query": "timber 2024"}).json()["hits"][0]["page"]
    return page


def judge(server: Server, **body: Any) -> Any:
    given = {"query": "timber 2024", "page": first_page(server), "verdict": "up"} | body
    return server.client.post("/v1/feedback", json=given)


def test_it_is_off_unless_the_owner_turns_it_on(server: Server) -> None:
    answer = judge(server)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:pagelens:problem:feedback-off")
    assert "serve --feedback" in answer.json()["next_step"]
    assert server.service.use("default", lambda engine: engine.judgements()) == []
    assert server.client.get("/v1/collections/default").json()["feedback"] is False


def test_a_judgement_is_kept_and_the_collection_says_that_it_is(kept: Server) -> None:
    assert kept.client.get("/v1/collections").json()["collections"][0]["feedback"] is True
    page = first_page(kept)
    assert judge(kept, rank=1).status_code == 204
    url = "/v1/collections/default/feedback"
    assert kept.client.post(url, json={"query": " tide ", "page": page, "verdict": "click"}).status_code == 204
    found = kept.service.use("default", lambda engine: engine.judgements())
    assert [(one.query, f"{one.document}-{one.number}", one.verdict, one.rank) for one in found] == [
        ("timber 2024", page, "up", 1),
        ("tide", page, "click", None),
    ]


def test_a_reason_joins_the_thumb_with_its_id_and_an_answer_can_be_judged(kept: Server) -> None:
    kept.service.use("default", lambda engine: engine.forget_judgements())
    own, other = "0123456789abcdef", "fedcba9876543210"
    assert judge(kept, id=own).status_code == 204
    assert judge(kept, id=own, verdict="down", why=" wrong year ").status_code == 204
    assert judge(kept, id=other, page=None, answer="Timber grew [1].", why="too short").status_code == 204
    found = kept.service.use("default", lambda engine: engine.judgements())
    assert [(one.verdict, one.why, one.answer, bool(one.document)) for one in found] == [
        ("down", "wrong year", "", True),
        ("up", "too short", "Timber grew [1].", False),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"verdict": "maybe"}, 422),
        ({"query": "  "}, 422),
        ({"query": "x" * 2_001}, 422),
        ({"page": "harbour.pdf"}, 422),
        ({"rank": 0}, 422),
        ({"user": "me"}, 422),
        ({"page": f"{'0' * 64}-1"}, 404),
        ({"why": "x" * 501}, 422),
        ({"why": "red \x1b[31m"}, 422),
        ({"why": "two\nlines"}, 422),
        ({"why": "said", "verdict": "click"}, 422),
        ({"answer": "and a page"}, 422),
        ({"page": None}, 422),
        ({"page": None, "answer": " "}, 422),
        ({"page": None, "answer": "x" * 4_001}, 422),
        ({"id": "short"}, 422),
    ],
)
def test_what_is_no_judgement_of_a_page_is_refused(kept: Server, body: dict[str, Any], status: int) -> None:
    before = len(kept.service.use("default", lambda engine: engine.judgements()))
    assert judge(kept, **body).status_code == status
    assert len(kept.service.use("default", lambda engine: engine.judgements())) == before


def test_another_sites_page_cannot_judge_in_a_users_name(kept: Server) -> None:
    body = {"query": "timber 2024", "page": first_page(kept), "verdict": "up"}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert kept.client.post("/v1/feedback", json=body, headers=foreign).status_code == 403
    typed = kept.client.post("/v1/feedback", content=str(body), headers={"Content-Type": "text/plain"})
    assert typed.status_code in (415, 422)


def test_a_key_judges_in_its_own_collections_only(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start(keyless=False)
    server.service.feedback = True
    keys = server.service.keys
    admin, guest = keys.create("admin"), keys.create("read", collections=["guides"])
    server.service.collections.create("guides", "builtin")
    bearer = {"Authorization": f"Bearer {admin}"}
    server.upload(pdfs, headers=bearer)
    server.worker.drain()
    document = server.client.get("/v1/documents", headers=bearer).json()["documents"][0]["id"]
    body = {"query": "timber", "page": f"{document}-1", "verdict": "down"}
    theirs = {"Authorization": f"Bearer {guest}"}
    assert server.client.post("/v1/feedback", json=body, headers=theirs).status_code == 403
    assert server.client.post("/v1/collections/guides/feedback", json=body, headers=theirs).status_code == 404
    assert server.client.post("/v1/feedback", json=body).status_code == 401
    assert server.client.post("/v1/feedback", json=body, headers=bearer).status_code == 204


def test_the_setting_of_the_environment_is_the_servers() -> None:
    assert not Settings.from_environment({}).feedback
    assert Settings.from_environment({"PAGELENS_FEEDBACK": "1"}).feedback
