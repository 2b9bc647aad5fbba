"""Rankings of any system, read from a file and named as the data set names its pages, for the report of a run.

The file is a TREC run (`qid Q0 ID rank score tag`), or JSON lines: `{"qid": ..., "ranked": [ID, ...]}`, with `scores`,
`seconds`, `scope` and `system` where they are known (a run's own searches.jsonl is such a file). An ID is
`report.pdf p.12`, `report.pdf#12` or, in JSON, `["report.pdf", 12]`; pages count from 1. The file may be named by its
path in the set, by the end of a longer path, or without folder or suffix where only one file is so named.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast
from urllib.parse import unquote

from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef
from pagelens.evals.datasets.dataset import DataSet, parse_page_id
from pagelens.evals.datasets.line_reader import Faults, read_json_lines, read_lines, text_of
from pagelens.evals.runs.plan import SCOPES
from pagelens.evals.runs.records import SearchRecord
from pagelens.evals.runs.trec_run import read_rows, strictly_decreasing

EXAMPLES = 3  # identifiers that a note names
SHAPE = '{"qid": ..., "ranked": ["report.pdf p.12", ...]}, with a number for each page in "scores", if any'


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedIds:
    """A ranking as a file gives it: identifiers, best first."""

    qid: str
    scope: str
    system: str
    ids: Sequence[str]
    scores: Sequence[float]
    seconds: float


@dataclass(slots=True)
class Findings:
    """What did not fit the data set, counted, and what becomes of it."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, finding: str, example: str) -> None:
        """Count a finding; the first examples are kept."""
        self.counts[finding] += 1
        kept = self.examples.setdefault(finding, [])
        if len(kept) < EXAMPLES and example not in kept:
            kept.append(example)

    def notices(self) -> list[str]:
        """Return a line for each finding."""
        return [
            f"{count} {finding}, as {', '.join(map(repr, self.examples[finding]))}"
            for finding, count in self.counts.items()
        ]


UNKNOWN_QUESTION = "rankings of questions that the set does not have: left out"
UNKNOWN_PAGE = "ranked pages of files that the set does not have: they keep their places and answer nothing"
NO_PAGE = "ids without a page: taken for page 1"
DOUBLED = "pages that stand twice in a ranking: the first place counts"
OTHER_DOCUMENT = "pages of other documents than the question's, in a ranking within the document: left out"
NO_DOCUMENT = "rankings within the document for questions that name none: left out"
MISSING = "questions without a ranking: they score 0"


def read_rankings(path: Path, *, system: str, scope: str) -> list[RankedIds]:
    """Return the rankings of a file; `system` and `scope` are of lines that do not say theirs.

    Raises UsageError that lists the malformed lines, or says that there is no line.
    """
    first = next((line for _, line in read_lines(path)), "")
    if not first:
        raise UsageError(f"expected rankings in {path}, found an empty file")
    if first.lstrip().startswith("{"):
        return _read_json_rankings(path, system, scope)
    return [
        RankedIds(
            qid=qid,
            scope=scope,
            system=system,
            ids=[identifier for identifier, _ in rows],
            scores=[score for _, score in rows],
            seconds=0.0,
        )
        for qid, rows in read_rows(path, str).items()
    ]


def match_rankings(
    rankings: Sequence[RankedIds], data: DataSet, *, depth: int
) -> tuple[list[SearchRecord], Sequence[str]]:
    """Return the rankings as records of a run over `data`, each of `depth` pages at most, and what did not fit.

    Raises UsageError for two rankings of a question in one scope by one system.
    """
    questions = {question.qid: question for question in data.questions}
    files, findings = _file_names(data.documents), Findings()
    records: dict[tuple[str, str, str], SearchRecord] = {}
    for ranking in rankings:
        question = questions.get(ranking.qid) or questions.get(unquote(ranking.qid))
        if question is None:
            findings.add(UNKNOWN_QUESTION, ranking.qid)
            continue
        if ranking.scope == "within" and not question.documents:
            findings.add(NO_DOCUMENT, ranking.qid)
            continue
        among = question.documents if ranking.scope == "within" else ()
        ranked = _pages(ranking, files, among, findings)
        record = SearchRecord(
            scope=ranking.scope,
            system=ranking.system,
            qid=question.qid,
            ranked=list(ranked)[:depth],
            scores=list(ranked.values())[:depth],
            seconds=ranking.seconds,
        )
        if record.key in records:
            raise UsageError(f"expected one ranking of {ranking.qid} in {' '.join(record.key[:2])}, found two")
        records[record.key] = record
    for scope, system in dict.fromkeys(key[:2] for key in records):
        for question in data.with_evidence:
            if (scope, system, question.qid) not in records and (scope == "whole" or question.documents):
                findings.add(MISSING, question.qid)
    return list(records.values()), findings.notices()


