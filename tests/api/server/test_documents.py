"""Documents and pages over HTTP."""

import errno
import hashlib
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi import HTTPException
from PIL import Image

from pagelens.api.server.collection_manager import Collections
from pagelens.api.server.jobs.claims import JobClaims
from pagelens.api.server.jobs.worker import IndexWorker
from pagelens.api.server.problems import to_problem
from pagelens.api.server.uploads import save_upload
from pagelens.core.errors import DiskFull
from pagelens.core.settings import Settings
from tests.api.server.conftest import HARBOUR, Server, Started


def document(server: Server, name: str) -> str:
    found = server.client.get("/v1/documents").json()["documents"]
    [one] = [one["id"] for one in found if one["name"] == name]
    return str(one)


def test_an_upload_is_accepted_then_indexed_and_listed_by_the_name_its_sender_gave(empty: Server) -> None:
    data = b"%PDF-1.4 not a pdf really"
    from pagelens.api.server.examples import DOCUMENT, PDF

    job = empty.upload({"Årsrapport 2024 (utkast).pdf": PDF, "broken.pdf": data})
    assert job["state"] == "queued"
    assert job["files"] == {"queued": 2}
    empty.worker.drain()
    done = empty.job(job["id"])
    assert done["state"] == "failed"  # one of two
    good, bad = done["results"]
    assert (good["state"], good["document"], good["pages"]) == ("indexed", DOCUMENT, 1)
    assert (bad["state"], bad["code"]) == ("failed", "damaged")
    assert bad["reason"]
    [listed] = empty.client.get("/v1/documents").json()["documents"]
    assert listed["name"] == "Årsrapport 2024 (utkast).pdf"
    assert listed["id"] == hashlib.sha256(PDF).hexdigest()


