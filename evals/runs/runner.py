"""Performs a run: every question through the engine, for every system and scope. Finished steps are not repeated."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError
from pagelens.core.types import Answer, Box, Citation, Evidence, Filters, PageRef
from pagelens.evals.datasets.dataset import DataSet, Question
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.runs.environment import fingerprint, machine, versions
from pagelens.evals.runs.plan import CONTEXT_PAGES, Plan, Scope, configuration
from pagelens.evals.runs.records import AnswerRecord, CitedPage, SearchRecord
from pagelens.evals.runs.run_folder import Run, RunFolder, append_record, dataset_entry, read_run_folder
from pagelens.generate.llm.chat import SINGLE_REQUEST_ERRORS

LANES_KEPT = 10  # pages of a ranking whose rank in each lane is recorded
MAX_QUOTE_LENGTH = 600  # characters of a quote that are recorded

OnStep = Callable[[str, int, int], None]
"""Called after each step with its description, the number of finished steps and of all steps."""


@dataclass(frozen=True, slots=True)
class Step:
    """One question to be put to the engine."""

    scope: Scope
    system: str  # "answer" for a question to be answered
    question: Question

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of the step's record."""
        return self.scope, self.system, self.question.qid


def perform_run(
    engine: Engine, data: DataSet, plan: Plan, out: Path, *, on_step: OnStep = lambda _name, _done, _all: None
) -> Run:
    """Perform the steps of the plan that are not finished; return the run.

    Raises UsageError if `out` holds a run of another configuration.
    """
    names = DocumentNames.of(data, engine.status())
    folder = RunFolder(out)
    manifest = _manifest(engine, data, plan, names)
    existing = folder.start(manifest, data)
    manifest = existing or manifest
    done = folder.completed_keys()
    steps = plan_steps(data, plan)
    start = time.perf_counter()
    todo = [step for step in steps if step.key not in done]
    _warm_up(engine, data, plan, todo)
    with (
        (out / "searches.jsonl").open("a", encoding="utf-8") as searches,
        (out / "answers.jsonl").open("a", encoding="utf-8") as answers,
    ):
        for count, step in enumerate(todo, start=len(steps) - len(todo) + 1):
            if step.system == "answer":
                append_record(answers, _answered(engine, names, data, plan, step))
            else:
                append_record(searches, _searched(engine, names, data, plan, step))
            on_step(f"{step.scope} {step.system}", count, len(steps))
    manifest["seconds"] = round(manifest.get("seconds", 0.0) + time.perf_counter() - start, 2)
    manifest["finished"] = manifest["finished"] or _now()
    folder.write_manifest(manifest)
    run = read_run_folder(out)
    folder.write_trec(run)
    return run


def plan_steps(data: DataSet, plan: Plan) -> list[Step]:
    """Return the steps of a plan in order.

    Questions that name no document have the scope `whole` only; those with an image are searched, not answered.
    """
    questions = data.questions[: plan.limit]
    steps = []
    for scope in plan.scopes:
        for system in plan.systems:
            steps += [Step(scope, system, question) for question in questions if scope == "whole" or question.documents]
    for scope in plan.answer_scopes:
        scope_questions = [
            question for question in questions if (scope == "whole" or question.documents) and not question.image
        ]
        steps += [
            Step(scope, "answer", question) for question in scope_questions if scope != "foreign" or question.answerable
        ]
    return steps


def _manifest(engine: Engine, data: DataSet, plan: Plan, names: DocumentNames) -> dict[str, Any]:
    settings = configuration(engine, data, plan)
    status = engine.status()
    return {
        "format": 1,
        "fingerprint": fingerprint(settings),
        "dataset": dataset_entry(data),
        "missing_documents": names.missing(data),
        "collection": {
            "path": status.collection,
            "profile": status.profile,
            "documents": len(status.documents),
            "pages": status.pages,
            "textless_pages": status.textless_pages,
            "bytes": status.bytes_on_disk,
        },
        "configuration": settings,
        "machine": machine(),
        "versions": versions(),
        "started": _now(),
        "finished": None,
        "seconds": 0.0,
    }


