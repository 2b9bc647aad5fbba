"""The real `openai` SDK against a real server: answers, streams, errors; and what its protocol does not reach."""

import base64
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import openai
import pytest
from openai import OpenAI
from PIL import Image
from pydantic import BaseModel

from pagelens.api.server.schemas.openai import SOURCES_HEADING
from tests.api.server.conftest import Live, Server, Started
from tests.api.server.processes import ServerProcess
from tests.generate.model_server import Complete, ModelServer

TIMBER = "How much did timber grow to in 2024?"


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.address}/v1", api_key="none", max_retries=0) as client:
        yield client


def ask(client: OpenAI, *messages: tuple[str, Any], **options: Any) -> Any:
    output: Any = [{"role": role, "content": content} for role, content in messages]
    return client.chat.completions.create(model="pagelens", messages=output, **options)


def test_an_answer_comes_with_annotations_and_links_that_lead_to_the_marked_page(client: OpenAI) -> None:
    answer = ask(client, ("system", "Answer in French."), ("user", TIMBER), temperature=0.2)
    [choice] = answer.choices
    text, _, links = choice.message.content.partition(SOURCES_HEADING)
    assert "52,300" in text
    [annotation] = choice.message.annotations
    cited = annotation.url_citation
    assert choice.message.content[cited.start_index : cited.end_index] == "[1]"
    assert cited.title == "harbour.pdf, page 2"
    links, _, confidence = links.partition("\n\nConfidence ")
    assert links == f"[1] [harbour.pdf, page 2]({cited.url})" and "%: the passage" in confidence
    address, _, output = cited.url.partition("#")
    assert "<title>PageLens</title>" in httpx2.get(address).text
    where = dict(parse_qsl(output))
    page = httpx2.get(f"{address}v1/collections/{where['in']}/pages/{where['page']}").json()
    assert where["mark"] in page["text"] and "52,300" in where["mark"]
    assert (choice.finish_reason, answer.object, answer.usage.total_tokens) == ("stop", "chat.completion", 0)


def test_the_depth_of_the_search_is_a_field_of_its_own(client: OpenAI) -> None:
    two = "How much did timber grow to in 2024, and when does a limpet return to its home scar?"
    message = ask(client, ("user", two), extra_body={"depth": "thorough"}).choices[0].message
    _whole, timber, limpet = message.answer["searches"]
    assert timber == "How much did timber grow to in 2024" and limpet.startswith("when does a limpet return")
    assert "harbour.pdf, page 2" in message.content and "tides.pdf, page 1" in message.content
    streamed = list(ask(client, ("user", two), extra_body={"depth": "thorough"}, stream=True))
    assert streamed[-1].choices[0].delta.answer == message.answer
    assert ask(client, ("user", two)).choices[0].message.answer["searches"] == []
    with pytest.raises(openai.BadRequestError, match="depth"):
        ask(client, ("user", two), extra_body={"depth": "deep"})


def test_an_answer_says_which_words_were_corrected(client: OpenAI) -> None:
    text = ask(client, ("user", "How much did timbr grow to in 2024?")).choices[0].message.content
    assert "\n\nSearched for “timber” instead of “timbr”: no page has the words as they were written." in text


def test_a_streamed_answer_is_the_whole_one_in_pieces(client: OpenAI) -> None:
    whole = ask(client, ("user", TIMBER))
    pieces = list(ask(client, ("user", TIMBER), stream=True, stream_options={"include_usage": True}))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == whole.choices[0].message.content
    *_, last, usage = pieces
    assert last.choices[0].finish_reason == "stop"
    output = [one.model_dump() for one in whole.choices[0].message.annotations]
    assert last.choices[0].delta.annotations == output
    assert usage.choices == [] and usage.usage.total_tokens == 0
    assert len({piece.id for piece in pieces}) == 1


