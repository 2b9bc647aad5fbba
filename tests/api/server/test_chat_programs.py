"""What chat programs send beside questions: unknown parts, tasks of their own, formats; by the real `openai` SDK."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from pagelens.api.server.schemas.chat_tasks import question_of, reply_to_task
from tests.api.server.conftest import Live

TIMBER = "How much did timber grow to in 2024?"

OPEN_WEBUI = """### Task:
{task}
### Guidelines:
- Your entire response must consist solely of the JSON object, without any introductory or concluding text.
### Output:
JSON format: {json}
### Examples:
- {{ "title": "Stock Market Trends" }}
### Chat History:
<chat_history>
USER: How much did **timber** grow to in 2024, and why?
ASSISTANT: To 52,300 tonnes [1].
</chat_history>"""


def open_webui(task: str, output: str) -> str:
    return OPEN_WEBUI.format(task=task, json=output)


TITLE = open_webui("Generate a concise, 3-5 word title summarizing the chat history.", '{ "title": "your title here" }')


@pytest.fixture(scope="module")
def client(live: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{live.address}/v1", api_key="none", max_retries=0) as client:
        yield client


def complete(live: Live, messages: list[dict[str, Any]], **fields: Any) -> httpx2.Response:
    body = {"model": "pagelens", "messages": messages, **fields}
    return httpx2.post(f"{live.address}/v1/chat/completions", json=body)


@pytest.mark.parametrize(
    "last",
    [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "tool", "tool_call_id": "1", "content": None},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [{"id": "1", "type": "function"}]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "refusal", "refusal": "No"}],
        },
        {"role": "critic", "content": {"type": "note", "value": 3}},
        {"role": "ipython", "content": 7},
    ],
)
def test_what_follows_the_question_is_left_out_whatever_it_is(live: Live, last: dict[str, Any]) -> None:
    response = complete(live, [{"role": "user", "content": TIMBER}, last])
    assert response.status_code == 200, response.text
    assert "52,300" in response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize(
    "content",
    [
        [TIMBER],
        {"type": "text", "text": TIMBER},
        [{"type": "input_text", "text": TIMBER}, {"type": "text", "text": None}, None, {}],
        [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, {"type": "text", "text": TIMBER}],
        [{"type": "file", "file": {"file_id": "f"}}, {"type": "text", "text": TIMBER, "cache_control": {"a": 1}}],
    ],
)
def test_parts_that_are_not_known_are_left_out(live: Live, content: object) -> None:
    response = complete(live, [{"role": "user", "content": content, "name": "me"}], tools=None, seed=3, logit_bias={})
    assert response.status_code == 200, response.text
    assert "52,300" in response.json()["choices"][0]["message"]["content"]


def test_a_title_is_made_of_the_first_question_without_a_search(live: Live, client: OpenAI) -> None:
    response = complete(live, [{"role": "user", "content": TITLE}])
    [choice] = response.json()["choices"]
    assert json.loads(choice["message"]["content"]) == {"title": "How much did timber grow to"}
    assert choice["message"]["annotations"] == [] and choice["message"]["answer"] is None
    messages: Any = [{"role": "user", "content": TITLE + " " * 10_000}]
    pieces = client.chat.completions.create(model="pagelens", messages=messages, stream=True)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert json.loads(text) == {"title": "How much did timber grow to"}


@pytest.mark.parametrize(
    ("request_text", "reply"),
    [
        (open_webui("Generate 1-3 broad tags.", '{ "tags": ["tag1", "tag2", "tag3"] }'), '{"tags": []}'),
        (open_webui("Suggest follow-ups.", '{ "follow_ups": ["Question 1?", "Question 2?"] }'), '{"follow_ups": []}'),
        (open_webui("You are an autocompletion system.", '{ "text": "<your_completion>" }'), '{"text": ""}'),
        (
            "Provide a concise, 5-word-or-less title for the conversation, using title case conventions. Only return "
            "the title itself.\n\nConversation:\nWelche Häfen liegen an der Elbe?\n",
            "Welche Häfen liegen an der Elbe",
        ),
        (
            "Please generate a concise title (max 40 characters) for a conversation that starts with:\n"
            "User: Antidisestablishmentarianism and floccinaucinihilipilification?\nAssistant: Yes.\n\nTitle:",
            "Antidisestablishmentarianism and floccin",
        ),
        (open_webui("Generate a title.", '{ "title": "x" }').replace("USER: ", "BOT: "), '{"title": "Documents"}'),
    ],
)
def test_tasks_of_chat_programs_are_answered_from_the_conversation(request_text: str, reply: str) -> None:
    assert reply_to_task(request_text) == reply


@pytest.mark.parametrize(
    "question",
    [
        TIMBER,
        "What is the title of the report?",
        "Provide the title of each chapter",
        "Generate a list of all titles: which port is the largest?",
        "### Task: name the ports",
    ],
)
def test_questions_are_no_tasks(question: str) -> None:
    assert reply_to_task(question) is None
    assert question_of(question) == question


def test_a_question_in_open_webuis_frame_is_asked_alone(live: Live) -> None:
    framed = (
        "### Task:\nRespond to the user query using the provided context.\n<context>\nTimber was 1 tonne.\n</context>\n"
        f"<user_query>\n{TIMBER}\n</user_query>\n"
    ) + "x" * 3_000
    assert question_of(framed) == TIMBER
    response = complete(live, [{"role": "user", "content": framed}])
    assert response.status_code == 200 and "52,300" in response.json()["choices"][0]["message"]["content"]


def test_a_format_that_is_not_text_is_refused_with_the_way_to_json(client: OpenAI) -> None:
    messages: Any = [{"role": "user", "content": TIMBER}]
    schema = {"name": "a", "schema": {"properties": {"tonnes": {"type": "integer"}}}}
    for wanted in ({"type": "json_object"}, {"type": "json_schema", "json_schema": schema}):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model="pagelens", messages=messages, response_format=wanted)  # type: ignore[call-overload]
        assert f"found {wanted['type']}" in str(caught.value) and "/v1/extract" in str(caught.value)
        assert wanted["type"] == "json_object" or "PAGELENS_LLM_MODEL" in str(caught.value)
        assert caught.value.param == "response_format"
    answer = client.chat.completions.create(model="pagelens", messages=messages, response_format={"type": "text"})
    assert "52,300" in (answer.choices[0].message.content or "")
