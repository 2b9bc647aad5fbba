"""Jobs: what was accepted, how far it is, what became of each file; cancel, retry, progress as it happens."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.context import Caller, Door, TheDoor, audit
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.jobs.job_records import JobRecord
from pagelens.api.server.schemas.responses import JobOut, JobReply, JobsReply
from pagelens.api.server.schemas.views import file_out, job_fields
from pagelens.api.server.sse import BEAT, EVENTS, event, wants_events
from pagelens.core.errors import NotFound

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1/jobs", tags=["jobs"])

LOOK = 0.5  # seconds between two looks at a job
NO_ONE = ""
EXAMPLE = JobQueue.id_of(NO_ONE, "default", examples.ONCE)

JobId = Annotated[str, InPath(pattern=r"^[0-9a-f]{32}$", examples=[EXAMPLE])]


@router.get("", summary="List jobs")
@requires_scope("read")
def list_jobs(
    door: TheDoor,
    caller: Caller,
    state: Annotated[Literal["queued", "running", "succeeded", "failed", "cancelled"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JobsReply:
    """Return the jobs of every collection that the caller sees, newest first."""
    listing = f"jobs {state}"
    before = door.cursors.read_number(listing, cursor) or None
    jobs = door.service.queue.page(caller.collections, state=state, before=before, size=limit + 1)
    following = door.cursors.write(listing, jobs[limit - 1].seq) if len(jobs) > limit else None
    return JobsReply(jobs=[JobOut.model_validate(job_fields(job)) for job in jobs[:limit]], next_cursor=following)


@router.get(
    "/{job}",
    response_model=JobReply,
    summary="A job, or its progress as it happens",
    responses={200: {"content": {EVENTS: {"schema": {"type": "string"}}}}},
)
@requires_scope("read")
def read_job(
    request: Request,
    door: TheDoor,
    caller: Caller,
    job: JobId,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JobReply | StreamingResponse:
    """Return a job with its files; as Server-Sent Events (`Accept: text/event-stream`) each change until it ends."""
    found = _visible(door, caller, job)
    if wants_events(request):
        return StreamingResponse(_progress(request, door, job), media_type=EVENTS)
    listing = f"files {job}"
    after = door.cursors.read_number(listing, cursor)
    files = door.service.queue.files(job, after=after, size=limit + 1)
    following = door.cursors.write(listing, files[limit - 1].seq) if len(files) > limit else None
    results = [file_out(one) for one in files[:limit]]
    return JobReply.model_validate({**job_fields(found), "results": results, "next_cursor": following})


@router.post("/{job}/cancel", status_code=202, response_model=JobOut, summary="Cancel a job")
@requires_scope("write")
def cancel_job(request: Request, door: TheDoor, caller: Caller, job: JobId) -> JSONResponse:
    """Ask a job to end. Documents that are whole stay; the one being read leaves nothing behind."""
    _visible(door, caller, job)
    found = door.service.queue.cancel(job)
    audit(caller, request.state.request_id, "jobs.cancel", job=job, collection=found.collection)
    return accepted(found)


@router.post("/{job}/retry", status_code=202, response_model=JobOut, summary="Try again what failed")
@requires_scope("write")
def retry_job(request: Request, door: TheDoor, caller: Caller, job: JobId) -> JSONResponse:
    """Queue again the files that failed or were cancelled."""
    _visible(door, caller, job)
    found = door.service.queue.retry(job)
    audit(caller, request.state.request_id, "jobs.retry", job=job, collection=found.collection)
    return accepted(found)


def accepted(job: JobRecord) -> JSONResponse:
    """Return the 202 that says where to look."""
    body = JobOut.model_validate(job_fields(job)).model_dump(mode="json")
    return JSONResponse(body, 202, {"Location": f"/v1/jobs/{job.id}"})


def _visible(door: Door, caller: Principal, job: str) -> JobRecord:
    found = door.service.queue.read(job)
    if not caller.sees(found.collection):
        raise NotFound(f"expected a job of this server, found none with the id {job!r}. See: GET /v1/jobs")
    return found


async def _progress(request: Request, door: Door, job: str) -> AsyncIterator[str]:
    """Yield a job's state at each change; a comment now and then keeps the line open."""
    with door.streams.turn():
        told, quiet = "", 0.0
        while not await request.is_disconnected():
            found = await run_in_threadpool(door.service.queue.read, job)
            now = JobOut.model_validate(job_fields(found)).model_dump_json()
            if now != told:
                told, quiet = now, 0.0
                yield event("job", now)
            elif quiet >= BEAT:
                quiet = 0.0
                yield ": still here\n\n"
            if found.ended:
                return
            await anyio.sleep(LOOK)
            quiet += LOOK
