"""A lane whose data is damaged is named beside every answer that was found without it: shell, HTTP, chat, MCP."""

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest

from pagelens.api.cli.main import main
from pagelens.api.cli.mcp import SingleCaller
from pagelens.api.engine import language_models, wiring
from pagelens.api.server.mcp.tools import McpTools, ToolContext
from pagelens.index.layout import Layout, load
from tests.api.server.conftest import Server, Started

TIMBER = "How much did timber grow to in 2024?"
CHAT = {"model": "pagelens", "messages": [{"role": "user", "content": TIMBER}]}


@pytest.fixture(scope="module")
def damaged(start: Started, pdfs: dict[str, bytes]) -> Server:
    """A server whose collection has a byte of its `text` vectors flipped before anybody searched it."""
    server = start()
    assert server.add(pdfs)["state"] == "succeeded"
    layout = Layout(collection_of(server))
    [array, *_] = sorted(layout.vectors(load(layout).lanes["text"].store).glob("*/vectors.npy"))
    data = bytearray(array.read_bytes())
    data[-1] ^= 0xFF
    array.write_bytes(data)
    server.service.collections.close()  # as after a restart: data is verified when it is first read
    return server


def collection_of(server: Server) -> Path:
    return server.service.collections.root / "default"


def test_an_answer_in_the_shell_names_the_lane_that_was_left_out(
    damaged: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["ask", TIMBER, "-c", str(collection_of(damaged)), "--model", "extractive"])
    assert re.search(r"^without the text lane: .*vectors\.npy", capsys.readouterr().out, re.MULTILINE)
    main(["ask", TIMBER, "-c", str(collection_of(damaged)), "--model", "extractive", "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert set(answer["missing"]) == {"text"} and "52,300" in answer["text"]


def test_an_answer_over_http_names_it_as_a_search_does(damaged: Server) -> None:
    searched = damaged.client.post("/v1/search", json={"query": TIMBER}).json()
    answered = damaged.client.post("/v1/answer", json={"question": TIMBER}).json()
    assert set(searched["missing_lanes"]) == {"text"}
    assert answered["missing_lanes"] == searched["missing_lanes"]
    assert str(collection_of(damaged)) not in json.dumps(answered)
    stream = damaged.client.post("/v1/answer", json={"question": TIMBER}, headers={"Accept": "text/event-stream"}).text
    [last] = re.findall(r"event: answer\ndata: (.*)", stream.replace("\r", ""))
    assert json.loads(last)["missing_lanes"] == answered["missing_lanes"]


def test_a_chat_completion_names_it_below_the_text(damaged: Server) -> None:
    content = damaged.client.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"]
    assert "52,300" in content.partition("\n\nWithout the text lane: ")[0]
    assert "\n\nWithout the text lane: " in content


def test_the_tools_of_an_assistant_name_it(damaged: Server) -> None:
    with wiring.open_collection(collection_of(damaged), llm=language_models.EXTRACTIVE) as engine:
        caller = SingleCaller(engine)
        tools = McpTools(lambda _: cast(ToolContext, caller))
        assert set(tools.answer(cast(Any, None), TIMBER).missing_lanes) == {"text"}
        assert set(tools.search(cast(Any, None), TIMBER).missing_lanes) == {"text"}


def test_a_whole_collection_names_none(server: Server) -> None:
    assert server.client.post("/v1/answer", json={"question": TIMBER}).json()["missing_lanes"] == {}
    assert (
        "lane" not in server.client.post("/v1/chat/completions", json=CHAT).json()["choices"][0]["message"]["content"]
    )
