"""The durable queue as its worker sees it: take a few files, say how far one is, say what became of them.

A job is worked through in steps of a few files; a killed worker's step is simply taken again, since indexing is
idempotent by content. A file that was begun and not ended is taken alone, so that one that kills its reader is found.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, select, update

from pagelens.api.server import database_tables as t
from pagelens.api.server.jobs.job_queue import end_job, file_record, files_of, now
from pagelens.api.server.jobs.job_records import ENDED, FileRecord, FileResult, JobKind
from pagelens.api.server.server_folder import Database

STEP = 16  # files taken at a time: removals and cancellations wait for no more than these
MOST_ATTEMPTS = 3  # begun and never ended: then it is the file


@dataclass(frozen=True, slots=True)
class Step:
    """Some files of one job, to be worked on now."""

    job: str
    kind: JobKind
    collection: str
    files: Sequence[FileRecord]


class Claims:
    """Takes work from the queue. One process at a time: `pagelens.api.server.jobs.worker` holds the lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self) -> Step | None:
        """Return the next step, removals first, else in order; None where nothing waits. Closes what is done."""
        while True:
            with self._database.writing() as connection:
                order = (case((t.jobs.c.kind == "remove", 0), else_=1), t.jobs.c.seq)
                row = connection.execute(select(t.jobs).where(t.jobs.c.state.not_in(ENDED)).order_by(*order)).first()
                if row is None:
                    return None
                files = _next_files(connection, row.id)
                if row.cancel or not files:
                    end_job(connection, row.id, cancelled=bool(row.cancel))
                    continue
                _begin(connection, row.id, row.started or now(), files)
                return Step(row.id, row.kind, row.collection, files)

    def tell(self, step: Step, *, pages: int, current: str) -> bool:
        """Note how far a step is; return whether somebody asks to cancel."""
        with self._database.writing() as connection:
            one = t.jobs.c.id == step.job
            connection.execute(update(t.jobs).where(one).values(pages=pages, current=current))
            return bool(connection.execute(select(t.jobs.c.cancel).where(one)).scalar())

    def finish(self, results: Sequence[FileResult]) -> None:
        """Note what became of files."""
        with self._database.writing() as connection:
            for one in results:
                values = {"state": one.state, "code": one.code, "reason": one.reason, "pages": one.pages}
                if one.sha256:
                    values["sha256"] = one.sha256
                ended = {**values, "attempts": 0, "again": 0}
                connection.execute(update(t.files).where(t.files.c.seq == one.seq).values(ended))

    def give_back(self, step: Step) -> None:
        """Leave a step for later, as if it had not been taken."""
        with self._database.writing() as connection:
            some = t.files.c.seq.in_([one.seq for one in step.files])
            connection.execute(update(t.files).where(some).values(attempts=0))


def _next_files(connection: Connection, job: str) -> list[FileRecord]:
    """Return the files of the next step; those that ended too many readers are failed here."""
    _fail_fatal(connection, job)
    waiting = files_of(job).where(t.files.c.state == "queued")
    first = [file_record(row) for row in connection.execute(waiting.limit(STEP))]
    if first and first[0].attempts:
        return first[:1]
    fresh = [one for one in first if not one.attempts and one.again == first[0].again]
    return fresh or first[:1]


def _fail_fatal(connection: Connection, job: str) -> None:
    fatal = (t.files.c.job == job) & (t.files.c.state == "queued") & (t.files.c.attempts >= MOST_ATTEMPTS)
    reason = f"reading it ended the indexing process {MOST_ATTEMPTS} times: it may need more memory than there is"
    connection.execute(update(t.files).where(fatal).values(state="failed", code="fatal", reason=reason))


def _begin(connection: Connection, job: str, started: str, files: Sequence[FileRecord]) -> None:
    some = t.files.c.seq.in_([one.seq for one in files])
    connection.execute(update(t.files).where(some).values(attempts=t.files.c.attempts + 1))
    connection.execute(update(t.jobs).where(t.jobs.c.id == job).values(state="running", started=started))
