"""`pagelens eval score`: rankings of other systems, in the report of a run."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError
from pagelens.evals.cli.commands import app
from pagelens.evals.report.summary import summarize
from pagelens.evals.runs.bootstrap import Interval
from pagelens.evals.runs.run_folder import read_run_folder
from tests.evals.conftest import Evaluation
from tests.evals.sets import write_set


def score(*arguments: object) -> int:
    """Run `pagelens eval score` as the command line does; return the exit code."""
    return int(app(["score", *map(str, arguments)], standalone_mode=False) or 0)


def measures_of(folder: Path) -> dict[tuple[str, str], Mapping[str, Interval]]:
    """Return the measures of each scope and system of a run."""
    return {(row.scope, row.system): row.measures for row in summarize(read_run_folder(folder)).systems}


def write_rankings(path: Path, rankings: Mapping[str, Sequence[object]]) -> Path:
    """Write rankings as JSON lines."""
    path.write_text("".join(json.dumps({"qid": qid, "ranked": ids}) + "\n" for qid, ids in rankings.items()), "utf-8")
    return path


def test_a_runs_own_rankings_have_the_figures_of_the_run_whatever_file_they_come_from(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    ours = measures_of(evaluation.run.folder)
    questions = evaluation.data.folder.parent
    assert score(evaluation.run.folder / "searches.jsonl", questions, "-o", tmp_path / "json") == 0
    assert measures_of(tmp_path / "json") == ours
    for scope in ("within", "whole"):
        trec = evaluation.run.folder / "trec" / f"{scope}.fused.trec"
        assert score(trec, questions, "-o", tmp_path / "trec", "--scope", scope, "--name", "theirs") == 0
        assert measures_of(tmp_path / "trec")[scope, "theirs"] == ours[scope, "fused"]
    exported = tmp_path / "exported"
    app(["export", str(evaluation.run.folder), str(exported)], standalone_mode=False)
    assert score(exported / "whole.words.run", questions, "-o", tmp_path / "trec", "--name", "exported") == 0
    assert measures_of(tmp_path / "trec")["whole", "exported"] == ours["whole", "words"]


def test_rows_of_others_stand_beside_the_runs_own_and_are_replaced_by_newer_ones(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(evaluation.run.folder, tmp_path / "run"))
    before = measures_of(run)
    rankings = write_rankings(tmp_path / "peer.jsonl", {"q1": ["ports/harbour.pdf p.2"]})
    assert score(rankings, run) == 0
    assert "peer" in capsys.readouterr().out
    assert measures_of(run) == before | {("whole", "peer"): measures_of(run)["whole", "peer"]}
    assert measures_of(run)["whole", "peer"]["R@1"].mean == 1 / 4
    write_rankings(rankings, {"q1": ["tides.pdf p.1"]})
    assert score(rankings, run) == 0
    assert measures_of(run)["whole", "peer"]["R@1"].mean == 0
    assert "peer: rankings of peer.jsonl, not searched by PageLens" in (run / "report.md").read_text("utf-8")
    assert "not searched by PageLens" in (run / "report.html").read_text("utf-8")
    with pytest.raises(UsageError, match=r"expected a name .* that .* has not yet, found words: --name"):
        score(rankings, run, "--name", "words")


@pytest.mark.parametrize(
    "written",
    [
        "ports/harbour.pdf p.2",
        "ports/harbour.pdf#2",
        "ports/harbour.pdf#p2",
        "ports%2Fharbour.pdf#2",
        ["ports/harbour.pdf", 2],
        "/home/me/papers/ports/harbour.pdf p.2",
        r"C:\papers\ports\harbour.pdf p.2",
        "harbour.pdf p.2",
        "harbour#2",
    ],
)
def test_a_page_is_known_by_any_of_its_usual_names(evaluation: Evaluation, tmp_path: Path, written: object) -> None:
    rankings = write_rankings(tmp_path / "peer.jsonl", {"q1": [written]})
    assert score(rankings, evaluation.data.folder.parent, "-o", tmp_path / "run") == 0
    assert measures_of(tmp_path / "run")["whole", "peer"]["R@1"].mean == 1 / 4


def test_what_does_not_fit_is_said_and_counted_and_scores_nothing(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = ["strange.pdf p.1", "harbour.pdf p.0"]
    ids = [*unknown, "tides.pdf", "harbour.pdf p.2", "harbour.pdf p.2"]
    rankings = write_rankings(tmp_path / "peer.jsonl", {"q1": ids, "q9": ["tides.pdf p.1"]})
    assert score(rankings, evaluation.data.folder.parent, "-o", tmp_path / "run") == 0
    notes = capsys.readouterr().err
    assert "1 rankings of questions that the set does not have: left out, as 'q9'" in notes
    assert "2 ranked pages of files that the set does not have: they keep their places" in notes
    assert "1 ids without a page: taken for page 1, as 'tides.pdf'" in notes
    assert "1 pages that stand twice in a ranking" in notes
    assert "3 questions without a ranking: they score 0, as 'q2', 'q3', 'q4'" in notes
    found = measures_of(tmp_path / "run")["whole", "peer"]
    assert found["MRR@10"].mean == pytest.approx(1 / 4 / 4)  # the fourth place, of one question of four
    assert score(rankings, evaluation.data.folder.parent, "-o", tmp_path / "run", "--scope", "within") == 0
    assert "'tides.pdf'" in capsys.readouterr().err.partition("in a ranking within the document: left out")[2]
    assert measures_of(tmp_path / "run")["within", "peer"]["R@1"].mean == 1 / 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected rankings in .*, found an empty file"),
        ('{"qid": "q1"}', r'peer.txt:1: expected \{"qid": ..., "ranked"'),
        ('{"qid": "q1", "ranked": ["a.pdf p.1"], "scores": []}', r"peer.txt:1: expected .*a number for each page"),
        ('{"qid": "q1", "ranked": ["a.pdf p.1"], "scope": "far"}', "expected a scope among within, whole, found far"),
        ("q1 Q0 tides.pdf#1 1 nan t", "peer.txt:1: expected qid, Q0, FILE#PAGE"),
        ('{"qid": "q1", "ranked": []}\n{"qid": "q1", "ranked": []}', "expected one ranking of q1 in whole peer"),
        ("q9 Q0 tides.pdf#1 1 2.0 t", "expected .* to rank pages for questions of"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused(
    evaluation: Evaluation, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "peer.txt").write_text(text, "utf-8")
    with pytest.raises(UsageError, match=message):
        score(tmp_path / "peer.txt", evaluation.data.folder.parent, "-o", tmp_path / "run")


def test_a_run_of_other_questions_is_not_added_to(evaluation: Evaluation, tmp_path: Path) -> None:
    rankings = write_rankings(tmp_path / "peer.jsonl", {"q1": ["tides.pdf p.1"]})
    assert score(rankings, evaluation.data.folder.parent, "-o", tmp_path / "run") == 0
    others = write_set(tmp_path / "others", [("q1", "Is this another one?", "tides.pdf", [1], "yes", ["text"])])
    with pytest.raises(UsageError, match="expected a run of the questions of"):
        score(rankings, others, "-o", tmp_path / "run")
    with pytest.raises(UsageError, match="expected no --out where rows go into a run"):
        score(rankings, evaluation.run.folder, "-o", tmp_path / "run")
    with pytest.raises(UsageError, match="expected --scope among within, whole, found 'near'"):
        score(rankings, evaluation.data.folder.parent, "--scope", "near")


def test_intervals_are_over_documents_whose_questions_stand_and_fall_together(tmp_path: Path) -> None:
    questions: list[tuple[object, ...]] = [
        (f"q{n}", f"What is {n}?", ("tides.pdf", "ports/harbour.pdf")[n % 2], [1], "", []) for n in range(40)
    ]
    folder = write_set(tmp_path / "set", questions)
    rankings = write_rankings(tmp_path / "peer.jsonl", {f"q{n}": ["tides.pdf p.1"] for n in range(40)})
    assert score(rankings, folder, "-o", tmp_path / "run") == 0
    found = measures_of(tmp_path / "run")["whole", "peer"]["R@1"]
    assert (found.mean, found.low, found.high) == (0.5, 0.0, 1.0)  # over 40 questions it would be about .35 to .65
