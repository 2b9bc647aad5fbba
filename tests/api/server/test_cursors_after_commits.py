"""Paging through search results over HTTP while the collection changes: no hit twice, none lost, or a refusal."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from pagelens.api.engine.ranked_pages import FIRST_BLOCK
from pagelens.api.server.app import create_app
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.service import open_service
from pagelens.core.settings import Settings
from tests.api.files import write_pdf
from tests.api.server.conftest import Server, Started

COLOURS = ("teal", "navy", "olive", "maroon", "white", "black", "orange")


def as_png(colour: str) -> bytes:
    buffer = BytesIO()
    Image.linear_gradient("L").rotate(COLOURS.index(colour) * 40).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


NOTES = {
    f"note{n}.md": f"# Note {n}\n\nThe harbour handled {50_000 + 7 * n} tonnes of timber by {'pier ' * n}.".encode()
    for n in range(1, 13)
}
NEW = {"new.md": b"# Timber timber\n\nTimber timber timber harbour.\n"}
TEXT = {"query": "timber harbour", "k": 5}


@pytest.fixture
def server(start: Started) -> Server:
    server = start()
    server.add(NOTES)
    return server


def ask(client: TestClient, body: dict[str, Any], cursor: str | None = None) -> Any:
    return client.post("/v1/search", json={**body, **({"cursor": cursor} if cursor else {})})


def rest(client: TestClient, body: dict[str, Any], answer: Any) -> list[str]:
    """Return the ids of an answer's pages and of all that follow it."""
    found = [hit["page"] for hit in answer["hits"]]
    while answer["next_cursor"]:
        reply = ask(client, body, answer["next_cursor"])
        assert reply.status_code == 200, reply.text
        answer = reply.json()
        found += [hit["page"] for hit in answer["hits"]]
    return found


def require_refusal(reply: Any) -> None:
    assert (reply.status_code, reply.json()["type"]) == (410, "urn:pagelens:problem:collection-changed")
    assert "Search again from the first page" in reply.json()["next_step"]
    assert "Retry-After" not in reply.headers


def test_pages_after_a_commit_are_those_that_there_were_before(server: Server) -> None:
    bodies: list[dict[str, Any]] = [
        TEXT,
        {**TEXT, "fold": True},
        {**TEXT, "sort": "pages"},
        {**TEXT, "sort": "-pages"},
        {"filters": {"paths": ["*.md"]}, "k": 5},
    ]
    before = [rest(server.client, body, ask(server.client, body).json()) for body in bodies]
    firsts = [ask(server.client, body).json() for body in bodies]
    server.add(NEW)
    for body, pages, first in zip(bodies, before, firsts, strict=True):
        assert rest(server.client, body, first) == pages, body
        assert len(set(pages)) == len(pages) == len(NOTES), body
        anew = ask(server.client, body).json()
        assert anew["generation"] > first["generation"]
        assert len(rest(server.client, body, anew)) == len(NOTES) + 1, body


def test_a_search_by_a_picture_is_paged_through_after_a_commit(start: Started) -> None:
    server = start()
    server.add({f"{colour}.png": as_png(colour) for colour in COLOURS[1:]})
    files = {"image": ("x.png", as_png("navy"))}
    pages: list[str] = []
    data = {"k": "2"}
    while True:
        reply = server.client.post("/v1/search/image", files=files, data=data)
        assert reply.status_code == 200, reply.text
        pages += [hit["page"] for hit in reply.json()["hits"]]
        if not reply.json()["next_cursor"]:
            break
        if len(pages) == 2:
            server.add({"teal.png": as_png("teal")})
        data["cursor"] = reply.json()["next_cursor"]
    assert len(set(pages)) == len(pages) == len(COLOURS) - 1


def test_a_cursor_whose_ranking_is_not_kept_is_refused_after_a_commit_and_holds_before(start: Started) -> None:
    server = start(limits=ServerLimits(cached_results=0, cached_rankings=0))
    server.add(NOTES)
    first = ask(server.client, TEXT).json()
    assert len(set(rest(server.client, TEXT, first))) == len(NOTES)
    server.add(NEW)
    require_refusal(ask(server.client, TEXT, first["next_cursor"]))


def test_a_cursor_of_one_server_holds_at_another_on_the_folder_until_a_commit(server: Server) -> None:
    service = open_service(server.service.folder.collections, Settings(threads=1), with_worker=False)
    first = ask(server.client, TEXT).json()
    with TestClient(create_app(service, keyless=True), base_url="http://127.0.0.1") as other:
        pages = rest(other, TEXT, first)
        assert pages == rest(server.client, TEXT, first)
        third = ask(other, TEXT, first["next_cursor"]).json()["next_cursor"]
        anew = ask(server.client, {**TEXT, "query": "tonnes"}).json()
        server.add(NEW)
        assert [hit["page"] for hit in ask(other, TEXT, third).json()["hits"]] == pages[10:]  # it kept the ranking
        require_refusal(ask(other, {**TEXT, "query": "tonnes"}, anew["next_cursor"]))
        assert ask(server.client, {**TEXT, "query": "tonnes"}, anew["next_cursor"]).status_code == 200


def test_a_page_of_results_that_lost_a_hit_is_refused_and_others_are_shown(server: Server) -> None:
    pages = rest(server.client, TEXT, ask(server.client, TEXT).json())
    first = ask(server.client, TEXT).json()
    second = ask(server.client, TEXT, first["next_cursor"]).json()
    server.client.delete(f"/v1/documents/{pages[6].rpartition('-')[0]}")
    server.worker.drain()
    require_refusal(ask(server.client, TEXT, first["next_cursor"]))
    assert [hit["page"] for hit in ask(server.client, TEXT, second["next_cursor"]).json()["hits"]] == pages[10:]


def test_a_cursor_of_a_collection_deleted_and_made_again_is_refused(server: Server) -> None:
    first = ask(server.client, TEXT).json()
    server.service.delete_collection("default")
    server.service.collections.create("default", "builtin")
    server.add(NOTES)
    assert ask(server.client, TEXT).json()["generation"] == first["generation"]
    assert ask(server.client, TEXT, first["next_cursor"]).status_code == 422


def test_results_deeper_than_the_lanes_first_ranking_are_paged_through_without_repeats(
    start: Started, tmp_path: Path
) -> None:
    server = start()
    parts = [f"The harbour handled timber at pier {n}. " + "crane " * (n % 7) for n in range(FIRST_BLOCK + 20)]
    twins = ["\n".join(["Timber came to the harbour from the north by rail, and left it by sea."] * 12)] * 20
    server.add({"all.pdf": write_pdf(tmp_path / "all.pdf", parts + twins, title="Quay book").read_bytes()})
    for fold in (False, True):
        body = {"query": "timber harbour pier crane", "k": 30, "fold": fold}
        shown: list[str] = []
        behind: list[str] = []
        cursor = None
        while True:
            answer = ask(server.client, body, cursor).json()
            shown += [hit["page"] for hit in answer["hits"]]
            behind += [other["page"] for hit in answer["hits"] for other in hit["duplicates"]]
            cursor = answer["next_cursor"]
            if cursor is None:
                break
        found = shown + behind
        assert len(set(found)) == len(found) == len(parts + twins)
        assert bool(behind) == fold
