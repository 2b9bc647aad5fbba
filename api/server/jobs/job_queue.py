"""The durable queue as those see it who submit jobs: submit, look, cancel, retry.

A job is in the database, synced, before anybody is told of it. What works through it is `pagelens.api.server.jobs.claims`.
"""

import hashlib
import json
import uuid
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.jobs.job_records import ENDED, FileRecord, FileState, JobKind, JobRecord, NewFile
from pagelens.api.server.server_folder import Database
from pagelens.core.errors import NotFound, UsageError

_NAMES = uuid.UUID("7d0b8b52-3d7e-4f0b-9c0a-7b6f5a1c2e11")  # of the ids made from idempotency keys


class JobQueue:
    """Jobs in the server's database. Safe to share between threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def submit(
        self, kind: JobKind, collection: str, files: Sequence[NewFile], *, owner: str = "", once: str | None = None
    ) -> JobRecord:
        """Queue a job and return it. `once` is the caller's idempotency key: the same key and content is the same job.

        Raises UsageError for a key that came with another content.
        """
        job = self.id_of(owner, collection, once) if once else uuid.uuid4().hex
        fingerprint = _fingerprint(kind, collection, files)
        with self._database.writing() as connection:
            before = connection.execute(select(t.jobs.c.fingerprint).where(t.jobs.c.id == job)).scalar()
            if before is None:
                _insert(connection, job, kind, collection, files, owner, fingerprint)
            elif before != fingerprint:
                raise UsageError(
                    "expected the content that this Idempotency-Key came with first, found another. Take a new key."
                )
            return _read(connection, job)

    @staticmethod
    def id_of(owner: str, collection: str, once: str) -> str:
        """Return the id of the job that an idempotency key of an owner makes."""
        return uuid.uuid5(_NAMES, json.dumps([owner, collection, once])).hex

    def read(self, job: str) -> JobRecord:
        """Return a job. Raises NotFound."""
        with self._database.reading() as connection:
            return _read(connection, job)

    def page(
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
        """Return up to `size` files of a job, in the order they came, behind `after` (a `seq`)."""
        query = files_of(job).where(t.files.c.seq > after).limit(size)
        with self._database.reading() as connection:
            return [file_record(row) for row in connection.execute(query)]

    def cancel(self, job: str) -> JobRecord:
        """Ask a job to end: at once where it waits, within a page or two where it runs. Ended ones stay as they are."""
        with self._database.writing() as connection:
            found = _read(connection, job)
            if found.state == "queued":
                end_job(connection, job, cancelled=True)
            elif not found.ended:
                connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(cancel=1))
            return _read(connection, job)

    def cancel_all(self, collection: str) -> None:
        """Ask every job of a collection to end."""
        open_ones = select(t.jobs.c.id).where(t.jobs.c.collection == collection, t.jobs.c.state.not_in(ENDED))
        with self._database.reading() as connection:
            found = list(connection.execute(open_ones).scalars())
        for job in found:
            self.cancel(job)

    def retry(self, job: str) -> JobRecord:
        """Queue again what failed or was cancelled. Raises UsageError where nothing did, or the job has not ended."""
        with self._database.writing() as connection:
            found = _read(connection, job)
            if not found.ended:
                raise UsageError(f"expected a job that has ended, found it {found.state}. Wait, or cancel it.")
            again = (t.files.c.job == job) & t.files.c.state.in_(("failed", "cancelled"))
            fresh = {"state": "queued", "attempts": 0, "again": 1, "code": "", "reason": ""}
            if not connection.execute(update(t.files).where(again).values(fresh)).rowcount:
                raise UsageError("expected a job with files that failed or were cancelled, found none. Nothing to do.")
            state = {"state": "queued", "finished": None, "cancel": 0}
            connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(state))
            return _read(connection, job)

    def counts(self) -> dict[str, int]:
        """Return how many jobs there are in each state."""
        query = select(t.jobs.c.state, func.count()).group_by(t.jobs.c.state)
        with self._database.reading() as connection:
            return {str(state): int(count) for state, count in connection.execute(query)}


def now() -> str:
    """Return the time as the tables write it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def files_of(job: str) -> Select[Any]:
    """Return the query for a job's files in order."""
    return select(t.files).where(t.files.c.job == job).order_by(t.files.c.seq)


def file_record(row: Any) -> FileRecord:
    """Return a row of `files`."""
    values = {name: getattr(row, name) for name in FileRecord.__slots__}
    return FileRecord(**{**values, "again": bool(row.again)})


def end_job(connection: Connection, job: str, *, cancelled: bool = False) -> None:
    """Close a job: what it had not come to is cancelled; it failed if one of its files did."""
    if cancelled:
        waiting = (t.files.c.job == job) & (t.files.c.state == "queued")
        connection.execute(update(t.files).where(waiting).values(state="cancelled"))
    failed = select(func.count()).where(t.files.c.job == job, t.files.c.state == "failed")
    state = "cancelled" if cancelled else "failed" if connection.execute(failed).scalar_one() else "succeeded"
    done = {"state": state, "finished": now(), "current": "", "cancel": 0}
    connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(done))


def _insert(
    connection: Connection,
    job: str,
    kind: JobKind,
    collection: str,
    files: Sequence[NewFile],
    owner: str,
    fingerprint: str,
) -> None:
    row = {"id": job, "kind": kind, "collection": collection, "state": "queued", "created": now()}
    connection.execute(insert(t.jobs).values(**row, owner=owner, fingerprint=fingerprint))
    rows = [
        {"job": job, "name": one.name, "path": one.path, "sha256": one.sha256, "size": one.size, "state": "queued"}
        for one in files
    ]
    if rows:
        connection.execute(insert(t.files), rows)


def _read(connection: Connection, job: str) -> JobRecord:
    row = connection.execute(select(t.jobs).where(t.jobs.c.id == job)).first()
    if row is None:
        raise NotFound(f"expected a job of this server, found none with the id {job!r}. See: GET /v1/jobs")
    return _record(connection, row)


def _record(connection: Connection, row: Any) -> JobRecord:
    query = select(t.files.c.state, func.count()).where(t.files.c.job == row.id).group_by(t.files.c.state)
    counts: dict[FileState, int] = {state: int(count) for state, count in connection.execute(query)}
    return JobRecord(
        row.seq,
        row.id,
        row.kind,
        row.collection,
        row.state,
        row.created,
        row.started,
        row.finished,
        row.pages,
        row.current,
        bool(row.cancel),
        counts,
    )


def _fingerprint(kind: JobKind, collection: str, files: Sequence[NewFile]) -> str:
    told = [kind, collection, *([one.name, one.sha256 or one.path] for one in files)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
