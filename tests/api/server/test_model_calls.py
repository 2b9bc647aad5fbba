"""One question through the server: its spans, its figures in /metrics, its log, and its price told before."""

import base64
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tokenizers import Tokenizer

from pagelens import encode
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from tests.api.server.conftest import Server, Started
from tests.generate.model_server import Complete, ModelServer, running

pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed")

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

TIMBER = "How much timber was moved in 2024?"
RIGHT = "Timber grew to 52,300 tonnes in 2024 [1]."
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """A collector of spans in this process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Iterator[InMemorySpanExporter]:
    exporter.clear()
    yield exporter
    exporter.clear()


@pytest.fixture(scope="module")
def priced_model() -> Iterator[ModelServer]:
    """A model's server that counts tokens as OpenAI does for gpt-4o, named by the environment with its prices."""
    with running() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAGELENS_LLM_MODEL", "gpt-4o")
        patch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        patch.setenv("PAGELENS_LLM_PRICES", "2.5 10")
        server.count = count_like_openai
        yield server


@pytest.fixture
def model(priced_model: ModelServer) -> ModelServer:
    """The same, with no requests yet."""
    priced_model.requests.clear()
    priced_model.headers.clear()
    return priced_model


@pytest.fixture(scope="module")
def priced(priced_model: ModelServer, start: Started, pdfs: dict[str, bytes]) -> Server:
    """A server with that model and two documents."""
    server = start()
    assert server.add(pdfs)["state"] == "succeeded"
    return server


