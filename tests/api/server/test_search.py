"""Searching and asking over HTTP."""

import base64
import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from pagelens.api.engine.query_image import ImageOptions
from pagelens.api.server.limits import ServerLimits
from tests.api.server.conftest import Server, Started
from tests.concurrent_calls import call_concurrently
from tests.generate.model_server import Complete, ModelServer


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


def test_a_request_turns_reranking_on_or_off_and_the_hits_say_where_they_were_put(server: Server) -> None:
    unchanged = search(server, query="timber 2024", explain=True, rerank=False)["hits"]
    assert all(hit["rerank"] is None for hit in unchanged)
    by_default = search(server, query="timber 2024", explain=True)["hits"]
    assert by_default == search(server, query="timber 2024", explain=True, rerank=True)["hits"]  # profile builtin
    quick = search(server, query="timber 2024", explain=True, depth="quick")["hits"]
    assert quick == unchanged
    reranked = search(server, query="timber 2024", explain=True, rerank=True)["hits"]
    ranks = [hit["rerank"]["rank"] for hit in reranked if hit["rerank"]]
    assert ranks == list(range(1, len(ranks) + 1)) and len(ranks) > 1
    expected = server.service.use("default", lambda engine: engine.search("timber 2024", rerank=True)).hits
    assert [hit["rerank"] and hit["rerank"]["score"] for hit in reranked] == [
        hit.rerank and hit.rerank.score for hit in expected
    ]


TWO = "How much did timber grow to in 2024, and when does a limpet return to its home scar?"


def test_a_thorough_search_has_pages_for_both_parts_and_tells_its_steps_without_paths(server: Server) -> None:
    found = search(server, query=TWO, depth="thorough", k=2)
    assert {(hit["name"], hit["number"]) for hit in found["hits"]} == {("harbour.pdf", 2), ("tides.pdf", 1)}
    assert [step["reason"] for step in found["steps"]] == ["question", "part", "part"]
    [timber, limpet] = found["steps"][1:]
    assert timber["text"] == "How much did timber grow to in 2024" and timber["pages"][0]["name"] == "harbour.pdf"
    assert limpet["pages"][0]["page"] == next(hit["page"] for hit in found["hits"] if hit["name"] == "tides.pdf")
    assert str(server.service.folder.root) not in json.dumps(found)
    assert search(server, query=TWO)["steps"] == search(server, query=TWO, depth="quick")["steps"] == []
    answer = server.client.post("/v1/answer", json={"question": TWO, "depth": "thorough"}).json()
    assert [step["text"] for step in answer["steps"]] == [step["text"] for step in found["steps"]]
    assert all(page["name"] in ("harbour.pdf", "tides.pdf") for step in answer["steps"] for page in step["pages"])
    assert server.client.post("/v1/search", json={"query": TWO, "depth": "deep"}).status_code == 422


def test_pages_of_a_thorough_search_follow_each_other_without_gaps(server: Server) -> None:
    whole = [hit["page"] for hit in search(server, query=TWO, depth="thorough", k=5)["hits"]]
    pages: list[str] = []
    cursor = None
    for _ in range(3):
        part = search(server, query=TWO, depth="thorough", k=2, cursor=cursor)
        pages += [hit["page"] for hit in part["hits"]]
        cursor = part["next_cursor"]
        if cursor is None:
            break
    assert pages[:5] == whole


def test_the_query_language_and_spelling_are_the_engines(server: Server) -> None:
    found = search(server, query='"timber grew" breakwatr colour:red -limpet')
    assert [(hit["name"], hit["number"]) for hit in found["hits"]] == [("harbour.pdf", 2)]
    assert found["corrections"] == [{"word": "breakwatr", "corrected": "breakwater"}]
    assert found["searched_text"] == "timber grew breakwater colour:red"
    assert len(found["notes"]) == 1 and "unknown field" in found["notes"][0]
    assert search(server, query="breakwatr", lanes=["words"], spelling=False)["hits"] == []
    answer = server.client.post("/v1/answer", json={"question": "What did timbr grow to in 2024?"}).json()
    assert answer["found"] and "instead of “timbr”" in answer["notes"][0]


