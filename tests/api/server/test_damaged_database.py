"""The server's database, damaged byte by byte: the damage is told, and no job is lost in silence."""

from pathlib import Path

import pytest

from pagelens.api.server.jobs.claims import JobClaims
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.jobs.job_records import FileResult, JobRecord, NewFile
from pagelens.api.server.problems import to_problem
from pagelens.api.server.server_folder import Database, ServerDatabaseDamaged

STEP = 1_499  # bytes between two damaged ones, no multiple of the page size
JOBS, FILES = 3, 4


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database with waiting jobs."""
    path = tmp_path_factory.mktemp("database") / "server.sqlite"
    database = Database(path)
    for job in range(JOBS):
        files = [NewFile(f"{job}-{n}.pdf", f"/uploads/{job}/{n}", f"{job * FILES + n:064x}", 5) for n in range(FILES)]
        JobQueue(database).submit("index", "default", files)
    database.close()
    return path.read_bytes()


def finished_jobs(path: Path) -> list[JobRecord]:
    """Open a database, execute its jobs, and return them. Raises ServerDatabaseDamaged."""
    database = Database(path)
    try:
        claims = JobClaims(database)
        while (step := claims.claim_next()) is not None:
            claims.record_results([FileResult(file.seq, "indexed") for file in step.files])
        return JobQueue(database).list_jobs(None)
    finally:
        database.close()


def check_flipped(written: bytes, folder: Path, *, step: int) -> None:
    """Damage one byte after another; each time the damage is told, or all jobs end, whole or failed."""
    reported: list[ServerDatabaseDamaged] = []
    for at in range(0, len(written), step):
        path = folder / f"{at}.sqlite"
        path.write_bytes(written[:at] + bytes([written[at] ^ 0xFF]) + written[at + 1 :])
        try:
            jobs = finished_jobs(path)
        except ServerDatabaseDamaged as exc:
            reported.append(exc)
        else:
            whole = [job for job in jobs if job.state == "succeeded" and job.counts == {"indexed": FILES}]
            failed = [job for job in jobs if job.state == "failed"]
            assert len(whole) + len(failed) == JOBS, (at, jobs)
    assert reported
    assert all("found: " in str(error) and "backup" in str(error) for error in reported)
    assert {to_problem(error).status for error in reported} == {503}


def test_a_damaged_job_database_says_so_and_loses_no_job_in_silence(written: bytes, tmp_path: Path) -> None:
    check_flipped(written, tmp_path, step=STEP)


@pytest.mark.slow
def test_a_job_database_damaged_at_every_seventh_byte_loses_no_job_in_silence(written: bytes, tmp_path: Path) -> None:
    check_flipped(written, tmp_path, step=7)


def test_a_job_whose_files_are_not_those_that_were_submitted_fails_with_a_reason(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    queue = JobQueue(database)
    job = queue.submit("index", "default", [NewFile("a.pdf", "/uploads/a", "0" * 64), NewFile("b.pdf", "/uploads/b")])
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE files SET job = 'x' WHERE name = 'b.pdf'")
    assert JobClaims(database).claim_next() is None
    assert queue.read(job.id).state == "failed"
    [file] = queue.files(job.id)
    assert (file.state, file.code) == ("failed", "damaged-record") and "upload it again" in file.reason
    database.close()


def test_a_file_in_an_unknown_state_ends_as_failed_with_a_reason(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    queue, claims = JobQueue(database), JobClaims(database)
    job = queue.submit("index", "default", [NewFile(name, f"/uploads/{name}") for name in ("a.pdf", "b.pdf")])
    step = claims.claim_next()
    assert step is not None
    claims.record_results([FileResult(step.files[0].seq, "indexed")])
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE files SET state = 'queuee' WHERE name = 'b.pdf'")
    assert claims.claim_next() is None
    assert queue.read(job.id).counts == {"indexed": 1, "failed": 1}
    database.close()