def count_like_openai(request: dict[str, Any]) -> int:
    """Count words with a real tokenizer, and for images tiles of 512 pixels, as OpenAI's guide has it."""
    tokenizer = Tokenizer.from_file(str(Path(encode.__file__).parent / "text" / "minilm_tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokens = 0
    for message in request["messages"]:
        content = message["content"]
        parts: list[dict[str, Any]] = [{"type": "text", "text": content}] if isinstance(content, str) else content
        for part in parts:
            if part["type"] == "text":
                tokens += len(tokenizer.encode(part["text"], add_special_tokens=False).ids)
                continue
            width, height = Image.open(BytesIO(base64.b64decode(part["image_url"]["url"].partition(",")[2]))).size
            short = min(768, width, height)
            across, down = round(width * short / min(width, height)), round(height * short / min(width, height))
            tokens += 85 + 170 * -(-across // 512) * -(-down // 512)
    return tokens


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_the_spans_of_a_question_lead_from_the_request_to_the_model_call(
    priced: Server, model: ModelServer, spans: InMemorySpanExporter
) -> None:
    model.replies = [Complete([RIGHT])]
    headers = {"X-Request-Id": "ask-1", "traceparent": f"00-{TRACE}-{PARENT}-01"}
    answered = priced.client.post("/v1/answer", json={"question": TIMBER}, headers=headers)
    assert answered.status_code == 200
    found = named(spans)
    request, search, call = found["HTTP POST"], found["search"], found["chat gpt-4o"]
    assert request.parent and f"{request.parent.span_id:016x}" == PARENT
    assert {f"{span.context.trace_id:032x}" for span in (request, search, call)} == {TRACE}
    for inner in (search, call):
        assert inner.parent and inner.parent.span_id == request.context.span_id
    assert request.attributes and call.attributes
    assert request.attributes["http.route"] == "/v1/answer" and request.attributes["http.response.status_code"] == 200
    assert call.attributes["gen_ai.request.model"] == "gpt-4o" and call.attributes["pagelens.prompt"] == "answer@1"
    assert call.attributes["gen_ai.usage.input_tokens"] == count_like_openai(model.requests[0])
    assert call.attributes["gen_ai.usage.output_tokens"] == 12
    assert {span.attributes["pagelens.request_id"] for span in (request, call) if span.attributes} == {"ask-1"}
    assert model.headers[0]["x-request-id"] == "ask-1"
    assert not any("timber" in str(span.to_json()).lower() for span in found.values())  # no text of anybody


def test_a_streamed_answer_has_the_same_spans(priced: Server, model: ModelServer, spans: InMemorySpanExporter) -> None:
    model.replies = [Complete([RIGHT])]
    headers = {"Accept": "text/event-stream"}
    assert "event: answer" in priced.client.post("/v1/answer", json={"question": TIMBER}, headers=headers).text
    found = named(spans)
    assert found["chat gpt-4o"].parent and found["chat gpt-4o"].parent.span_id == found["HTTP POST"].context.span_id


def test_metrics_count_calls_tokens_pixels_and_cost(priced: Server, model: ModelServer) -> None:
    before = metrics(priced)
    model.replies = [Complete([RIGHT])]
    usage = priced.client.post("/v1/answer", json={"question": TIMBER}).json()["usage"]
    grown = {name: value - before.get(name, 0.0) for name, value in metrics(priced).items()}
    labels = 'model="gpt-4o",prompt="answer@1"'
    assert grown['pagelens_model_calls_total{model="gpt-4o",outcome="stop",prompt="answer@1"}'] == 1
    assert grown['pagelens_model_tokens_total{direction="in",' + labels + "}"] == usage["input_tokens"]
    assert grown['pagelens_model_tokens_total{direction="out",' + labels + "}"] == 12
    cost = (usage["input_tokens"] * 2.5 + 12 * 10) / 1e6
    assert grown[f"pagelens_model_cost_total{{{labels}}}"] == pytest.approx(cost) == usage["cost"]
    assert grown[f"pagelens_model_pixels_total{{{labels}}}"] > 4 * 900 * 1_300  # of four pages
    assert grown['pagelens_model_seconds_count{model="gpt-4o"}'] == 1


def metrics(server: Server) -> dict[str, float]:
    lines = [line for line in server.client.get("/metrics").text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def test_the_log_names_the_request_of_a_model_call(
    priced: Server, model: ModelServer, caplog: pytest.LogCaptureFixture
) -> None:
    model.replies = [Complete([RIGHT])]
    with caplog.at_level(logging.INFO, logger="pagelens.generate.llm.observed"):
        priced.client.post("/v1/answer", json={"question": TIMBER}, headers={"X-Request-Id": "ask-2"})
    [fields] = [record.__dict__["fields"] for record in caplog.records if record.getMessage() == "model call"]
    assert (fields["request"], fields["model"], fields["outcome"]) == ("ask-2", "gpt-4o", "stop")
    assert len(fields["images"]) == 4 and max(int(size.split("x")[1]) for size in fields["images"]) == 1_400


def test_an_estimate_is_within_15_percent_of_what_the_server_counts_then(
    priced: Server, model: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    root = priced.service.collections.path("default")
    assert main(["ask", TIMBER, "-c", str(root), "--estimate", "--json"]) == 0
    estimate = json.loads(capsys.readouterr().out)
    assert model.requests == []  # nothing was sent
    model.replies = [Complete([RIGHT])]
    with wiring.open_collection(root) as engine:
        usage = engine.ask(TIMBER).usage
    assert usage is not None and usage.input_tokens and usage.cost
    assert (estimate["calls"], estimate["images"]) == (usage.calls, usage.pictures)
    assert estimate["input_tokens"] == pytest.approx(usage.input_tokens, rel=0.15)
    assert estimate["cost"] == pytest.approx(usage.cost, rel=0.15)


def test_an_extraction_is_estimated_too(
    priced: Server, model: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = priced.service.collections.path("default")
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps({"type": "object", "properties": {"timber": {"type": "number"}}}))
    with wiring.open_collection(root) as engine, engine.snapshot() as snapshot:
        document = next(row.document.sha256 for row in snapshot.documents.values() if row.document.page_count == 3)
    command = ["extract", document, "--schema", str(schema), "-c", str(root)]
    assert main([*command, "--estimate", "--json"]) == 0
    estimate = json.loads(capsys.readouterr().out)
    model.replies = [Complete(['{"data": {"timber": 52300}, "pages": {"/timber": 2}}'])]
    assert main([*command, "--json"]) == 0
    usage = json.loads(capsys.readouterr().out)["usage"]
    assert estimate["input_tokens"] == pytest.approx(usage["input_tokens"], rel=0.15)


def test_without_a_language_model_there_is_no_price(priced: Server, capsys: pytest.CaptureFixture[str]) -> None:
    root = priced.service.collections.path("default")
    assert main(["ask", TIMBER, "-c", str(root), "--model", "extractive", "--estimate"]) == 2
    assert "answers without one cost nothing" in capsys.readouterr().err


def test_traces_without_the_library_are_refused_in_one_line() -> None:
    code = (
        "import sys; sys.modules['opentelemetry.exporter.otlp.proto.http.trace_exporter'] = None\n"
        "from pagelens.core import tracing\nfrom pagelens.core.errors import UsageError\n"
        "try:\n    tracing.export_traces('x')\nexcept UsageError as exc:\n    print(exc)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(done.stdout.splitlines()) == 1 and "pip install 'pagelens[otel]'" in done.stdout


def test_nothing_of_opentelemetry_is_imported_where_nobody_asks_for_it() -> None:
    code = (
        "import sys\nfrom pagelens.core import tracing\n"
        "with tracing.current_span('search') as span:\n    span.set({'a': 1})\n"
        "tracing.start_span('chat').end('failed')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_bundle_of_an_answer_comes_with_it_and_names_files_as_their_senders_did(
    priced: Server, model: ModelServer
) -> None:
    model.replies = [Complete([RIGHT])]
    reply = priced.client.post("/v1/answer", json={"question": TIMBER, "bundle": True}).json()
    bundle = reply["bundle"]
    assert bundle["models"]["answer"] == "gpt-4o" and bundle["models"]["prompts"] == ["answer@1"]
    assert [citation["file"]["name"] for citation in bundle["citations"]] == ["harbour.pdf"]
    assert str(priced.service.folder.root) not in json.dumps(bundle)
    model.replies = [Complete([RIGHT])]
    assert priced.client.post("/v1/answer", json={"question": TIMBER}).json()["bundle"] is None
