"""Runs whose questions a language model answers, over real HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pagelens.core.errors import GenerationError
from pagelens.evals.cli.commands import app
from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.runs.run_folder import Run, read_run_folder
from pagelens.evals.runs.scoring import answer_values
from tests.evals.conftest import Evaluation
from tests.generate.model_server import Complete, Fail, ModelServer, running

TIMBER = Complete(["Timber grew to 52,300 tonnes in 2024 [1]."])
PILOT = Complete(["Ships with a draught of more than 9.9 metres need a pilot [1]."])  # the page says 8.2
NO = Complete(["no"])
READS_IT = Complete(["Ships with a draught of more than 9.9 metres need a pilot."])
NOTHING = Complete(["NOTHING"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


def run(evaluation: Evaluation, out: Path, *more: str) -> Run:
    """Ask the first two questions of the whole set."""
    arguments = [
        "run",
        str(evaluation.data.folder.parent),
        "-c",
        str(evaluation.engine.layout.root),
        "-o",
        str(out),
        "-s",
        "words",
    ]
    options = ["--scope", "whole", "--limit", "2", "--no-pictures", "--model", "openai:tiny", *more]
    assert not app([*arguments, *options], standalone_mode=False)
    return read_run_folder(out)


def test_the_named_model_answers_and_its_citations_and_costs_are_counted(
    evaluation: Evaluation, server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.replies = [TIMBER, PILOT, NO]
    done = run(evaluation, tmp_path / "run")
    records = done.answers["whole"]
    assert [one.state for one in (*records["q1"].citations, *records["q2"].citations)] == ["supported", "unconfirmed"]
    assert records["q2"].notes
    shares = {name: answer_values(done, "whole", [parse_measure(name)]) for name in ("supported", "unconfirmed")}
    assert [list(one.values()) for one in shares.values()] == [[{"q1": 1, "q2": 0}], [{"q1": 0, "q2": 1}]]
    [took] = json.loads((tmp_path / "run" / "scores.json").read_text("utf-8"))["answer_costs"]
    assert (took["model"], took["calls"], took["input_tokens"], took["output_tokens"]) == ("tiny", 3, 3 * 321, 3 * 12)
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "NOT found on the page" in page
    assert "963" in page  # tokens read
    assert "| over the whole set | tiny | 2 |" in (tmp_path / "run" / "report.md").read_text("utf-8")
    assert done.manifest["configuration"]["plan"]["answers"]["answerer"] == "openai:tiny"


def test_the_price_of_a_run_is_told_before_and_nothing_is_sent(
    evaluation: Evaluation, server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(evaluation.data.folder.parent), "-c", str(evaluation.engine.layout.root), "-s", "words"]
    options = ["--scope", "whole", "--limit", "2", "--model", "openai:tiny", "-o", str(tmp_path / "run")]
    assert not app([*arguments, *options, "--estimate", "--json"], standalone_mode=False)
    estimate = json.loads(capsys.readouterr().out)
    assert (estimate["calls"], estimate["output_tokens"]) == (2, 200) and estimate["images"] > 0
    assert "2 of 2 questions" in estimate["note"] and estimate["input_tokens"] > 2 * 321
    assert server.requests == [] and not (tmp_path / "run").exists()


def test_a_question_that_the_model_does_not_answer_is_noted_and_asked_again(
    evaluation: Evaluation, server: ModelServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.replies = [Fail(400, "content filter"), PILOT, READS_IT, NOTHING]
    first = run(evaluation, tmp_path / "run")
    assert "1 of 2 questions got no answer over the whole set" in capsys.readouterr().out
    assert "content filter" in first.answers["whole"]["q1"].problem
    assert answer_values(first, "whole")[parse_measure("answered")] == {"q1": 0, "q2": 1}
    assert [citation.state for citation in first.answers["whole"]["q2"].citations] == [
        "image-only"
    ]  # the model says it sees it
    server.replies = [TIMBER]
    again = run(evaluation, tmp_path / "run")
    assert answer_values(again, "whole")[parse_measure("answered")] == {"q1": 1, "q2": 1}


def test_a_server_that_is_not_there_ends_the_run_which_goes_on_later(
    evaluation: Evaluation, server: ModelServer, tmp_path: Path
) -> None:
    server.replies = [TIMBER, Fail(404, "no model tiny")]
    with pytest.raises(GenerationError, match="expected a model called 'tiny'"):
        run(evaluation, tmp_path / "run")
    assert list(read_run_folder(tmp_path / "run").answers["whole"]) == ["q1"]
    server.replies = [PILOT, NO]
    assert list(run(evaluation, tmp_path / "run").answers["whole"]) == ["q1", "q2"]