def test_documents_are_paged_by_cursor_each_once(server: Server) -> None:
    seen, cursor = [], None
    while True:
        given = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        answer = server.client.get("/v1/documents", params=given).json()
        assert answer["total"] == 2
        seen += [one["id"] for one in answer["documents"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 2
    assert seen == sorted(seen)


def test_the_original_comes_back_byte_for_byte_to_be_saved_not_shown(server: Server, pdfs: dict[str, bytes]) -> None:
    answer = server.client.get(f"/v1/documents/{document(server, 'harbour.pdf')}/file")
    assert answer.content == pdfs["harbour.pdf"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_page_tells_its_words_with_spans_and_boxes_that_fit_its_text(server: Server) -> None:
    page = server.client.get(f"/v1/pages/{document(server, 'harbour.pdf')}-2").json()
    assert page["text"].split() == HARBOUR[1].split()
    assert [page["text"][word["start"] : word["end"]] for word in page["words"]] == HARBOUR[1].split()
    assert all(0 <= word["box"]["x0"] < word["box"]["x1"] <= 1 for word in page["words"])
    assert page["name"] == "harbour.pdf"


@pytest.mark.parametrize(("given", "form"), [("jpeg", "JPEG"), ("png", "PNG")])
def test_a_page_picture_is_as_wide_as_asked(server: Server, given: str, form: str) -> None:
    url = f"/v1/pages/{document(server, 'harbour.pdf')}-1/image"
    answer = server.client.get(url, params={"width": 333, "format": given})
    picture = Image.open(BytesIO(answer.content))
    assert (picture.width, picture.format) == (333, form)
    assert picture.height / picture.width == pytest.approx(842 / 595, abs=0.01)


def test_what_one_has_already_is_not_sent_again(server: Server) -> None:
    url = f"/v1/pages/{document(server, 'harbour.pdf')}-2/image"
    first = server.client.get(url, params={"width": 200})
    again = server.client.get(url, params={"width": 200}, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = server.client.get(url, params={"width": 201}, headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200


def test_a_highlight_is_yellow_where_the_word_stands_and_nowhere_else(server: Server) -> None:
    page = f"{document(server, 'harbour.pdf')}-2"
    sized: dict[str, str | int] = {"width": 600, "format": "png"}
    plain, marked = (
        Image.open(BytesIO(server.client.get(f"/v1/pages/{page}/image", params=given).content)).convert("RGB")
        for given in (sized, sized | {"highlight": "timber"})
    )
    words = server.client.get(f"/v1/pages/{page}").json()["words"]
    [timber] = [word["box"] for word in words if word["text"] == "Timber"]
    inside = (round((timber["x0"] + timber["x1"]) / 2 * 600), round(timber["y0"] * marked.height) + 1)
    red, _, blue = marked.getpixel(inside)  # type: ignore[misc]
    assert red - blue > 60
    assert plain.getpixel((300, 700)) == marked.getpixel((300, 700))


def test_heat_needs_a_query_and_changes_the_picture(server: Server) -> None:
    url = f"/v1/pages/{document(server, 'harbour.pdf')}-2/image"
    assert server.client.get(url, params={"heat": True}).status_code == 422
    hot = server.client.get(url, params={"heat": True, "highlight": "timber", "width": 200})
    assert hot.status_code == 200
    assert hot.content != server.client.get(url, params={"width": 200}).content


def test_a_removed_document_is_gone_with_its_upload(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start()
    server.add(pdfs)
    one = document(server, "tides.pdf")
    answer = server.client.delete(f"/v1/documents/{one}")
    assert answer.status_code == 202
    server.worker.drain()
    assert server.job(answer.json()["id"])["state"] == "succeeded"
    assert server.client.get(f"/v1/documents/{one}").status_code == 404
    assert server.client.get(f"/v1/pages/{one}-1").status_code == 404
    left = [path.name for path in server.service.folder.uploads.rglob("*") if path.is_file()]
    assert left == ["harbour.pdf"]


def test_the_same_bytes_twice_are_one_document(empty: Server, pdfs: dict[str, bytes]) -> None:
    for name in ("one.pdf", "two.pdf"):
        assert empty.add({name: pdfs["tides.pdf"]})["state"] == "succeeded"
    assert empty.client.get("/v1/documents").json()["total"] == 1


def test_collections_are_made_filled_apart_and_deleted(start: Started, pdfs: dict[str, bytes]) -> None:
    server = start()
    made = server.client.post("/v1/collections", json={"name": "guides", "profile": "builtin"})
    assert (made.status_code, made.json()["documents"]) == (201, 0)
    assert server.client.post("/v1/collections", json={"name": "guides"}).status_code == 409
    server.add({"tides.pdf": pdfs["tides.pdf"]}, url="/v1/collections/guides/documents")
    assert server.client.get("/v1/collections/guides").json()["documents"] == 1
    assert server.client.get("/v1/documents").json()["total"] == 0
    found = server.client.post("/v1/collections/guides/search", json={"query": "limpet"}).json()
    assert (found["collection"], found["hits"][0]["name"]) == ("guides", "tides.pdf")
    names = [one["name"] for one in server.client.get("/v1/collections").json()["collections"]]
    assert names == ["default", "guides"]
    assert server.client.delete("/v1/collections/guides").status_code == 204
    assert server.client.get("/v1/collections/guides").status_code == 404
    assert server.client.delete("/v1/collections/default").status_code == 409
    assert not (server.service.folder.uploads / "guides").exists()


def test_a_collection_made_again_under_its_old_name_is_the_new_one_for_every_process(
    start: Started, pdfs: dict[str, bytes]
) -> None:
    server = start()
    service, url = server.service, "/v1/collections/guides/documents"
    apart = Collections(service.folder.collections, Settings(threads=1))  # as the worker process has its own
    worker = IndexWorker(JobClaims(service.database), apart, service.folder.uploads)
    for name in ("harbour.pdf", "tides.pdf"):
        server.client.post("/v1/collections", json={"name": "guides", "profile": "builtin"})
        job = server.upload({name: pdfs[name]}, url=url)
        worker.drain()
        assert server.job(job["id"])["state"] == "succeeded", server.job(job["id"])
        assert [one["name"] for one in server.client.get(url).json()["documents"]] == [name]
        assert server.client.delete("/v1/collections/guides").status_code == 204
    apart.close()


def test_metrics_count_by_templates(server: Server) -> None:
    server.client.get(f"/v1/documents/{document(server, 'tides.pdf')}")
    server.client.get("/v1/collections/default/documents")
    output = server.client.get("/metrics").text
    assert 'route="/v1/documents/{document}",status="200"' in output
    assert 'route="/v1/collections/{collection}/documents"' in output
    assert document(server, "tides.pdf") not in output


def test_hundreds_of_uploads_of_one_name_at_once_are_all_kept_and_told_apart(empty: Server) -> None:
    def upload(sender: int) -> Any:
        parts = [("files", ("same.pdf", f"{sender} {n}".encode())) for n in range(50)]
        return empty.client.post("/v1/documents", files=parts).json()["id"]

    with ThreadPoolExecutor(6) as senders:
        jobs = list(senders.map(upload, range(6)))
    files = [file for job in jobs for file in empty.service.queue.files(job, size=100)]
    assert len(files) == len({file.path for file in files}) == 300
    contents = {Path(file.path).read_bytes() for file in files}
    assert contents == {f"{sender} {n}".encode() for sender in range(6) for n in range(50)}
    assert {file.name for file in files} == {"same.pdf"}


class FullDisk(BytesIO):
    """A body that cannot be received: the disk is full."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_507_wherever_it_is_met_and_leaves_nothing(empty: Server) -> None:
    folder = empty.service.folder
    with pytest.raises(OSError, match="No space") as caught:
        save_upload(folder, "default", FullDisk(), "a.pdf")
    assert not list(folder.incoming.iterdir())
    parsing = HTTPException(400, "There was an error parsing the body")  # what FastAPI raises when TMPDIR is full
    parsing.__cause__ = caught.value
    for error in (caught.value, parsing, DiskFull("no room")):
        problem = to_problem(error)
        assert (problem.status, problem.kind) == (507, "disk-full"), error
    assert to_problem(HTTPException(400, "malformed")).status == 400
    assert to_problem(OSError(errno.EIO, "broken")).status == 500
