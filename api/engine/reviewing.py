"""What a person shall look at: values, citations and pages that are unsure; and what their decisions change."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from pagelens.core.errors import NotFound
from pagelens.core.reviews import Decision, ReviewItem
from pagelens.core.types import Answer, Box, Citation, CitationState, Extraction
from pagelens.generate.extraction.comparison import same_value
from pagelens.generate.extraction.schemas import leaf_values
from pagelens.generate.extraction.second_look import with_value
from pagelens.generate.extraction.shipped_schemas import shipped_name
from pagelens.index import review_log
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader, Snapshot

LOW_CONFIDENCE = 0.8  # of OCR, on average over a page: below it words are likely to be wrong
MAX_PAGES = 10_000  # doubtful pages in the list


_UNSURE: Mapping[CitationState | None, str] = {
    "unconfirmed": "not found in the words of its page",
    "image-only": "not found in the words of its page; read twice alike in its picture",
}


class CollectionReviews:
    """The list of what a person shall look at, of one collection. Writing raises CollectionLocked, CollectionReadOnly,
    StoreError, DiskFull."""

    def __init__(self, layout: Layout, reader: CollectionReader) -> None:
        self._layout = layout
        self._reader = reader

    def items(self, *, decided: bool = False) -> list[ReviewItem]:
        """Return what nobody has decided on yet, or what somebody has, oldest first; of documents that are there."""
        kept = review_log.read(self._layout)
        names = self.names()
        if decided:
            return [item for item in kept if item.decision is not None and item.document in names]
        known = {item.key for item in kept}
        with self._reader.snapshot() as snapshot:
            pages = [item for item in doubtful_pages(snapshot) if item.key not in known]
        return [*(item for item in kept if item.decision is None and item.document in names), *pages]

    def decide(self, key: str, decision: Decision, correction: object = None) -> ReviewItem:
        """Keep a decision, in place of an earlier one. Raises NotFound."""
        with suppress(NotFound):
            return review_log.decide(self._layout, key, decision, correction)
        with self._reader.snapshot() as snapshot:
            pages = [item for item in doubtful_pages(snapshot) if item.key == key]
        review_log.add(self._layout, pages)  # only those that somebody decided on are kept
        return review_log.decide(self._layout, key, decision, correction)

    def add_values(self, extraction: Extraction, document: str, schema: object) -> int:
        """Keep the values of an extraction that are unsure; return how many are new. `document`: its SHA-256."""
        return review_log.add(self._layout, unsure_values(extraction, document, schema))

    def add_citations(self, answer: Answer) -> int:
        """Keep the statements of an answer that their pages do not confirm; return how many are new."""
        documents = {path: sha256 for sha256, paths in self._paths().items() for path in paths}
        return review_log.add(self._layout, unsure_citations(answer, documents))

    def apply(self, extraction: Extraction, document: str, schema: object) -> Extraction:
        """Return the extraction with what people decided on its values."""
        subject = schema_subject(schema)
        kept = review_log.read(self._layout, document=document)
        return with_decisions(extraction, [item for item in kept if item.kind == "value" and item.subject == subject])

    def data_set(self) -> list[dict[str, Any]]:
        """Return the decided values outside lists, a line a document and schema (docs/evals.md)."""
        return list(reviewed_values(review_log.read(self._layout), self.names()))

    def names(self) -> dict[str, str]:
        """Return a path of each document, by its SHA-256."""
        return {sha256: paths[0] for sha256, paths in self._paths().items()}

    def _paths(self) -> dict[str, tuple[str, ...]]:
        with self._reader.snapshot() as snapshot:
            return {row.document.sha256: row.paths or (row.path,) for row in snapshot.documents.values()}


def schema_subject(schema: object) -> object:
    """Return how reviews name a schema: by the name of one that comes with PageLens, or by itself."""
    return shipped_name(schema) or schema


def unsure_values(extraction: Extraction, document: str, schema: object) -> list[ReviewItem]:
    """Return the values that stand in no page's words, and those that pages disagree on."""
    by_pointer = dict(leaf_values(extraction.data))
    reasons = {
        pointer: _UNSURE[cited.state]
        for pointer, cited in extraction.citations.items()
        if cited.state in _UNSURE and pointer not in extraction.corrected
    }
    for conflict in extraction.conflicts:
        if conflict.pointer not in extraction.corrected:
            reasons[conflict.pointer] = f"page {conflict.citation.ref.number} says {conflict.value!r}"
    return [
        ReviewItem(
            kind="value",
            document=document,
            number=extraction.citations[pointer].ref.number,
            subject=schema_subject(schema),
            pointer=pointer,
            value=by_pointer[pointer],
            reason=reason,
            boxes=extraction.citations[pointer].boxes,
        )
        for pointer, reason in reasons.items()
        if pointer in extraction.citations
    ]


