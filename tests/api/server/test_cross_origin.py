"""Browser apps of other origins: those that were allowed may call, all others are refused without a CORS header."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from pagelens.api.server.app import create_app
from pagelens.api.server.middleware.cross_origin import require_origin
from pagelens.core.errors import UsageError
from tests.api.server.browser import CHROMIUM, Browser
from tests.api.server.conftest import Server
from tests.api.server.processes import ServerProcess

APP = "https://app.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def test_only_allowed_origins_get_cors_headers_and_the_others_are_refused_as_ever(server: Server) -> None:
    client = TestClient(create_app(server.service, keyless=True, origins=frozenset({APP})), base_url="http://127.0.0.1")
    preflight = client.options("/v1/search", headers={"Origin": APP, **PREFLIGHT})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, APP)
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization,content-type"
    headers = {"Origin": APP, "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/v1/search", json={"query": "timber"}, headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, APP)
    assert "access-control-allow-credentials" not in answer.headers
    for origin in ("https://evil.example", f"{APP}.evil.example", f"{APP}:8443", "http://app.example", "null"):
        for refused in (
            client.options("/v1/search", headers={"Origin": origin, **PREFLIGHT}),
            client.post("/v1/search", json={"query": "timber"}, headers={"Origin": origin}),
        ):
            assert (refused.status_code, refused.json()["type"]) == (403, "urn:pagelens:problem:cross-origin"), origin
            assert not [name for name in refused.headers if name.startswith("access-control")], origin


def test_an_allowed_app_needs_a_key_and_reads_why_it_is_refused(server: Server) -> None:
    client = TestClient(create_app(server.service, origins=frozenset({APP})), base_url="http://127.0.0.1")
    assert client.options("/v1/search", headers={"Origin": APP, **PREFLIGHT}).status_code == 200
    answer = client.post("/v1/search", json={"query": "timber"}, headers={"Origin": APP})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, APP)


def test_an_origin_is_written_as_browsers_send_it() -> None:
    for origin in (APP, "http://localhost:3000", "http://[::1]:8080"):
        require_origin(origin)
    for wrong in ("*", "null", "https://*.example", "https://App.example", f"{APP}/", f"{APP}:443", "app.example", ""):
        with pytest.raises(UsageError, match="--allow-origin"):
            require_origin(wrong)


@pytest.fixture
def app_port(tmp_path: Path) -> Iterator[int]:
    """The port of a web server with one page of a browser app."""
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>app</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield web.server_port
        web.shutdown()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_real_browser_lets_the_allowed_app_call_and_no_other(tmp_path: Path, app_port: int) -> None:
    server = ServerProcess(tmp_path / "collections", "--allow-origin", f"http://127.0.0.1:{app_port}")
    browser = Browser(tmp_path / "profile")
    call = (
        f"fetch('{server.address}/v1/search', {{method: 'POST', body: JSON.stringify({{query: 'timber'}}), headers:"
        " {'Content-Type': 'application/json', Authorization: 'Bearer x'}})"
        ".then(async (answer) => [answer.status, Array.isArray((await answer.json()).hits),"
        " answer.headers.get('X-Request-Id') !== null], (error) => [error.name])"
    )
    try:
        browser.open(f"http://127.0.0.1:{app_port}/")
        assert browser.value(call) == [200, True, True]
        browser.open(f"http://localhost:{app_port}/")  # the same page, another origin
        assert browser.value(call) == ["TypeError"]
    finally:
        browser.close()
        server.stop()
