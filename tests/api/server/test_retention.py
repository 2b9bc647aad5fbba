"""What is kept for a limited time is deleted after it, and nothing else is."""

import time
from pathlib import Path

from pagelens.api.server.jobs.retention import DAY, RetentionCleaner
from tests.api.server.conftest import Server


def clean_up(server: Server, days: float) -> None:
    """Delete what will have expired in so many days from now."""
    service = server.service
    later = time.time() + days * DAY
    RetentionCleaner(service.database, service.collections, service.folder, clock=lambda: later).delete_expired()


def uploads(server: Server) -> list[str]:
    return sorted(path.name for path in server.service.folder.uploads.rglob("*") if path.is_file())


def test_uploads_that_became_no_document_and_second_copies_are_deleted_after_a_week(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    empty.add({**pdfs, "broken.pdf": b"%PDF-1.7 cut"})
    empty.add({"same again.pdf": pdfs["harbour.pdf"]})
    before = empty.client.get("/v1/documents").json()
    everything = ["broken.pdf", "harbour.pdf", "same again.pdf", "tides.pdf"]
    clean_up(empty, 6)
    assert uploads(empty) == everything
    clean_up(empty, 8)
    assert uploads(empty) == sorted(one["name"] for one in before["documents"])
    assert len(before["documents"]) == 2
    assert not [home for home in (empty.service.folder.uploads / "default").iterdir() if not list(home.iterdir())]
    assert empty.client.get("/v1/documents").json() == before
    for one in before["documents"]:
        assert empty.client.get(f"/v1/documents/{one['id']}/file").content in pdfs.values()
    status = empty.service.use("default", lambda engine: engine.status())
    assert (status.gone, status.failures) == ([], [])
    assert empty.service.use("default", lambda engine: engine.check()) == []


def test_queued_files_are_kept_however_old_they_are(empty: Server, pdfs: dict[str, bytes]) -> None:
    job = empty.upload(pdfs)
    clean_up(empty, 400)
    empty.worker.drain()
    assert empty.job(job["id"])["state"] == "succeeded"


def test_an_interrupted_clean_up_is_completed_by_the_next(empty: Server, pdfs: dict[str, bytes]) -> None:
    empty.add({"tides.pdf": pdfs["tides.pdf"]})
    empty.add({"twice.pdf": pdfs["tides.pdf"]})
    [copy] = empty.service.folder.uploads.rglob("twice.pdf")
    copy.unlink()  # the state at the interruption
    stray: Path = empty.service.folder.incoming / "stray"
    stray.write_bytes(b"never whole")
    clean_up(empty, 8)
    assert not copy.parent.exists()
    assert not stray.exists()
    assert empty.service.use("default", lambda engine: engine.status()).gone == []


def test_finished_jobs_are_kept_for_a_month_and_documents_keep_their_names(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    done = empty.add({"a name: with marks.pdf": pdfs["tides.pdf"]})
    waiting = empty.upload({"harbour.pdf": pdfs["harbour.pdf"]})
    clean_up(empty, 29)
    assert empty.job(done["id"])["state"] == "succeeded"
    clean_up(empty, 31)
    assert empty.client.get(f"/v1/jobs/{done['id']}").status_code == 404
    assert [job["id"] for job in empty.client.get("/v1/jobs").json()["jobs"]] == [waiting["id"]]
    [document] = empty.client.get("/v1/documents").json()["documents"]
    assert document["name"] == "a name: with marks.pdf"
