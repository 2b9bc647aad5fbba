"""The job queue: an accepted job is executed once, whatever happens in between."""

import json
from pathlib import Path
from typing import Any

import pytest

from pagelens.api.server.jobs import worker as worker_module
from pagelens.api.server.jobs.claims import STEP_FILES, JobClaims, JobStep
from pagelens.api.server.jobs.job_queue import JobQueue
from pagelens.api.server.jobs.job_records import FileResult, NewFile
from pagelens.api.server.jobs.worker import IndexWorker
from pagelens.api.server.server_folder import Database
from pagelens.core.errors import NotFound, UsageError
from tests.api.files import made_up_pages, write_pdf
from tests.api.server.conftest import Server, Started


def test_the_same_idempotency_key_is_the_same_job_and_leaves_no_second_copy(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    headers = {"Idempotency-Key": "upload-1"}
    first = empty.upload({"tides.pdf": pdfs["tides.pdf"]}, headers=headers)
    again = empty.upload({"tides.pdf": pdfs["tides.pdf"]}, headers=headers)
    assert again["id"] == first["id"]
    assert len([path for path in empty.service.folder.uploads.rglob("*") if path.is_file()]) == 1
    other = empty.client.post("/v1/documents", files=[("files", ("h.pdf", pdfs["harbour.pdf"]))], headers=headers)
    assert other.status_code == 422
    assert other.json()["type"] == "urn:pagelens:problem:idempotency-key-reused"
    assert len([path for path in empty.service.folder.uploads.rglob("*") if path.is_file()]) == 1


def test_a_waiting_job_is_cancelled_at_once(empty: Server, pdfs: dict[str, bytes]) -> None:
    job = empty.upload(pdfs)
    cancelled = empty.client.post(f"/v1/jobs/{job['id']}/cancel").json()
    assert (cancelled["state"], cancelled["files"]) == ("cancelled", {"cancelled": 2})
    empty.worker.drain()
    assert empty.client.get("/v1/documents").json()["total"] == 0
    again = empty.client.post(f"/v1/jobs/{job['id']}/retry").json()
    assert again["state"] == "queued"
    empty.worker.drain()
    assert empty.job(job["id"])["state"] == "succeeded"
    assert empty.client.get("/v1/documents").json()["total"] == 2


class CancellingClaims(JobClaims):
    """Claims whose job is cancelled as soon as the worker reports progress."""

    def report_progress(self, step: JobStep, *, pages: int, current: str) -> bool:
        JobQueue(self._database).cancel(step.job)
        return super().report_progress(step, pages=pages, current=current)


def test_cancelled_inside_a_document_the_collection_is_whole_and_a_retry_ends_the_job(
    empty: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    long = write_pdf(tmp_path_factory.mktemp("long") / "long.pdf", made_up_pages(80, 1)).read_bytes()
    job = empty.upload({"long.pdf": long})
    service = empty.service
    IndexWorker(CancellingClaims(service.database), service.collections, service.folder.uploads).drain()
    found = empty.job(job["id"])
    assert (found["state"], found["results"][0]["state"]) == ("cancelled", "cancelled")
    assert empty.client.get("/v1/documents").json()["total"] == 0
    assert service.use("default", lambda engine: engine.check()) == []
    empty.client.post(f"/v1/jobs/{job['id']}/retry")
    empty.worker.drain()
    assert empty.job(job["id"])["results"][0]["pages"] == 80
    assert service.use("default", lambda engine: engine.check()) == []


def test_a_retried_file_that_fails_again_has_a_reason_again(empty: Server) -> None:
    job = empty.add({"broken.pdf": b"%PDF-1.7 cut"})
    assert job["results"][0]["code"] == "damaged"
    assert empty.client.post(f"/v1/jobs/{job['id']}/retry").status_code == 202
    empty.worker.drain()
    again = empty.job(job["id"])
    assert (again["state"], again["files"]) == ("failed", {"failed": 1})
    assert again["results"][0]["reason"]


def test_a_retry_without_failed_files_is_refused(server: Server) -> None:
    [job] = [one for one in server.client.get("/v1/jobs").json()["jobs"] if one["kind"] == "index"][-1:]
    answer = server.client.post(f"/v1/jobs/{job['id']}/retry")
    assert answer.status_code == 422
    assert "none" in answer.json()["detail"]


def claim_and_die(server: Server, times: int) -> list[list[str]]:
    """Claim steps and never finish them, as a worker does that dies; return the names of the files of each step."""
    claims = JobClaims(server.service.database)
    claimed = []
    for _ in range(times):
        step = claims.claim_next()
        assert step is not None
        claimed.append([file.name for file in step.files])
    return claimed


def results(server: Server, job: Any) -> dict[str, tuple[str, str]]:
    return {file["name"]: (file["state"], file["code"]) for file in server.job(job["id"])["results"]}


def test_a_file_during_which_the_worker_died_twice_is_read_a_third_time(empty: Server, pdfs: dict[str, bytes]) -> None:
    job = empty.upload(pdfs)
    assert claim_and_die(empty, 2) == [["harbour.pdf", "tides.pdf"], ["harbour.pdf"]]
    empty.worker.drain()
    assert results(empty, job) == {"harbour.pdf": ("indexed", ""), "tides.pdf": ("indexed", "")}


def test_a_file_during_which_the_worker_died_three_times_is_failed_and_the_others_are_indexed(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    job = empty.upload(pdfs)
    # after the first death each file is claimed alone
    assert claim_and_die(empty, 3) == [["harbour.pdf", "tides.pdf"], ["harbour.pdf"], ["harbour.pdf"]]
    empty.worker.drain()
    assert results(empty, job) == {"harbour.pdf": ("failed", "fatal"), "tides.pdf": ("indexed", "")}
    assert empty.job(job["id"])["state"] == "failed"


def test_a_file_is_claimed_three_times_and_no_more(tmp_path: Path) -> None:
    database = Database(tmp_path / "server.sqlite")
    queue = JobQueue(database)
    job = queue.submit("index", "default", [NewFile("a.pdf", "/uploads/a")])
    claimed = 0
    while JobClaims(database).claim_next() is not None:  # and dies
        claimed += 1
    assert claimed == 3
    [file] = queue.files(job.id)
    assert (file.state, file.code) == ("failed", "fatal") and "died 3 times" in file.reason
    database.close()


def test_removals_overtake_a_long_upload(empty: Server, pdfs: dict[str, bytes]) -> None:
    empty.add({"tides.pdf": pdfs["tides.pdf"]})
    [one] = empty.client.get("/v1/documents").json()["documents"]
    empty.upload({"harbour.pdf": pdfs["harbour.pdf"]})
    empty.client.delete(f"/v1/documents/{one['id']}")
    assert empty.worker.run_step()
    assert empty.client.get("/v1/documents").json()["total"] == 0


def test_a_document_removed_after_it_was_uploaded_again_stays_removed(empty: Server, pdfs: dict[str, bytes]) -> None:
    document = empty.add({"tides.pdf": pdfs["tides.pdf"]})["results"][0]["document"]
    again = empty.upload(pdfs)
    removal = empty.client.delete(f"/v1/documents/{document}").json()
    later = empty.upload({"later.pdf": pdfs["tides.pdf"]})
    empty.worker.drain()
    assert empty.job(removal["id"])["state"] == "succeeded"
    results = {one["name"]: (one["state"], one["code"]) for one in empty.job(again["id"])["results"]}
    assert results == {"tides.pdf": ("cancelled", "removed"), "harbour.pdf": ("indexed", "")}
    assert empty.job(later["id"])["files"] == {"indexed": 1}
    names = {one["name"] for one in empty.client.get("/v1/documents").json()["documents"]}
    assert names == {"later.pdf", "harbour.pdf"}


def test_progress_as_it_happens_ends_with_the_job(server: Server) -> None:
    job = server.client.get("/v1/jobs").json()["jobs"][0]["id"]
    output = server.client.get(f"/v1/jobs/{job}", headers={"Accept": "text/event-stream"}).text
    last = json.loads(output.strip().rsplit("data: ", 1)[1])
    assert (last["id"], last["state"]) == (job, "succeeded")


def test_jobs_are_paged_newest_first(empty: Server, pdfs: dict[str, bytes]) -> None:
    made = [empty.upload({f"{n}.pdf": pdfs["tides.pdf"]})["id"] for n in range(5)]
    seen, cursor = [], None
    while True:
        answer = empty.client.get("/v1/jobs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [job["id"] for job in answer["jobs"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]


def test_server_side_paths_are_indexed_below_allowed_folders_only(
    start: Started, tmp_path_factory: pytest.TempPathFactory
) -> None:
    allowed, outside = tmp_path_factory.mktemp("allowed"), tmp_path_factory.mktemp("outside")
    write_pdf(allowed / "in" / "tides.pdf", ["A limpet returns."])
    write_pdf(outside / "secret.pdf", ["The secret."])
    (allowed / "link.pdf").symlink_to(outside / "secret.pdf")
    server = start(roots=(allowed,))
    job = server.client.post("/v1/documents", data={"paths": [str(allowed)]}).json()
    server.worker.drain()
    assert [one["name"] for one in server.job(job["id"])["results"]] == ["tides.pdf"]
    for bad in (str(outside / "secret.pdf"), str(allowed / "link.pdf"), f"{allowed}/../{outside.name}", "etc", "/\0"):
        answer = server.client.post("/v1/documents", data={"paths": [bad]})
        assert (answer.status_code, answer.json()["type"]) == (403, "urn:pagelens:problem:path-not-allowed"), bad


def test_the_queue_itself_refuses_what_it_cannot_do(empty: Server) -> None:
    queue = empty.service.queue
    with pytest.raises(NotFound):
        queue.read("0" * 32)
    job = queue.submit("index", "default", [NewFile("a", "/nowhere/a.pdf")])
    with pytest.raises(UsageError, match="queued"):
        queue.retry(job.id)
    empty.worker.drain()
    [one] = queue.files(job.id)
    assert (one.state, one.code) == ("failed", "vanished")


def test_a_short_job_is_not_held_up_by_a_long_one_and_both_take_turns(empty: Server) -> None:
    queue, claims = empty.service.queue, JobClaims(empty.service.database)
    files = [NewFile(f"{n}.pdf", f"/nowhere/{n}.pdf") for n in range(3 * STEP_FILES)]
    long = queue.submit("index", "default", files).id
    short = [queue.submit("index", "default", [NewFile("s.pdf", "/nowhere/s.pdf")]).id for _ in range(2)]
    claimed = []
    while (step := claims.claim_next()) is not None:
        claimed.append(step.job)
        claims.record_results([FileResult(file.seq, "indexed") for file in step.files])
    assert claimed == [long, *short, long, long]


def test_a_stream_of_new_jobs_does_not_starve_a_long_one(empty: Server) -> None:
    queue, claims = empty.service.queue, JobClaims(empty.service.database)
    long = queue.submit("index", "default", [NewFile(f"{n}", f"/nowhere/{n}") for n in range(4 * STEP_FILES)]).id
    claimed = []
    for _ in range(8):
        for _ in range(2):  # twice as many as can be executed
            queue.submit("index", "default", [NewFile("s.pdf", "/nowhere/s.pdf")])
        step = claims.claim_next()
        assert step is not None
        claimed.append(step.job)
        claims.record_results([FileResult(file.seq, "indexed") for file in step.files])
    assert claimed.count(long) >= 2


def test_inside_a_long_document_a_short_job_gets_its_turn_and_no_page_is_read_twice(
    empty: Server, tmp_path_factory: pytest.TempPathFactory, pdfs: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "PROGRESS_SECONDS", 0.0)
    long = write_pdf(tmp_path_factory.mktemp("long") / "long.pdf", made_up_pages(80, 1)).read_bytes()
    first = empty.upload({"broken.pdf": b"%PDF-1.7 cut", "long.pdf": long})
    second = empty.upload({"tides.pdf": pdfs["tides.pdf"]})
    service = empty.service
    worker = IndexWorker(JobClaims(service.database), service.collections, service.folder.uploads, slice_seconds=0.0)
    assert worker.run_step()
    assert empty.job(first["id"])["state"] == "running"
    assert empty.client.get("/v1/documents").json()["total"] == 0
    assert worker.run_step()
    assert empty.client.get("/v1/documents").json()["total"] == 1, "the short one is found by its words"
    assert empty.client.post("/v1/search", json={"query": "limpet"}).json()["coverage"]["text"] == 0.0
    assert empty.job(second["id"])["files"] == {"queued": 1}, "its vectors follow"
    assert worker.run_step() and worker.run_step()
    assert empty.job(second["id"])["files"] == {"indexed": 1}
    assert empty.job(first["id"])["state"] == "running"
    worker.drain()
    assert results(empty, first) == {"broken.pdf": ("failed", "damaged"), "long.pdf": ("indexed", "")}
    assert service.use("default", lambda engine: engine.check()) == []


def test_vectors_of_a_job_that_is_cancelled_after_its_words_are_made_while_nobody_waits(
    empty: Server, pdfs: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "PROGRESS_SECONDS", 0.0)
    job = empty.upload({"tides.pdf": pdfs["tides.pdf"]})

    class CancelledAfterWords(JobClaims):
        """Claims whose job is cancelled at the second report after its page was read: the first of the second pass."""

        reports = 0

        def report_progress(self, step: JobStep, *, pages: int, current: str) -> bool:
            super().report_progress(step, pages=pages, current=current)
            self.reports += pages > 0
            return self.reports > 1

    service = empty.service
    worker = IndexWorker(CancelledAfterWords(service.database), service.collections, service.folder.uploads)
    assert worker.run_step()
    assert results(empty, job) == {"tides.pdf": ("indexed", "")}
    assert empty.client.get("/v1/collections").json()["collections"][0]["coverage"]["text"] == 0.0
    worker.drain()
    assert empty.client.get("/v1/collections").json()["collections"][0]["coverage"]["text"] == 1.0
