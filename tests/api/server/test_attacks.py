"""What people try: names that climb, bodies without end, headers within headers, documents that speak HTML."""

import base64
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.uploads import MAX_NAME_BYTES, display_name, safe_file_name
from tests.api.files import write_pdf
from tests.api.server.conftest import Server, Started

CLIMBING = [
    "../../../etc/passwd",
    "..\\..\\windows\\system32\\x.pdf",
    "/etc/cron.d/x",
    "....//....//x.pdf",
    "%2e%2e%2fx.pdf",
    "a/\u202e/x.pdf",
    ".htaccess",
    "..",
    "con.pdf",
    "x" * 5_000 + ".pdf",
    "a\x00b.pdf",
    'x"; filename="y.pdf',
]


@pytest.mark.parametrize("name", CLIMBING)
def test_a_file_name_that_climbs_stays_in_its_folder(empty: Server, name: str, pdfs: dict[str, bytes]) -> None:
    uploads = empty.service.folder.uploads
    answer = empty.client.post("/v1/documents", files=[("files", (name, pdfs["tides.pdf"]))])
    assert answer.status_code in (202, 400, 422)
    everything = [path for path in empty.service.folder.collections.rglob("*") if path.suffix == ".pdf"]
    files = [path for path in uploads.rglob("*") if path.is_file()]
    assert set(everything) <= set(files)
    for path in files:
        assert path.parent.parent == uploads / "default"
        assert len(path.name.encode()) <= MAX_NAME_BYTES
        assert not path.name.startswith(".")


@given(st.text(max_size=400))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_a_name_is_what_is_kept_of_it_is_one_plain_file_name(name: str) -> None:
    kept = safe_file_name(name)
    assert kept not in ("", ".", "..")
    assert not set(kept) & set("/\\\0\"'<>|:*?\r\n")
    assert len(kept.encode()) <= MAX_NAME_BYTES
    assert display_name(name).isprintable()


