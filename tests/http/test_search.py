"""Searching and asking over HTTP."""

import base64
import json
from io import BytesIO
from typing import Any

from PIL import Image

from tests.http.conftest import Server


def search(server: Server, **body: Any) -> Any:
    answer = server.client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_search_is_the_engines_with_names_instead_of_paths(server: Server) -> None:
    found = search(server, query="timber 2024", explain=True)
    with server.service.use("default", lambda engine: engine.snapshot()) as snapshot:
        generation = snapshot.generation
    expected = server.service.use("default", lambda engine: engine.search("timber 2024"))
    assert [(hit["document"], hit["number"], hit["score"]) for hit in found["hits"]] == [
        (hit.document, hit.ref.number, hit.score) for hit in expected.hits
    ]
    assert found["generation"] == generation
    first = found["hits"][0]
    assert first["name"] == "harbour.pdf"
    assert "Timber grew" in first["evidence"][0]["quote"]
    assert first["lanes"]["words"]["rank"] == 1
    assert str(server.service.folder.root) not in json.dumps(found)


def test_cursors_page_through_what_one_long_answer_would_hold(server: Server) -> None:
    everything = [hit["page"] for hit in search(server, query="the tide harbour report", k=10)["hits"]]
    paged, cursor = [], None
    while True:
        answer = search(server, query="the tide harbour report", k=1, **({"cursor": cursor} if cursor else {}))
        paged += [(hit["rank"], hit["page"]) for hit in answer["hits"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert paged == list(enumerate(everything, 1))


def test_a_cursor_of_another_query_is_refused(server: Server) -> None:
    cursor = search(server, query="the tide harbour report", k=1)["next_cursor"]
    answer = server.client.post("/v1/search", json={"query": "something else", "k": 1, "cursor": cursor})
    assert answer.status_code == 422
    assert answer.json()["type"] == "urn:pagelens:problem:unusable-value"


def test_filters_and_lanes_hold(server: Server) -> None:
    assert (
        search(server, query="limpet tide", filters={"paths": ["*harbour.pdf"], "last_page": 2})["pages_searched"] == 2
    )
    only = search(server, query="limpet tide", lanes=["words"], explain=True)
    assert {lane for hit in only["hits"] for lane in hit["lanes"]} == {"words"}


def test_a_picture_is_searched_by_in_json_and_as_a_file_alike(server: Server) -> None:
    buffer = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(buffer, "PNG")
    in_json = search(server, image=base64.b64encode(buffer.getvalue()).decode(), k=3)
    as_file = server.client.post("/v1/search/image", files={"image": ("x.png", buffer.getvalue())}, data={"k": "3"})
    assert as_file.status_code == 200, as_file.text
    assert as_file.json()["hits"] == in_json["hits"]


def test_a_repeated_query_is_kept_until_the_collection_changes(server: Server, pdfs: dict[str, bytes]) -> None:
    kept = server.client.app.state.door.kept  # type: ignore[attr-defined]
    search(server, query="pilot draught")
    hits = kept.hits
    first = search(server, query="pilot draught")
    assert kept.hits == hits + 1
    server.add({"copy.pdf": pdfs["tides.pdf"] + b"\n%"})
    second = search(server, query="pilot draught")
    assert kept.hits == hits + 1
    assert second["generation"] > first["generation"]
    [one] = [d for d in server.client.get("/v1/documents").json()["documents"] if d["name"] == "copy.pdf"]
    server.client.delete(f"/v1/documents/{one['id']}")
    server.worker.drain()


def test_an_answer_cites_the_page_that_says_it(server: Server) -> None:
    answer = server.client.post("/v1/answer", json={"question": "How much did timber grow to in 2024?"}).json()
    assert answer["found"]
    [citation] = answer["citations"]
    assert (citation["name"], citation["number"]) == ("harbour.pdf", 2)
    assert "52,300" in citation["quote"]
    assert server.client.get(f"/v1/pages/{citation['page']}").status_code == 200


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_an_answer_as_it_comes_ends_with_the_whole_one(server: Server) -> None:
    body = {"question": "How much did timber grow to in 2024?"}
    whole = server.client.post("/v1/answer", json=body).json()
    streamed = server.client.post("/v1/answer", json=body, headers={"Accept": "text/event-stream"})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    told = events(streamed.text)
    assert {name for name, _ in told} == {"text", "citation", "answer"}
    assert told[-1] == ("answer", whole)
    assert "".join(data["text"] for name, data in told if name == "text").strip() == whole["text"].strip()
    assert [data for name, data in told if name == "citation"] == whole["citations"]


def test_what_is_not_in_the_documents_is_said_to_be_not(server: Server) -> None:
    answer = server.client.post("/v1/answer", json={"question": "Who won the chess tournament in Reykjavik?"}).json()
    assert not answer["found"]
    assert answer["citations"] == []


def test_nothing_asked_names_the_field_and_the_next_step(server: Server) -> None:
    answer = server.client.post("/v1/search", json={"query": " "})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert problem["errors"][0]["field"] == "body.query"
    assert problem["next_step"]
