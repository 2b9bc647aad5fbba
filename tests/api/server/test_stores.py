"""A server whose collection is on Qdrant: ready while Qdrant answers, not ready while it is gone."""

import threading
from pathlib import Path

from qdrant_client import QdrantClient
from starlette.testclient import TestClient

from pagelens.api.engine import wiring
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.profiles import choose_profile
from pagelens.api.engine.results import SearchResults
from pagelens.api.engine.wiring import StorageOptions
from pagelens.api.server.app import create_app
from pagelens.api.server.collection_manager import Collections
from pagelens.api.server.service import open_service
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.index.layout import FilesRecord, Layout, ServerRecord, write_json
from tests.api.files import write_pdf
from tests.api.server.conftest import TIDES
from tests.index.qdrant_process import QdrantProcess


def make(root: Path, url: str, folder: Path) -> None:
    """A collection of one document on a Qdrant."""
    settings = Settings(threads=1)
    record = ServerRecord(url, "ready", timeout=5, patience=0.2)
    profile = choose_profile("builtin", settings, models={"image": "none", "page": "none"})
    wiring.create_collection(root / "default", profile, settings, storage=StorageOptions(record, None))
    engine = wiring.open_collection(root / "default", settings)
    engine.index([write_pdf(folder / "tides.pdf", TIDES, title="Tide pools")], workers=0)
    engine.close()


def test_a_server_is_ready_while_its_qdrant_answers_and_not_when_that_is_gone(tmp_path: Path) -> None:
    settings, root, folder = Settings(threads=1), tmp_path / "collections", tmp_path / "qdrant"
    with QdrantProcess(folder=folder) as qdrant:
        make(root, qdrant.url, tmp_path)
        service = open_service(root, settings, with_worker=False)
        with TestClient(create_app(service, keyless=True), base_url="http://127.0.0.1") as client:
            service.warm()
            assert client.get("/readyz").json()["ready"]
            assert client.post("/v1/search", json={"query": "home scar"}).status_code == 200
            qdrant.kill()
            answer = client.get("/readyz")
            assert (answer.status_code, answer.json()["open"]) == (503, False)
            assert "a server that holds vectors or the catalog does not answer" in answer.json()["problem"]
            assert str(qdrant.port) not in answer.text
            refused = client.post("/v1/search", json={"query": "something else"})
            assert (refused.status_code, refused.json()["type"]) == (503, "urn:pagelens:problem:store-unavailable")
            with QdrantProcess(folder=folder, port=qdrant.port):
                assert client.get("/readyz").status_code == 200
            with QdrantProcess(port=qdrant.port):  # another one, which holds nothing of ours
                assert client.get("/readyz").status_code == 503


def test_a_search_during_an_interrupted_reembedding_uses_the_lanes_that_exist(tmp_path: Path) -> None:
    """Re-embedding was killed after it replaced `collection.json` and removed the old lane, before its commit."""
    settings, root = Settings(threads=1), tmp_path / "collections"
    with QdrantProcess() as qdrant:
        record = ServerRecord(qdrant.url, "moving", timeout=5, patience=0.2)
        profile = choose_profile("builtin", settings, models={"image": "none"})
        wiring.create_collection(root / "default", profile, settings, storage=StorageOptions(record))
        with wiring.open_collection(root / "default", settings) as engine:
            engine.index([write_pdf(tmp_path / "tides.pdf", TIDES, title="Tide pools")], workers=0)
        layout, collections, seen = Layout(root / "default"), Collections(root, settings), []

        def work(engine: Engine) -> SearchResults:
            seen.append(sorted(engine.manifest.lanes))
            if len(seen) == 1:
                assert engine.search("home scar", k=1).hits
                moved = engine.manifest.as_json()
                moved.pop("sha256", None)  # the hash of the file before this change
                page = moved["lanes"].pop("page")
                write_json(layout.manifest, {**moved, "profile": "builtin+page=none"})
                client = QdrantClient(url=qdrant.url, check_compatibility=False)
                client.delete_collection(f"moving-page-{Space.from_json(page['space']).fingerprint[:8]}")
                client.close()
            return engine.search("home scar", k=1)

        assert collections.use("default", work).hits
        assert seen == [["page", "text"], ["text"]]
        collections.close()


def test_a_server_whose_files_are_away_says_so_and_goes_on_searching(tmp_path: Path) -> None:
    settings, root, share = Settings(threads=1), tmp_path / "collections", tmp_path / "share"
    share.mkdir()
    profile = choose_profile("builtin", settings, models={"image": "none", "page": "none"})
    storage = StorageOptions(files=FilesRecord(share.as_uri(), "ours"))
    wiring.create_collection(root / "default", profile, settings, storage=storage)
    document = write_pdf(tmp_path / "tides.pdf", TIDES, title="Tide pools")
    with wiring.open_collection(root / "default", settings) as engine:
        engine.index([document], workers=0)
    data = document.read_bytes()
    document.unlink()
    service = open_service(root, settings, with_worker=False)
    with TestClient(create_app(service, keyless=True), base_url="http://127.0.0.1") as client:
        service.warm()
        assert client.get("/readyz").json()["files"]
        sha256 = client.get("/v1/documents").json()["documents"][0]["id"]
        answer = client.get(f"/v1/documents/{sha256}/file")
        assert (answer.content, "tides.pdf" in answer.headers["content-disposition"]) == (data, True)
        share.rename(tmp_path / "away")
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"], ready.json()["files"]) == (200, True, False)
        assert "the store of page pictures and originals does not answer" in ready.json()["problem"]
        assert str(tmp_path) not in ready.text
        assert client.post("/v1/search", json={"query": "home scar"}).json()["hits"]
        assert client.get(f"/v1/documents/{sha256}/file").status_code == 503


def test_a_server_started_before_its_qdrant_is_ready_once_that_answers(tmp_path: Path) -> None:
    settings, root, folder = Settings(threads=1), tmp_path / "collections", tmp_path / "qdrant"
    with QdrantProcess(folder=folder) as qdrant:
        make(root, qdrant.url, tmp_path)
    service = open_service(root, settings, with_worker=False)
    service.warm()
    assert (service.readiness.warmed, service.readiness.failed) == (False, True)
    assert str(qdrant.port) not in service.readiness.problem
    with TestClient(create_app(service, keyless=True), base_url="http://127.0.0.1") as client:
        assert client.get("/readyz").status_code == 503
        with QdrantProcess(folder=folder, port=qdrant.port):
            client.get("/readyz")  # begins to warm
            for thread in threading.enumerate():
                if thread.name == "warm-up":
                    thread.join()
            assert client.get("/readyz").status_code == 200
