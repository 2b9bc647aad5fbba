"""Other programs' clients against a real server process: LangChain, LlamaIndex, LiteLLM, and what Open WebUI sends.

The libraries are in `.venv-clients`, which `make test` makes: they pin versions that PageLens's own do not fit.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.server.processes import ROOT, ServerProcess, add_files

TIMBER = "How much did timber grow to in 2024?"
PYTHON = ROOT / ".venv-clients/bin/python"
FLOWS = ROOT / "tests/client_programs"

QUERY_GENERATION = """### Task:
Decide whether search queries are needed for this conversation.
### Guidelines:
- Respond with a JSON object alone.
### Output:
Strictly return in JSON format:
{
  "queries": ["query1", "query2"]
}
### Chat History:
<chat_history>
USER: How much did timber grow to?
</chat_history>"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, pdfs: dict[str, bytes]) -> Iterator[ServerProcess]:
    server = ServerProcess(tmp_path_factory.mktemp("programs"), "--model", "extractive")
    add_files(server, pdfs)
    yield server
    server.stop()


@pytest.mark.skipif(not PYTHON.exists(), reason="the clients are not installed: make test installs them")
@pytest.mark.parametrize("flows", ["langchain", "llamaindex", "litellm"])
def test_a_clients_flows_pass(served: ServerProcess, flows: str) -> None:
    environment = {**os.environ, "PAGELENS_ADDRESS": served.address, "PYTHONPATH": str(ROOT)}
    command = [str(PYTHON), "-m", "pytest", "-q", "-c", str(FLOWS / "pytest.ini"), str(FLOWS / f"flows_{flows}.py")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout and "failed" not in done.stdout and "skipped" not in done.stdout, done.stdout


def test_what_open_webui_sends_is_answered(served: ServerProcess) -> None:
    """Its connection check, a chat with its own fields, its tasks, and its calls for embeddings and reranking."""
    client = served.client
    assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["pagelens"]

    def chat(question: str, **fields: Any) -> Any:
        body = {"model": "pagelens", "messages": [{"role": "user", "content": question}], **fields}
        return client.post("/v1/chat/completions", json=body)

    own = {"stream": True, "stream_options": {"include_usage": True}, "max_tokens": 1_000, "params": {}, "files": None}
    stream = chat(TIMBER, chat_id="c", session_id="s", features={"web_search": False}, **own)
    lines = [line.removeprefix("data: ") for line in stream.text.split("\n\n") if line]
    chunks = [json.loads(line) for line in lines[:-1]]
    assert lines[-1] == "[DONE]" and chunks[-1]["usage"]["total_tokens"] == 0
    assert "52,300" in "".join(choice["delta"].get("content") or "" for one in chunks for choice in one["choices"])
    task = chat(QUERY_GENERATION, metadata={"task": "query_generation"}, stream=False).json()
    assert json.loads(task["choices"][0]["message"]["content"]) == {"queries": []}
    texts = ["bees make honey", "timber in the port"]
    vectors = client.post("/v1/embeddings", json={"model": "pagelens", "input": texts}).json()["data"]
    assert [len(item["embedding"]) for item in vectors] == [384, 384]
    body = {"model": "pagelens", "query": "wood at the harbour", "documents": texts, "top_n": 2}
    ranked = client.post("/v1/rerank", json=body).json()["results"]
    scores = [result["relevance_score"] for result in sorted(ranked, key=lambda result: result["index"])]
    assert scores[1] > scores[0]
