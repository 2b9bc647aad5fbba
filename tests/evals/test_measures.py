"""Measures of rankings against implementations that share no code with them."""

import importlib.util
import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.measures.measure_names import ANSWER, NEEDS_K, RANKING, Measure, parse_measure
from pagelens.evals.measures.ranking import first_rank, score_rankings
from pagelens.evals.runs.trec_run import read_run, strictly_decreasing, write_run
from tests.evals.sets import DATA

PAGES = [PageRef(f"document {letter}.pdf", number) for letter in "abc" for number in range(1, 5)]
MEASURES = [
    parse_measure(text)
    for text in (
        *(
            "nDCG@1",
            "nDCG@5",
            "nDCG@10",
            "R@1",
            "R@5",
            "P@3",
            "hit@1",
            "hit@3",
            "all@2",
            "all@5",
            "MRR",
            "MRR@2",
            "MRR@10",
        ),
        *("AP", "AP@3", "doc.nDCG@5", "doc.R@1", "doc.hit@2", "doc.MRR@2", "doc.all@2", "doc.P@2"),
    )
]
graded = st.dictionaries(st.sampled_from(PAGES), st.integers(0, 3), max_size=8)
rankings = st.lists(st.sampled_from(PAGES), unique=True, max_size=12)


def reference(measure: Measure, grades: Mapping[PageRef, int], ranked: Sequence[PageRef]) -> float:
    """Written from the textbook, over plain lists."""
    gains: dict[object, int] = {}
    order: list[object] = []
    for page, grade in grades.items():
        name = page.path if measure.level == "doc" else page
        gains[name] = max(grade, gains.get(name, 0))
    for page in ranked:
        name = page.path if measure.level == "doc" else page
        if name not in order:
            order.append(name)
    relevant = [name for name, grade in gains.items() if grade > 0]
    top = order[: measure.k] if measure.k else order
    hits = [gains.get(name, 0) > 0 for name in top]
    if measure.name == "nDCG":
        gained = sum(gains.get(name, 0) / math.log2(rank + 1) for rank, name in enumerate(top, start=1))
        best = sorted(gains.values(), reverse=True)[: measure.k]
        return gained / sum(gain / math.log2(rank + 1) for rank, gain in enumerate(best, start=1))
    if measure.name in ("R", "all"):
        share = sum(hits) / len(relevant)
        return share if measure.name == "R" else float(share == 1)
    if measure.name == "P":
        assert measure.k
        return sum(hits) / measure.k
    if measure.name == "AP":
        return sum(sum(hits[:rank]) / rank for rank, hit in enumerate(hits, start=1) if hit) / len(relevant)
    first = next((rank for rank, hit in enumerate(hits, start=1) if hit), None)
    if measure.name == "hit":
        return float(first is not None)
    return 1 / first if first else 0.0


@given(st.dictionaries(st.sampled_from(["q1", "q2", "q3"]), st.tuples(graded, st.none() | rankings), min_size=1))
def test_every_measure_equals_the_textbook_on_graded_pages_with_questions_missing_from_the_run(
    cases: dict[str, tuple[dict[PageRef, int], list[PageRef] | None]],
) -> None:
    qrels = {qid: grades for qid, (grades, _) in cases.items()}
    run = {qid: ranked for qid, (_, ranked) in cases.items() if ranked is not None}
    found = score_rankings(MEASURES, qrels, run)
    for measure in MEASURES:
        expected = {qid: reference(measure, g, r or []) for qid, (g, r) in cases.items() if any(g.values())}
        assert found[measure] == pytest.approx(expected, abs=1e-9), str(measure)


def test_a_hand_worked_case() -> None:
    a, b, c, d = PAGES[:4]
    qrels = {"q": {a: 2, b: 1, c: 0}}
    found = score_rankings(MEASURES, qrels, {"q": [d, b, a]})
    value = {str(measure): values["q"] for measure, values in found.items()}
    gained = 1 / math.log2(3) + 2 / math.log2(4)
    assert value["nDCG@5"] == pytest.approx(gained / (2 / math.log2(2) + 1 / math.log2(3)))
    assert (value["R@1"], value["R@5"], value["MRR"], value["all@5"], value["all@2"]) == (0, 1, 0.5, 1, 0)
    assert value["AP"] == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_the_first_rank_is_that_of_any_page_that_answers() -> None:
    assert first_rank(PAGES[:2], [PAGES[3], PAGES[1], PAGES[0]]) == 2
    assert first_rank(PAGES[:2], [PAGES[3]]) is None


