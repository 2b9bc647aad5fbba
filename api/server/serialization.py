"""Builds response bodies from the engine's results and the job queue's records. Server-side paths become names."""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypedDict, cast

from pydantic import JsonValue

from pagelens.api import responses as out
from pagelens.api.engine.document_counts import FolderNames, photo_position, place_name
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import QuestionOptions, make_bundle
from pagelens.api.engine.file_names import absolute_path, file_name, path_to_text
from pagelens.api.engine.results import Facet, FoundPage
from pagelens.api.server.dependencies import CachedSearch, RequestContext
from pagelens.api.server.jobs.job_records import FileRecord, JobRecord
from pagelens.api.server.problems import redact
from pagelens.core.descriptions import Description
from pagelens.core.document_lists import DocumentList
from pagelens.core.errors import NotFound
from pagelens.core.keys import page_key
from pagelens.core.metadata_fields import FieldValue
from pagelens.core.types import (
    MEMBER_SEPARATOR,
    Answer,
    AnswerStep,
    Box,
    Citation,
    Extraction,
    Guess,
    PageRef,
    SearchStep,
    Usage,
)
from pagelens.index.catalog.reads import DocumentRow, PageRow
from pagelens.index.reader import Snapshot

_PAGE = re.compile(r"([0-9a-f]{64})-([1-9][0-9]{0,6})")


class PageFields(TypedDict):
    """The fields of `PageReference`."""

    page: str
    document: str
    number: int
    label: str | None
    name: str


def display_names(context: RequestContext, paths: Iterable[str]) -> dict[str, str]:
    """Return display names by path: the name that an upload's sender gave, else the file's name."""
    unique = sorted(set(paths))
    files = {path: path.partition(MEMBER_SEPARATOR) for path in unique}  # a member has the name of its upload before it
    uploaded = context.app_state.service.upload_names(sorted({outer for outer, _, _ in files.values()}))
    return {
        path: uploaded[outer] + separator + members if outer in uploaded else file_name(path)
        for path, (outer, separator, members) in files.items()
    }


def folder_names(context: RequestContext, snapshot: Snapshot) -> FolderNames:
    """Return the folders of the collection's documents, without what the server's own folders are called."""
    uploads = path_to_text(absolute_path(context.app_state.service.folder.uploads))
    return FolderNames(snapshot.documents.values(), uploads=uploads)


def documents_by_path(engine: Engine, paths: Container[str] | None = None) -> dict[str, str]:
    """Return the document ids by path: of the given paths, else of all."""
    with engine.snapshot() as snapshot:
        rows = snapshot.documents.values()
        return {path: row.document.sha256 for row in rows for path in row.paths if paths is None or path in paths}


def find_document(snapshot: Snapshot, document: str) -> DocumentRow:
    """Return a document by its id. Raises NotFound."""
    for row in snapshot.documents.values():
        if row.document.sha256 == document:
            return row
    raise NotFound(f"expected a document of the collection, found none with the id {document[:80]!r}")


def find_page(snapshot: Snapshot, page: str) -> tuple[DocumentRow, PageRow]:
    """Return a page by its id. Raises NotFound."""
    match = _PAGE.fullmatch(page)
    if match is None:
        raise NotFound(f"expected a page's id like {'0' * 8}...-12, found {page[:80]!r}")
    row = find_document(snapshot, match[1])
    number = int(match[2])
    if number > row.document.page_count:
        raise NotFound(f"expected a page from 1 to {row.document.page_count}, found {number}")
    key = page_key(row.key, number)
    return row, snapshot.pages([key])[key]


def document_out(
    row: DocumentRow, names: Mapping[str, str], *, folder: str = "", problems: Sequence[str] = ()
) -> out.DocumentOut:
    """Return the response body of a document. `names` are display names by path."""
    document = row.document
    return out.DocumentOut(
        id=document.sha256,
        name=names.get(row.path, document.title),
        title=document.title,
        kind=document.kind,
        pages=document.page_count,
        size=document.size,
        date=document.date,
        folder=folder,
        problems=[redact(problem) for problem in problems],
        metadata=dict(document.metadata),
    )


def photo_out(row: DocumentRow, page: PageRow, name: str) -> out.PhotoOut:
    """Return the response body of a photo."""
    latitude, longitude = photo_position(row) or (None, None)
    return out.PhotoOut(
        **_page_fields(row.document.sha256, page.number, page.label, name),
        title=row.document.title,
        width=page.width,
        height=page.height,
        date=row.document.date,
        latitude=latitude,
        longitude=longitude,
        place=place_name(row),
        caption=str(row.document.metadata.get("caption", "")),
        guesses=_guesses(page.guesses),
    )


def page_out(row: DocumentRow, page: PageRow, name: str) -> out.PageOut:
    """Return the response body of a page with its words."""
    text = page.text
    words = [
        out.WordOut(text=text.text[start:end], start=start, end=end, box=_box(Box(*box)))
        for (start, end), box in zip(text.spans.tolist(), text.boxes.tolist(), strict=True)
    ]
    return out.PageOut(
        **_page_fields(row.document.sha256, page.number, page.label, name),
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
        description=_description(page.description),
    )


