"""Reads and writes proposed questions as CSV: a person keeps, edits or drops the rows; kept rows become a data set."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from pagelens.api.engine.results import Status
from pagelens.core.errors import UsageError
from pagelens.core.types import PageRef, PageText
from pagelens.evals.datasets.dataset import DataSet, Question, parse_page_id
from pagelens.evals.datasets.line_reader import Faults
from pagelens.generate.extractive_questions import Draft

KEEP, DROP = {"keep", "k", "yes", "y", "x", "1"}, {"", "drop", "d", "no", "n", "0"}


QuestionWriter = Callable[[PageRef, PageText], Draft | None]
"""Drafts a question about a page; None if there is none to draft."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row of the CSV. The reviewer fills in `keep`; `pages` and `hard_negatives` are page numbers, or FILE#PAGE."""

    keep: str
    qid: str
    kind: str  # year, share, money, count, what, unanswerable
    question: str
    answer: str
    document: str
    pages: str
    hard_negatives: str
    quote: str
    files: str = ""  # JSON: name of a document in this row -> SHA-256 of its bytes, for when the name is not clear


COLUMNS = [field.name for field in fields(Proposal)]
REQUIRED_COLUMNS = COLUMNS[:-1]  # `files` is missing in the CSVs of earlier versions
EASIER = (
    "Its questions were proposed from the pages that answer them (pagelens eval init): they are easier than questions "
    "that people ask, and figures on them are too high."
)


def write_csv(rows: Sequence[Proposal], path: Path) -> None:
    """Write proposals. Raises UsageError if the file exists."""
    require_absent(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(
        "w", encoding="utf-8-sig", newline=""
    ) as file:  # the byte-order mark lets spreadsheets read it as UTF-8
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: _plain(getattr(row, name)) for name in COLUMNS} for row in rows)


def require_absent(path: Path) -> None:
    """Raise UsageError if the path exists: it may hold a person's work."""
    if path.exists():
        raise UsageError(f"expected no file at {path}, found one: give another name, or move it away")


def read_csv(path: Path, status: Status, *, name: str) -> DataSet:
    """Return the data set of the rows marked keep. Raises UsageError that lists the malformed rows."""
    root = common_root(status)
    digests = {file: document.sha256 for document in status.documents for file in document.paths}
    names = sorted(str(Path(file).relative_to(root)) for file in digests)
    resolver = _NameResolver(root, digests)
    faults = Faults()
    questions: list[Question] = []
    qrels: dict[str, dict[PageRef, int]] = {}
    for line, row in _rows(path):
        resolver.known = _known_files(path, line, row, faults)
        decision = (row["keep"] or "").strip().lower()
        if decision not in KEEP | DROP:
            faults.add(path, line, "keep or drop under 'keep'", decision)
        if decision not in KEEP:
            continue
        pages = dict.fromkeys(_refs(path, line, row, "pages", faults), 1)
        pages |= {page: 0 for page in _refs(path, line, row, "hard_negatives", faults) if page not in pages}
        unknown_files = [page.path for page in pages if len(resolver.find(page.path)) != 1]
        if unknown_files or not row["question"].strip():
            expected = "a question"
            if unknown_files:
                several = len(resolver.find(unknown_files[0])) > 1
                expected = "one document of the collection" + (": write more of its path" if several else "")
            faults.add(path, line, expected, unknown_files[0] if unknown_files else "")
            continue
        pages = {PageRef(resolver.find(page.path)[0], page.number): grade for page, grade in pages.items()}
        answerable = any(pages.values())
        answers = (row["answer"].strip(),) if row["answer"].strip() and answerable else ()
        documents = tuple(resolver.find(row["document"])[:1])
        groups = {"question_type": (row["kind"],)} if row["kind"] else {}
        questions.append(
            Question(
                qid=row["qid"],
                text=row["question"].strip(),
                documents=documents,
                answers=answers,
                answer_format="",
                answerable=answerable,
                groups=groups,
            )
        )
        qrels[row["qid"]] = pages
    faults.raise_any()
    if not questions:
        raise UsageError(f"expected rows of {path} with keep under 'keep', found none")
    return DataSet(name=name, folder=root, documents=names, questions=questions, qrels=qrels, notices=(EASIER,))