names = st.one_of(
    st.builds(Measure, st.sampled_from(sorted(NEEDS_K)), st.integers(1, 999), st.sampled_from(["page", "doc"])),
    st.builds(
        Measure,
        st.sampled_from(sorted(set(RANKING) - NEEDS_K)),
        st.none() | st.integers(1, 999),
        st.sampled_from(["page", "doc"]),
    ),
    st.builds(Measure, st.sampled_from(sorted(ANSWER))),
)


@given(names)
def test_a_measure_prints_as_it_parses(measure: Measure) -> None:
    assert parse_measure(str(measure)) == measure


@pytest.mark.parametrize(
    ("text", "printed"),
    [("ndcg@5", "nDCG@5"), ("recall@10", "R@10"), ("mrr@10", "MRR@10"), ("doc.success@1", "doc.hit@1"), ("em", "EM")],
)
def test_other_ways_to_write_a_measure_are_understood(text: str, printed: str) -> None:
    assert str(parse_measure(text)) == printed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("R", "expected a depth, as in R@5"),
        ("speed@5", "expected a measure among"),
        ("EM@3", "expected EM without depth or level"),
        ("", "a measure"),
    ],
)
def test_a_measure_that_is_none_is_refused_with_what_there_is(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_measure(text)


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    if not (DATA / "score_run.py").exists():
        pytest.skip("the development data and its scorer are not here")
    spec = importlib.util.spec_from_file_location("score_run", DATA / "score_run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scored = st.lists(st.tuples(st.sampled_from(PAGES), st.integers(0, 3)), max_size=12, unique_by=lambda row: row[0])


@given(evidence=st.sets(st.sampled_from(PAGES), min_size=1), rows=scored)
def test_a_run_file_with_ties_scores_as_the_scorer_beside_the_data_scores_it(
    scorer: ModuleType,
    tmp_path_factory: pytest.TempPathFactory,
    evidence: set[PageRef],
    rows: list[tuple[PageRef, int]],
) -> None:
    path: Path = tmp_path_factory.mktemp("runs") / "run.trec"
    lines = [f"q\tQ0\t{page.path}#{page.number}\t{rank}\t{score}\tt\n" for rank, (page, score) in enumerate(rows, 1)]
    path.write_text("".join(lines), "utf-8")
    theirs = scorer.per_query(
        {(page.path, page.number) for page in evidence}, scorer.read_run(path).get("q", {}).get("ranked", [])
    )
    measures = [Measure(name, k) for name in ("R", "hit", "all") for k in (1, 3, 5, 10)]
    measures += [Measure("MRR", 10), Measure("nDCG", 5), Measure("hit", 1, "doc")]
    ours = score_rankings(measures, {"q": dict.fromkeys(evidence, 1)}, read_run(path))
    renamed = {"hit": "Hit", "all": "All"}
    for measure, values in ours.items():
        name = "Doc@1" if measure.level == "doc" else f"{renamed.get(measure.name, measure.name)}@{measure.k}"
        assert values["q"] == pytest.approx(theirs[name], abs=1e-9), name


@given(pages=rankings, scores=st.lists(st.floats(-1e3, 1e3), min_size=12, max_size=12))
def test_a_written_run_keeps_its_order_whatever_the_scores_say(
    tmp_path_factory: pytest.TempPathFactory, pages: list[PageRef], scores: list[float]
) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.trec"
    write_run(path, {"q": (pages, scores[: len(pages)])}, "t")
    assert read_run(path).get("q", []) == pages
    shuffled = sorted(path.read_text("utf-8").splitlines())
    path.write_text("\n".join(shuffled), "utf-8")
    assert read_run(path).get("q", []) == pages
    written = [float(line.split("\t")[4]) for line in sorted(shuffled, key=lambda line: int(line.split("\t")[3]))]
    assert all(before > after for before, after in itertools.pairwise(written))


def test_scores_are_kept_where_they_fall_and_lowered_by_a_hair_where_they_do_not() -> None:
    assert strictly_decreasing([3.0, 2.0, 0.5, -1.0]) == [3.0, 2.0, 0.5, -1.0]
    first, second, third = strictly_decreasing([1.0, 2.0, 0.5])
    assert (first, third) == (1.0, 0.5)
    assert 0.999999 < second < 1.0


def test_a_malformed_run_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("q1\tQ0\ta.pdf#1\t1\t0.5\tt\nq1 Q0 a.pdf 2 0.4 t\n", "utf-8")
    with pytest.raises(UsageError, match=r"run\.trec:2: expected qid, Q0, FILE#PAGE"):
        read_run(path)
