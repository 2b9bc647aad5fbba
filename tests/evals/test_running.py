"""Runs: through the engine, saved as it goes, going on after a kill, equal to what other tools make of their files."""

import json
import shutil
from pathlib import Path

import pytest

import pagelens
from pagelens.core.errors import UsageError
from pagelens.core.types import Filters, PageRef
from pagelens.evals.datasets.dataset import DataSet
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.datasets.folder import read_folder
from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.runs.export import export_run
from pagelens.evals.runs.plan import Plan, lanes_for, scopes_of
from pagelens.evals.runs.run_folder import read_run_folder
from pagelens.evals.runs.runner import perform_run, plan_steps
from pagelens.evals.runs.scoring import STANDARD, answer_values, mean, ranking_values, refusals
from pagelens.evals.runs.systems import System, chosen_systems, lane_ablation
from pagelens.evals.runs.trec_run import read_run
from tests.evals.conftest import Evaluation
from tests.evals.sets import write_set


def test_a_run_holds_every_system_scope_and_question(evaluation: Evaluation) -> None:
    lanes = lanes_for(evaluation.engine, evaluation.data)
    assert {"words", "text"} <= set(lanes)
    assert list(evaluation.run.systems) == list(lane_ablation(lanes))
    assert evaluation.run.systems[-1] == "fused"
    for scope in ("within", "whole"):
        for system in evaluation.run.systems:
            assert set(evaluation.run.searches[scope, system]) == {"q1", "q2", "q3", "q4", "q5"}
    assert set(evaluation.run.answers["foreign"]) == {"q1", "q2", "q3", "q4"}  # answerable ones only


def test_a_search_within_stays_in_the_question_s_document_and_the_engine_s_order(evaluation: Evaluation) -> None:
    question = evaluation.data.questions[0]
    record = evaluation.run.searches["within", "fused"]["q1"]
    assert {page.path for page in record.ranked} == {"ports/harbour.pdf"}
    path = str(evaluation.data.folder / "ports" / "harbour.pdf")
    hits = evaluation.engine.search(question.text, k=10, filters=Filters(paths=(path,))).hits
    assert [page.number for page in record.ranked] == [hit.ref.number for hit in hits]
    assert record.ranked[0] == PageRef("ports/harbour.pdf", 2)


def test_questions_of_no_document_are_asked_of_the_whole_set_only(evaluation: Evaluation) -> None:
    free = DataSet(
        "free",
        evaluation.data.folder,
        evaluation.data.documents,
        [evaluation.data.questions[0].__class__("x", "?")],
        {},
    )
    assert scopes_of(free) == ("whole",)
    plan = Plan({"words": System(("words",))}, ("within", "whole"))
    assert [step.key for step in plan_steps(free, plan)] == [("whole", "words", "x")]


def test_the_trec_files_of_a_run_score_as_the_run_does(evaluation: Evaluation) -> None:
    for (scope, system), records in evaluation.run.searches.items():
        ranked = read_run(evaluation.run.folder / "trec" / f"{scope}.{system}.trec")
        assert ranked == {qid: list(record.ranked) for qid, record in records.items() if record.ranked}


def test_the_manifest_says_with_what_it_was_made(evaluation: Evaluation) -> None:
    manifest = json.loads((evaluation.run.folder / "run.json").read_text("utf-8"))
    assert manifest["configuration"]["profile"] == "builtin"
    assert set(manifest["configuration"]["models"]) >= {"words", "text"}
    assert manifest["finished"] >= manifest["started"]
    assert manifest["machine"]["cores"]
    assert "numpy" in manifest["versions"]
    assert manifest["missing_documents"] == []


class Killed(Exception):
    """Stands for the end of the process."""


def test_a_run_that_was_killed_goes_on_where_it_stopped(evaluation: Evaluation, tmp_path: Path) -> None:
    done: list[int] = []

    def die(_name: str, count: int, _total: int) -> None:
        done.append(count)
        if count == 17:
            raise Killed

    with pytest.raises(Killed):
        perform_run(evaluation.engine, evaluation.data, evaluation.plan, tmp_path / "run", on_step=die)
    with (tmp_path / "run" / "searches.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"qid": "q5", "scope": "within", "ranked": [["ti')  # the line that was being written
    assert json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))["finished"] is None
    assert len(read_run_folder(tmp_path / "run").searches) >= 3  # a part can be looked at
    done.clear()
    again = perform_run(
        evaluation.engine,
        evaluation.data,
        evaluation.plan,
        tmp_path / "run",
        on_step=lambda *step: done.append(step[1]),
    )
    assert done == list(range(18, len(plan_steps(evaluation.data, evaluation.plan)) + 1))
    ranked = {key: {qid: list(r.ranked) for qid, r in part.items()} for key, part in again.searches.items()}
    assert ranked == {
        key: {qid: list(r.ranked) for qid, r in part.items()} for key, part in evaluation.run.searches.items()
    }
    done.clear()
    perform_run(
        evaluation.engine,
        evaluation.data,
        evaluation.plan,
        tmp_path / "run",
        on_step=lambda *step: done.append(step[1]),
    )
    assert done == []