def test_many_who_search_at_once_find_what_each_would_find_alone(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start(limits=ServerLimits(cached_results=0))
    server.add(pdfs)
    queries = [f"{words} {number}" for number, words in enumerate(["timber", "limpet tide", "harbour report"] * 5)]
    together = call_concurrently(lambda query: search(server, query=query)["hits"], queries)
    for hits, query in zip(together, queries, strict=True):
        alone = search(server, query=query)["hits"]
        assert [hit["page"] for hit in hits] == [hit["page"] for hit in alone]
        assert [hit["score"] for hit in hits] == pytest.approx([hit["score"] for hit in alone], abs=1e-5)


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


def as_png(colour: str, size: tuple[int, int] = (60, 40)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_several_pictures_minus_others_with_a_share_of_words_go_in_json_and_as_files_alike(server: Server) -> None:
    pictures = [as_png("teal"), as_png("navy", (40, 60)), as_png("white")]
    teal, navy, white = (base64.b64encode(data).decode() for data in pictures)
    options = {"query": "timber", "k": 3, "text_share": 0.2, "not_itself": True}
    in_json = search(server, image=teal, more_images=[navy], not_like=[white], **options)
    fields = zip(("image", "more_images", "not_like"), pictures, strict=True)
    files = [(field, ("x.png", data)) for field, data in fields]
    as_files = server.client.post("/v1/search/image", files=files, data=options)
    assert as_files.status_code == 200, as_files.text
    assert as_files.json()["hits"] == in_json["hits"]
    expected = server.service.use(
        "default",
        lambda engine: engine.search(
            "timber", image=pictures[:2], k=3, image_options=ImageOptions(pictures[2:], 0.2, not_itself=True)
        ),
    )
    assert [hit["score"] for hit in in_json["hits"]] == pytest.approx([hit.score for hit in expected.hits])
    other = search(server, image=teal, more_images=[navy], **options)  # not answered from the cache of the first
    assert [hit["score"] for hit in other["hits"]] != [hit["score"] for hit in in_json["hits"]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"query": "timber", "not_itself": True}, "expected a picture"),
        ({"image": "aGVsbG8=", "not_like": ["no base64!"]}, "body.not_like"),
        ({"query": "timber", "image": "aGVsbG8=", "text_share": 1.5}, "text_share"),
    ],
)
def test_options_of_pictures_that_do_not_fit_are_refused(server: Server, body: dict[str, Any], reason: str) -> None:
    answer = server.client.post("/v1/search", json=body)
    assert answer.status_code == 422 and reason in answer.text


def test_a_repeated_query_is_kept_until_the_collection_changes(server: Server, pdfs: dict[str, bytes]) -> None:
    kept = server.client.app.state.shared.search_cache  # type: ignore[attr-defined]
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
    output = events(streamed.text)
    assert {name for name, _ in output} == {"step", "text", "citation", "answer"}
    assert output[-1] == ("answer", whole)
    assert "".join(data["text"] for name, data in output if name == "text").strip() == whole["text"].strip()
    assert [data for name, data in output if name == "citation"] == whole["citations"]


def test_the_closest_passages_are_no_answer_and_say_why(server: Server) -> None:
    body = {"question": "How much did timber grow to in 1999?"}
    answer = server.client.post("/v1/answer", json=body).json()
    assert (answer["found"], answer["reason"]) == ("closest", "no page names 1999")
    assert "Closest passages, perhaps no answer" in answer["text"] and "52,300" in answer["citations"][0]["quote"]
    streamed = events(server.client.post("/v1/answer", json=body, headers={"Accept": "text/event-stream"}).text)
    assert streamed[-1] == ("answer", answer)
    chat = {"model": "pagelens", "messages": [{"role": "user", "content": body["question"]}]}
    message = server.client.post("/v1/chat/completions", json=chat).json()["choices"][0]["message"]
    assert message["answer"]["found"] == "closest" and "Closest passages" in message["content"]


def test_what_is_not_in_the_documents_is_not_answered(server: Server) -> None:
    answer = server.client.post("/v1/answer", json={"question": "Who won the chess tournament in Reykjavik?"}).json()
    assert not answer["found"]
    assert answer["citations"] == []


def test_an_empty_query_names_the_field_and_the_next_step(server: Server) -> None:
    answer = server.client.post("/v1/search", json={"query": " "})
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert problem["errors"][0]["field"] == "body.query"
    assert problem["next_step"]


def test_an_answer_goes_on_with_a_conversation(server: Server) -> None:
    before = {"question": "How much did timber grow to in 2024?", "answer": "Timber grew to 52,300 tonnes in 2024 [1]."}
    body = {"question": "And how much was that?"}
    alone = server.client.post("/v1/answer", json=body).json()
    following = server.client.post("/v1/answer", json={**body, "history": [before]}).json()
    with_history = server.service.use(
        "default", lambda engine: engine.ask(body["question"], history=[(before["question"], before["answer"])])
    )
    assert following["text"] == with_history.text
    assert following["found"] and "52,300" in following["text"]
    assert following["text"] != alone["text"]