def _read_json_rankings(path: Path, system: str, scope: str) -> list[RankedIds]:
    faults, rankings = Faults("the run"), []
    for number, row in read_json_lines(path, faults):
        found = _ranking(row, system, scope)
        if found is None:
            faults.add(path, number, SHAPE, row)
        elif found.scope not in SCOPES:
            faults.add(path, number, f"a scope among {', '.join(SCOPES)}", found.scope)
        else:
            rankings.append(found)
    faults.raise_any()
    return rankings


def _ranking(row: Mapping[str, Any], system: str, scope: str) -> RankedIds | None:
    """Return the ranking of a JSON object; None if it is malformed."""
    qid, ids, scores = text_of(dict(row), "qid"), _ids(row.get("ranked")), row.get("scores")
    if not qid or ids is None:
        return None
    if scores is None:
        scores = [1 / rank for rank in range(1, len(ids) + 1)]
    if not isinstance(scores, list) or len(scores) != len(ids) or not all(map(_is_number, scores)):
        return None
    seconds = row.get("seconds")
    return RankedIds(
        qid=qid,
        scope=str(row.get("scope") or scope),
        system=str(row.get("system") or system),
        ids=ids,
        scores=cast(list[float], scores),
        seconds=float(cast(float, seconds)) if _is_number(seconds) else 0.0,
    )


def _ids(ranked: object) -> list[str] | None:
    """Return a JSON list of ids as texts; None for anything else."""
    if not isinstance(ranked, list):
        return None
    texts = [f"{item[0]}#{item[1]}" if isinstance(item, list) and len(item) == 2 else item for item in ranked]
    return cast(list[str], texts) if all(isinstance(text, str) and text for text in texts) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _pages(
    ranking: RankedIds, files: Mapping[str, str], among: Sequence[str], findings: Findings
) -> Mapping[PageRef, float]:
    """Return the pages of a ranking with their scores, best first, of the documents `among` if there are any."""
    pages: dict[PageRef, float] = {}
    for identifier, score in zip(ranking.ids, strictly_decreasing(ranking.scores), strict=True):
        page = _page(identifier, files, findings)
        if among and page.path not in among:
            findings.add(OTHER_DOCUMENT, identifier)
        elif page in pages:
            findings.add(DOUBLED, identifier)
        else:
            pages[page] = score
    return pages


def _page(identifier: str, files: Mapping[str, str], findings: Findings) -> PageRef:
    for text in (identifier, unquote(identifier)):
        named, number = _split(text)
        name = next((files[tail] for tail in _tails(named) if tail in files), None)
        if name is not None:
            if number is None:
                findings.add(NO_PAGE, identifier)
            return PageRef(name, number or 1)
    findings.add(UNKNOWN_PAGE, identifier)
    named, number = _split(identifier)
    return PageRef(named, number or 1)


def _split(identifier: str) -> tuple[str, int | None]:
    """Return the name and the page number in an id; None where it has none."""
    for parse in (PageRef.parse, parse_page_id):
        try:
            return parse(identifier)
        except ValueError:
            continue
    return identifier, None


def _file_names(documents: Sequence[str]) -> dict[str, str]:
    """Return the documents by every name they may be given: their own first, then shorter ones that only one has."""
    short = [
        (name, document)
        for document in documents
        for path in [PurePosixPath(document)]
        for name in dict.fromkeys([path.name, document.removesuffix(path.suffix), path.stem])
    ]
    uses = Counter(name for name, _ in short)
    return {name: document for name, document in short if uses[name] == 1} | {name: name for name in documents}


def _tails(name: str) -> Iterator[str]:
    """Yield a path, then its ends, the longest first."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    yield name
    yield from ("/".join(parts[start:]) for start in range(1, len(parts)))
