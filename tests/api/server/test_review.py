"""The list of what is unsure over HTTP, and the screen on which a person decides."""

import json

from pagelens.core.reviews import ReviewItem
from pagelens.core.types import Box
from pagelens.index import review_log
from tests.api.server.axe import AXE, serious_findings
from tests.api.server.browser import Browser, in_browser, opened
from tests.api.server.conftest import Server, Started
from tests.api.server.processes import ServerProcess, add_files
from tests.generate.model_server import Complete, ModelServer

SCHEMA = {"type": "object", "properties": {"timber": {"type": "number", "description": "tonnes"}}}


def test_what_is_unsure_is_kept_corrected_and_wins(start: Started, model: ModelServer, pdfs: dict[str, bytes]) -> None:
    server = start()
    server.add({"harbour.pdf": pdfs["harbour.pdf"]})
    [document] = server.client.get("/v1/documents").json()["documents"]
    body = {"document": document["id"], "schema": SCHEMA}
    model.replies = [Complete(['{"data": {"timber": 99999}, "pages": {"/timber": 2}}'])] * 4
    assert server.client.post("/v1/extract", json=body).json()["data"] == {"timber": 99999}
    assert server.client.get("/v1/review").json() == {"items": [], "total": 0}  # nobody asked to keep it
    assert server.client.post("/v1/review/extract", json=body).status_code == 200
    [item] = server.client.get("/v1/review").json()["items"]
    assert (item["pointer"], item["value"], item["name"], item["kind"]) == ("/timber", 99999, "harbour.pdf", "value")
    url = f"/v1/collections/default/review/{item['id']}/decision"
    decided = server.client.post(url, json={"decision": "corrected", "value": 52300}).json()
    assert (decided["decision"], decided["correction"]) == ("corrected", 52300)
    model.replies = [Complete(['{"data": {"timber": 99999}, "pages": {"/timber": 2}}'])] * 4
    again = server.client.post("/v1/extract", json=body).json()
    assert again["data"] == {"timber": 52300} and again["corrected"] == ["/timber"]
    assert server.client.get("/v1/review").json()["total"] == 0
    assert server.client.get("/v1/review?decided=true").json()["total"] == 1


def test_what_is_no_decision_is_refused(server: Server) -> None:
    assert server.client.post(f"/v1/review/{'0' * 16}/decision", json={"decision": "accepted"}).status_code == 404
    assert server.client.post(f"/v1/review/{'0' * 16}/decision", json={"decision": "perhaps"}).status_code == 422
    assert server.client.post("/v1/review/x/decision", json={"decision": "accepted"}).status_code == 422


def test_a_shipped_schema_needs_no_model(server: Server) -> None:
    document = next(one for one in server.client.get("/v1/documents").json()["documents"] if one["pages"] > 1)
    found = server.client.post("/v1/extract", json={"document": document["id"], "schema": "invoice"})
    assert found.status_code == 200 and found.json()["data"]["number"] is None
    assert server.client.post("/v1/extract", json={"document": document["id"], "schema": "bill"}).status_code == 422


@in_browser
def test_a_person_decides_beside_the_marked_page(browser: Browser, start: Started, pdfs: dict[str, bytes]) -> None:
    del start
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "collections", "--model", "extractive")
        try:
            add_files(server, {"harbour.pdf": pdfs["harbour.pdf"]})
            [document] = server.client.get("/v1/documents").json()["documents"]
            from pagelens.index.layout import Layout

            layout = Layout(Path(folder) / "collections" / "default")
            values = [("/total", 12), ("/number", "R-1")]
            items = [
                ReviewItem(
                    kind="value",
                    document=document["id"],
                    number=2,
                    subject="invoice",
                    pointer=pointer,
                    value=value,
                    reason="smudged",
                    boxes=[Box(0.1, 0.1, 0.4, 0.2)],
                    at=f"2026-01-0{at}",
                )
                for at, (pointer, value) in enumerate(values, start=1)
            ]
            assert review_log.add(layout, items) == 2
            browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
            opened(browser, server)
            browser.value("document.querySelector('#show-review').click()")
            browser.wait("document.querySelectorAll('#review-items .spot').length === 2")
            assert AXE is None or not serious_findings(browser)
            first = "document.querySelector('#review-items > li')"
            text = browser.value(f"{first}.innerText")
            assert "smudged" in str(text) and "total" in str(text) and "page 2" in str(text)
            browser.value(
                f"(() => {{ const box = {first}.querySelector('input'); box.value = '15.5';"
                " box.dispatchEvent(new Event('input', {bubbles: true})); })()"
            )
            assert browser.value(f"{first}.querySelector('button.strong').textContent") == "Correct"
            browser.value(f"{first}.querySelector('button.strong').click()")
            browser.wait("document.querySelectorAll('#review-items > li').length === 1")
            browser.value(f"{first}.querySelector('button.strong').click()")
            browser.wait("document.querySelectorAll('#review-items > li').length === 0")
            decided = server.client.get("/v1/review?decided=true").json()["items"]
            assert [(one["pointer"], one["decision"], one["correction"]) for one in decided] == [
                ("/total", "corrected", 15.5),
                ("/number", "accepted", None),
            ], json.dumps(decided)
        finally:
            server.stop()
