"""The official MCP client over both transports: a process of our own, and a server's `/mcp` behind its guard."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.server.mcpserver import Context
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_PROTOCOL_VERSION
from PIL import Image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.cli.mcp import SingleCaller
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.mcp.page_resources import PageResources
from tests.api.files import write_pdf
from tests.api.server.conftest import HARBOUR, Live, Started
from tests.api.server.processes import ROOT

TIMBER = "How much did timber grow to in 2024?"
TOOLS = {"search", "get_page", "answer", "list_documents"}
TEMPLATES = {
    "document": "pagelens://documents/{document}",
    "page": "pagelens://pages/{page}",
    "picture": "pagelens://pages/{page}/picture",
}

Work = Callable[[Client], Awaitable[Any]]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection made from the shell."""
    root = tmp_path_factory.mktemp("mcp")
    file = write_pdf(root / "harbour.pdf", HARBOUR, title="Port of Sandvik")
    options = ["-c", str(root / "collection"), "--profile", "builtin", "--ocr", "never"]
    assert main(["index", str(file), *options]) == 0
    return root / "collection"


def over_stdio(collection: Path, work: Work) -> Any:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pagelens", "mcp", "-c", str(collection), "--model", "extractive"],
        env={**os.environ, "PAGELENS_THREADS": "1"},
        cwd=ROOT,
    )

    async def run() -> Any:
        async with Client(command) as client:
            return await work(client)

    return anyio.run(run)


def over_http(url: str, work: Work) -> Any:
    async def run() -> Any:
        async with Client(url) as client:
            return await work(client)

    return anyio.run(run)


async def tell_everything(client: Client) -> dict[str, Any]:
    """Call every tool; return the results by name."""
    tools = (await client.list_tools()).tools
    found = await client.call_tool("search", {"query": "timber 2024", "k": 2})
    assert found.structured_content is not None
    page = found.structured_content["pages"][0]["page"]
    return {
        "tools": {tool.name: tool for tool in tools},
        "search": found.structured_content,
        "page": await client.call_tool("get_page", {"page": page}),
        "marked": await client.call_tool("get_page", {"page": page, "highlight": "timber"}),
        "read": await client.call_tool("get_page", {"page": page, "picture": False}),
        "answer": (await client.call_tool("answer", {"question": TIMBER})).structured_content,
        "documents": (await client.call_tool("list_documents", {})).structured_content,
        "corrected": (await client.call_tool("search", {"query": '"timber grew" breakwatr'})).structured_content,
        "missing": await client.call_tool("get_page", {"page": "nonsense"}),
        "empty": await client.call_tool("search", {"query": " "}),
        "prompts": {prompt.name: prompt for prompt in (await client.list_prompts()).prompts},
        "prompt": await client.get_prompt("answer_with_citations", {"question": TIMBER}),
        "templates": {
            one.name: one.uri_template for one in (await client.list_resource_templates()).resource_templates
        },
        "resources": await read_resources(client, page),
    }


async def read_resources(client: Client, page: str) -> dict[str, Any]:
    """List the resources; read a document, a page and its picture; and what there is not."""
    listed = (await client.list_resources()).resources
    harbour = next(one for one in listed if one.name == "harbour.pdf")
    addresses = [harbour.uri, TEMPLATES["page"].format(page=page), TEMPLATES["picture"].format(page=page)]
    read = [(await client.read_resource(address)).contents[0] for address in addresses]
    with pytest.raises(MCPError) as missing:
        await client.read_resource(TEMPLATES["page"].format(page="nonsense"))
    return {"listed": listed, "harbour": harbour, "read": read, "missing": missing.value}


def check_everything(output: dict[str, Any], documents: int) -> None:
    assert set(output["tools"]) == TOOLS
    assert all(tool.description and tool.annotations.read_only_hint for tool in output["tools"].values())
    assert "context" not in json.dumps([tool.input_schema for tool in output["tools"].values()])
    first = output["search"]["pages"][0]
    assert (first["name"], first["number"]) == ("harbour.pdf", 2)
    assert "52,300" in " ".join(first["quotes"])
    assert [one["number"] for one in output["corrected"]["pages"]] == [2]
    assert "“breakwater” instead of “breakwatr”" in output["corrected"]["notes"][0]
    text, picture = output["page"].content
    assert "harbour.pdf, page 2 of 3 (Port of Sandvik)" in text.text and "52,300 tonnes" in text.text
    assert picture.mime_type == "image/jpeg"
    plain, marked = (
        Image.open(BytesIO(base64.b64decode(one.content[1].data))) for one in (output["page"], output["marked"])
    )
    assert plain.size[0] == marked.size[0] == 1_000 and plain.tobytes() != marked.tobytes()
    assert [one.type for one in output["read"].content] == ["text"]
    [citation] = output["answer"]["citations"]
    assert output["answer"]["found"] and (citation["page"], citation["mark"]) == (first["page"], 1)
    assert (output["documents"]["total"], len(output["documents"]["documents"])) == (documents, documents)
    for wrong in (output["missing"], output["empty"]):
        assert wrong.is_error and "expected" in wrong.content[0].text
    assert set(output["prompts"]) == {"answer_with_citations", "summarise_document"}
    assert TIMBER in output["prompt"].messages[0].content.text
    assert output["templates"] == TEMPLATES
    check_resources(output["resources"], first["page"], documents)


