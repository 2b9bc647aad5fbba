"""From what the engine gives to what goes over the wire. Names are as people know them; paths stay here."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import TypedDict, cast

from pydantic import JsonValue

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.results import FoundPage
from pagelens.api.server.context import Here, Kept
from pagelens.api.server.jobs.job_records import FileRecord, JobRecord
from pagelens.api.server.problems import public
from pagelens.api.server.schemas import responses as out
from pagelens.core.errors import NotFound
from pagelens.core.keys import page_key
from pagelens.core.types import Answer, Box, Citation, Extraction, Guess, PageRef, Usage
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot

_PAGE = re.compile(r"([0-9a-f]{64})-([1-9][0-9]{0,6})")


class PageFields(TypedDict):
    """What every page that goes out is named by."""

    page: str
    document: str
    number: int
    label: str | None
    name: str


def names_of(here: Here, paths: Iterable[str]) -> dict[str, str]:
    """Return each path's name as people know it: what an upload's sender called it, else the file's name."""
    wanted = sorted(set(paths))
    sent = here.door.service.upload_names(wanted)
    return {path: sent.get(path, PurePath(path).name or path) for path in wanted}


def documents_of(engine: Engine, paths: Container[str] | None = None) -> dict[str, str]:
    """Return the document's id of each path; of all where none are given."""
    with engine.snapshot() as snapshot:
        rows = snapshot.documents.values()
        return {one: row.document.sha256 for row in rows for one in row.paths if paths is None or one in paths}


def find_document(snapshot: Snapshot, document: str) -> DocumentRow:
    """Return a document by its id. Raises NotFound."""
    for row in snapshot.documents.values():
        if row.document.sha256 == document:
            return row
    raise NotFound(f"expected a document of the collection, found none with the id {document[:80]!r}")


def find_page(snapshot: Snapshot, page: str) -> tuple[DocumentRow, PageRow]:
    """Return a page by its id. Raises NotFound."""
    found = _PAGE.fullmatch(page)
    if found is None:
        raise NotFound(f"expected a page's id like {'0' * 8}...-12, found {page[:80]!r}")
    row = find_document(snapshot, found[1])
    number = int(found[2])
    if number > row.document.page_count:
        raise NotFound(f"expected a page from 1 to {row.document.page_count}, found {number}")
    key = page_key(row.key, number)
    return row, snapshot.pages([key])[key]


def document_out(row: DocumentRow, names: Mapping[str, str]) -> out.DocumentOut:
    """Return a document as it goes out."""
    one = row.document
    return out.DocumentOut(
        id=one.sha256,
        name=names.get(row.path, one.title),
        title=one.title,
        kind=one.kind,
        pages=one.page_count,
        size=one.size,
        date=one.date,
        metadata=dict(one.metadata),
    )


def page_out(row: DocumentRow, page: PageRow, name: str) -> out.PageOut:
    """Return a page as it goes out, word by word."""
    text = page.text
    words = [
        out.WordOut(text=text.text[start:end], start=start, end=end, box=_box(Box(*box)))
        for (start, end), box in zip(text.spans.tolist(), text.boxes.tolist(), strict=True)
    ]
    return out.PageOut(
        **_page_name(row.document.sha256, page.number, page.label, name),
        title=row.document.title,
        kind=row.document.kind,
        page_count=row.document.page_count,
        width=page.width,
        height=page.height,
        text=text.text,
        source=text.source,
        confidence=text.confidence,
        caption=page.caption,
        problem=page.problem,
        words=words,
        guesses=_guesses(page.guesses),
    )


def search_reply(
    here: Here, kept: Kept, *, first: int, size: int, explain: bool, next_cursor: str | None
) -> out.SearchReply:
    """Return `size` results from the one at `first` on."""
    results = kept.results
    hits = results.hits[first : first + size]
    names = names_of(here, [ref.path for hit in hits for ref in (hit.ref, *hit.like)])
    return out.SearchReply(
        collection=here.name,
        generation=kept.generation,
        hits=[_hit(hit, first + n, kept.documents, names, explain) for n, hit in enumerate(hits, 1)],
        heard=[public(one) for one in results.heard],
        pages_searched=results.pages_searched,
        missing_lanes={lane: public(reason) for lane, reason in results.missing.items()},
        approximate_lanes=list(results.approximate),
        next_cursor=next_cursor,
    )


