"""Questions about a picture of the user's over HTTP, OpenAI's chat protocol, MCP and the client: what a model is sent,
and what is refused."""

import base64
import json
from typing import Any

import pytest

from pagelens.api.clients.python import PageLensClient, ServerError
from pagelens.api.server.limits import ServerLimits
from tests.api.files import write_pdf
from tests.api.pictures_to_ask import MANUAL, REFUSED, name_plate
from tests.api.server.conftest import Server, Started
from tests.api.test_ask_with_picture import QUESTION, REPLY, own_pictures, parts_of
from tests.generate.model_server import Complete, ModelServer

PLATE = base64.b64encode(name_plate()).decode()
ACCEPT = {"Accept": "application/json, text/event-stream"}
SHOWN = "On your picture: “KESTREL X200”"


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_pdf(tmp_path_factory.mktemp("pdf") / "manual.pdf", MANUAL, title="Coffee machines").read_bytes()


@pytest.fixture(scope="module")
def server(start: Started, manual: bytes) -> Server:
    """A server without a language model."""
    server = start()
    assert server.add({"manual.pdf": manual})["state"] == "succeeded"
    return server


def part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def data_url(image: str = PLATE) -> str:
    return f"data:image/jpeg;base64,{image}"


def chat(server: Server, *messages: tuple[str, Any], **options: Any) -> Any:
    sent = [{"role": role, "content": content} for role, content in messages]
    return server.client.post("/v1/chat/completions", json={"model": "pagelens", "messages": sent, **options})


