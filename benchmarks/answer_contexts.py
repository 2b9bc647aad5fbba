"""The pages that each development question is answered from, searched once and kept, so that answerers run in seconds.

    python -m benchmarks.answer_contexts --collection C [--contexts FILE]

Kinds of questions: answerable and unanswerable ones, each over the whole set and within their own document; answerable
ones with their own document taken away; the questions of `foreign_questions.txt`, on topics of none of the documents.
The pages are those that `Engine.ask` gives its answerer. They are searched again where the documents have changed;
delete the file where the code that reads or searches them has. It is a pickle: load only what this program wrote.
"""

import argparse
import hashlib
import pickle
import sqlite3
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from glob import escape
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import Question, questions
from pagelens.api.engine import language_models, wiring
from pagelens.api.engine.engine import ANSWER_PAGES, Engine
from pagelens.core.protocols import NO_IDF, TextEncoder
from pagelens.core.spaces import Space
from pagelens.core.types import Answer, AnswerEvent, ContextPage, Filters, History, PageRef, PageText, UserImage
from pagelens.encode.loading import load_text_encoder

FOREIGN = Path(__file__).with_name("foreign_questions.txt")

Kind = Literal[
    "answerable, whole set",
    "answerable, own document",
    "unanswerable, whole set",
    "unanswerable, own document",
    "own document taken away",
    "foreign",
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question of a kind with the pages that it is answered from, best first, and the idf of its terms."""

    kind: Kind
    question: Question
    posed: str  # the question's words as the engine gives them to its answerer
    pages: Sequence[ContextPage]
    idf: Mapping[str, float]

    @property
    def answerable(self) -> bool:
        """Whether the pages searched hold the answer."""
        return self.kind.startswith("answerable")

    @property
    def group(self) -> str:
        """The document that the question is about; a foreign question is its own group."""
        return self.question.file or self.question.qid


def cases(collection: Path, contexts: Path | None = None) -> list[Case]:
    """Return every question of every kind with its pages, from the file beside the collection or `contexts`.

    The pages are searched, and the file written, where it is missing or of another state of the collection.
    """
    path = contexts or collection.with_name(f"{collection.name}-cases.pickle")
    with wiring.open_collection(collection, llm=language_models.EXTRACTIVE) as engine:
        signature = _signature(engine)
        if path.exists():
            kept = pickle.loads(path.read_bytes())
            if kept["signature"] == signature:
                return _restored(kept)
        found = _search(engine)
    path.write_bytes(pickle.dumps(_stored(found, signature)))
    return found


def load_encoder(collection: Path) -> "StoredVectors":
    """Return the builtin text encoder with the vectors kept beside the collection: each text is encoded once."""
    return StoredVectors(
        load_text_encoder("builtin", wiring.read_settings()), collection.with_name(f"{collection.name}-vectors.sqlite")
    )


class StoredVectors:
    """A text encoder whose vectors are kept in a file; several processes may use it at once."""

    def __init__(self, encoder: TextEncoder, path: Path) -> None:
        self._encoder = encoder
        self._rows = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB)")

    @property
    def space(self) -> Space:
        """The encoder's space."""
        return self._encoder.space

    @property
    def max_tokens(self) -> int:
        """The encoder's limit."""
        return self._encoder.max_tokens

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of queries, (n, dim)."""
        return self._vectors("query", texts)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of passages, (n, dim)."""
        return self._vectors("passage", texts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return self._encoder.count_tokens(texts)

    def _vectors(self, role: str, texts: Sequence[str]) -> NDArray[np.float32]:
        keys = [hashlib.sha256(f"{self.space} {role} {text}".encode()).digest() for text in texts]
        marks = ", ".join("?" * len(keys))
        found = dict(self._rows.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", keys))
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            encode = self._encoder.encode_queries if role == "query" else self._encoder.encode_passages
            made = {key: row.tobytes() for key, row in zip(new, encode(list(new.values())), strict=True)}
            self._rows.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", list(made.items()))
            found |= made
        return np.array([np.frombuffer(found[key], np.float32) for key in keys])


class RecordingAnswerer:
    """Answers nothing and keeps what it was given to answer."""

    accepts_images = False

    def __init__(self) -> None:
        self.posed = ""
        self.pages: Sequence[ContextPage] = ()
        self.idf: Mapping[str, float] = {}

    def stream(
        self,
        question: str,
        pages: Sequence[ContextPage],
        *,
        history: History = (),
        idf: Mapping[str, float] = NO_IDF,
        image: UserImage | None = None,
    ) -> Generator[AnswerEvent]:
        """Keep the arguments, and yield a refusal."""
        self.posed, self.pages, self.idf = question, pages, idf
        yield Answer(question=question, text="", found=False, citations=[], context_pages=[], confidence=0.0)


def _search(engine: Engine) -> list[Case]:
    recorder = RecordingAnswerer()
    engine._answerer = recorder
    texts: dict[PageRef, PageText] = {}  # one object for each page, so that the file holds its words once
    found = []
    for kind, question, filters in _questions_to_ask(engine):
        engine.ask(question.text, filters=filters)
        shared = [replace(page, text=texts.setdefault(page.ref, page.text)) for page in recorder.pages]
        found.append(Case(kind=kind, question=question, posed=recorder.posed, pages=shared, idf=dict(recorder.idf)))
    return found


def _questions_to_ask(engine: Engine) -> list[tuple[Kind, Question, Filters]]:
    """Return every question with its kind and what is searched."""
    paths = {Path(path).name: path for document in engine.status().documents for path in document.paths}
    posed: list[tuple[Kind, Question, Filters]] = []
    for question in (question for question in questions() if question.file in paths):
        kinds: tuple[Kind, ...] = (
            ("answerable, whole set", "answerable, own document", "own document taken away")
            if question.answerable
            else ("unanswerable, whole set", "unanswerable, own document")
        )
        filters = {
            "whole set": Filters(),
            "own document": Filters(paths=(escape(paths[question.file]),)),
            "taken away": Filters(paths=tuple(escape(path) for name, path in paths.items() if name != question.file)),
        }
        posed += [(kind, question, next(filters[end] for end in filters if kind.endswith(end))) for kind in kinds]
    lines = FOREIGN.read_text("utf-8").splitlines()
    return posed + [("foreign", _foreign(number, line), Filters()) for number, line in enumerate(lines, start=1)]


def _foreign(number: int, text: str) -> Question:
    return Question(
        qid=f"foreign{number:03d}", text=text, file="", answer="", answerable=False, evidence=(), sources=()
    )


def _signature(engine: Engine) -> str:
    """Return a text that changes with the documents, their pages and lanes, and the questions."""
    status = engine.status()
    documents = sorted(document.sha256 for document in status.documents)
    posed = [(question.qid, question.text) for question in questions()]
    state = (documents, status.pages, status.textless_pages, dict(status.models), ANSWER_PAGES)
    return hashlib.sha256(repr((state, posed, FOREIGN.read_text("utf-8"))).encode()).hexdigest()


# Stored as the fields of each record, so that a record may get further fields with defaults


def _stored(found: Sequence[Case], signature: str) -> dict[str, Any]:
    texts = {id(page.text): _fields(page.text) for case in found for page in case.pages}
    pages = [[_fields(page) | {"text": id(page.text)} for page in case.pages] for case in found]
    rows = [
        (case.kind, _fields(case.question), case.posed, of_case, case.idf)
        for case, of_case in zip(found, pages, strict=True)
    ]
    return {"signature": signature, "texts": texts, "rows": rows}


def _restored(kept: Mapping[str, Any]) -> list[Case]:
    texts = {key: PageText(**row) for key, row in kept["texts"].items()}
    return [
        Case(
            kind=kind,
            question=Question(**question),
            posed=posed,
            pages=[ContextPage(**row | {"text": texts[row["text"]]}) for row in rows],
            idf=idf,
        )
        for kind, question, posed, rows, idf in kept["rows"]
    ]


def _fields(record: Any) -> dict[str, Any]:
    return {item.name: getattr(record, item.name) for item in fields(record)}


def main() -> None:
    """Search the pages of all questions and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--contexts", type=Path, help="the file to keep them in; by default beside the collection")
    arguments = parser.parse_args()
    kept = cases(arguments.collection, arguments.contexts)
    for kind in KINDS:
        print(f"{kind}: {sum(case.kind == kind for case in kept)} questions")


if __name__ == "__main__":
    main()
