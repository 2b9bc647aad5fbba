"""What is kept for a while only is gone after it, and nothing else is."""

import time
from pathlib import Path

from pagelens.api.server.jobs.retention import Sweeper
from pagelens.api.server.limits import DAY
from tests.api.server.conftest import Server

WEEK, MONTH = 7 * DAY, 30 * DAY


def sweep(server: Server, days: float) -> None:
    """Sweep as one would so many days from now."""
    service = server.service
    later = time.time() + days * DAY
    Sweeper(
        service.database,
        service.collections,
        service.folder,
        keep_jobs=MONTH,
        keep_uploads=WEEK,
        clock=lambda: later,
    ).sweep()


def uploads(server: Server) -> list[str]:
    return sorted(path.name for path in server.service.folder.uploads.rglob("*") if path.is_file())


def test_uploads_that_became_no_document_and_second_copies_go_after_a_week(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    empty.add({**pdfs, "broken.pdf": b"%PDF-1.7 cut"})
    empty.add({"same again.pdf": pdfs["harbour.pdf"]})
    before = empty.client.get("/v1/documents").json()
    everything = ["broken.pdf", "harbour.pdf", "same again.pdf", "tides.pdf"]
    sweep(empty, 6)
    assert uploads(empty) == everything
    sweep(empty, 8)
    assert uploads(empty) == sorted(one["name"] for one in before["documents"])
    assert len(before["documents"]) == 2
    assert not [home for home in (empty.service.folder.uploads / "default").iterdir() if not list(home.iterdir())]
    assert empty.client.get("/v1/documents").json() == before
    for one in before["documents"]:
        assert empty.client.get(f"/v1/documents/{one['id']}/file").content in pdfs.values()
    status = empty.service.use("default", lambda engine: engine.status())
    assert (status.gone, status.failures) == ([], [])
    assert empty.service.use("default", lambda engine: engine.check()) == []


def test_what_waits_is_not_swept_however_old_it_is(empty: Server, pdfs: dict[str, bytes]) -> None:
    job = empty.upload(pdfs)
    sweep(empty, 400)
    empty.worker.drain()
    assert empty.job(job["id"])["state"] == "succeeded"


def test_a_sweep_that_was_cut_off_is_ended_by_the_next(empty: Server, pdfs: dict[str, bytes]) -> None:
    empty.add({"tides.pdf": pdfs["tides.pdf"]})
    empty.add({"twice.pdf": pdfs["tides.pdf"]})
    [copy] = empty.service.folder.uploads.rglob("twice.pdf")
    copy.unlink()  # as far as it had come
    stray: Path = empty.service.folder.incoming / "stray"
    stray.write_bytes(b"never whole")
    sweep(empty, 8)
    assert not copy.parent.exists()
    assert not stray.exists()
    assert empty.service.use("default", lambda engine: engine.status()).gone == []


def test_ended_jobs_are_told_of_for_a_month_and_documents_keep_their_names(
    empty: Server, pdfs: dict[str, bytes]
) -> None:
    done = empty.add({"a name: with marks.pdf": pdfs["tides.pdf"]})
    waiting = empty.upload({"harbour.pdf": pdfs["harbour.pdf"]})
    sweep(empty, 29)
    assert empty.job(done["id"])["state"] == "succeeded"
    sweep(empty, 31)
    assert empty.client.get(f"/v1/jobs/{done['id']}").status_code == 404
    assert [job["id"] for job in empty.client.get("/v1/jobs").json()["jobs"]] == [waiting["id"]]
    [document] = empty.client.get("/v1/documents").json()["documents"]
    assert document["name"] == "a name: with marks.pdf"
