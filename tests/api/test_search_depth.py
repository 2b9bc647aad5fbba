"""Depth in Python and on the command line: the steps of a thorough search, and who splits its questions."""

import json
import threading

import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError, UsageError
from pagelens.core.settings import Settings
from pagelens.core.types import Answer, AnswerStep, Filters
from tests.generate.model_server import Complete, running

QUESTION = "How much did timber grow to in 2024, and when does a limpet return to its home scar?"
PARTS = ["How much did timber grow to in 2024", "when does a limpet return to its home scar"]


def test_both_parts_have_a_page_and_the_answer_quotes_both(engine: Engine) -> None:
    found = engine.search(QUESTION, k=2, depth="thorough")
    assert {hit.ref.path.rpartition("/")[2] for hit in found.hits} == {"harbour.pdf", "tides.pdf"}
    assert [step.reason for step in found.steps] == ["question", "part", "part"]
    answer = engine.ask(QUESTION, k=2, depth="thorough")
    assert {ref.path for ref in answer.context_pages} == {hit.ref.path for hit in found.hits}
    assert answer.steps == found.steps and not engine.ask(QUESTION).steps


def test_an_answer_that_streams_names_each_search_of_a_thorough_search_once_it_has_ended(engine: Engine) -> None:
    *events, answer = engine.ask_stream(QUESTION, k=2, depth="thorough")
    steps = [event for event in events if isinstance(event, AnswerStep)]
    assert [step.stage for step in steps] == ["searching", "searched", "searched", "searched", "reading"]
    assert isinstance(answer, Answer) and [step.search for step in steps if step.search] == list(answer.steps)
    [first] = [event for event in engine.ask_stream("limpet", depth="thorough") if isinstance(event, str)]
    assert "limpet" in first
    events_of_none = engine.ask_stream("limpet", depth="thorough", filters=Filters(paths=("no-such.pdf",)))
    assert [event.pages for event in events_of_none if isinstance(event, AnswerStep)][-1] == 0


def test_who_stops_reading_during_a_thorough_search_leaves_no_thread_behind(engine: Engine) -> None:
    events = engine.ask_stream(QUESTION, depth="thorough")
    assert [next(events), next(events)][1] != AnswerStep(stage="reading")
    events.close()
    assert not [one for one in threading.enumerate() if one.name.startswith("thorough-search")]


def test_an_error_in_the_thread_of_a_thorough_search_is_raised_to_who_asked(engine: Engine) -> None:
    with pytest.raises(UsageError, match="expected a question"):
        list(engine.ask_stream(" ", depth="thorough", across=False))


def test_the_command_line_shows_the_steps_and_json_has_them(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    collection = ["-c", str(engine.layout.root)]
    for command in ("search", "ask"):
        main([command, QUESTION, *collection, "--depth", "thorough"])
        printed = capsys.readouterr().out
        assert f"and for its part “{PARTS[0]}”: harbour.pdf" in printed
        main([command, QUESTION, *collection, "--depth", "thorough", "--json"])
        steps = json.loads(capsys.readouterr().out)["steps"]
        assert [step["reason"] for step in steps] == ["question", "part", "part"]
        main([command, QUESTION, *collection])
        assert "and for its part" not in capsys.readouterr().out
    assert main(["search", QUESTION, *collection, "--depth", "deep"]) == 2
    assert "thorough" in capsys.readouterr().err


def test_the_language_model_splits_where_the_environment_says_so(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as model:
        model.replies.append(Complete(['["timber tonnes", ', '"limpet scar"]']))
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "test")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{model.root}/v1")
        with pagelens.open(engine.layout.root) as by_rules:
            assert by_rules.search(QUESTION, depth="thorough").steps[1].text == PARTS[0]
        monkeypatch.setenv("PAGELENS_SPLIT", "model")
        with pagelens.open(engine.layout.root) as by_model:
            assert not by_model.search(QUESTION).steps
            assert not model.requests
            steps = by_model.search(QUESTION, depth="thorough").steps
            assert [step.text for step in steps[1:]] == ["timber tonnes", "limpet scar"]


def test_a_model_that_splits_must_be_named_and_the_setting_is_checked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_SPLIT", "model")
    monkeypatch.delenv("PAGELENS_LLM_MODEL", raising=False)
    with pagelens.open(engine.layout.root) as nameless:
        assert nameless.search(QUESTION).hits
        with pytest.raises(GenerationError, match="PAGELENS_SPLIT=rules"):
            nameless.search(QUESTION, depth="thorough")
    with pytest.raises(UsageError, match="rules or model"):
        Settings.from_environment({"PAGELENS_SPLIT": "guess"})
