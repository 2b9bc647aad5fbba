"""Tuning finds a planted preference, changes nothing on noise, and never learns from the document it is tested on."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine import wiring
from pagelens.core.errors import CollectionDamaged
from pagelens.core.types import Filters, PageRef, Query
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.tuning.examples import CONSTANTS, TuningExample, question_groups
from pagelens.evals.tuning.fitting import SHIPPED, Setting, fit, mean_gain, ndcg, ranked
from pagelens.evals.tuning.tuning import FOLDS, MIN_DOCUMENTS, fit_folds
from pagelens.index import layout
from pagelens.index.layout import Layout, Tuning
from pagelens.retrieve.reranking.builtin import read_weights_file
from pagelens.retrieve.reranking.features import FEATURES
from pagelens.retrieve.tuning import tuned_fusion, tuned_reranker

LANES = ["words", "text"]
TUNING = Tuning(
    factors={"text": 0.0},
    k=10.0,
    scaled=False,
    reranker=dict.fromkeys(FEATURES, 1.0),
    gain=(2.0, 1.0, 3.0),
    questions=40,
    documents=9,
)


def example(number: int, *, good: int, noisy: int, gold: int, pages: int = 8) -> TuningExample:
    """A question of which the lane `words` puts the page `good` first, and the lane `text` the page `noisy`."""

    def shares(k: float, page: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        order = [page, *(other for other in range(pages) if other != page)]
        column = np.zeros(pages)
        column[order] = 1 / (k + np.arange(1, pages + 1))
        return column

    return TuningExample(
        qid=str(number),
        group=f"{number % 12}.pdf",
        query=Query("words"),
        filters=Filters(),
        grades=(np.arange(pages) == gold).astype(np.float64),
        gold=[1.0],
        shares={(k, scaled): np.column_stack([shares(k, good), 1.5 * shares(k, noisy)]) for k, scaled in CONSTANTS},
        weights=np.ones(2),
        coverage=np.zeros(pages),
    )


def examples(*, planted: bool, count: int = 36) -> list[TuningExample]:
    """Questions whose answers the lane `words` finds; or of which no lane knows anything."""
    random = np.random.default_rng(5)
    rows = random.integers(0, 8, (count, 3))
    return [
        example(number, good=int(good), noisy=int(noisy), gold=int(good if planted else gold))
        for number, (good, noisy, gold) in enumerate(rows)
    ]


def test_ndcg_is_that_of_ir_measures() -> None:
    random = np.random.default_rng(2)
    for _ in range(50):
        grades = random.integers(0, 4, 12)
        qrels = {"q": {str(page): int(grade) for page, grade in enumerate(grades)}}
        run = {"q": {str(page): 1.0 - page / 100 for page in range(9)}}  # three pages were not found
        expected = ir_measures.calc_aggregate([ir_measures.nDCG @ 5], qrels, run)[ir_measures.nDCG @ 5]
        assert ndcg(list(grades[:9]), list(grades)) == pytest.approx(expected)
    assert ndcg([0, 0], []) == 0


def test_a_lane_that_is_right_gets_the_weight_and_noise_none() -> None:
    made = examples(planted=True)
    assert mean_gain(made, SHIPPED, LANES) < 0.9
    setting = fit(made, LANES)
    assert mean_gain(made, setting, LANES) == 1.0
    assert setting.factors.get("words", 1.0) > 1.5 * setting.factors.get("text", 1.0)


def test_a_reranker_is_fitted_where_the_documents_coverage_tells_the_answer() -> None:
    made = [replace(one, coverage=one.grades) for one in examples(planted=False)]
    setting = fit(made, LANES)
    assert setting.reranker is not None and setting.reranker["document coverage"] > 0
    assert mean_gain(made, setting, LANES) == 1.0
    assert mean_gain(made, replace(setting, reranker=None), LANES) < 0.8


def test_the_arithmetic_ranks_as_the_fusion_does() -> None:
    one = example(1, good=3, noisy=6, gold=3)
    assert list(ranked(one, Setting(factors={"text": 0.0}), LANES)) == [3, 0, 1, 2, 4, 5, 6, 7]
    assert list(ranked(one, Setting(factors={"words": 0.0}), LANES))[:2] == [6, 0]
    # page 0 is second in both: 2.5 / 62 = .0403; page 6: 1 / 67 + 1.5 / 61 = .0395; page 3: 1 / 61 + 1.5 / 65 = .0395
    assert ranked(one, SHIPPED, LANES)[0] == 0


def test_a_question_never_changes_what_is_fitted_to_score_its_document() -> None:
    made = examples(planted=True)
    before = fit_folds(made, LANES)
    assert sorted(group for fold in before for group in fold.groups) == sorted({one.group for one in made})
    assert len(before) == FOLDS
    for group in ("0.pdf", "7.pdf"):
        turned = [replace(one, grades=one.grades[::-1].copy()) if one.group == group else one for one in made]
        after = fit_folds(turned, LANES)
        [old], [new] = ([fold for fold in folds if group in fold.groups] for folds in (before, after))
        assert old == new


def test_questions_that_share_a_document_are_in_one_group() -> None:
    gold = {"a": ["1.pdf"], "b": ["1.pdf", "2.pdf"], "c": ["2.pdf"], "d": ["3.pdf"], "e": []}
    data = DataSet(
        name="set",
        folder=Path(),
        documents=["1.pdf", "2.pdf", "3.pdf"],
        questions=[Question(qid=qid, text=qid) for qid in gold],
        qrels={qid: {PageRef(file, 1): 1 for file in files} for qid, files in gold.items()},
    )
    assert question_groups(data) == {"a": "1.pdf", "b": "1.pdf", "c": "1.pdf", "d": "3.pdf"}


TOPIC = "a report on timber exports in spring"
CODES = [f"zq{number}x" for number in range(11, 23)]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Pages that hold a code and nothing of the topic, and others that are about the topic in many words."""
    folder = tmp_path_factory.mktemp("tuning")
    (folder / "documents").mkdir()
    for number, code in enumerate(CODES):
        (folder / "documents" / f"{number}.txt").write_text(f"The cook has soup for {number + 20} guests. {code}")
    for number, season in enumerate(["spring", "early spring", "late spring", "the spring of last year"]):
        text = f"A report on exports of timber in {season}. Timber exports grew in {season}, volume {number}."
        (folder / "documents" / f"topic {number}.txt").write_text(text)
    with pagelens.open(folder / "collection", create=True, profile="builtin") as engine:
        engine.index([folder / "documents"])
    yield folder
    layout.write_tuning(Layout(folder / "collection"), None)


