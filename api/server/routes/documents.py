"""Documents: uploaded, listed, looked at, handed out as they came, removed."""

import bisect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, File, Form, Header, Query, UploadFile
from fastapi import Path as InPath
from fastapi.responses import FileResponse, JSONResponse

from pagelens.api.engine.engine import Engine
from pagelens.api.engine.file_names import path_to_text, text_to_path
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.context import Here, HereNow
from pagelens.api.server.jobs.job_records import JobRecord, NewFile
from pagelens.api.server.problems import Problem
from pagelens.api.server.routes.jobs import accepted
from pagelens.api.server.schemas.responses import DocumentOut, DocumentsReply, JobOut
from pagelens.api.server.schemas.views import document_out, find_document, names_of
from pagelens.api.server.uploads import Saved, files_below, save
from pagelens.core.errors import UsageError
from pagelens.index.catalog.reads import DocumentRow

router = APIRouter(route_class=AuthorizedRoute, tags=["documents"])

DocumentId = Annotated[str, InPath(pattern=r"^[0-9a-f]{64}$", examples=[examples.DOCUMENT])]
Once = Annotated[
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
    here: HereNow,
    files: Annotated[list[UploadFile], File(description="PDFs and photos.")] = [],  # noqa: B006 - FastAPI copies it
    paths: Annotated[list[str], Form(description="Files and folders on the server, where it allows that.")] = [],  # noqa: B006
    once: Once = None,
) -> JSONResponse:
    """Take documents in; they are searchable when the job that is answered has succeeded."""
    limits = here.door.limits
    if not files and not paths:
        fields = [("body.files", "none"), ("body.paths", "none")]
        raise Problem(422, "no-files", "expected at least one file, found none", fields=fields)
    if len(files) > limits.files:
        said = f"expected at most {limits.files} files at once, found {len(files)}"
        raise Problem(413, "too-many-files", said, next_step="Send them in several requests.")
    with here.door.writes.turn():
        found = files_below(here.door.service.roots, paths, most=limits.path_files) if paths else []
        saved = [save(here.door.service.folder, here.name, one.file, one.filename or "") for one in files]
        job = _submit(here, saved, found, once)
    here.audit("documents.add", job=job.id, files=len(saved) + len(found), bytes=sum(one.size for one in saved))
    return accepted(job)


@router.get("/documents", summary="List documents")
@requires_scope("read", collection=True)
def list_documents(
    here: HereNow,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> DocumentsReply:
    """Return the documents in order of their ids."""
    listing = f"documents {here.name}"
    after = str(here.door.cursors.read(listing, cursor)) if cursor is not None else ""

    def work(engine: Engine) -> tuple[list[DocumentRow], int, bool]:
        with engine.snapshot() as snapshot:
            rows = sorted(snapshot.documents.values(), key=lambda row: row.document.sha256)
        first = bisect.bisect_right([row.document.sha256 for row in rows], after)
        return rows[first : first + limit], len(rows), first + limit < len(rows)

    rows, total, more = here.use(work)
    names = names_of(here, (row.path for row in rows))
    following = here.door.cursors.write(listing, rows[-1].document.sha256) if more else None
    return DocumentsReply(documents=[document_out(row, names) for row in rows], total=total, next_cursor=following)


@router.get("/documents/{document}", summary="A document")
@requires_scope("read", collection=True)
def read_document(here: HereNow, document: DocumentId) -> DocumentOut:
    """Return what is known of a document."""
    row = _row(here, document)
    return document_out(row, names_of(here, [row.path]))


@router.get(
    "/documents/{document}/file",
    response_class=FileResponse,
    summary="The original file",
    responses={200: {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}},
)
@requires_scope("read", collection=True)
def read_file(here: HereNow, document: DocumentId) -> FileResponse:
    """Return the file as it came, to be saved: never to be shown by a browser in our name."""
    row = _row(here, document)
    path = here.use(lambda engine: engine.original(row))  # unchanged: another file put at its path is not handed out
    shown = next((one for one in row.paths if text_to_path(one) == path), row.path)
    name = names_of(here, [shown])[shown]
    plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_. ") else "_" for char in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": disposition, "Cache-Control": "private, no-cache"}
    return FileResponse(path, media_type="application/octet-stream", headers=headers)


@router.delete("/documents/{document}", status_code=202, response_model=JobOut, summary="Remove a document")
@requires_scope("write", collection=True)
def remove_document(here: HereNow, document: DocumentId, once: Once = None) -> JSONResponse:
    """Remove a document, and its file where it was uploaded; it is gone when the job has succeeded."""
    row = _row(here, document)
    name = names_of(here, [row.path])[row.path]
    queue = here.door.service.queue
    with here.door.writes.turn():
        job = _once(
            lambda: queue.submit("remove", here.name, [NewFile(name, "", document)], owner=here.caller.key, once=once)
        )
    here.audit("documents.remove", job=job.id, document=document)
    return accepted(job)


def _submit(here: Here, saved: list[Saved], found: list[Path], once: str | None) -> JobRecord:
    service = here.door.service
    files = [NewFile(one.name, path_to_text(one.path), one.sha256, one.size) for one in saved]
    files += [NewFile(path.name, path_to_text(path), size=path.stat().st_size) for path in found]
    try:
        service.name_uploads(here.name, [(path_to_text(one.path), one.sha256, one.name) for one in saved])
        job = _once(lambda: service.queue.submit("index", here.name, files, owner=here.caller.key, once=once))
    except BaseException:
        _discard(saved)
        raise
    taken = {one.path for one in service.queue.files(job.id, size=len(files) + 1)}
    _discard([one for one in saved if path_to_text(one.path) not in taken])  # sent before: that job has its own copies
    return job


def _discard(saved: list[Saved]) -> None:
    for one in saved:
        one.path.unlink(missing_ok=True)
        one.path.parent.rmdir()


def _once(submit: Callable[[], JobRecord]) -> JobRecord:
    try:
        return submit()
    except UsageError as exc:
        fields = [("header.Idempotency-Key", "used before with another content")]
        raise Problem(422, "idempotency-key-reused", str(exc), fields=fields) from exc


def _row(here: Here, document: str) -> DocumentRow:
    def work(engine: Engine) -> DocumentRow:
        with engine.snapshot() as snapshot:
            return find_document(snapshot, document)

    return here.use(work)
