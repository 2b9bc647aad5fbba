"""Answers through the engine and the command line: from quotes, and from a language model behind real HTTP."""

import base64
import json
import sys
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError, NotFound
from pagelens.core.types import Answer, AnswerStep, Citation, PageRef
from tests.api.conftest import write_files
from tests.api.files import write_pdf
from tests.generate.model_server import Complete, Endless, Fail, ModelServer, running

TIMBER = "How much timber was moved in 2024?"
RIGHT = "Timber grew to 52,300 tonnes in 2024 [1]."


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A model's server, named by the environment."""
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


@pytest.fixture
def engine_with_model(engine: Engine, server: ModelServer) -> Iterator[Engine]:
    """The collection, opened where a model is configured."""
    with wiring.open_collection(engine.layout.root) as opened:
        yield opened


def test_a_configured_model_answers_and_its_citation_is_checked(engine_with_model: Engine, server: ModelServer) -> None:
    server.replies = [Complete([RIGHT[:9], RIGHT[9:]])]
    answer = engine_with_model.ask(TIMBER)
    [citation] = answer.citations
    assert answer.found and answer.text == RIGHT
    assert (Path(citation.ref.path).name, citation.ref.number, citation.state) == ("harbour.pdf", 2, "supported")
    assert citation.boxes and "52,300" in citation.quote
    assert answer.usage is not None and answer.usage.model == "tiny" and answer.usage.input_tokens == 321


def test_the_model_sees_the_pages_as_pictures_drawn_for_it(engine_with_model: Engine, server: ModelServer) -> None:
    server.replies = [Complete([RIGHT])]
    engine_with_model.ask(TIMBER)
    parts = server.requests[0]["messages"][-1]["content"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    pictures = [Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))) for url in urls]
    assert len(pictures) == 6 and all(not picture.getexif() for picture in pictures)
    assert max(pictures[0].size) == 1_400  # a PDF page; a photo is not blown up
    assert min(max(picture.size) for picture in pictures) == 64


def test_an_answer_streams_text_then_citations_then_the_whole(engine_with_model: Engine, server: ModelServer) -> None:
    server.replies = [Complete([RIGHT[:9], RIGHT[9:]])]
    *events, last = engine_with_model.ask_stream(TIMBER)
    assert "".join(one for one in events if isinstance(one, str)) == RIGHT
    others = [one.stage if isinstance(one, AnswerStep) else type(one) for one in events if not isinstance(one, str)]
    assert others == ["searching", "reading", "checking", Citation] and isinstance(last, Answer)
    assert AnswerStep(stage="reading", pages=len(last.context_pages)) in events


def test_who_stops_reading_an_answer_ends_the_call_at_the_server(
    engine_with_model: Engine, server: ModelServer
) -> None:
    server.replies = [Endless()]
    events = engine_with_model.ask_stream(TIMBER)
    next(event for event in events if isinstance(event, str))
    events.close()
    assert server.left.wait(5)


def test_a_model_that_is_not_there_is_an_error_that_names_the_address(
    engine_with_model: Engine, server: ModelServer
) -> None:
    server.replies = [Fail(404, "no model tiny")]
    with pytest.raises(GenerationError, match="tiny"):
        engine_with_model.ask(TIMBER)


def test_a_follow_up_is_searched_for_with_what_it_leaves_out(engine: Engine) -> None:
    history = [("How much timber was there in 2023?", "I do not know.")]
    assert "52,300 tonnes" in engine.ask("and the year after?", history=history).text


def test_a_model_is_given_the_conversation(engine_with_model: Engine, server: ModelServer) -> None:
    server.replies = [Complete([RIGHT])]
    engine_with_model.ask("and timber?", history=[("What was moved?", "Fish [1].")])
    output = [message["content"] for message in server.requests[0]["messages"]]
    assert "What was moved?" in json.dumps(output[1]) and "Fish" in json.dumps(output[2])


