"""The worker's side of the durable job queue: claim a few files of a job, report progress, record the results.

A job is processed in steps of a few files. The step of a killed worker is claimed again, since indexing is idempotent
by content. A file that was started and not finished is claimed alone, so that a file that kills the process is found.

Jobs take turns (round robin): after each step a job goes behind all others, so that a short job does not wait for the
end of a long one. Removals go before all, and cancel what was uploaded of the same content before them: what was asked
for last holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import ColumnElement, Connection, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.jobs.job_queue import (
    content_fingerprint,
    end_job,
    fail_damaged_job,
    file_record,
    files_of,
)
from pagelens.api.server.jobs.job_records import ENDED, FileRecord, FileResult, JobKind
from pagelens.api.server.server_folder import Database

STEP_FILES = 16  # claimed at once; a removal or a cancellation waits for at most these
MAX_ATTEMPTS = 3  # of a file that never finishes; then the file itself is taken to be the cause


@dataclass(frozen=True, slots=True)
class JobStep:
    """Claimed files of one job."""

    job: str
    kind: JobKind
    collection: str
    files: Sequence[FileRecord]


class JobClaims:
    """Claims work from the queue, in one process at a time: `pagelens.api.server.jobs.worker` holds the lock."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turns: dict[str, int] = {}  # job -> its place in the queue
        self._next_turn = count()

    def claim_next(self) -> JobStep | None:
        """Return the next step, removals first, or None if no job waits. Ends jobs that have no files left."""
        while True:
            with self._database.writing() as connection:
                job = self._next_job(connection)
                if job is None:
                    return None
                row = connection.execute(select(t.jobs).where(t.jobs.c.id == job)).one()
                if row.started is None and not _is_as_submitted(connection, row):
                    fail_damaged_job(connection, job)
                    continue
                files = _next_files(connection, row.id)
                if row.cancel or not files:
                    end_job(connection, row.id, cancelled=bool(row.cancel))
                    continue
                if row.kind == "remove":
                    _cancel_earlier_uploads(connection, row, [file.sha256 for file in files])
                _start(connection, row.id, row.started or t.utc_now(), files)
                return JobStep(row.id, row.kind, row.collection, files)

    def _next_job(self, connection: Connection) -> str | None:
        """Return the unfinished job whose turn it is, and send it behind all others."""
        unfinished = select(t.jobs.c.id, t.jobs.c.kind).where(t.jobs.c.state.not_in(ENDED)).order_by(t.jobs.c.seq)
        kinds = {row.id: row.kind for row in connection.execute(unfinished)}
        self._turns = {job: self._turns[job] if job in self._turns else next(self._next_turn) for job in kinds}
        job = min(kinds, key=lambda job: (kinds[job] != "remove", self._turns[job]), default=None)
        if job is not None:
            self._turns[job] = next(self._next_turn)
        return job

    def others_wait(self, step: JobStep) -> bool:
        """Return whether another job waits for its turn."""
        return self._waits(t.jobs.c.id != step.job)

    def any_waits(self) -> bool:
        """Return whether a job waits for its turn."""
        return self._waits()

    def _waits(self, *conditions: ColumnElement[bool]) -> bool:
        with self._database.reading() as connection:
            waiting = select(t.jobs.c.id).where(t.jobs.c.state.not_in(ENDED), *conditions).limit(1)
            return connection.execute(waiting).first() is not None

    def report_progress(self, step: JobStep, *, pages: int, current: str) -> bool:
        """Store the progress of a step. Return whether the job is to be cancelled."""
        with self._database.writing() as connection:
            this_job = t.jobs.c.id == step.job
            connection.execute(update(t.jobs).where(this_job).values(pages=pages, current=current))
            return bool(connection.execute(select(t.jobs.c.cancel).where(this_job)).scalar())

    def record_results(self, results: Sequence[FileResult]) -> None:
        """Store the results of files."""
        with self._database.writing() as connection:
            for result in results:
                values = {"state": result.state, "code": result.code, "reason": result.reason, "pages": result.pages}
                if result.sha256:
                    values["sha256"] = result.sha256
                finished = {**values, "attempts": 0, "retry": 0}
                connection.execute(update(t.files).where(t.files.c.seq == result.seq).values(finished))

    def release(self, step: JobStep) -> None:
        """Return a step to the queue as if it had not been claimed."""
        with self._database.writing() as connection:
            claimed = t.files.c.seq.in_([file.seq for file in step.files])
            connection.execute(update(t.files).where(claimed).values(attempts=0))


def _is_as_submitted(connection: Connection, job: Any) -> bool:
    """Return whether a job that was never started has the files that it was submitted with."""
    files = [file_record(row) for row in connection.execute(files_of(job.id))]
    return bool(job.fingerprint == content_fingerprint(job.kind, job.collection, files))


def _next_files(connection: Connection, job: str) -> list[FileRecord]:
    """Return the files of the next step. Files with too many attempts are marked as failed."""
    _fail_exhausted(connection, job)
    waiting = files_of(job).where(t.files.c.state == "queued")
    first = [file_record(row) for row in connection.execute(waiting.limit(STEP_FILES))]
    if first and first[0].attempts:
        return first[:1]
    return [file for file in first if not file.attempts and file.retry == first[0].retry]


def _fail_exhausted(connection: Connection, job: str) -> None:
    exhausted = (t.files.c.job == job) & (t.files.c.state == "queued") & (t.files.c.attempts >= MAX_ATTEMPTS)
    reason = f"the indexing process died {MAX_ATTEMPTS} times while reading it: it may need more memory than there is"
    connection.execute(update(t.files).where(exhausted).values(state="failed", code="fatal", reason=reason))


def _cancel_earlier_uploads(connection: Connection, removal: Any, contents: Sequence[str | None]) -> None:
    """Cancel files with some contents that wait in jobs older than a removal, which would add them again after it."""
    jobs = (t.jobs.c.kind == "index") & (t.jobs.c.collection == removal.collection) & (t.jobs.c.seq < removal.seq)
    older = t.files.c.job.in_(select(t.jobs.c.id).where(jobs))
    waiting = older & (t.files.c.state == "queued") & t.files.c.sha256.in_(contents)
    cancelled = {"state": "cancelled", "code": "removed", "reason": "the document was removed before this was indexed"}
    connection.execute(update(t.files).where(waiting).values(cancelled))


def _start(connection: Connection, job: str, started: str, files: Sequence[FileRecord]) -> None:
    claimed = t.files.c.seq.in_([file.seq for file in files])
    connection.execute(update(t.files).where(claimed).values(attempts=t.files.c.attempts + 1))
    connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(state="running", started=started))