def search_response(
    context: RequestContext, cached: CachedSearch, *, first: int, explain: bool, next_cursor: str | None
) -> out.SearchResponse:
    """Return the response body of results whose first hit has index `first` in all."""
    results = cached.results
    hits = results.hits
    paths = [ref.path for hit in hits for ref in (hit.ref, *hit.duplicates)]
    names = display_names(context, [*paths, *_step_paths(results.steps)])
    return out.SearchResponse(
        collection=context.collection,
        generation=cached.generation,
        hits=[_hit(hit, first + n, cached.documents, names, explain) for n, hit in enumerate(hits, 1)],
        query_references=[redact(reference) for reference in results.query_references],
        pages_searched=results.pages_searched,
        coverage=dict(results.coverage),
        missing_lanes=missing_lanes(results.missing),
        approximate_lanes=list(results.approximate),
        next_cursor=next_cursor,
        groups=[
            out.GroupOut(value=_field(group.value), files=group.files, ranks=list(group.ranks))
            for group in results.groups
        ],
        facets=[_facet(facet) for facet in results.facets],
        labels=dict(results.labels),
        searched_text=results.searched_text,
        corrections=[out.CorrectionOut(word=one.word, corrected=one.corrected) for one in results.corrections],
        notes=list(results.notes),
        weak=results.weak,
        nothing_found=results.nothing_found,
        steps=_steps(results.steps, cached.documents, names),
    )


def answer_response(context: RequestContext, answer: Answer, documents: Mapping[str, str]) -> out.AnswerResponse:
    """Return the response body of an answer. `documents` are document ids by path."""
    cited, context_paths = [one.ref.path for one in answer.citations], [ref.path for ref in answer.context_pages]
    listed = [row.path for row in answer.documents.rows] if answer.documents else []
    names = display_names(context, [*cited, *context_paths, *listed, *_step_paths(answer.steps)])
    return out.AnswerResponse(
        question=answer.question,
        text=answer.text,
        found=answer.found,
        confidence=answer.confidence,
        reason=redact(answer.reason),
        citations=[citation_out(citation, documents, names) for citation in answer.citations],
        context_pages=[out.PageReference(**_reference(ref, None, documents, names)) for ref in answer.context_pages],
        notes=[redact(note) for note in answer.notes],
        usage=_usage(answer.usage),
        missing_lanes=missing_lanes(answer.missing),
        image_text=answer.image_text,
        steps=_steps(answer.steps, documents, names),
        documents=None if answer.documents is None else _document_list(answer.documents, documents, names),
    )


def _document_list(listed: DocumentList, documents: Mapping[str, str], names: Mapping[str, str]) -> out.DocumentListOut:
    rows = [
        out.ListedDocumentOut(
            document=documents[row.path],
            name=names[row.path],
            citation=row.citation,
            value=row.value,
            year=row.year,
        )
        for row in listed.rows
    ]
    return out.DocumentListOut(
        form=listed.form,
        rule=listed.rule,
        rows=rows,
        coverage=out.CoverageOut(**asdict(listed.coverage)),
        totals=dict(listed.totals),
        without_value=[documents[path] for path in listed.without_value],
        contradictions=list(listed.contradictions),
    )


def _step_paths(steps: Sequence[SearchStep]) -> list[str]:
    return [ref.path for step in steps for ref in step.pages]


def _steps(steps: Sequence[SearchStep], documents: Mapping[str, str], names: Mapping[str, str]) -> list[out.StepOut]:
    return [
        out.StepOut(
            reason=step.reason,
            text=step.text,
            pages=[out.PageReference(**_reference(ref, None, documents, names)) for ref in step.pages],
        )
        for step in steps
    ]


def answer_step(context: RequestContext, step: AnswerStep, documents: Mapping[str, str]) -> out.AnswerStepOut:
    """Return the event of what is being done for an answer. `documents` are document ids by path."""
    searches = [] if step.search is None else [step.search]
    names = display_names(context, _step_paths(searches))
    search = next(iter(_steps(searches, documents, names)), None)
    return out.AnswerStepOut(stage=step.stage, pages=step.pages, search=search)


def evidence_bundle(
    context: RequestContext, engine: Engine, answer: Answer, options: QuestionOptions | None
) -> dict[str, JsonValue]:
    """Return an answer's evidence bundle, with display names in place of paths."""
    names = display_names(context, [citation.ref.path for citation in answer.citations])
    return make_bundle(engine, answer, options=options, name_of=names.__getitem__, redact=redact)