def test_the_stream_ends_as_clients_expect(live: Live) -> None:
    body = {"model": "pagelens", "messages": [{"role": "user", "content": TIMBER}], "stream": True}
    answer = httpx2.post(f"{live.address}/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "data: [DONE]"
    assert json.loads(lines[0].removeprefix("data: "))["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_earlier_messages_are_the_conversation(client: OpenAI) -> None:
    first = ask(client, ("user", TIMBER)).choices[0].message.content
    following = ask(client, ("user", TIMBER), ("assistant", first), ("user", "And how much was that?"))
    assert "52,300" in following.choices[0].message.content


def test_what_the_documents_do_not_say_is_said_without_a_link(client: OpenAI) -> None:
    message = ask(client, ("user", "Who won the chess championship of Reykjavik?")).choices[0].message
    assert SOURCES_HEADING not in message.content and not message.annotations


def test_a_picture_is_searched_by_and_no_address_is_fetched(client: OpenAI) -> None:
    buffer = BytesIO()
    Image.new("RGB", (60, 40), "teal").save(buffer, "PNG")
    url = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    parts = [{"type": "text", "text": "timber"}, {"type": "image_url", "image_url": {"url": url}}]
    message = ask(client, ("user", parts)).choices[0].message
    assert message.annotations[0].url_citation.title == "harbour.pdf, page 2"
    for wrong in ("https://example.org/x.png", "data:image/png;base64,!!", "data:text/plain;base64,aGk="):
        with pytest.raises(openai.BadRequestError) as caught:
            ask(client, ("user", [{"type": "image_url", "image_url": {"url": wrong}}]))
        assert caught.value.param == "messages.content.image_url", wrong


def test_errors_have_the_shape_that_the_sdk_knows(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(model="gpt-9", messages=[{"role": "user", "content": "hello"}])
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    assert "'. GET /v1/models lists the models." in missing.value.message
    for messages in ((), (("user", " "),), (("assistant", "b"),), (("user", "x" * 3_000),)):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(client, *messages)
        assert refused.value.param == "messages"
        assert refused.value.type == "invalid_request_error"
        with pytest.raises(openai.BadRequestError):
            ask(client, *messages, stream=True)


def test_models_are_the_collections(client: OpenAI, live: Live) -> None:
    live.service.collections.create("minutes", "builtin")
    assert [model.id for model in client.models.list()] == ["pagelens", "pagelens/minutes"]
    assert client.models.retrieve("pagelens/minutes").owned_by == "pagelens"
    answer = client.chat.completions.create(model="pagelens/minutes", messages=[{"role": "user", "content": TIMBER}])
    assert "52,300" not in (answer.choices[0].message.content or "")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("pagelens/nowhere")


def test_keys_and_collections_hold_here_too(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start(keyless=False)
    server.service.collections.create("guides", "builtin")
    key = server.service.keys.create("read", collections=["guides"])

    def send(key: str, model: str) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": TIMBER}]}
        return server.client.post("/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})

    assert send("nonsense", "pagelens").json()["error"]["code"] == "invalid_api_key"
    assert send(key, "pagelens/guides").status_code == 200
    assert send(key, "pagelens").json()["error"]["code"] == "model_not_found"  # there or not: the same
    assert send(key, "pagelens").json() == json.loads(
        json.dumps(send(key, "pagelens/nowhere").json()).replace("/nowhere", "")
    )
    models = server.client.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).json()["data"]
    assert [one["id"] for one in models] == ["pagelens/guides"]


def test_a_file_name_is_shown_and_never_read_as_markdown(start: Started, pdfs: dict[str, bytes]) -> None:
    server: Server = start()
    server.add({"a](x) <b>.pdf": pdfs["harbour.pdf"]})
    body = {"model": "pagelens", "messages": [{"role": "user", "content": TIMBER}]}
    content = server.client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]
    assert "](x)" not in content and "<b>" not in content
    assert "\\]" in content.partition(SOURCES_HEADING)[2]


def test_a_server_process_with_a_language_model_answers_the_sdk_and_counts_its_tokens(
    tmp_path: Path, model: ModelServer, pdfs: dict[str, bytes]
) -> None:
    server = ServerProcess(tmp_path)
    try:
        job = server.client.post("/v1/documents", files=[("files", ("harbour.pdf", pdfs["harbour.pdf"]))]).json()
        with server.client.stream("GET", f"/v1/jobs/{job['id']}", headers={"Accept": "text/event-stream"}) as events:
            assert '"state":"succeeded"' in events.read().decode()
        with OpenAI(base_url=f"{server.address}/v1", api_key="none", max_retries=0) as client:
            model.replies = [Complete(["Timber grew to ", "52,300 tonnes in 2024 [1]."])] * 2
            whole = ask(client, ("user", TIMBER))
            pieces = list(ask(client, ("user", TIMBER), stream=True, stream_options={"include_usage": True}))
        assert (whole.usage.prompt_tokens, whole.usage.completion_tokens) == (321, 12)
        assert whole.choices[0].message.annotations[0].url_citation.url.startswith(server.address)
        assert pieces[-1].usage.total_tokens == 333
        texts = [piece.choices[0].delta.content for piece in pieces if piece.choices and piece.choices[0].delta.content]
        assert len(texts) > 2
        assert "".join(texts) == whole.choices[0].message.content
        check_answers_in_a_schema(server.address, model)
    finally:
        server.stop()


UNCONFIRMED = "Found in no page's words: /cause."


class Growth(BaseModel):
    """What a client wants to have as JSON."""

    tonnes: int
    cause: str


def check_answers_in_a_schema(address: str, model: ModelServer) -> None:
    """The SDK parses an answer into a class; where the documents lack a value that it demands, it is a refusal."""
    messages: Any = [{"role": "user", "content": TIMBER}]
    whole = '{"data": {"tonnes": 52300, "cause": %s}, "pages": {"/tonnes": 1}}'
    model.replies = [Complete([whole % text]) for text in ('"timber"', "null", '"timber"', "null", '"comets"')]
    model.replies.append(Complete(['{"data": {"/cause": null}}']))  # the second look at what stands on no page
    model.requests.clear()
    with OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        parsed, refused = (
            client.chat.completions.parse(model="pagelens", messages=messages, response_format=Growth) for _ in "12"
        )
        schema: Any = {"type": "json_schema", "json_schema": {"name": "g", "schema": Growth.model_json_schema()}}
        streams = [list(ask(client, ("user", TIMBER), response_format=schema, stream=True)) for _ in "12"]
        doubtful = ask(client, ("user", TIMBER), response_format=schema).choices[0].message
        image = "data:image/png;base64,iVBORw0KGgo="
        pictured: Any = [{"type": "text", "text": TIMBER}, {"type": "image_url", "image_url": {"url": image}}]
        for wrong, question in ((schema, pictured), ({"type": "json_schema", "json_schema": {}}, TIMBER)):
            with pytest.raises(openai.BadRequestError) as caught:
                ask(client, ("user", question), response_format=wrong)
            assert caught.value.param == "response_format"
    message = parsed.choices[0].message
    assert message.parsed == Growth(tonnes=52_300, cause="timber") and message.refusal is None
    [annotation] = message.annotations or []
    assert annotation.url_citation.title == "harbour.pdf, page 2"
    assert (message.model_extra or {})["answer"]["confidence"] == 1.0
    state = {"found": True, "confidence": 0.5, "reason": UNCONFIRMED, "searches": []}
    assert doubtful.answer == state and "comets" in doubtful.content
    assert parsed.usage is not None and parsed.usage.prompt_tokens == 321
    assert TIMBER in json.dumps(model.requests[0]) and "52,300" in json.dumps(model.requests[0])
    assert (refused.choices[0].message.parsed, refused.choices[0].message.content) == (None, None)
    assert refused.choices[0].message.refusal == "The documents do not give: /cause."
    texts = ["".join(piece.choices[0].delta.content or "" for piece in pieces) for pieces in streams]
    assert Growth.model_validate_json(texts[0]) == message.parsed and texts[1] == ""
    assert streams[1][-1].choices[0].delta.refusal == refused.choices[0].message.refusal
