"""The clients' side of the durable job queue: submit, read, cancel, retry.

A job is in the database, synced, before it is acknowledged. `pagelens.api.server.jobs.claims` is the worker's side.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Collection, Sequence
from typing import Any, get_args

from sqlalchemy import Connection, Select, func, insert, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.jobs.job_records import (
    ENDED,
    FileRecord,
    FileState,
    JobKind,
    JobRecord,
    JobState,
    NewFile,
)
from pagelens.api.server.server_folder import Database, ServerDatabaseDamaged
from pagelens.core.errors import NotFound, UsageError

logger = logging.getLogger(__name__)

FILE_ENDED: tuple[FileState, ...] = ("indexed", "removed", "failed", "cancelled")
_DAMAGED = "the server's database was damaged, so that this file's record is not known to be right: upload it again"
_NAMESPACE = uuid.UUID("7d0b8b52-3d7e-4f0b-9c0a-7b6f5a1c2e11")  # of job ids from idempotency keys


class JobQueue:
    """Jobs in the server's database. Safe to use from several threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self,
        kind: JobKind,
        collection: str,
        files: Sequence[NewFile],
        *,
        owner: str = "",
        idempotency_key: str | None = None,
    ) -> JobRecord:
        """Queue a job and return it. The same `idempotency_key` with the same content returns the same job.

        Raises UsageError for a key that was used with other content.
        """
        job = self.id_of(owner, collection, idempotency_key) if idempotency_key else uuid.uuid4().hex
        fingerprint = content_fingerprint(kind, collection, files)
        with self._database.writing() as connection:
            known = connection.execute(select(t.jobs.c.fingerprint).where(t.jobs.c.id == job)).scalar()
            if known is None:
                _insert(connection, job, kind, collection, files, owner, fingerprint)
            elif known != fingerprint:
                raise UsageError(
                    "expected the same content as with this Idempotency-Key's first use, found other. Use a new key."
                )
            return _read(connection, job)

    @staticmethod
    def id_of(owner: str, collection: str, idempotency_key: str) -> str:
        """Return the id of the job with an owner's idempotency key."""
        return uuid.uuid5(_NAMESPACE, json.dumps([owner, collection, idempotency_key])).hex

    def read(self, job: str) -> JobRecord:
        """Return a job. Raises NotFound."""
        with self._database.reading() as connection:
            return _read(connection, job)

    def list_jobs(
        self,
        collections: Collection[str] | None,
        *,
        state: str | None = None,
        before: int | None = None,
        size: int = 50,
    ) -> list[JobRecord]:
        """Return up to `size` jobs of some collections (None: all), newest first, older than `before` (a `seq`)."""
        query = select(t.jobs).order_by(t.jobs.c.seq.desc()).limit(size)
        if collections is not None:
            query = query.where(t.jobs.c.collection.in_(sorted(collections)))
        if state is not None:
            query = query.where(t.jobs.c.state == state)
        if before is not None:
            query = query.where(t.jobs.c.seq < before)
        with self._database.reading() as connection:
            return [_record(connection, row) for row in connection.execute(query).all()]

    def files(self, job: str, *, after: int = 0, size: int = 100) -> list[FileRecord]:
        """Return up to `size` files of a job in order, those after `after` (a `seq`)."""
        query = files_of(job).where(t.files.c.seq > after).limit(size)
        with self._database.reading() as connection:
            return [file_record(row) for row in connection.execute(query)]

    def cancel(self, job: str) -> JobRecord:
        """Cancel a job: a queued one at once, a running one within a page or two. A finished one does not change."""
        with self._database.writing() as connection:
            record = _read(connection, job)
            if record.state == "queued":
                end_job(connection, job, cancelled=True)
            elif not record.ended:
                connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(cancel=1))
            return _read(connection, job)

    def cancel_all(self, collection: str) -> None:
        """Cancel every job of a collection."""
        unfinished = select(t.jobs.c.id).where(t.jobs.c.collection == collection, t.jobs.c.state.not_in(ENDED))
        with self._database.reading() as connection:
            jobs = list(connection.execute(unfinished).scalars())
        for job in jobs:
            self.cancel(job)

    def retry(self, job: str) -> JobRecord:
        """Queue failed and cancelled files again. Raises UsageError if there are none, or the job has not ended."""
        with self._database.writing() as connection:
            record = _read(connection, job)
            if not record.ended:
                raise UsageError(f"expected a job that has ended, found it {record.state}. Wait, or cancel it.")
            unsuccessful = (t.files.c.job == job) & t.files.c.state.in_(("failed", "cancelled"))
            requeued = {"state": "queued", "attempts": 0, "retry": 1, "code": "", "reason": ""}
            if not connection.execute(update(t.files).where(unsuccessful).values(requeued)).rowcount:
                raise UsageError(
                    "expected a job with failed or cancelled files, found none. There is nothing to retry."
                )
            state = {"state": "queued", "finished": None, "cancel": 0}
            connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(state))
            return _read(connection, job)

    def counts(self) -> dict[str, int]:
        """Return the number of jobs in each state."""
        query = select(t.jobs.c.state, func.count()).group_by(t.jobs.c.state)
        with self._database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}


