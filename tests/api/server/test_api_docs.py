"""The pages that show the API's description, in a real browser; and what is said of wrong fields."""

from pathlib import Path

import httpx2
import pytest

from tests.api.server.browser import CHROMIUM, Browser
from tests.api.server.conftest import Live, Started


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: its package is not installed")
def test_swagger_ui_and_redoc_show_the_routes_with_files_of_this_server_alone(live: Live, tmp_path: Path) -> None:
    browser = Browser(tmp_path / "profile")
    try:
        for page in ("docs", "redoc"):
            browser.open(f"{live.address}/{page}")
            browser.wait("document.body.innerText.includes('Find pages by a text, a picture, or both')")
            sources = browser.value("performance.getEntriesByType('resource').map((item) => item.name)")
            assert sources and all(source.startswith((live.address, "data:", "blob:")) for source in sources)
        assert browser.errors == []
    finally:
        browser.close()


def test_with_keys_the_pages_are_public_and_the_description_is_not(start: Started) -> None:
    client = start(keyless=False).client
    assert client.get("/docs").status_code == client.get("/docs/files/swagger-ui.css").status_code == 200
    assert client.get("/openapi.json").status_code == 401


def test_only_the_files_of_these_pages_are_served(live: Live) -> None:
    for name in ("favicon.png", "..%2fcore.py", "core.py"):
        assert httpx2.get(f"{live.address}/docs/files/{name}").status_code in (400, 404), name
    assert httpx2.get(f"{live.address}/health").json() == httpx2.get(f"{live.address}/healthz").json()


@pytest.mark.parametrize(
    ("body", "field", "detail"),
    [
        ('{"querry": "timber"}', "body.querry", "expected a known field, found querry: is query meant?"),
        ('{"query": "a", "top_k": 3}', "body.top_k", "expected a known field, found top_k: is k meant?"),
        ('{"filters": {"pathh": []}}', "body.filters.pathh", "expected a known field, found pathh: is paths meant?"),
        ("{bad", "body.1", "expected JSON, found something else at character 1"),
        ('{"query": "a", "facets": null, "lanes": []}', "body.lanes", "expected at least 1 items, found 0"),
    ],
)
def test_a_wrong_field_is_told_with_the_right_one(live: Live, body: str, field: str, detail: str) -> None:
    response = httpx2.post(f"{live.address}/v1/search", content=body, headers={"Content-Type": "application/json"})
    problem = response.json()
    assert response.status_code == 422
    assert {"field": field, "detail": detail} in problem["errors"]


def test_a_field_like_no_other_is_told_with_all_names(live: Live) -> None:
    problem = httpx2.post(f"{live.address}/v1/search", json={"zzzz": 1}).json()
    assert "found zzzz. Known are query, image, " in problem["detail"]


def test_json_without_its_content_type_is_told_so(live: Live) -> None:
    for headers, found in (({}, "none"), ({"Content-Type": "text/plain"}, "text/plain")):
        problem = httpx2.post(f"{live.address}/v1/search", content=b'{"query": "timber"}', headers=headers).json()
        assert f"Content-Type: application/json, found the content type {found}" in problem["detail"]