def check_resources(output: dict[str, Any], page: str, documents: int) -> None:
    assert len(output["listed"]) == documents
    assert output["harbour"].description == "Port of Sandvik (pdf, 3 pages)"
    document, text, picture = output["read"]
    last = TEMPLATES["page"].format(page=page[:-1] + "3")
    assert "harbour.pdf: Port of Sandvik" in document.text and f"to {last};" in document.text
    assert text.text.startswith("harbour.pdf, page 2 of 3") and "52,300 tonnes" in text.text
    assert picture.mime_type == "image/jpeg"
    assert Image.open(BytesIO(base64.b64decode(picture.blob))).format == "JPEG"
    assert output["missing"].error.code == INVALID_PARAMS and "nonsense" in output["missing"].error.message


def test_an_assistant_uses_a_collection_over_standard_input_and_output(collection: Path) -> None:
    check_everything(over_stdio(collection, tell_everything), 1)


def test_an_assistant_uses_a_server_over_http(live: Live) -> None:
    check_everything(over_http(f"{live.address}/mcp", tell_everything), 2)
    check_everything(over_http(f"{live.address}/v1/collections/default/mcp", tell_everything), 2)


@pytest.mark.parametrize("mode", ["legacy", LATEST_PROTOCOL_VERSION])
def test_clients_of_the_handshake_and_of_the_newest_protocol_are_served(live: Live, mode: str) -> None:
    async def run() -> tuple[str, int]:
        async with Client(f"{live.address}/mcp", mode=mode) as client:
            return client.protocol_version, len((await client.list_resources()).resources)

    newest_handshake = HANDSHAKE_PROTOCOL_VERSIONS[-1]
    assert anyio.run(run) == (newest_handshake if mode == "legacy" else mode, 2)


@pytest.mark.parametrize("version", [*HANDSHAKE_PROTOCOL_VERSIONS, "1999-01-01"])
def test_a_handshake_is_answered_with_the_clients_version_if_it_is_known(live: Live, version: str) -> None:
    hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
    accept = {"Accept": "application/json, text/event-stream"}
    result = httpx2.post(f"{live.address}/mcp", json=body, headers=accept).json()["result"]
    known = version in HANDSHAKE_PROTOCOL_VERSIONS
    assert result["protocolVersion"] == (version if known else HANDSHAKE_PROTOCOL_VERSIONS[-1])
    assert {"tools", "resources", "prompts"} <= set(result["capabilities"])


def test_many_documents_are_listed_part_by_part_and_photos_as_pictures(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"note-{number}.txt").write_text(f"Note {number} about limpets.")
    Image.new("RGB", (40, 30), "teal").save(tmp_path / "pier.png")
    engine = pagelens.open(tmp_path / "c", create=True, profile="builtin")
    engine.index(sorted(tmp_path.glob("*.*")), workers=0)
    resources = PageResources(lambda _: SingleCaller(engine), list_size=3)
    first = resources.listing(Context(), "")
    second = resources.listing(Context(), first.next_cursor or "")
    assert (len(first.resources), len(second.resources), second.next_cursor) == (3, 1, None)
    by_name = {one.name: one for one in (*first.resources, *second.resources)}
    assert set(by_name) == {"note-0.txt", "note-1.txt", "note-2.txt", "pier.png"}
    assert by_name["pier.png"].mime_type == "image/jpeg" and by_name["pier.png"].uri.endswith("-1/picture")


def test_standard_output_carries_the_protocol_and_nothing_else(collection: Path) -> None:
    hello = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    }
    search = {"name": "search", "arguments": {"query": "timber"}}
    sent: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": search},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "nonsense", "arguments": {}}},
    ]
    command = [sys.executable, "-m", "pagelens", "mcp", "-c", str(collection)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        lines = []
        for message in sent:
            process.stdin.write(json.dumps(message) + "\n")
            process.stdin.flush()
            if "id" in message:
                lines.append(process.stdout.readline())
        process.stdin.close()
        lines += process.stdout.readlines()
    output = [json.loads(line) for line in lines]
    assert [one["id"] for one in output] == [1, 2, 3]
    assert all(one["jsonrpc"] == "2.0" for one in output)
    assert output[1]["result"]["structuredContent"]["pages"]


def test_without_a_collection_the_process_says_so_and_ends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pagelens", "mcp", "-c", str(tmp_path / "none")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout) == (1, "")
    assert "none" in done.stderr


def test_keys_hosts_and_concurrency_limits_hold_for_mcp_too(start: Started) -> None:
    server = start(keyless=True, limits=ServerLimits(searches=1, searches_waiting=0))
    accept = {"Accept": "application/json, text/event-stream"}
    listing = {"name": "list_documents", "arguments": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": listing}

    def send(url: str, **headers: str) -> httpx2.Response:
        return server.client.post(url, json=body, headers={**accept, **headers})

    assert send("/mcp", Host="127.0.0.1:80").json()["result"]["structuredContent"]["total"] == 0
    assert send("/mcp", Host="evil.example").status_code == 421
    assert send("/mcp", Origin="https://evil.example").status_code == 403
    assert send("/v1/collections/nowhere/mcp").json()["result"]["isError"]
    with server.client.app.state.shared.searches.slot():  # type: ignore[attr-defined]
        refused = send("/mcp").json()["result"]
    assert refused["isError"] and "too many requests" in refused["content"][0]["text"]


def test_a_key_of_one_collection_opens_the_tools_of_that_one_only(start: Started) -> None:
    server = start(keyless=False)
    server.service.collections.create("guides", "builtin")
    key = server.service.keys.create("read", collections=["guides"])
    headers = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {key}"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    statuses = {
        url: server.client.post(url, json=body, headers=headers).status_code
        for url in ("/mcp", "/v1/collections/default/mcp", "/v1/collections/guides/mcp")
    }
    assert list(statuses.values()) == [403, 403, 200]
    assert server.client.post("/mcp", json=body).status_code == 401