def test_folded_hits_name_the_pages_behind_them_and_neighbours_come_along(
    start: Started, pdfs: dict[str, bytes]
) -> None:
    server = start()
    server.add({**pdfs, "again.pdf": pdfs["harbour.pdf"] + b"\n%"})
    flat = search(server, query="timber 2024", k=10)
    folded = search(server, query="timber 2024", k=10, fold=True, neighbours=1)
    assert not any(hit["duplicates"] or hit["neighbours"] for hit in flat["hits"])
    [first, *_] = folded["hits"]
    [behind] = first["duplicates"]
    assert {first["name"], behind["name"]} == {"harbour.pdf", "again.pdf"}
    assert behind["number"] == first["number"] == 2
    assert behind["page"] in {hit["page"] for hit in flat["hits"]}
    assert (
        server.client.get(f"/v1/pages/{behind['page']}").json()["text"]
        == server.client.get(f"/v1/pages/{first['page']}").json()["text"]
    )
    beside = {one["number"]: one for one in first["neighbours"]}
    assert sorted(beside) == [1, 3]
    assert "need a pilot" in beside[3]["text"]
    assert not first["estimated"]


def test_estimated_page_numbers_are_marked(start: Started) -> None:
    server = start()
    server.add({"tides.txt": b"A limpet returns to its home scar before the tide falls.\n\n" * 90})
    hits = search(server, query="limpet")["hits"]
    assert len(hits) > 1 and all(hit["estimated"] for hit in hits)


TIMBER = {"type": "object", "properties": {"timber": {"type": "number", "description": "tonnes"}, "cattle": {}}}


def test_a_document_is_read_into_the_shape_of_a_schema(
    start: Started, model: ModelServer, pdfs: dict[str, bytes]
) -> None:
    server = start()
    server.add({"harbour.pdf": pdfs["harbour.pdf"]})
    [document] = server.client.get("/v1/documents").json()["documents"]
    model.replies = [Complete(['{"data": {"timber": 52300, "cattle": null}, "pages": {"/timber": 2}}'])]
    found = server.client.post("/v1/extract", json={"document": document["id"], "schema": TIMBER}).json()
    assert found["data"] == {"timber": 52300, "cattle": None}
    assert found["absent"] == ["/cattle"]
    cited = found["citations"]["/timber"]
    assert (cited["page"], cited["state"], cited["name"]) == (f"{document['id']}-2", "quoted", "harbour.pdf")
    assert found["usage"]["model"] == "tiny"
    wrong = server.client.post("/v1/extract", json={"document": document["id"], "schema": {"type": "number"}})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:pagelens:problem:unusable-value")
    assert server.client.post("/v1/extract", json={"document": "0" * 64, "schema": TIMBER}).status_code == 404


def test_without_a_language_model_extraction_says_how_to_get_one(server: Server) -> None:
    [document, *_] = server.client.get("/v1/documents").json()["documents"]
    answer = server.client.post("/v1/extract", json={"document": document["id"], "schema": TIMBER})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pagelens:problem:model-no-model")
    assert "PAGELENS_LLM_MODEL" in answer.json()["next_step"]


def test_weak_results_and_the_reason_for_none_are_told(server: Server) -> None:
    assert search(server, query="Which pharaoh built the pyramid of Giza near the port?")["weak"]
    found = search(server, query="timber 2024")
    assert (found["weak"], found["nothing_found"]) == (False, "")
    assert "stop words" in search(server, query="?!")["nothing_found"]


def test_a_question_about_many_documents_is_answered_by_a_list_with_names(server: Server) -> None:
    reply = server.client.post("/v1/answer", json={"question": "How many documents mention timber?"})
    listed = reply.json()["documents"]
    assert [row["name"] for row in listed["rows"]] == ["harbour.pdf"]
    assert reply.json()["citations"][listed["rows"][0]["citation"]]["document"] == listed["rows"][0]["document"]
    assert listed["coverage"]["documents"] == listed["coverage"]["whole"]
    assert str(server.service.folder.root) not in reply.text
    body = {"question": "How many documents mention timber?", "across": False}
    assert server.client.post("/v1/answer", json=body).json()["documents"] is None


def test_a_document_is_summarised_with_its_pages(server: Server) -> None:
    document = search(server, query="timber 2024")["hits"][0]["document"]
    reply = server.client.post("/v1/summary", json={"document": document, "sentences": 2}).json()
    assert reply["found"] is True and {one["name"] for one in reply["citations"]} == {"harbour.pdf"}
    assert server.client.post("/v1/summary", json={"sentences": 2}).status_code == 422


def test_an_earlier_commit_is_answered_from_where_a_history_is_kept(server: Server) -> None:
    body = {"question": "How much timber was moved in 2024?", "as_of": "1"}
    assert server.client.post("/v1/answer", json=body).status_code == 404  # none is kept
    with server.service.use("default", lambda engine: engine.snapshot()) as snapshot:
        commit = str(snapshot.generation)
    server.service.use("default", lambda engine: engine.keep_history(90))
    try:
        answered = server.client.post("/v1/answer", json={**body, "as_of": commit})
        assert "52,300" in answered.json()["text"]
        assert search(server, query="timber 2024", as_of=commit)["hits"][0]["name"] == "harbour.pdf"
    finally:
        server.service.use("default", lambda engine: engine.keep_history(None))
