"""Labels over HTTP: a filter, the labels of each hit, and how many pages have each."""

from typing import Any

from pagelens.core.keys import page_key
from pagelens.core.labels import StoredLabelSet
from pagelens.index.writer import CollectionWriter
from tests.api.server.conftest import Server


def search(server: Server, **body: Any) -> Any:
    answer = server.client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_searches_and_answers_are_limited_to_labelled_pages_and_count_labels(server: Server) -> None:
    before = search(server, query="timber")
    assert (before["labels"], before["hits"][0]["labels"]) == ({}, [])
    root = server.service.use("default", lambda engine: engine.layout.root)
    with server.service.use("default", lambda engine: engine.snapshot()) as snapshot:
        [document] = [key for key, row in snapshot.documents.items() if row.path.endswith("harbour.pdf")]
    label_set = StoredLabelSet(id="0" * 12, name="ships", model="a model", approximate=True, rules={})
    with CollectionWriter(root) as writer:
        writer.write_labels(
            label_set, {page_key(document, 1): [("quay", 0.9)], page_key(document, 2): [("flagged:cranes", 0.8)]}
        )
    found = search(server, query="timber harbour", filters={"labels": ["Quay"]})
    assert [hit["number"] for hit in found["hits"]] == [1]
    assert found["hits"][0]["labels"] == [
        {"label": "quay", "probability": 0.9, "label_set": "ships", "approximate": True}
    ]
    assert (found["labels"], found["pages_searched"]) == ({"quay": 1}, 1)
    assert search(server, query="timber")["labels"] == {"flagged:cranes": 1, "quay": 1}
    listed = search(server, query="", filters={"labels": ["flagged:"]})
    assert [hit["number"] for hit in listed["hits"]] == [2]
    answer = server.client.post("/v1/answer", json={"question": "What grew?", "filters": {"labels": ["quay"]}}).json()
    assert {citation["number"] for citation in answer["citations"]} <= {1}
    assert search(server, query="timber", filters={"labels": ["ship"]})["hits"] == []
    assert server.client.post("/v1/search", json={"query": "x", "filters": {"labels": [""]}}).status_code == 422