def answer_reply(here: Here, answer: Answer, documents: Mapping[str, str]) -> out.AnswerReply:
    """Return an answer as it goes out; `documents` is path -> document id."""
    names = names_of(here, [*(one.ref.path for one in answer.citations), *(ref.path for ref in answer.looked_at)])
    return out.AnswerReply(
        question=answer.question,
        text=answer.text,
        found=answer.found,
        confidence=answer.confidence,
        citations=[citation_out(one, documents, names) for one in answer.citations],
        looked_at=[out.PageName(**_ref(ref, None, documents, names)) for ref in answer.looked_at],
        notes=[public(note) for note in answer.notes],
        usage=_usage(answer.usage),
    )


def extract_reply(here: Here, one: Extraction, documents: Mapping[str, str]) -> out.ExtractReply:
    """Return what was read from a document as it goes out; `documents` is path -> document id."""
    names = names_of(here, [*(cited.ref.path for cited in one.citations.values()), *(at.path for at in one.looked_at)])
    return out.ExtractReply(
        data=cast(JsonValue, one.data),  # it was read from JSON
        citations={pointer: citation_out(cited, documents, names) for pointer, cited in one.citations.items()},
        absent=list(one.absent),
        looked_at=[out.PageName(**_ref(ref, None, documents, names)) for ref in one.looked_at],
        notes=[public(note) for note in one.notes],
        usage=_usage(one.usage),
    )


def citation_out(one: Citation, documents: Mapping[str, str], names: Mapping[str, str]) -> out.CitationOut:
    """Return a citation as it goes out."""
    return out.CitationOut(
        **_ref(one.ref, one.label, documents, names),
        mark=one.mark,
        quote=one.quote,
        boxes=[_box(box) for box in one.boxes],
        source=one.source,
        state=one.state,
        claim=one.claim,
        missing=list(one.missing),
    )


def job_fields(job: JobRecord) -> dict[str, object]:
    """Return a job's own fields as they go out."""
    return {
        "id": job.id,
        "kind": job.kind,
        "collection": job.collection,
        "state": job.state,
        "created": job.created,
        "started": job.started,
        "finished": job.finished,
        "cancelling": job.cancelling,
        "files": dict(job.counts),
        "pages_read": job.pages,
        "current_file": job.current,
    }


def file_out(one: FileRecord) -> out.FileOut:
    """Return a job's file as it goes out."""
    return out.FileOut(
        name=one.name,
        state=one.state,
        document=one.sha256,
        pages=one.pages,
        code=one.code,
        reason=public(one.reason),
    )


def _usage(usage: Usage | None) -> out.UsageOut | None:
    return None if usage is None else out.UsageOut(**{name: getattr(usage, name) for name in out.UsageOut.model_fields})


def _hit(
    hit: FoundPage, rank: int, documents: Mapping[str, str], names: Mapping[str, str], explain: bool
) -> out.HitOut:
    name = names[hit.ref.path]
    lanes = {lane: out.LaneOut(rank=at.rank, score=at.score) for lane, at in hit.lanes.items()}
    return out.HitOut(
        **_page_name(hit.document, hit.ref.number, hit.label, name),
        rank=rank,
        score=hit.score,
        title=hit.title,
        kind=hit.kind,
        page_count=hit.page_count,
        named=hit.named,
        source=hit.source,
        confidence=hit.confidence,
        evidence=[out.EvidenceOut(quote=one.quote, boxes=[_box(box) for box in one.boxes]) for one in hit.evidence],
        guesses=_guesses(hit.guesses),
        estimated=hit.estimated,
        like=[out.PageName(**_ref(ref, None, documents, names)) for ref in hit.like],
        neighbours=[
            out.NeighbourOut(**_page_name(hit.document, one.ref.number, one.label, name), text=one.text)
            for one in hit.neighbours
        ],
        lanes=lanes if explain else None,
    )


def _ref(ref: PageRef, label: str | None, documents: Mapping[str, str], names: Mapping[str, str]) -> PageFields:
    return _page_name(documents.get(ref.path, ""), ref.number, label, names.get(ref.path, PurePath(ref.path).name))


def _page_name(document: str, number: int, label: str | None, name: str) -> PageFields:
    return {"page": f"{document}-{number}", "document": document, "number": number, "label": label, "name": name}


def _guesses(guesses: Sequence[Guess]) -> list[out.GuessOut]:
    return [out.GuessOut(label=one.label, belief=one.belief) for one in guesses]


def _box(box: Box) -> out.BoxOut:
    return out.BoxOut(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1)
