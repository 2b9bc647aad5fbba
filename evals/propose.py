"""Questions proposed from a collection's own pages, to be kept, edited or dropped by a person in a CSV.

Extractive: a sentence that states a number, a year or what something is becomes a question with that part asked for in
its place ("Timber grew to how many tonnes in 2024?"), the page is its evidence. Such questions repeat the page's words,
which flatters lexical search: edit them into your own words. Unanswerable ones ask a real question of a year of which
the collection says nothing. Hard negatives are pages that the engine takes for the answer and that do not hold it.
"""

import csv
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from api.engine import Engine
from api.results import Status
from core.errors import UsageError
from core.keys import page_key
from core.types import PageRef, PageText
from evals.dataset import DataSet, Question, parse_page_id
from evals.lines import Faults
from generate.sentences import split_sentences
from index.reader import CollectionReader

WORDS = range(8, 36)  # of a sentence that is asked about
UNANSWERABLE = 6  # every so-many-th proposal has no answer
NEGATIVES = 3  # pages listed as hard negatives
KEEP, DROP = {"keep", "k", "yes", "y", "x", "1"}, {"", "drop", "d", "no", "n", "0"}

_YEAR = re.compile(r"\b(in|since|by|until|during) ((?:19|20)\d\d)\b(?!\s*[-–/])")
_SHARE = re.compile(r"(?<![\w.,])\d[\d.,]*\s?(?:%|per ?cent\b)")
_MONEY = re.compile(r"(?:US\$|[$€£])\s?\d[\d.,]*(?:\s(?:million|billion|thousand|trillion))?")
_COUNT = re.compile(
    r"(?<![\w.,$€£#-])(?!(?:19|20)\d\d\b)(\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)"
    r"(?= [a-z]{3,})(?!\s(?:of|and|to|in|or|the)\b)"
)
NUMBERS = (
    ("share", _SHARE, "what percentage"),
    ("money", _MONEY, "how much money"),
    ("count", _COUNT, "how many"),
)
_IS = re.compile(r"^(?P<subject>(?:The |An? )?[A-Z][\w'’ -]{2,50}?) (?P<verb>is|was) (?P<rest>(?:an?|the) .{15,})$")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A row of the CSV. `keep` is for the person; `pages` and `hard_negatives` are page numbers, or FILE#PAGE."""

    keep: str
    qid: str
    kind: str  # year, share, money, count, what, unanswerable
    question: str
    answer: str
    document: str
    pages: str
    hard_negatives: str
    quote: str


COLUMNS = [one.name for one in fields(Proposal)]


def propose(engine: Engine, *, count: int, seed: int = 0) -> list[Proposal]:
    """Return about `count` proposals, pages drawn evenly over the documents; the same seed draws the same."""
    drawn = random.Random(seed)
    root = _common_root(engine.status())
    found: list[Proposal] = []
    years = set()
    for ref, text in _pages(engine, drawn):
        years |= set(re.findall(r"\b(?:19|20)\d\d\b", text.text))
        if len(found) >= count:
            continue  # every page is read for its years
        asked = _best(text)
        if asked:
            kind, question, answer, quote = asked
            name = str(Path(ref.path).relative_to(root))
            qid = f"q{len(found) + 1:04d}"
            found.append(Proposal("", qid, kind, question, answer, name, str(ref.number), "", quote))
    return [_finished(engine, root, one, place, years) for place, one in enumerate(found, start=1)]


def ask_about(sentence: str) -> tuple[str, str, str] | None:
    """Return kind, question and answer of a sentence that states something that can be asked for; None otherwise."""
    text = " ".join(sentence.split())
    if len(text.split()) not in WORDS or not text[0].isupper() or not text.endswith((".", "。")):
        return None
    body = text.rstrip(".。 ")
    for kind, form, asked in NUMBERS:
        if len(places := list(form.finditer(body))) == 1:
            start, end = places[0].span()
            return kind, _as_question(body[:start] + asked + body[end:]), places[0].group()
    if len(places := list(_YEAR.finditer(body))) == 1:
        start, end = places[0].span(2)
        return "year", _as_question(f"{body[:start]}which year{body[end:]}"), places[0][2]
    what = _IS.match(body)
    if what and what["subject"].lower() not in ("this", "that", "it", "there", "he", "she"):
        subject = re.sub(r"^(The|An?) ", lambda article: article[0].lower(), what["subject"])
        return "what", f"What {what['verb']} {subject}?", what["rest"]
    return None


def write_csv(rows: Sequence[Proposal], path: Path) -> None:
    """Write proposals. Raises UsageError where something stands already: it may hold a person's work."""
    if path.exists():
        raise UsageError(f"expected no file at {path}, found one: give another name, or move it away")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:  # the mark lets spreadsheets read it as UTF-8
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: _plain(getattr(one, name)) for name in COLUMNS} for one in rows)