def unsure_citations(answer: Answer, documents: Mapping[str, str]) -> list[ReviewItem]:
    """Return the statements of an answer that their pages do not confirm. `documents`: SHA-256 by path."""
    return [
        ReviewItem(
            kind="citation",
            document=documents[cited.ref.path],
            number=cited.ref.number,
            subject=answer.question,
            value=cited.claim or cited.quote,
            reason="the page does not confirm it" + (f": {', '.join(cited.missing)}" if cited.missing else ""),
            boxes=cited.boxes,
        )
        for cited in answer.citations
        if cited.state == "unconfirmed" and cited.ref.path in documents
    ]


def doubtful_pages(snapshot: Snapshot) -> list[ReviewItem]:
    """Return the pages that were read in part only, or by OCR with low confidence."""
    return [
        ReviewItem(
            kind="page",
            document=page.sha256,
            number=page.number,
            subject="",
            reason=page.problem or f"read by OCR with a confidence of {page.confidence:.0%}",
        )
        for page in snapshot.doubtful_pages(LOW_CONFIDENCE, MAX_PAGES)
    ]


def with_decisions(extraction: Extraction, items: Sequence[ReviewItem]) -> Extraction:
    """Return the extraction with what people decided on the values of its schema: their values win over the machine's.

    A correction outside lists holds whatever the machine says later; one in a row, and a rejection, hold while the
    machine says the same. An accepted value needs no further look.
    """
    data, citations = extraction.data, dict(extraction.citations)
    corrected: list[str] = []
    for item in sorted(items, key=lambda one: one.decided_at):
        by_pointer = dict(leaf_values(data))
        if item.decision is None or item.pointer not in by_pointer:
            continue
        machine = dict(leaf_values(extraction.data))[item.pointer]
        same = same_value(machine, item.value)
        if item.decision == "accepted" and same:
            corrected.append(item.pointer)
            continue
        in_list = any(part.isdecimal() for part in item.pointer.split("/"))
        if item.decision == "accepted" or not (same or (item.decision == "corrected" and not in_list)):
            continue
        value = item.correction if item.decision == "corrected" else None
        data = with_value(data, item.pointer, value)
        corrected.append(item.pointer)
        if value is None:
            citations.pop(item.pointer, None)
        elif item.pointer in citations:
            citations[item.pointer] = _by_a_person(citations[item.pointer], value, item.boxes)
    if not corrected:
        return extraction
    unique = list(dict.fromkeys(corrected))
    return replace(
        extraction,
        data=data,
        citations=citations,
        absent=[pointer for pointer, value in leaf_values(data) if value is None],
        corrected=unique,
        notes=[*extraction.notes, f"Decided by a person: {', '.join(unique)}."],
    )


def _by_a_person(cited: Citation, value: object, boxes: Sequence[Box]) -> Citation:
    return replace(cited, claim=str(value), state=None, missing=(), boxes=boxes or cited.boxes)


def reviewed_values(items: Sequence[ReviewItem], names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield a line for `pagelens eval extract` for each document and schema: the decided values outside lists.

    `names`: path by SHA-256. Documents that are gone are left out.
    """
    groups: dict[str, dict[str, Any]] = {}
    for item in sorted(items, key=lambda one: one.decided_at):
        in_list = any(part.isdecimal() for part in item.pointer.split("/"))
        if item.kind != "value" or item.decision is None or in_list or item.document not in names:
            continue
        line = {"document": names[item.document], "sha256": item.document, "schema": item.subject, "values": {}}
        known = groups.setdefault(f"{item.document} {item.subject}", line)
        right = {"accepted": item.value, "corrected": item.correction, "rejected": None}[item.decision]
        known["values"] = _set(known["values"], item.pointer, right)
    yield from groups.values()


def _set(values: dict[str, Any], pointer: str, value: object) -> dict[str, Any]:
    """Return nested objects with a value at a pointer."""
    first, _, rest = pointer.removeprefix("/").partition("/")
    name = first.replace("~1", "/").replace("~0", "~")
    return {**values, name: _set(values.get(name) or {}, f"/{rest}", value) if rest else value}