def question_set(folder: Path, name: str, pairs: Sequence[tuple[str, str]]) -> str:
    """A data set of questions with the files that answer them."""
    root = folder / name
    root.mkdir()
    rows = [{"qid": f"q{number}", "question": text} for number, (text, _) in enumerate(pairs)]
    (root / "queries.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (root / "qrels.tsv").write_text("\n".join(f"q{row}\t0\t{file}#1\t1" for row, (_, file) in enumerate(pairs)))
    (root / "dataset.json").write_text(json.dumps({"name": name, "documents": "../documents"}))
    return str(root)


def test_a_planted_preference_is_found_written_used_and_taken_back(
    collection: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = collection / "collection"
    questions = question_set(collection, "planted", [(f"{TOPIC} {code}", f"{n}.txt") for n, code in enumerate(CODES)])

    def first() -> list[str]:
        with pagelens.open(root) as engine:
            hits = [engine.search(f"{TOPIC} {code}", k=1).hits[0] for code in CODES]
            return [Path(hit.ref.path).name for hit in hits]

    right = [f"{number}.txt" for number in range(len(CODES))]
    assert first() != right
    assert main(["eval", "tune", questions, "-c", str(root), "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert "12 questions about 12 documents" in printed and "A dry run: nothing is written." in printed
    assert layout.load(Layout(root)).tuning is None
    assert main(["eval", "tune", questions, "-c", str(root)]) == 0
    assert "Written: whoever opens" in capsys.readouterr().out
    tuning = layout.load(Layout(root)).tuning
    assert tuning is not None and 0 < tuning.gain[1] <= tuning.gain[0] and tuning.documents == 12
    assert first() == right
    assert main(["eval", "tune", "--forget", "-c", str(root)]) == 0
    assert layout.load(Layout(root)).tuning is None
    assert first() != right


def test_on_noise_nothing_is_written_and_it_is_said(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(1)
    pairs = []
    for _ in range(36):  # the page that answers has nothing to do with the codes in the question
        codes = " ".join(CODES[row] for row in random.choice(len(CODES), 3, replace=False))
        pairs.append((f"{TOPIC} {codes}", f"{random.integers(len(CODES))}.txt"))
    questions = question_set(collection, "noise", pairs)
    before = (collection / "collection" / "collection.json").read_bytes()
    assert main(["eval", "tune", questions, "-c", str(collection / "collection")]) == 0
    assert "there is too little to learn from. Nothing is written." in capsys.readouterr().out
    assert (collection / "collection" / "collection.json").read_bytes() == before


def test_questions_about_few_documents_are_refused(collection: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = [(f"{code} soup", f"{number}.txt") for number, code in enumerate(CODES[: MIN_DOCUMENTS - 1])]
    questions = question_set(collection, "few", few)
    assert main(["eval", "tune", questions, "-c", str(collection / "collection")]) == 2
    assert "at least 8 documents" in capsys.readouterr().err
    assert main(["eval", "tune", "-c", str(collection / "collection")]) == 2
    assert "--forget" in capsys.readouterr().err


def test_the_tuning_of_a_collection_is_read_by_whatever_opens_it(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = collection / "collection"
    layout.write_tuning(Layout(root), TUNING)
    assert layout.load(Layout(root)).tuning == TUNING
    with pagelens.open(root) as engine, engine.snapshot() as snapshot:
        found = engine.retriever.search(snapshot, Query("soup"), k=3)
        assert found.weights["text"] == 0 and found.weights["words"] > 0
        assert [hit.rerank for hit in found.hits] != [None] * len(found.hits)
        assert "text" not in found.hits[0].lanes
    monkeypatch.setenv("PAGELENS_RERANKER", "none")  # the environment's word goes before the collection's
    with pagelens.open(root) as engine:
        assert all(hit.rerank is None for hit in engine.search("soup").hits)
    wiring.write_tuning(root, None)


def test_fusion_and_reranker_are_those_of_the_tuning() -> None:
    fusion = tuned_fusion(TUNING)
    assert (fusion.k, fusion.scaled, fusion.factors, fusion.weights) == (10.0, False, {"text": 0.0}, None)
    assert tuned_fusion(None).factors == {} and tuned_reranker(None) is None
    assert tuned_reranker(replace(TUNING, reranker=None)) is None
    assert tuned_reranker(replace(TUNING, reranker={"another feature": 1.0})) is None  # of another version
    assert tuned_reranker(replace(TUNING, reranker=read_weights_file()["weights"])) is not None


@pytest.mark.parametrize(
    "wrong",
    [{"k": -1}, {"k": "60"}, {"scaled": 1}, {"factors": {"words": -1}}, {"factors": {"words": True}}, {"gain": [1]}],
)
def test_a_tuning_that_was_not_written_by_pagelens_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Tuning.from_json(TUNING.as_json() | wrong)
    layout.write_json(tmp_path / "collection.json", {"pagelens": layout.FORMAT, "tuning": wrong, "lanes": {}})
    with pytest.raises(CollectionDamaged):
        layout.load(Layout(tmp_path))