def test_a_folder_of_another_configuration_is_not_mixed_with_this_one(evaluation: Evaluation) -> None:
    other = Plan(evaluation.plan.systems, evaluation.plan.scopes, evaluation.plan.answer_scopes, depth=11)
    with pytest.raises(UsageError, match=r"found another: plan differ\. Give another folder with --out"):
        perform_run(evaluation.engine, evaluation.data, other, evaluation.run.folder)


def test_the_scores_are_those_of_the_answers_and_rankings(evaluation: Evaluation) -> None:
    values = ranking_values(evaluation.run, "within", "fused", [*STANDARD, parse_measure("MRR")])
    assert mean(values[parse_measure("hit@1")]) == 1.0
    assert set(values[parse_measure("R@5")]) == {"q1", "q2", "q3", "q4"}
    answers = answer_values(evaluation.run, "within")
    assert set(answers[parse_measure("refused")]) == {"q5"}
    assert answers[parse_measure("cite.first")]["q1"] == 1.0
    assert answers[parse_measure("contains")]["q1"] == 1.0
    assert [found.against for found in refusals(evaluation.run)][-1] == "questions foreign to the documents"


def test_a_document_is_found_wherever_it_was_indexed_from(evaluation: Evaluation, tmp_path: Path) -> None:
    shutil.copytree(evaluation.data.folder, tmp_path / "elsewhere" / "documents")
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index(tmp_path / "elsewhere" / "documents" / "ports")
        names = DocumentNames.of(evaluation.data, engine.status())
        assert names.missing(evaluation.data) == ["tides.pdf"]
        path = str(tmp_path / "elsewhere" / "documents" / "ports" / "harbour.pdf")
        assert names.pages(PageRef(path, 3)) == [PageRef("ports/harbour.pdf", 3)]
        assert names.only(["tides.pdf"]) is None


def test_files_of_the_same_bytes_are_each_found(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set [1]")  # a name with a wildcard's letters
    shutil.copy(folder / "documents" / "tides.pdf", folder / "documents" / "copy.pdf")
    data = read_folder(folder)
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index(data.folder)
        plan = Plan({"words": System(("words",))}, ("within", "whole"), depth=10)
        run = perform_run(engine, data, plan, tmp_path / "run")
    first, second = run.searches["whole", "words"]["q3"].ranked[:2]
    assert {first, second} == {PageRef("copy.pdf", 2), PageRef("tides.pdf", 2)}
    assert {page.path for page in run.searches["within", "words"]["q3"].ranked} == {"tides.pdf"}


def test_systems_are_named_by_their_lanes(evaluation: Evaluation) -> None:
    assert chosen_systems(["text+words", "fused"], ["words", "text"]) == {
        "text+words": System(("text", "words")),
        "fused": System(),
    }
    with pytest.raises(UsageError, match="expected lanes among words, text, or fused, found 'page'"):
        chosen_systems(["page"], ["words", "text"])
    three = lane_ablation(["a", "b", "c"])
    assert list(three) == ["a", "b", "c", "a+b", "a+c", "b+c", "fused"]
    assert list(lane_ablation(["a"])) == ["a"]


def test_an_export_is_read_by_trec_eval_to_the_same_values(evaluation: Evaluation, tmp_path: Path) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    export_run(evaluation.run, tmp_path, "trec_eval")
    with (tmp_path / "qrels.txt").open() as file:
        grades = pytrec_eval.parse_qrel(file)
    with (tmp_path / "whole.text.run").open() as file:
        found = pytrec_eval.RelevanceEvaluator(grades, {"ndcg_cut_5"}).evaluate(pytrec_eval.parse_run(file))
    ours = ranking_values(evaluation.run, "whole", "text", [parse_measure("nDCG@5")])[parse_measure("nDCG@5")]
    assert {qid: values["ndcg_cut_5"] for qid, values in found.items()} == pytest.approx(ours)
    assert {path.name for path in export_run(evaluation.run, tmp_path, "ranx")} >= {"qrels.json", "whole.fused.json"}
    with pytest.raises(UsageError, match="expected a format among trec_eval, ranx"):
        export_run(evaluation.run, tmp_path, "csv")
