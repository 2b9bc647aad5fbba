"""Where the evidence of searches and the citations of answers point, for the questions that have gold boxes.

Of a search: the first hit and its evidence. Of an answer: the page that is cited first and all quotes on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pagelens.core.types import Box, PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.measures.pointing import NOWHERE, Pointing, point
from pagelens.evals.runs.bootstrap import Interval, mean_interval
from pagelens.evals.runs.run_folder import Run

ANSWER = "answer"  # in place of a system's name
ALL = "all"
POINTING_COLUMNS = {  # in the order of reports
    "page_right": "page right",
    "inside": "inside, of all",
    "inside_of_right": "inside, of right pages",
    "coverage": "coverage",
    "f1": "area F1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointingFigures:
    """How well a system, or the answers, point, on questions whose evidence is of one source (table, text, ...).

    Intervals are over documents. The last three are means over the questions whose first page is right.
    """

    scope: str
    system: str
    source: str
    page_right: Interval  # the first page has gold boxes
    inside: Interval  # at least half of what is pointed at is gold; a wrong page counts as not
    inside_of_right: Interval
    coverage: Interval
    f1: Interval


def pointing_figures(run: Run) -> list[PointingFigures]:
    """Return the figures of each scope, system and source of evidence; none if the data set has no gold boxes."""
    gold = run.data.gold_boxes
    posed = [question for question in run.data.questions if question.qid in gold]
    figures = []
    for (scope, system), searches in run.searches.items():
        found = {
            qid: (record.ranked[0] if record.ranked else None, record.evidence) for qid, record in searches.items()
        }
        figures += _figures(scope, system, [(item, *found[item.qid]) for item in posed if item.qid in found], run.data)
    for scope, answers in run.answers.items():
        cited = {qid: _first_cited([(item.page, item.boxes) for item in it.citations]) for qid, it in answers.items()}
        figures += _figures(scope, ANSWER, [(item, *cited[item.qid]) for item in posed if item.qid in cited], run.data)
    return figures


def _first_cited(citations: Sequence[tuple[PageRef, Sequence[Box]]]) -> tuple[PageRef | None, list[Box]]:
    first = citations[0][0] if citations else None
    return first, [box for page, boxes in citations if page == first for box in boxes]


def _figures(
    scope: str, system: str, found: Sequence[tuple[Question, PageRef | None, Sequence[Box]]], data: DataSet
) -> list[PointingFigures]:
    """Return the figures over all questions, then by source; `found` holds each question's page and boxes on it."""
    if not found or scope == "foreign":
        return []
    measured = [
        (question, page in data.gold_boxes[question.qid], _point(page, boxes, data, question))
        for question, page, boxes in found
    ]
    sources = dict.fromkeys(source for question, *_ in measured for source in question.groups.get("source", ()))
    return [
        _of_group(scope, system, source, [row for row in measured if _has_source(row[0], source)])
        for source in (ALL, *sources)
    ]


def _point(page: PageRef | None, boxes: Sequence[Box], data: DataSet, question: Question) -> Pointing:
    gold = data.gold_boxes[question.qid].get(page) if page else None
    return point(boxes, gold) if gold else NOWHERE


def _has_source(question: Question, source: str) -> bool:
    return source in (ALL, *question.groups.get("source", ()))


def _of_group(scope: str, system: str, source: str, rows: Sequence[tuple[Question, bool, Pointing]]) -> PointingFigures:
    documents = [question.documents[0] for question, *_ in rows]
    right = [row for row in rows if row[1]]
    right_documents = [question.documents[0] for question, *_ in right]
    return PointingFigures(
        scope=scope,
        system=system,
        source=source,
        page_right=mean_interval([float(is_right) for _, is_right, _ in rows], documents),
        inside=mean_interval([float(pointing.inside) for *_, pointing in rows], documents),
        inside_of_right=mean_interval([float(pointing.inside) for *_, pointing in right], right_documents),
        coverage=mean_interval([pointing.coverage for *_, pointing in right], right_documents),
        f1=mean_interval([pointing.f1 for *_, pointing in right], right_documents),
    )