def test_a_file_that_changed_is_shown_to_no_model(tmp_path: Path) -> None:
    files = write_files(tmp_path / "files")
    with pagelens.open(tmp_path / "c", create=True, profile="builtin") as engine:
        engine.index(files)
        write_pdf(files / "reports" / "harbour.pdf", ["something else"])
        with pytest.raises(NotFound, match="changed since"):
            engine.page_image_array(PageRef(str(files / "reports" / "harbour.pdf"), 1), 500)


def test_the_shell_prints_what_could_not_be_confirmed_before_the_answer(
    engine: Engine, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.replies = [Complete(["Timber grew to 99,000 tonnes in 2024 [1]."]), Complete(["no"])]
    assert main(["ask", TIMBER, "-c", str(engine.layout.root)]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert "Not confirmed" in head and lines[0].startswith("Timber grew to 99,000")
    assert any("not confirmed on this page" in line for line in lines)
    assert "tiny: 6 pages (6 pictures)" in lines[-1]


def test_the_shell_names_another_answerer_than_the_environment(
    engine: Engine, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", TIMBER, "-c", str(engine.layout.root), "--model", "extractive"]) == 0
    assert "52,300 tonnes" in capsys.readouterr().out and server.requests == []


def test_a_model_without_an_address_is_an_error_with_the_next_step(
    engine: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", TIMBER, "-c", str(engine.layout.root), "--model", "qwen"]) == 1
    assert "PAGELENS_LLM_URL" in capsys.readouterr().err


def test_a_chat_carries_what_was_said_and_goes_on_until_an_empty_line(
    engine: Engine, server: ModelServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("and the year after?\n\nnot asked\n"))
    server.replies = [Complete(["It is 50,000 tonnes [1]."]), Complete(["no"]), Complete([RIGHT])]
    assert main(["ask", "--chat", "How much timber was there in 2023?", "-c", str(engine.layout.root)]) == 0
    assert "50,000 tonnes" in json.dumps(server.requests[-1]["messages"][:-1]) and len(server.requests) == 3
    assert capsys.readouterr().out.count("tonnes") >= 2


def test_a_document_is_read_into_the_shape_of_a_schema(
    engine: Engine, server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"properties": {"timber": {"type": "number", "description": "tonnes"}, "cattle": {}}}')
    server.replies = [Complete(['{"data": {"timber": 52300, "cattle": null}, "pages": {"/timber": 2}}'])]
    root = str(engine.layout.root)
    assert main(["extract", "harbour.pdf", "--schema", str(schema), "-c", root]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out) == {"timber": 52300, "cattle": None}
    assert "/timber: harbour.pdf p.2" in output.err and "not confirmed" not in output.err


def test_of_a_long_document_the_pages_that_the_schema_speaks_of_are_read(
    engine_with_model: Engine, server: ModelServer
) -> None:
    server.replies = [Complete(['{"data": {"pilot": null}, "pages": {}}'])]
    schema = {"properties": {"pilot": {"description": "draught of ships that need a pilot, in metres"}}}
    read = engine_with_model.extract("harbour.pdf", schema, k=1, all_pages=False)
    assert [ref.number for ref in read.context_pages] == [3]


def test_without_a_model_extract_says_what_it_needs(engine: Engine) -> None:
    with pytest.raises(GenerationError, match="PAGELENS_LLM_MODEL"):
        engine.extract("harbour.pdf", {"properties": {"a": {}}})


def test_doctor_says_what_answers_and_never_the_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", "-c", str(tmp_path)])
    assert "answers: extractive" in capsys.readouterr().out
    monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
    monkeypatch.setenv("PAGELENS_LLM_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("PAGELENS_LLM_KEY", "sk-secret")
    main(["doctor", "-c", str(tmp_path)])
    output = capsys.readouterr().out
    assert "tiny over openai's protocol at http://127.0.0.1:9/v1, with a key" in output and "sk-secret" not in output
    monkeypatch.setenv("PAGELENS_LLM_URL", "")
    assert main(["doctor", "-c", str(tmp_path)]) == 1
    assert "PAGELENS_LLM_URL" in capsys.readouterr().out