def _known_files(path: Path, line: int, row: Mapping[str, str], faults: Faults) -> dict[str, str]:
    """Return the SHA-256 of each document that a row names, as far as the row knows it."""
    try:
        known = json.loads(row["files"] or "{}")
    except ValueError:
        known = None
    if not isinstance(known, dict):
        faults.add(path, line, "a JSON object under 'files', as it was written there", row["files"])
        return {}
    return {str(name): str(digest) for name, digest in known.items()}


class _NameResolver:
    """Finds the documents that a person means by the end of a path; which folder all documents share plays no part, so
    that a name means the same after further files were indexed. Where the digest of a name is `known`, it is the
    document of that digest, whatever it and others are called by now."""

    def __init__(self, root: Path, digests: Mapping[str, str]) -> None:
        """`digests`: the SHA-256 of each file of the collection, by its path."""
        self.known: Mapping[str, str] = {}  # name -> SHA-256
        self._names: dict[str, list[str]] = {}
        self._digests = {str(Path(file).relative_to(root)): digest for file, digest in digests.items()}
        for file in digests:
            parts = Path(file).parts
            for first in range(len(parts)):
                self._names.setdefault("/".join(parts[first:]), []).append(str(Path(file).relative_to(root)))

    def find(self, name: str) -> list[str]:
        """Return the documents that a name may mean, relative to the folder that all share."""
        named, digest = self._names.get(name.strip(), []), self.known.get(name.strip())
        same = [file for file in (*named, *self._digests) if self._digests[file] == digest]
        return same[:1] or named  # copies of one document are one document; one that was changed is known by its name


def stable_names(files: Sequence[str]) -> dict[str, str]:
    """Return a name for each file: the end of its path, its folder's name at least, and as much as tells it apart."""
    names: dict[str, str] = {}
    for file in files:
        parts = Path(file).parts
        others = [other for other in files if other != file]
        length = min(2, len(parts))
        while length < len(parts) and any(Path(other).parts[-length:] == parts[-length:] for other in others):
            length += 1
        names[file] = "/".join(parts[-length:])
    return names


def _plain(text: str) -> str:
    """Return a cell that spreadsheets read as text: a leading blank disarms what begins like a formula."""
    return f" {text}" if text[:1] in ("=", "+", "-", "@") else text


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in REQUIRED_COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                expected = ", ".join(REQUIRED_COLUMNS)
                raise UsageError(f"{path}:1: expected the columns {expected}, found no {', '.join(missing)}")
            for row in reader:
                yield reader.line_num, {name: row.get(name) or "" for name in COLUMNS}
    except OSError as exc:
        raise UsageError(f"expected proposals at {path}, found {exc.strerror}. Make them: pagelens eval init") from exc


def _refs(path: Path, line: int, row: dict[str, str], column: str, faults: Faults) -> list[PageRef]:
    """Read page numbers of the row's document, or FILE#PAGE, separated by semicolons."""
    pages = []
    for part in (part.strip() for part in row[column].split(";")):
        if part:
            try:
                pages.append(parse_page_id(part if "#" in part else f"{row['document'].strip()}#{part}"))
            except ValueError:
                faults.add(path, line, f"page numbers or FILE#PAGE, separated by ;, under {column!r}", part)
    return pages


def common_root(status: Status) -> Path:
    """Return the deepest folder that holds every document of the collection."""
    parents = [Path(path).parent for document in status.documents for path in document.paths]
    if not parents:
        raise UsageError(f"expected documents in {status.collection}, found none. Run: pagelens index FILES")
    root = parents[0]
    while not all(parent.is_relative_to(root) for parent in parents):
        root = root.parent
    return root