def files_of(job: str) -> Select[Any]:
    """Return the SQL query for a job's files in order."""
    return select(t.files).where(t.files.c.job == job).order_by(t.files.c.seq)


def file_record(row: Any) -> FileRecord:
    """Return a row of the table `files` as a record."""
    _require_known("file", row, get_args(FileState))
    values = {name: getattr(row, name) for name in FileRecord.__slots__}
    return FileRecord(**{**values, "retry": bool(row.retry)})


def end_job(connection: Connection, job: str, *, cancelled: bool = False) -> None:
    """Mark a job as finished: "failed" if one of its files failed. `cancelled`: cancel its queued files."""
    if cancelled:
        waiting = (t.files.c.job == job) & (t.files.c.state == "queued")
        connection.execute(update(t.files).where(waiting).values(state="cancelled"))
    unknown = (t.files.c.job == job) & t.files.c.state.not_in(FILE_ENDED)
    damaged = {"state": "failed", "code": "damaged-record", "reason": _DAMAGED}
    connection.execute(update(t.files).where(unknown).values(damaged))
    failed = select(func.count()).where(t.files.c.job == job, t.files.c.state == "failed")
    state = "cancelled" if cancelled else "failed" if connection.execute(failed).scalar_one() else "succeeded"
    finished = {"state": state, "finished": t.utc_now(), "current": "", "cancel": 0}
    connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(finished))


def fail_damaged_job(connection: Connection, job: str) -> None:
    """Mark a job as failed whose files are not those that were submitted."""
    logger.error("the server's database is damaged: the files of job %s are not those that were submitted", job)
    damaged = {"state": "failed", "code": "damaged-record", "reason": _DAMAGED}
    connection.execute(update(t.files).where(t.files.c.job == job).values(damaged))
    connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(state="failed", finished=t.utc_now()))


def _require_known(what: str, row: Any, states: tuple[str, ...]) -> None:
    if row.state not in states:
        raise ServerDatabaseDamaged(f"{what} {row.seq} in the state {row.state!r}")


def _insert(
    connection: Connection,
    job: str,
    kind: JobKind,
    collection: str,
    files: Sequence[NewFile],
    owner: str,
    fingerprint: str,
) -> None:
    row = {"id": job, "kind": kind, "collection": collection, "state": "queued", "created": t.utc_now()}
    connection.execute(insert(t.jobs).values(**row, owner=owner, fingerprint=fingerprint))
    rows = [
        {"job": job, "name": file.name, "path": file.path, "sha256": file.sha256, "size": file.size, "state": "queued"}
        for file in files
    ]
    if rows:
        connection.execute(insert(t.files), rows)


def _read(connection: Connection, job: str) -> JobRecord:
    row = connection.execute(select(t.jobs).where(t.jobs.c.id == job)).first()
    if row is None:
        raise NotFound(f"expected a job of this server, found none with the id {job!r}. See: GET /v1/jobs")
    return _record(connection, row)


def _record(connection: Connection, row: Any) -> JobRecord:
    _require_known("job", row, get_args(JobState))
    query = select(t.files.c.state, func.count()).where(t.files.c.job == row.id).group_by(t.files.c.state)
    counts: dict[FileState, int] = {state: int(count) for state, count in connection.execute(query)}
    return JobRecord(
        seq=row.seq,
        id=row.id,
        kind=row.kind,
        collection=row.collection,
        state=row.state,
        created=row.created,
        started=row.started,
        finished=row.finished,
        pages=row.pages,
        current=row.current,
        cancelling=bool(row.cancel),
        counts=counts,
    )


def content_fingerprint(kind: JobKind, collection: str, files: Sequence[NewFile | FileRecord]) -> str:
    """Return the hash of what was submitted. A job's files have the same one until the first of them is started."""
    content = [kind, collection, *([file.name, file.sha256 or file.path] for file in files)]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
