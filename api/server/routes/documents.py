"""Endpoints to upload, list, read, download and remove documents."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Header, Query, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from pagelens.api.engine.document_counts import FolderNames, is_below
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import path_to_text, text_to_path
from pagelens.api.responses import DocumentOut, DocumentsResponse, JobOut
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.dependencies import ContextDep, RequestContext
from pagelens.api.server.jobs.job_records import JobRecord, NewFile
from pagelens.api.server.problems import Problem
from pagelens.api.server.routes.jobs import accepted
from pagelens.api.server.serialization import display_names, document_out, find_document, folder_names
from pagelens.api.server.uploads import SavedUpload, list_server_files, save_upload
from pagelens.core.errors import UsageError
from pagelens.core.types import MEMBER_SEPARATOR, Kind
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lexical.folding import fold
from pagelens.index.reader import Snapshot

router = APIRouter(route_class=AuthorizedRoute, tags=["documents"])

DocumentId = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}$", examples=[examples.DOCUMENT])]
Sort = Literal["id", "name", "-name", "date", "-date", "size", "-size", "pages", "-pages"]
MAX_PROBLEMS = 20  # of a document
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key with the same content is the same job, however often it is sent.",
    ),
]


@router.post("/documents", status_code=202, response_model=JobOut, summary="Add documents")
@requires_scope("write", collection=True)
def add_documents(
    context: ContextDep,
    files: Annotated[list[UploadFile], File(description="PDFs and photos.")] = [],  # noqa: B006 - FastAPI copies it
    paths: Annotated[list[str], Form(description="Files and folders on the server, where it allows that.")] = [],  # noqa: B006
    idempotency_key: IdempotencyKey = None,
) -> JSONResponse:
    """Queue documents for indexing. They can be searched when the returned job has succeeded."""
    limits = context.app_state.limits
    if not files and not paths:
        fields = [("body.files", "none"), ("body.paths", "none")]
        raise Problem(422, "no-files", "expected at least one file, found none", fields=fields)
    if len(files) > limits.upload_files:
        detail = f"expected at most {limits.upload_files} files at once, found {len(files)}"
        raise Problem(413, "too-many-files", detail, next_step="Send them in several requests.")
    with context.app_state.writes.slot():
        server_files = (
            list_server_files(context.app_state.service.roots, paths, max_files=limits.path_files) if paths else []
        )
        saved = [
            save_upload(context.app_state.service.folder, context.collection, file.file, file.filename or "")
            for file in files
        ]
        job = _submit(context, saved, server_files, idempotency_key)
    context.audit(
        "documents.add", job=job.id, files=len(saved) + len(server_files), bytes=sum(upload.size for upload in saved)
    )
    return accepted(job)


@router.get("/documents", summary="List documents")
@requires_scope("read", collection=True)
def list_documents(
    context: ContextDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    sort: Annotated[Sort, Query(description="`-date`: the latest first.")] = "id",
    name: Annotated[str, Query(max_length=200, description="That names or titles contain.")] = "",
    kind: Annotated[Kind | None, Query()] = None,
    folder: Annotated[str, Query(max_length=500, description="In which they lie, or below which.")] = "",
    problems: Annotated[bool, Query(description="Only those with pages that could not be read.")] = False,
) -> DocumentsResponse:
    """Return the documents in order of their ids, or of what `sort` says."""
    query = DocumentQuery(sort=sort, name=name, kind=kind, folder=folder, problems=problems)
    listing = f"documents {context.collection} {query}"
    after = json.loads(str(context.app_state.cursors.decode(listing, cursor))) if cursor is not None else None

    def work(engine: Engine) -> DocumentsResponse:
        with engine.snapshot() as snapshot:
            folders, problems = folder_names(context, snapshot), _problems(snapshot)
            rows = [row for row in snapshot.documents.values() if query.matches(row, folders, problems)]
        names = display_names(context, (row.path for row in rows)) if query.needs_names else {}
        rows = query.sorted_rows(rows, names)
        following = [row for row in rows if after is None or query.is_after(row, names, after)]
        shown = following[:limit]
        names = names or display_names(context, (row.path for row in shown))
        last = json.dumps(query.position(shown[-1], names)) if len(following) > limit else None
        return DocumentsResponse(
            documents=[
                document_out(row, names, folder=folders.of(row.path), problems=problems.get(row.path, ()))
                for row in shown
            ],
            total=len(rows),
            next_cursor=last and context.app_state.cursors.encode(listing, last),
        )

    return context.use(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentQuery:
    """Which documents are listed, and in which order."""

    sort: Sort
    name: str
    kind: Kind | None
    folder: str
    problems: bool

    @property
    def needs_names(self) -> bool:
        """Whether the names of all documents are needed, not only of those shown."""
        return bool(self.name) or self.sort.endswith("name")

    def matches(self, row: DocumentRow, folders: FolderNames, problems: Mapping[str, Sequence[str]]) -> bool:
        """Return whether a document is of the kind, in the folder, and has problems if it must; names come later."""
        return (
            self.kind in (None, row.document.kind)
            and (not self.folder or any(is_below(one, self.folder) for one in folders.of_row(row)))
            and (not self.problems or row.path in problems)
        )

    def sorted_rows(self, rows: Sequence[DocumentRow], names: Mapping[str, str]) -> list[DocumentRow]:
        """Return the rows in order, those left out that do not have the name."""
        wanted = fold(self.name)
        named = [row for row in rows if not wanted or wanted in fold(f"{names[row.path]}\n{row.document.title}")]
        return sorted(named, key=lambda row: self.position(row, names), reverse=self.sort.startswith("-"))

    def is_after(self, row: DocumentRow, names: Mapping[str, str], after: Sequence[str | int]) -> bool:
        """Return whether a row stands behind a position in the order."""
        position = self.position(row, names)
        return position < tuple(after) if self.sort.startswith("-") else position > tuple(after)

    def position(self, row: DocumentRow, names: Mapping[str, str]) -> tuple[str | int, ...]:
        """Return what a row is sorted by; documents without a date come before all others."""
        document = row.document
        values: dict[str, str | int] = {
            "id": "",
            "date": document.date.isoformat() if document.date else "",
            "size": document.size,
            "pages": document.page_count,
        }
        field = self.sort.removeprefix("-")
        return fold(names[row.path]) if field == "name" else values[field], document.sha256


def _problems(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the problems of pages by the path of their document, at most `MAX_PROBLEMS` of each."""
    found: dict[str, list[str]] = {}
    for path, number, problem in snapshot.unread_pages():
        problems = found.setdefault(path, [])
        if len(problems) < MAX_PROBLEMS:
            problems.append(f"p.{number}: {problem}")
    return found