def test_a_body_that_says_it_is_ten_gigabytes_is_refused_unread(empty: Server) -> None:
    headers = {"Content-Length": str(10 << 30), "Content-Type": "multipart/form-data; boundary=x"}
    answer = empty.client.post("/v1/documents", content=b"--x\r\n", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:pagelens:problem:body-too-large")


def test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit(start: Started) -> None:
    server = start(limits=ServerLimits(body_bytes=10_000, upload_bytes=50_000))
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n'
        while sent < 5_000_000:
            sent += 5_000
            yield b"a" * 5_000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = server.client.post("/v1/documents", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert server.client.post("/v1/search", json={"query": "a" * 20_000}).status_code == 413
    assert not [path for path in server.service.folder.root.rglob("*") if path.suffix == ".pdf"]


def test_more_files_than_allowed_are_refused(start: Started) -> None:
    server = start(limits=ServerLimits(upload_files=3))
    answer = server.client.post("/v1/documents", files=[("files", (f"{n}.pdf", b"x")) for n in range(4)])
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:pagelens:problem:too-many-files")


def png_bomb(side: int) -> bytes:
    """A PNG of one colour: few bytes, many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\0" * (side // 8)
    packed = zlib.compressobj(9)
    data = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def test_a_pixel_bomb_fails_with_a_reason_as_a_document_and_as_a_query(empty: Server) -> None:
    bomb = png_bomb(30_000)
    assert len(bomb) < 1_000_000
    [result] = empty.add({"bomb.png": bomb})["results"]
    assert (result["state"], result["code"]) == ("failed", "too-large")
    answer = empty.client.post("/v1/search", json={"image": base64.b64encode(bomb).decode()})
    assert answer.status_code == 422
    assert "/tmp" not in answer.text


@pytest.mark.parametrize(
    "data", [b"PK\x03\x04" + b"\0" * 100, b"\x1f\x8b\x08" + b"\0" * 100, b"<html>", b"", b"\0" * 9]
)
def test_archives_pages_and_nothing_are_failed_with_a_reason_never_unpacked(empty: Server, data: bytes) -> None:
    [result] = empty.add({"a.pdf": data})["results"]
    assert result["state"] == "failed"
    assert result["reason"]


def test_a_file_name_cannot_add_a_header(empty: Server, pdfs: dict[str, bytes]) -> None:
    boundary = b"--x\r\n"
    name = b'filename="a%0d%0aSet-Cookie: b=1\xe2\x80\xa8\x22.pdf"'
    body = boundary + b'Content-Disposition: form-data; name="files"; ' + name + b"\r\n\r\n" + pdfs["tides.pdf"]
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = empty.client.post("/v1/documents", content=body + b"\r\n--x--\r\n", headers=headers)
    assert answer.status_code == 202, answer.text
    empty.worker.drain()
    [one] = empty.client.get("/v1/documents").json()["documents"]
    file = empty.client.get(f"/v1/documents/{one['id']}/file")
    assert "set-cookie" not in file.headers
    assert file.headers["content-disposition"].count('"') == 2


@pytest.mark.parametrize("given", ["a\r\nSet-Cookie: x=1", "x" * 500, "<script>", "ä"])
def test_a_request_id_that_is_not_plain_is_not_echoed(empty: Server, given: str) -> None:
    answer = empty.client.get("/healthz", headers={b"X-Request-Id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert answer.headers["x-request-id"].isalnum()
    assert "set-cookie" not in answer.headers


def test_html_in_a_document_is_text_in_json_and_its_file_is_never_a_page(
    empty: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    script = "<script>alert(1)</script> limpet"
    path = write_pdf(tmp_path_factory.mktemp("html") / "x.html.pdf", [script], title="<img src=x onerror=alert(2)>")
    empty.add({"<b>x</b>.html": path.read_bytes()})
    found = empty.client.post("/v1/search", json={"query": "limpet"})
    assert found.headers["content-type"] == "application/json"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert "<script>" in found.json()["hits"][0]["evidence"][0]["quote"]
    file = empty.client.get(f"/v1/documents/{found.json()['hits'][0]['document']}/file")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment")


def test_no_address_is_ever_fetched(empty: Server) -> None:
    """A picture must be bytes: an address in its place, or inside a document, stays what it is, text."""
    for address in ("http://127.0.0.1:9/x.png", "file:///etc/passwd", "data:image/png;base64,AAAA"):
        answer = empty.client.post("/v1/search", json={"image": address})
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:pagelens:problem:not-base64")


@pytest.mark.parametrize(
    "body",
    [
        b'{"query": "\\ud800"}',
        b'{"query": "a\\u0000b"}',
        b'{"query": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b'{"k": 1e999}',
        b'{"k": NaN, "query": "a"}',
        b"\xff\xfe",
        b'{"query": "a", "lanes": []}',
        b'{"query": "a", "unknown": 1}',
        b'{"query": "a", "filters": {"since": "99999-01-01"}}',
        b'{"query": "a", "cursor": "' + b"A" * 400 + b'"}',
        b'{"query": "a", "cursor": "\xc3\xa4"}',
    ],
)
def test_strange_bodies_are_the_callers_problem(server: Server, body: bytes) -> None:
    answer = server.client.post("/v1/search", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "url",
    [
        "/v1/pages/../../etc/passwd",
        "/v1/pages/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        f"/v1/pages/{'0' * 64}-1",
        f"/v1/pages/{'0' * 64}-0",
        f"/v1/documents/{'0' * 64}/file",
        "/v1/documents/..%2f..%2fserver.sqlite/file",
        "/v1/collections/.pagelens",
        "/v1/collections/..",
        "/v1/collections/%2e%2e/documents",
        "/v1/documents?cursor=AAAA",
        "/v1/documents?cursor=%00",
        "/v1/jobs?cursor=..",
        "/v1/jobs/%27%20OR%201=1",
        "/nowhere",
    ],
)
def test_addresses_that_climb_or_guess_lead_nowhere(server: Server, url: str) -> None:
    answer = server.client.get(url)
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert str(server.service.folder.root) not in answer.text


def test_every_kind_of_error_is_a_problem_with_what_to_do_next(server: Server) -> None:
    answers = [
        server.client.get("/v1/documents?limit=0"),
        server.client.get("/v1/nothing"),
        server.client.put("/v1/documents"),
        server.client.post("/v1/search", content=b"{", headers={"Content-Type": "application/json"}),
    ]
    assert [answer.status_code for answer in answers] == [422, 404, 405, 422]
    for answer in answers:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["type"].startswith("urn:pagelens:problem:")
        assert problem["next_step"]
    assert answers[2].headers["allow"]
    assert answers[0].json()["errors"][0]["field"] == "query.limit"


def test_a_picture_with_hidden_metadata_does_not_carry_it_out(empty: Server) -> None:
    photo = Image.new("RGB", (64, 48), "navy")
    exif = photo.getexif()
    exif[0x013B] = "Secret Artist"
    buffer = BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    job = empty.add({"photo.jpg": buffer.getvalue()})
    page = f"{job['results'][0]['document']}-1"
    assert b"Secret Artist" not in empty.client.get(f"/v1/pages/{page}/image").content
