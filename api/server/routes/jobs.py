"""Endpoints to list and read jobs, follow their progress, cancel and retry them."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import anyio
from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.concurrency import run_in_threadpool

from pagelens.api.responses import JobOut, JobResponse, JobsResponse
from pagelens.api.server import examples
from pagelens.api.server.auth.authorization import AuthorizedRoute, requires_scope
from pagelens.api.server.auth.keys import Principal
from pagelens.api.server.dependencies import AppState, AppStateDep, PrincipalDep, audit
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.jobs.job_records import JobRecord
from pagelens.api.server.serialization import file_out, job_fields
from pagelens.api.server.sse import KEEP_ALIVE_SECONDS, MEDIA_TYPE, format_event, wants_events
from pagelens.core.errors import NotFound

router = APIRouter(route_class=AuthorizedRoute, prefix="/v1/jobs", tags=["jobs"])

POLL_SECONDS = 0.5  # between two reads of a job's state
EXAMPLE_JOB = JobQueue.id_of("", "default", examples.IDEMPOTENCY_KEY)

JobId = Annotated[str, InPath(pattern=r"^[0-9a-f]{32}$", examples=[EXAMPLE_JOB])]


@router.get("", summary="List jobs")
@requires_scope("read")
def list_jobs(
    app_state: AppStateDep,
    caller: PrincipalDep,
    state: Annotated[Literal["queued", "running", "succeeded", "failed", "cancelled"] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JobsResponse:
    """Return the jobs of all collections that the caller can access, newest first."""
    listing = f"jobs {state}"
    before = app_state.cursors.decode_number(listing, cursor) or None
    jobs = app_state.service.queue.list_jobs(caller.collections, state=state, before=before, size=limit + 1)
    following = app_state.cursors.encode(listing, jobs[limit - 1].seq) if len(jobs) > limit else None
    return JobsResponse(jobs=[JobOut.model_validate(job_fields(job)) for job in jobs[:limit]], next_cursor=following)


@router.get(
    "/{job}",
    response_model=JobResponse,
    summary="A job, or its progress",
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}},
)
@requires_scope("read")
def read_job(
    request: Request,
    app_state: AppStateDep,
    caller: PrincipalDep,
    job: JobId,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> JobResponse | StreamingResponse:
    """Return a job with its files, or with `Accept: text/event-stream` an event for each change until it ends."""
    record = _visible(app_state, caller, job)
    if wants_events(request):
        return StreamingResponse(_progress(request, app_state, job), media_type=MEDIA_TYPE)
    listing = f"files {job}"
    after = app_state.cursors.decode_number(listing, cursor)
    files = app_state.service.queue.files(job, after=after, size=limit + 1)
    following = app_state.cursors.encode(listing, files[limit - 1].seq) if len(files) > limit else None
    results = [file_out(file) for file in files[:limit]]
    return JobResponse.model_validate({**job_fields(record), "results": results, "next_cursor": following})


@router.post("/{job}/cancel", status_code=202, response_model=JobOut, summary="Cancel a job")
@requires_scope("write")
def cancel_job(request: Request, app_state: AppStateDep, caller: PrincipalDep, job: JobId) -> JSONResponse:
    """Cancel a job. Documents that are indexed completely stay; the one being read leaves nothing behind."""
    _visible(app_state, caller, job)
    record = app_state.service.queue.cancel(job)
    audit(caller, request.state.request_id, "jobs.cancel", job=job, collection=record.collection)
    return accepted(record)


@router.post("/{job}/retry", status_code=202, response_model=JobOut, summary="Retry a job")
@requires_scope("write")
def retry_job(request: Request, app_state: AppStateDep, caller: PrincipalDep, job: JobId) -> JSONResponse:
    """Queue the files that failed or were cancelled again."""
    _visible(app_state, caller, job)
    record = app_state.service.queue.retry(job)
    audit(caller, request.state.request_id, "jobs.retry", job=job, collection=record.collection)
    return accepted(record)


def accepted(job: JobRecord) -> JSONResponse:
    """Return a 202 response with the job and its location."""
    body = JobOut.model_validate(job_fields(job)).model_dump(mode="json")
    return JSONResponse(body, 202, {"Location": f"/v1/jobs/{job.id}"})


def _visible(app_state: AppState, caller: Principal, job: str) -> JobRecord:
    record = app_state.service.queue.read(job)
    if not caller.can_access(record.collection):
        raise NotFound(f"expected a job of this server, found none with the id {job!r}. See: GET /v1/jobs")
    return record


async def _progress(request: Request, app_state: AppState, job: str) -> AsyncIterator[str]:
    """Yield an event at each change of a job; comments keep an idle connection open."""
    with app_state.streams.slot():
        last, idle = "", 0.0
        while not await request.is_disconnected():
            record = await run_in_threadpool(app_state.service.queue.read, job)
            state = JobOut.model_validate(job_fields(record)).model_dump_json()
            if state != last:
                last, idle = state, 0.0
                yield format_event("job", state)
            elif idle >= KEEP_ALIVE_SECONDS:
                idle = 0.0
                yield ": keep-alive\n\n"
            if record.ended:
                return
            await anyio.sleep(POLL_SECONDS)
            idle += POLL_SECONDS
