"""The command group, as `pagelens eval` runs it."""

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError
from pagelens.evals.cli.commands import GATE_FAILED, app
from tests.evals.conftest import Evaluation
from tests.evals.sets import write_set


def call(*arguments: object) -> int:
    """Run the command group as the command line does; return the exit code."""
    return int(app([str(argument) for argument in arguments], standalone_mode=False) or 0)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip().splitlines()[-1]


def test_one_command_makes_the_collection_the_run_and_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, collection, out = write_set(tmp_path / "set"), tmp_path / "collection", tmp_path / "run"
    arguments = ["run", folder, "-c", collection, "-o", out, "--profile", "builtin", "-k", 10]
    assert call(*arguments) == 0
    output = capsys.readouterr().out
    assert "nDCG@5" in output
    assert "fused" in output
    assert {path.name for path in out.iterdir()} >= {"report.html", "report.md", "scores.json", "trec", "run.json"}
    before = (out / "searches.jsonl").read_bytes()
    assert call(*arguments, "--json") == 0
    assert json.loads(capsys.readouterr().out)["with_evidence"] == 4
    assert (out / "searches.jsonl").read_bytes() == before  # nothing was done again
    assert call("report", out) == 0
    assert call("export", out, tmp_path / "exported", "--format", "ranx") == 0


def test_only_what_is_asked_for_is_run(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, root = evaluation.data.folder.parent, evaluation.engine.layout.root
    options = ["--system", "text", "--scope", "whole", "--no-answers", "--limit", 2, "--no-pictures", "--json"]
    assert call("run", folder, "-c", root, "-o", tmp_path / "run", *options) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["scope"], one["system"]) for one in found["systems"]] == [("whole", "text")]
    assert (found["questions"], found["answers"]) == (2, [])
    assert call("run", folder, "-c", root, "-o", tmp_path / "thorough", *options, "--depth", "thorough") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["scope"], one["system"]) for one in found["systems"]] == [
        ("whole", "text"),
        ("whole", "fused:thorough"),
    ]
    with pytest.raises(UsageError, match="expected a scope among within, whole, found 'sideways'"):
        call("run", folder, "-c", root, "-o", tmp_path / "other", "--scope", "sideways")


def test_compare_says_which_is_better_and_a_gate_that_does_not_hold_fails(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = f"{evaluation.run.folder}::words", f"{evaluation.run.folder}::fused"
    assert call("compare", a, b, "--gate", "R@5 >= A - 0.5", "--markdown", tmp_path / "c.md") == 0
    assert "passed  R@5 >= A - 0.5" in capsys.readouterr().out
    assert "| scope | measure |" in (tmp_path / "c.md").read_text("utf-8")
    assert call("compare", a, b, "-m", "MRR@10", "--gate", "answered > 1.5", "--json", "--by-document") == GATE_FAILED
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    assert found["differences"][0]["measure"] == "MRR@10"


def test_check_says_what_is_in_a_set_and_import_writes_it_in_our_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("check", write_set(tmp_path / "set")) == 0
    output = last_line(capsys)
    assert output == "set: 2 documents, 5 questions, 4 with evidence on 5 pages, 1 without an answer"
    assert call("import", tmp_path / "set", tmp_path / "copy") == 0
    assert last_line(capsys) == output
    with pytest.raises(UsageError, match="expected a data set at"):
        call("check", tmp_path / "nowhere")


def test_proposals_are_edited_and_become_a_set(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, root = tmp_path / "mine.csv", evaluation.engine.layout.root
    assert call("init", table, "-c", root, "-n", 4) == 0
    with pytest.raises(UsageError, match="expected no file at"):
        call("init", table, "-c", root)
    with pytest.raises(UsageError, match="with keep under 'keep', found none"):
        call("accept", table, tmp_path / "set", "-c", root)
    kept = ["keep" + line if line[:1] == "," else line for line in table.read_text("utf-8-sig").splitlines()]
    table.write_text("\n".join(kept), "utf-8")
    capsys.readouterr()
    assert call("accept", table, tmp_path / "set", "-c", root) == 0
    assert "with evidence" in last_line(capsys)
    assert call("run", tmp_path / "set", "-c", root, "-o", tmp_path / "run", "--no-answers", "--no-pictures") == 0


def examples() -> Sequence[str]:
    """Return the commands of the workflow example, a line each."""
    path = Path(__file__).parents[2] / "docs" / "examples" / "evals.yml"
    return [
        line.strip().removeprefix("- run: ")
        for line in path.read_text("utf-8").splitlines()
        if "- run: pagelens eval" in line
    ]


def test_the_commands_of_the_workflow_example_run_and_its_gate_works(
    evaluation: Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "questions")
    commands = examples()
    assert [line.split()[2] for line in commands] == ["check", "run", "compare"]
    check, run, compare = (shlex.split(line)[2:] for line in commands)
    assert call(*check) == 0
    assert call(*run) == 0
    (tmp_path / "runs" / "new").rename(tmp_path / "runs" / "baseline")
    assert call(*run) == 0
    assert call(*compare) == 0  # the same again passes
    spoil(tmp_path / "runs" / "new" / "searches.jsonl")
    assert call(*compare) == GATE_FAILED
    assert "FAILED" in capsys.readouterr().out
    assert (tmp_path / "comparison.md").exists()


def spoil(path: Path) -> None:
    """Turn every ranking round: the change that a gate is there to catch."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps(row | {"ranked": row["ranked"][::-1]}) + "\n" for row in rows), "utf-8")