@router.get("/documents/{document}", summary="A document")
@requires_scope("read", collection=True)
def read_document(context: ContextDep, document: DocumentId) -> DocumentOut:
    """Return a document's title, kind, size, date and metadata."""
    row = _row(context, document)
    return document_out(row, display_names(context, [row.path]))


@router.get(
    "/documents/{document}/file",
    response_class=FileResponse,
    summary="The original file",
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
@requires_scope("read", collection=True)
def read_file(context: ContextDep, document: DocumentId) -> FileResponse:
    """Return the original file as an attachment, so that a browser saves it and does not show it."""
    row = _row(context, document)
    path = context.use(lambda engine: engine.original(row))  # checks its hash: the file at this path may have changed
    source = next((text for text in row.paths if text_to_path(text) == path), row.path)
    name = display_names(context, [source])[source].rpartition(MEMBER_SEPARATOR)[2]
    ascii_name = "".join(char if char.isascii() and (char.isalnum() or char in "-_. ") else "_" for char in name)
    disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-cache"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


@router.delete("/documents/{document}", status_code=202, response_model=JobOut, summary="Remove a document")
@requires_scope("write", collection=True)
def remove_document(context: ContextDep, document: DocumentId, idempotency_key: IdempotencyKey = None) -> JSONResponse:
    """Queue a document for removal, with its uploaded file. It is removed when the returned job has succeeded."""
    row = _row(context, document)
    name = display_names(context, [row.path])[row.path]
    queue = context.app_state.service.queue
    with context.app_state.writes.slot():
        job = _with_idempotency(
            lambda: queue.submit(
                "remove",
                context.collection,
                [NewFile(name, "", document)],
                owner=context.caller.key,
                idempotency_key=idempotency_key,
            )
        )
    context.audit("documents.remove", job=job.id, document=document)
    return accepted(job)


def _submit(
    context: RequestContext, saved: list[SavedUpload], server_files: list[Path], idempotency_key: str | None
) -> JobRecord:
    service = context.app_state.service
    files = [NewFile(upload.name, path_to_text(upload.path), upload.sha256, upload.size) for upload in saved]
    files += [NewFile(path.name, path_to_text(path), size=path.stat().st_size) for path in server_files]
    try:
        service.record_upload_names(
            context.collection, [(path_to_text(upload.path), upload.sha256, upload.name) for upload in saved]
        )
        job = _with_idempotency(
            lambda: service.queue.submit(
                "index", context.collection, files, owner=context.caller.key, idempotency_key=idempotency_key
            )
        )
    except BaseException:
        _discard(saved)
        raise
    used = {file.path for file in service.queue.files(job.id, size=len(files) + 1)}
    _discard([upload for upload in saved if path_to_text(upload.path) not in used])  # a repeated request has its files
    return job


def _discard(saved: list[SavedUpload]) -> None:
    for upload in saved:
        upload.path.unlink(missing_ok=True)
        upload.path.parent.rmdir()


def _with_idempotency(submit: Callable[[], JobRecord]) -> JobRecord:
    try:
        return submit()
    except UsageError as exc:
        fields = [("header.Idempotency-Key", "used before with other content")]
        raise Problem(422, "idempotency-key-reused", str(exc), fields=fields) from exc


def _row(context: RequestContext, document: str) -> DocumentRow:
    def work(engine: Engine) -> DocumentRow:
        with engine.snapshot() as snapshot:
            return find_document(snapshot, document)

    return context.use(work)