def call_tool(server: Server, **arguments: Any) -> Any:
    params = {"name": "answer", "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return server.client.post("/mcp", json=body, headers=ACCEPT).json()["result"]


def test_over_every_interface_a_model_sees_the_users_picture_once_beside_the_right_page(
    start: Started, model: ModelServer, manual: bytes
) -> None:
    server = start()
    server.add({"manual.pdf": manual})
    model.replies = [Complete([REPLY[:15], REPLY[15:]]) for _ in range(6)]

    whole = server.client.post("/v1/answer", json={"question": QUESTION, "image": PLATE}).json()
    with server.client.stream(
        "POST", "/v1/answer", json={"question": QUESTION, "image": PLATE}, headers={"Accept": "text/event-stream"}
    ) as streamed:
        events = streamed.read().decode()
    words = {"type": "text", "text": QUESTION}
    message = chat(server, ("user", [words, part(data_url())])).json()["choices"][0]["message"]
    pieces = chat(server, ("user", [words, part(data_url())]), stream=True).text
    tool = call_tool(server, question=QUESTION, image=PLATE)["structuredContent"]
    with PageLensClient("http://127.0.0.1", transport=server.client._transport) as client:
        answer = client.ask(QUESTION, image=name_plate())

    for request in model.requests:
        assert len(own_pictures(request)) == 1
        texts = [item["text"] for item in parts_of(request) if item["type"] == "text"]
        assert "manual.pdf, page 2" in texts[0] and QUESTION in texts[-1]
        assert len([item for item in parts_of(request) if item["type"] == "image_url"]) == 1 + len(MANUAL)
    assert len(model.requests) == 6
    for citations in (whole["citations"], tool["citations"]):
        assert [(one["number"], one["state"]) for one in citations] == [(2, "supported")]
    assert [(one.number, one.state) for one in answer.citations] == [(2, "supported")]
    assert whole["text"].startswith(f"{SHOWN}\n\nIt is a Kestrel") and whole["image_text"] == "KESTREL X200"
    assert tool["text"].startswith(SHOWN) and tool["image_text"] == answer.image_text == "KESTREL X200"
    last = json.loads(events.rsplit("data: ", 1)[1])
    texts = [json.loads(line[6:])["text"] for line in events.split("\n") if line.startswith('data: {"text": ')]
    assert "".join(texts) == last["text"] == whole["text"]
    assert message["content"].startswith(SHOWN)
    assert message["annotations"][0]["url_citation"]["title"] == "manual.pdf, page 2"
    deltas = [json.loads(line[6:]) for line in pieces.split("\n\n") if line.startswith("data: {")]
    assert "".join(one["choices"][0]["delta"].get("content", "") for one in deltas) == message["content"]


def test_without_a_model_every_interface_says_what_stands_on_the_picture_and_cites_what_matches(server: Server) -> None:
    whole = server.client.post("/v1/answer", json={"image": PLATE}).json()
    message = chat(server, ("user", [part(data_url())])).json()["choices"][0]["message"]
    tool = call_tool(server, image=PLATE)["structuredContent"]
    for text in (whole["text"], message["content"], tool["text"]):
        assert "KESTREL X200" in text and "Matches your picture: manual.pdf, page" in text
    assert [one["number"] for one in whole["citations"]] == [one["number"] for one in tool["citations"]] == [1, 2]
    assert {one["url_citation"]["title"] for one in message["annotations"]} == {
        "manual.pdf, page 1",
        "manual.pdf, page 2",
    }


def test_a_follow_up_in_a_chat_is_about_the_last_picture_and_another_question_is_not(server: Server) -> None:
    before = [("user", [part(data_url())]), ("assistant", "A Kestrel.")]
    about = "On your picture"
    assert about in chat(server, *before, ("user", "and how often is it descaled?")).text
    other = ("user", "How many kilograms of beans until the burrs are replaced?")
    assert about not in chat(server, *before, other).text
    assert about in chat(server, *before, other, ("assistant", "300."), ("user", "Which pages match my photo?")).text
    assert about not in chat(server, *before, other, ("assistant", "300."), ("user", "and how often?")).text


def test_only_the_picture_that_a_question_is_about_is_decoded(server: Server) -> None:
    broken, remote = part(data_url("!!")), part("https://example.org/x.png")
    other = ("user", "How many kilograms of beans until the burrs are replaced?")
    for wrong in (broken, remote):
        assert chat(server, ("user", [wrong]), ("assistant", "?"), other).status_code == 200
        assert chat(server, ("user", [wrong]), ("assistant", "?"), ("user", [part(data_url())])).status_code == 200
        refused = chat(server, ("user", [wrong]), ("assistant", "?"), ("user", "and how often is it descaled?"))
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "messages.content.image_url"
    assert "never fetched" in refused.json()["error"]["message"]
    two = chat(server, ("user", [part(data_url()), part(data_url())]))
    assert two.status_code == 400 and "one picture" in two.json()["error"]["message"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_readable_picture_is_refused_with_its_reason(server: Server, name: str) -> None:
    content, reason = REFUSED[name]
    image = base64.b64encode(content).decode()
    answer = server.client.post("/v1/answer", json={"question": QUESTION, "image": image})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pagelens:problem:unusable-value")
    message = chat(server, ("user", [part(data_url(image))]))
    assert message.status_code == 400
    tool = call_tool(server, question=QUESTION, image=image)
    assert tool["isError"]
    for text in (answer.json()["detail"], message.json()["error"]["message"], tool["content"][0]["text"]):
        assert "expected a picture" in text and reason in text and "/tmp" not in text


def test_what_is_no_base64_or_too_large_is_refused(start: Started, server: Server) -> None:
    for wrong in ("", "https://example.org/x.png", data_url()):
        answer = server.client.post("/v1/answer", json={"question": QUESTION, "image": wrong})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:pagelens:problem:not-base64")
    assert "base64" in call_tool(server, question=QUESTION, image="https://example.org/x.png")["content"][0]["text"]
    assert server.client.post("/v1/answer", json={"question": " "}).status_code == 422
    assert call_tool(server, question=" ")["isError"]
    small = start(limits=ServerLimits(body_bytes=len(PLATE) // 2))
    assert small.client.post("/v1/answer", json={"question": QUESTION, "image": PLATE}).status_code == 413
    assert chat(small, ("user", [part(data_url())])).status_code == 413
    params = {"name": "answer", "arguments": {"image": PLATE}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    assert small.client.post("/mcp", json=body, headers=ACCEPT).status_code == 413
    with (
        PageLensClient("http://127.0.0.1", transport=small.client._transport) as client,
        pytest.raises(ServerError, match="body of at most"),
    ):
        client.ask(QUESTION, image=name_plate())


CONVERSATIONS: dict[str, Any] = {
    "a system message after the question": [{"role": "user", "content": QUESTION}, {"role": "system", "content": "Be"}],
    "a tool's result after the question": [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "c1", "type": "function"}]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ],
    "the begin of an answer": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "It is"}],
    "parts of other kinds": [
        {"role": "user", "content": "hello"},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "refusal", "refusal": "no"}],
        },
        {"role": "user", "content": [{"type": "text", "text": QUESTION}, {"type": "input_audio", "input_audio": {}}]},
    ],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversations_as_clients_send_them_are_answered(server: Server, name: str) -> None:
    for options in ({}, {"stream": None}, {"stream": True, "stream_options": {"include_usage": None}}):
        body = {"model": "pagelens", "messages": CONVERSATIONS[name], **options}
        assert server.client.post("/v1/chat/completions", json=body).status_code == 200, options
