"""Has the answers of a run judged; writes the verdicts to its folder, the judge's model and prompt to its manifest."""

import json
from collections.abc import Mapping
from pathlib import Path

from pagelens.api.engine.engine import Engine
from pagelens.core.errors import GenerationError, PageLensError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import Question
from pagelens.evals.datasets.document_names import DocumentNames
from pagelens.evals.runs.judge import PROMPT, Case, Judge, Verdict
from pagelens.evals.runs.records import AnswerRecord
from pagelens.evals.runs.run_folder import VERDICTS, Run, RunFolder, read_run_folder, write_atomically
from pagelens.evals.runs.runner import OnStep
from pagelens.generate.llm.chat import SINGLE_REQUEST_ERRORS, ImagePart
from pagelens.generate.llm.image_parts import encode_image

LONGEST = 1_400  # pixels on a picture's longer side
PAGES = 4  # images that the judge gets at most
UNANSWERED = Verdict("incorrect", "There was no answer.")


def judge_run(
    engine: Engine, run: Run, judge: Judge, *, on_step: OnStep = lambda _name, _done, _all: None
) -> tuple[Run, int]:
    """Have a run's answers judged if the question has a known answer; return the run, and how many got no verdict.

    Unanswerable questions and those of the scope `foreign` are not judged: there only a refusal is right.
    """
    pages = _Pages(engine, DocumentNames.of(run.data, engine.status()))
    todo = [
        (record, question)
        for scope, records in run.answers.items()
        if scope != "foreign"
        for question in run.data.questions
        if question.answerable
        and (question.answers or run.data.relevant(question.qid))
        and (record := records.get(question.qid))
    ]
    rows, failed = [], 0
    for count, (record, question) in enumerate(todo, start=1):
        verdict = _verdict(run, judge, pages, record, question)
        if verdict is None:
            failed += 1
        else:
            row = {"scope": record.scope, "qid": record.qid, "grade": verdict.grade, "reason": verdict.reason}
            rows.append(json.dumps(row, ensure_ascii=False) + "\n")
        on_step(f"judged by {judge.name}", count, len(todo))
    write_atomically(run.folder / VERDICTS, "".join(rows))
    RunFolder(run.folder).write_manifest({**run.manifest, "judge": {"model": judge.name, "prompt": PROMPT}})
    return read_run_folder(run.folder), failed


def _verdict(run: Run, judge: Judge, page_source: "_Pages", record: AnswerRecord, question: Question) -> Verdict | None:
    if record.found is not True:
        return UNANSWERED
    pages = run.data.relevant(question.qid)[:PAGES]
    case = Case(question.text, question.answers, record.text, [page_source.digest(page) for page in pages])
    stored = judge.kept(case)
    if stored is not None:
        return stored
    try:
        return judge.judge(case, [picture for page in pages if (picture := page_source.picture(page))])
    except GenerationError as exc:
        if exc.code not in SINGLE_REQUEST_ERRORS:
            raise
        return None


class _Pages:
    """Gives the judge the images of the set's pages."""

    def __init__(self, engine: Engine, names: DocumentNames) -> None:
        self._engine = engine
        self._paths = names.paths
        self._files: Mapping[str, str] = {
            path: document.sha256 for document in engine.status().documents for path in document.paths
        }

    def digest(self, page: PageRef) -> str:
        """Return an identifier of a page's content: its file's SHA-256 and number; its name if the file is missing."""
        return f"{self._files.get(self._paths.get(page.path, ''), page.path)}#{page.number}"

    def picture(self, page: PageRef) -> ImagePart | None:
        """Return a page's image; None if its file is missing or has changed."""
        path = Path(self._paths.get(page.path, page.path))
        try:
            return encode_image(
                self._engine.page_image_array(PageRef(str(path), page.number), LONGEST), max_side=LONGEST
            )
        except PageLensError:
            return None
