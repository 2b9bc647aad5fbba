"""Systems: lanes and ways of fusing them, as people write them, and as the engine fuses."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from pagelens.core.errors import UsageError
from pagelens.evals.cli.commands import app
from pagelens.evals.runs.export import export_run
from pagelens.evals.runs.plan import Plan
from pagelens.evals.runs.runner import perform_run
from pagelens.evals.runs.systems import FUSIONS, System, chosen_systems, fusion_ablation, parse_system
from pagelens.evals.runs.trec_run import read_run
from pagelens.retrieve.search import Fusion
from tests.evals.conftest import Evaluation

LANES = ["words", "text", "page"]
QUERY = "timber tonnes of the annual report 2024"


def scores(evaluation: Evaluation, system: System) -> Mapping[int, float]:
    """Return the score of each page of the harbour's report (the other document is left out of the sums)."""
    hits = evaluation.engine.search(QUERY, k=10, lanes=system.lanes, fusion=system.fusion).hits
    return {hit.ref.number: hit.score for hit in hits if hit.ref.path.endswith("harbour.pdf")}


def ranks(evaluation: Evaluation, lane: str) -> Mapping[int, int]:
    hits = evaluation.engine.search(QUERY, k=10, lanes=[lane]).hits
    return {hit.ref.number: hit.lanes[lane].rank for hit in hits if hit.ref.path.endswith("harbour.pdf")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fused", System()),
        ("words", System(("words",))),
        ("text+words", System(("text", "words"))),
        ("fused:plain", System(None, Fusion(scaled=False, weights={}))),
        ("fused:unscaled:equal", System(None, Fusion(scaled=False, weights={}))),
        ("fused:k=10", System(None, Fusion(k=10.0))),
        ("fused:thorough", System(depth="thorough")),
        ("fused:quick:k=10", System(None, Fusion(k=10.0), "quick")),
        ("fused:no-references", System(None, Fusion(query_references=False))),
        (
            "words+text:weights=words=1,text=0.5:k=20",
            System(("words", "text"), Fusion(20.0, {"words": 1, "text": 0.5})),
        ),
    ],
)
def test_a_system_is_read_as_it_is_written(text: str, expected: System) -> None:
    assert parse_system(text, LANES) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vision", "expected lanes among words, text, page, or fused, found 'vision'"),
        ("fused:loud", "expected a way of fusing among plain, .* found 'loud'"),
        ("fused:k=many", "expected a number of 0 or more in 'k=many', found 'many'"),
        ("fused:k=-1", "found '-1'"),
        ("words:weights=text=2", r"expected a lane of the system \(words\) in 'weights=text=2', found 'text'"),
        ("fused:weights=words", "found ''"),
    ],
)
def test_what_is_no_system_is_refused_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_system(text, LANES)


def test_plain_fusion_is_the_sum_of_one_over_k_plus_rank(evaluation: Evaluation) -> None:
    words, meaning = ranks(evaluation, "words"), ranks(evaluation, "text")
    found = scores(evaluation, parse_system("words+text:plain:no-references:k=10", ["words", "text"]))
    by_hand = {
        page: sum(1 / (10 + lane[page]) for lane in (words, meaning) if page in lane) for page in {*words, *meaning}
    }
    assert found == pytest.approx(by_hand)


def test_fixed_weights_multiply_a_lane_s_share(evaluation: Evaluation) -> None:
    words, meaning = ranks(evaluation, "words"), ranks(evaluation, "text")
    found = scores(
        evaluation, parse_system("words+text:unscaled:no-references:weights=words=3,text=0.5", ["words", "text"])
    )
    for page, score in found.items():
        by_hand = (3 / (60 + words[page]) if page in words else 0) + (
            0.5 / (60 + meaning[page]) if page in meaning else 0
        )
        assert score == pytest.approx(by_hand)


def test_a_deaf_engine_does_not_bring_the_page_that_is_named_first(evaluation: Evaluation) -> None:
    query = "timber tonnes, harbour.pdf page 3"
    found = evaluation.engine.search(query, k=3)
    without = evaluation.engine.search(query, k=3, fusion=Fusion(query_references=False))
    assert found.hits[0].ref.number == 3
    assert without.hits[0].ref.number == 2
    assert not without.query_references


def test_as_shipped_is_what_the_engine_does_when_nothing_is_said(evaluation: Evaluation) -> None:
    assert scores(evaluation, System()) == scores(evaluation, System(None, Fusion()))


def test_a_run_of_fusions_keeps_each_apart_in_records_files_and_fingerprint(
    evaluation: Evaluation, tmp_path: Path
) -> None:
    systems = chosen_systems(["fused:plain:k=1", "fused:weights=words=5,text=1"], ["words", "text"])
    run = perform_run(evaluation.engine, evaluation.data, Plan(systems, ("whole",), depth=5), tmp_path / "run")
    assert run.systems == list(systems)
    first = read_run(tmp_path / "run" / "trec" / "whole.fused~plain~k=1.trec")
    assert first == {qid: list(one.ranked) for qid, one in run.searches["whole", "fused:plain:k=1"].items()}
    assert (tmp_path / "out" / "whole.fused~plain~k=1.run") in export_run(run, tmp_path / "out", "trec_eval")
    assert run.manifest["configuration"]["plan"]["systems"]["fused:plain:k=1"]["fusion"] == {
        "k": 1.0,
        "scaled": False,
        "query_references": True,
        "weights": {},
    }


def test_one_command_ablates_the_fusion(
    evaluation: Evaluation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        evaluation.data.folder.parent,
        "-c",
        evaluation.engine.layout.root,
        "-o",
        tmp_path / "run",
        "--ablate",
        "fusion",
    ]
    options = ["--scope", "whole", "--no-answers", "--no-pictures", "--json", "--limit", 2]
    assert not app([str(one) for one in ("run", *arguments, *options)], standalone_mode=False)
    found = [one["system"] for one in json.loads(capsys.readouterr().out)["systems"]]
    assert found == [*(f"fused:{option}" for option in FUSIONS), "fused"] == list(fusion_ablation(LANES))
    with pytest.raises(UsageError, match="expected --ablate among lanes, fusion, found 'everything'"):
        app([str(one) for one in ("run", *arguments[:-1], "everything")], standalone_mode=False)