def extract_response(
    context: RequestContext, extraction: Extraction, documents: Mapping[str, str]
) -> out.ExtractResponse:
    """Return the response body of an extraction. `documents` are document ids by path."""
    names = display_names(
        context,
        [
            *(cited.ref.path for cited in extraction.citations.values()),
            *(conflict.citation.ref.path for conflict in extraction.conflicts),
            *(at.path for at in extraction.context_pages),
        ],
    )
    return out.ExtractResponse(
        data=cast(JsonValue, extraction.data),  # it was read from JSON
        citations={pointer: citation_out(cited, documents, names) for pointer, cited in extraction.citations.items()},
        absent=list(extraction.absent),
        context_pages=[
            out.PageReference(**_reference(ref, None, documents, names)) for ref in extraction.context_pages
        ],
        notes=[redact(note) for note in extraction.notes],
        usage=_usage(extraction.usage),
        missing_lanes=missing_lanes(extraction.missing),
        conflicts=[
            out.ValueConflictOut(
                pointer=conflict.pointer,
                value=cast(JsonValue, conflict.value),
                citation=citation_out(conflict.citation, documents, names),
            )
            for conflict in extraction.conflicts
        ],
        corrected=list(extraction.corrected),
    )


def missing_lanes(missing: Mapping[str, str]) -> dict[str, str]:
    """Return the lanes that were left out, each with the reason, without server-side paths."""
    return {lane: redact(reason) for lane, reason in missing.items()}


def citation_out(citation: Citation, documents: Mapping[str, str], names: Mapping[str, str]) -> out.CitationOut:
    """Return the response body of a citation."""
    return out.CitationOut(
        **_reference(citation.ref, citation.label, documents, names),
        mark=citation.mark,
        quote=citation.quote,
        boxes=[_box(box) for box in citation.boxes],
        source=citation.source,
        state=citation.state,
        claim=citation.claim,
        missing=list(citation.missing),
    )


def job_fields(job: JobRecord) -> dict[str, object]:
    """Return the fields of `JobOut`."""
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


def file_out(file: FileRecord) -> out.FileOut:
    """Return the response body of a job's file."""
    return out.FileOut(
        name=file.name,
        state=file.state,
        document=file.sha256,
        pages=file.pages,
        code=file.code,
        reason=redact(file.reason),
    )


def _usage(usage: Usage | None) -> out.UsageOut | None:
    return None if usage is None else out.UsageOut(**{name: getattr(usage, name) for name in out.UsageOut.model_fields})


def _hit(
    hit: FoundPage, rank: int, documents: Mapping[str, str], names: Mapping[str, str], explain: bool
) -> out.HitOut:
    name = names[hit.ref.path]
    lanes = {lane: out.LaneOut(rank=position.rank, score=position.score) for lane, position in hit.lanes.items()}
    return out.HitOut(
        **_page_fields(hit.document, hit.ref.number, hit.label, name),
        rank=rank,
        score=hit.score,
        title=hit.title,
        kind=hit.kind,
        page_count=hit.page_count,
        named=hit.named,
        source=hit.source,
        confidence=hit.confidence,
        evidence=[out.EvidenceOut(quote=item.quote, boxes=[_box(box) for box in item.boxes]) for item in hit.evidence],
        guesses=_guesses(hit.guesses),
        estimated=hit.estimated,
        gone=hit.gone,
        duplicates=[out.PageReference(**_reference(ref, None, documents, names)) for ref in hit.duplicates],
        neighbours=[
            out.NeighbourOut(
                **_page_fields(hit.document, neighbour.ref.number, neighbour.label, name), text=neighbour.text
            )
            for neighbour in hit.neighbours
        ],
        lanes=lanes if explain else None,
        rerank=out.LaneOut(rank=hit.rerank.rank, score=hit.rerank.score) if explain and hit.rerank else None,
        fields={name: _given(value) for name, value in hit.fields.items()},
        labels=[out.LabelOut(**label._asdict()) for label in hit.labels],
        description=_description(hit.description),
    )


def _description(description: Description | None) -> out.DescriptionOut | None:
    if description is None:
        return None
    return out.DescriptionOut(
        described_by=description.mark,
        caption=description.caption,
        alt_text=description.alt_text,
        picture_text=description.picture_text,
        objects=list(description.objects),
        language=description.language,
    )


def _facet(facet: Facet) -> out.FacetOut:
    return out.FacetOut(
        field=facet.field,
        type=facet.type,
        files=facet.files,
        values=[out.FacetValueOut(value=_given(value), files=count) for value, count in facet.values],
        others=facet.others,
        minimum=_field(facet.minimum),
        maximum=_field(facet.maximum),
    )


def _field(value: FieldValue | None) -> out.FieldOut | None:
    return None if value is None else _given(value)


def _given(value: FieldValue) -> out.FieldOut:
    return value if isinstance(value, str | int | float) else list(value)


def _reference(ref: PageRef, label: str | None, documents: Mapping[str, str], names: Mapping[str, str]) -> PageFields:
    return _page_fields(documents.get(ref.path, ""), ref.number, label, names.get(ref.path, file_name(ref.path)))


def _page_fields(document: str, number: int, label: str | None, name: str) -> PageFields:
    return {"page": f"{document}-{number}", "document": document, "number": number, "label": label, "name": name}


def _guesses(guesses: Sequence[Guess]) -> list[out.GuessOut]:
    return [out.GuessOut(label=guess.label, probability=guess.probability) for guess in guesses]


def _box(box: Box) -> out.BoxOut:
    return out.BoxOut(x0=box.x0, y0=box.y0, x1=box.x1, y1=box.y1)