def read_csv(path: Path, status: Status, *, name: str) -> DataSet:
    """Return the data set of the rows that say keep. Raises UsageError that lists the malformed rows."""
    root = _common_root(status)
    names = sorted(str(Path(one).relative_to(root)) for document in status.documents for one in document.paths)
    faults = Faults()
    questions: list[Question] = []
    qrels: dict[str, dict[PageRef, int]] = {}
    for line, row in _rows(path):
        said = (row["keep"] or "").strip().lower()
        if said not in KEEP | DROP:
            faults.add(path, line, "keep or drop under 'keep'", said)
        if said not in KEEP:
            continue
        pages = dict.fromkeys(_refs(path, line, row, "pages", faults), 1)
        pages |= {page: 0 for page in _refs(path, line, row, "hard_negatives", faults) if page not in pages}
        strangers = [page.path for page in pages if page.path not in names]
        if strangers or not row["question"].strip():
            expected = "a document of the collection" if strangers else "a question"
            faults.add(path, line, expected, strangers[0] if strangers else "")
            continue
        answerable = any(pages.values())
        answers = (row["answer"].strip(),) if row["answer"].strip() and answerable else ()
        documents = (row["document"],) if row["document"] in names else ()
        groups = {"question_type": (row["kind"],)} if row["kind"] else {}
        questions.append(Question(row["qid"], row["question"].strip(), documents, answers, "", answerable, groups))
        qrels[row["qid"]] = pages
    faults.raise_any()
    if not questions:
        raise UsageError(f"expected rows of {path} with keep under 'keep', found none")
    return DataSet(name, root, names, questions, qrels)


def _pages(engine: Engine, drawn: random.Random) -> Iterator[tuple[PageRef, PageText]]:
    """Yield every page with words once, documents taking turns, each in an order drawn at random."""
    reader = CollectionReader(engine.layout.root)
    with reader.snapshot() as snapshot:
        queues = []
        for key, row in snapshot.documents.items():
            numbers = list(range(1, row.document.page_count + 1))
            drawn.shuffle(numbers)
            queues.append([(key, row.path, number) for number in numbers])
        drawn.shuffle(queues)
        while queues:
            for queue in queues:
                key, path, number = queue.pop()
                page = page_key(key, number)
                text = snapshot.pages([page])[page].text
                if text.text.strip():
                    yield PageRef(path, number), text
            queues = [queue for queue in queues if queue]
    reader.close()


def _best(text: PageText) -> tuple[str, str, str, str] | None:
    """Return the page's most telling sentence as kind, question, answer and quote."""
    found = []
    for sentence in split_sentences(text):
        quote = " ".join(text.text[sentence.start : sentence.end].split())
        asked = ask_about(quote) if sentence.shape == "sentence" else None
        if asked:
            names = len(re.findall(r"(?<=\s)[A-Z][a-z]+", quote))  # names make a question stand by itself
            found.append((names, asked, quote))
    if not found:
        return None
    _, asked, quote = max(found, key=lambda one: one[0])
    return *asked, quote


def _finished(engine: Engine, root: Path, one: Proposal, place: int, years: set[str]) -> Proposal:
    """Add hard negatives; make every so-many-th one unanswerable."""
    if place % UNANSWERABLE == 0:
        question = _unanswerable(one.quote, years)
        if question:
            quote = f"(changed) {one.quote}"
            one = replace(one, kind="unanswerable", question=question, answer="", pages="", quote=quote)
    hits = engine.search(one.question, k=NEGATIVES + 1).hits
    found = [(str(Path(hit.ref.path).relative_to(root)), hit.ref.number) for hit in hits]
    others = [f"{name}#{number}" for name, number in found if (name, str(number)) != (one.document, one.pages)]
    return replace(one, hard_negatives=" ; ".join(others[:NEGATIVES]))


def _unanswerable(sentence: str, years: set[str]) -> str | None:
    asked = ask_about(sentence)
    free = next((str(year) for year in range(2031, 2100) if str(year) not in years), None)
    if asked is None or free is None:
        return None
    question = re.sub(r"\b(?:19|20)\d\d\b", free, asked[1])
    return question if question != asked[1] else f"{asked[1].rstrip('?')} in {free}?"


def _as_question(text: str) -> str:
    return text[0].upper() + text[1:] + "?"


def _plain(text: str) -> str:
    """Return a cell that spreadsheets read as text: one that begins like a formula gets a blank before it."""
    return f" {text}" if text[:1] in ("=", "+", "-", "@") else text


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise UsageError(f"{path}:1: expected the columns {', '.join(COLUMNS)}, found no {', '.join(missing)}")
            for row in reader:
                yield reader.line_num, {name: row[name] or "" for name in COLUMNS}
    except OSError as exc:
        raise UsageError(f"expected proposals at {path}, found {exc.strerror}. Make them: pagelens eval init") from exc


def _refs(path: Path, line: int, row: dict[str, str], column: str, faults: Faults) -> list[PageRef]:
    """Read page numbers of the row's document, or FILE#PAGE, separated by ; or blanks around it."""
    found = []
    for part in (part.strip() for part in row[column].split(";")):
        if part:
            try:
                found.append(parse_page_id(part if "#" in part else f"{row['document'].strip()}#{part}"))
            except ValueError:
                faults.add(path, line, f"page numbers or FILE#PAGE, separated by ;, under {column!r}", part)
    return found


def _common_root(status: Status) -> Path:
    """Return the deepest folder that holds every document of the collection."""
    parents = [Path(path).parent for document in status.documents for path in document.paths]
    if not parents:
        raise UsageError(f"expected documents in {status.collection}, found none. Run: pagelens index FILES")
    root = parents[0]
    while not all(parent.is_relative_to(root) for parent in parents):
        root = root.parent
    return root
