"""Reports: one file, nothing fetched, everything from outside escaped, figures as scored."""

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from pagelens.core.types import PageRef
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.measures.measure_names import parse_measure
from pagelens.evals.report.charts import Line, Row, bars, depth_axis, dot_rows, line_chart, percent_axis
from pagelens.evals.report.html_report import html_report
from pagelens.evals.report.markdown_report import markdown_report
from pagelens.evals.report.summary import summarize
from pagelens.evals.report.thumbnails import Thumbnails
from pagelens.evals.report.writing import write_reports
from pagelens.evals.runs.records import AnswerRecord, CitedPage
from pagelens.evals.runs.run_folder import Run
from pagelens.evals.runs.scoring import mean, ranking_values
from tests.evals.conftest import Evaluation

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)> \' " & </style> {{7*7}} \x1b[31m'


class Reader(HTMLParser):
    """Collects the elements and the addresses of a page, and that what is opened is closed."""

    VOID = frozenset({"meta", "input", "line", "circle", "rect", "polyline", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "srcset")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def report_of(run: Run, evaluation: Evaluation, budget: int = 10_000_000) -> tuple[str, Thumbnails]:
    names = DocumentNames.of(run.data, evaluation.engine.status())
    pictures = Thumbnails(evaluation.engine, names, budget=budget)
    return html_report(run, summarize(run), pictures), pictures


def test_the_report_is_one_file_that_fetches_nothing(evaluation: Evaluation) -> None:
    page, _ = report_of(evaluation.run, evaluation)
    reader = read(page)
    assert all(address.startswith("#") for address in reader.addresses)
    assert reader.elements.count("script") == 1
    assert reader.handlers == []
    assert set(re.findall(r"url\(([a-z]+:[a-z]+/[a-z]+)", page)) == {"data:image/jpeg"}
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page).replace("http-equiv", "")


def test_its_figures_are_those_of_the_scores(evaluation: Evaluation) -> None:
    page, _ = report_of(evaluation.run, evaluation)
    words = " ".join(read(page).words)
    for scope in ("within", "whole"):
        for system in evaluation.run.systems:
            for measure, values in ranking_values(evaluation.run, scope, system, [parse_measure("nDCG@5")]).items():
                assert f"{100 * mean(values):.1f}" in words, (scope, system, measure)
    assert "5 questions (4 with known evidence, 1 that the documents do not answer)" in words


def test_every_question_stands_with_what_was_expected_and_found_side_by_side(evaluation: Evaluation) -> None:
    page, pictures = report_of(evaluation.run, evaluation)
    assert page.count('<article class="q"') == 5
    for question in evaluation.data.questions:
        assert question.text in page
    first = page.split('<article class="q"')[1]
    assert "expected" in first
    assert "found within the question" in first
    style = pictures.css_class(PageRef("ports/harbour.pdf", 2))
    assert style
    coded = re.search(rf"\.{style}{{background-image:url\(data:image/jpeg;base64,([^)]+)\)", page)
    assert coded
    picture = Image.open(BytesIO(base64.b64decode(coded[1])))
    assert max(picture.size) == 300


def test_the_worst_question_comes_first_and_those_without_evidence_last(evaluation: Evaluation) -> None:
    records = dict(evaluation.run.searches["whole", "fused"])
    records["q3"] = replace(records["q3"], ranked=[PageRef("ports/harbour.pdf", 1)], scores=[1.0])
    searches = {**evaluation.run.searches, ("whole", "fused"): records}
    page, _ = report_of(replace(evaluation.run, searches=searches), evaluation)
    order = re.findall(r"<div>(q\d) ·", page)
    assert (order[0], order[-1]) == ("q3", "q5")
    assert "over the whole set: not found" in page


def test_whatever_comes_from_outside_is_shown_and_not_read(evaluation: Evaluation) -> None:
    questions = [
        replace(
            question,
            text=HOSTILE,
            answers=(HOSTILE,),
            groups={"source": (HOSTILE,), "doc_type": (question.qid + HOSTILE,)},
        )
        for question in evaluation.data.questions
    ]
    evil = PageRef(HOSTILE, 1)
    searches = {
        key: {qid: replace(record, ranked=[evil, *record.ranked[1:]]) for qid, record in part.items()}
        for key, part in evaluation.run.searches.items()
    }
    answer = AnswerRecord("whole", "q1", HOSTILE, True, 0.9, [CitedPage(evil, HOSTILE, "unconfirmed")])
    manifest = {**evaluation.run.manifest, "missing_documents": [HOSTILE]}
    manifest["machine"] = {**manifest["machine"], "processor": HOSTILE}
    data = replace(evaluation.data, name=HOSTILE, questions=questions)
    run = replace(evaluation.run, data=data, searches=searches, answers={"whole": {"q1": answer}}, manifest=manifest)
    page, _ = report_of(run, evaluation)
    reader = read(page)
    assert reader.elements.count("script") == 1
    assert "img" not in reader.elements
    assert reader.handlers == []
    assert page.count("</style>") == 1
    assert "\x1b" not in page
    assert "<script>alert" not in markdown_report(summarize(run))


def test_pictures_stop_at_their_budget_and_the_page_says_the_number_instead(evaluation: Evaluation) -> None:
    page, pictures = report_of(evaluation.run, evaluation, budget=5_000)
    assert pictures.budget_spent
    assert len(pictures.css_rules) < 20_000
    assert 'class="none">p.' in page
    without = html_report(evaluation.run, summarize(evaluation.run), Thumbnails(None, DocumentNames()))
    assert "data:image" not in without


def test_a_run_of_one_lane_without_answers_or_evidence_is_reported_too(evaluation: Evaluation) -> None:
    run = replace(evaluation.run, searches={("whole", "words"): evaluation.run.searches["whole", "words"]}, answers={})
    read(report_of(run, evaluation)[0])
    bare = replace(run, data=replace(evaluation.data, qrels={}))
    reader = read(report_of(bare, evaluation)[0])
    assert reader.elements.count("article") == 5


def test_the_files_of_a_run_agree(evaluation: Evaluation, tmp_path: Path) -> None:
    run = replace(evaluation.run, folder=tmp_path)
    summary, page = write_reports(run, evaluation.engine)
    scores = json.loads((tmp_path / "scores.json").read_text("utf-8"))
    assert scores["systems"][0]["measures"]["R@5"]["mean"] == summary.systems[0].measures["R@5"].mean
    rows = [json.loads(line) for line in (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()]
    of_first = [row["measures"]["R@5"] for row in rows if (row["scope"], row["system"]) == ("within", "words")]
    assert sum(of_first) / len(of_first) == pytest.approx(summary.systems[0].measures["R@5"].mean)
    assert (tmp_path / "report.md").read_text("utf-8").startswith("# set\n")
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_charts_place_values_where_they_belong() -> None:
    chart = line_chart([Line("a", [(1, 0.0), (50, 1.0)])], depth_axis([1, 50], "k"), percent_axis("%"), label="<l>")
    assert 'points="44.0,240.0 448.0,12.0"' in chart  # the lower left and the upper right corner
    assert 'aria-label="&lt;l&gt;"' in chart
    rows = dot_rows([Row("<x>", "5", [(0.5, 0, "a")])], label="l", title="t")
    assert 'cx="371.0"' in rows  # the middle between 210 and 532
    assert "&lt;x&gt;" in rows
    assert "<svg" in bars([("a", 0.0, 0.0, 0)], label="l", unit="ms")