def _warm_up(engine: Engine, data: DataSet, plan: Plan, todo: Sequence[Step]) -> None:
    """Search once with each set of lanes, so that loading models does not count in the first question's time."""
    if todo:
        question = todo[0].question
        for lanes in {system.lanes for system in plan.systems.values()}:
            engine.search(question.text, image=data.picture(question), k=1, lanes=lanes)


def _searched(engine: Engine, names: DocumentNames, data: DataSet, plan: Plan, step: Step) -> SearchRecord:
    question = step.question
    filters = Filters() if step.scope == "whole" else names.only(question.documents)
    if filters is None:  # the document is not in the collection
        return SearchRecord(scope=step.scope, system=step.system, qid=question.qid, ranked=[], scores=[], seconds=0.0)
    start = time.perf_counter()
    system = plan.systems[step.system]
    results = engine.search(
        question.text,
        image=data.picture(question),
        k=plan.depth,
        filters=filters,
        lanes=system.lanes,
        fusion=system.fusion,
        depth=system.depth,
    )
    seconds = time.perf_counter() - start
    documents = question.documents if step.scope == "within" else ()
    page_scores: dict[PageRef, float] = {}
    lanes = []
    for position, hit in enumerate(results.hits):
        for page in names.pages(hit.ref, documents):
            page_scores.setdefault(page, hit.score)
            if position < LANES_KEPT:
                lanes.append({lane: rank.rank for lane, rank in hit.lanes.items()})
    ranked, scores = list(page_scores), list(page_scores.values())
    return SearchRecord(
        scope=step.scope,
        system=step.system,
        qid=question.qid,
        ranked=ranked,
        scores=scores,
        seconds=seconds,
        lanes=lanes,
        query_references=results.query_references,
        evidence=_boxes(results.hits[0].evidence) if results.hits and question.qid in data.gold_boxes else (),
    )


def _answered(engine: Engine, names: DocumentNames, data: DataSet, plan: Plan, step: Step) -> AnswerRecord:
    question = step.question
    filters: Filters | None = Filters()
    if step.scope == "within":
        filters = names.only(question.documents)
    elif step.scope == "foreign":
        filters = names.only([name for name in data.documents if name not in question.documents])
    if filters is None:
        return AnswerRecord(step.scope, question.qid, "", found=False, confidence=0.0)
    start = time.perf_counter()
    try:
        answer = engine.ask(question.text, k=CONTEXT_PAGES, filters=filters, depth=plan.answer_depth)
    except GenerationError as exc:
        if exc.code not in SINGLE_REQUEST_ERRORS:
            raise
        # recorded as failed; the next run tries again
        return AnswerRecord(step.scope, question.qid, "", found=False, confidence=0.0, problem=str(exc))
    return _answer_record(step, names, data, answer, time.perf_counter() - start)


def _answer_record(step: Step, names: DocumentNames, data: DataSet, answer: Answer, seconds: float) -> AnswerRecord:
    documents = step.question.documents if step.scope == "within" else ()
    has_gold = step.question.qid in data.gold_boxes
    citations = [
        CitedPage(
            names.pages(citation.ref, documents)[0],
            citation.quote[:MAX_QUOTE_LENGTH],
            citation.state,
            _boxes([citation]) if has_gold else (),
        )
        for citation in answer.citations
    ]
    context_pages = [page for ref in answer.context_pages for page in names.pages(ref, documents)]
    return AnswerRecord(
        scope=step.scope,
        qid=step.question.qid,
        text=answer.text,
        found=answer.found,
        confidence=answer.confidence,
        citations=citations,
        context_pages=context_pages,
        seconds=seconds,
        notes=answer.notes,
        usage=answer.usage,
    )


def _boxes(found: Sequence[Evidence] | Sequence[Citation]) -> tuple[Box, ...]:
    return tuple(Box(*map(float, box)) for item in found for box in item.boxes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
