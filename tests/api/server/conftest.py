"""A server in the test process: the real app and queue; the tests call its worker."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.testclient import TestClient

from pagelens.api.server.app import create_app
from pagelens.api.server.jobs.claims import JobClaims
from pagelens.api.server.jobs.job_records import NewFile
from pagelens.api.server.jobs.worker import IndexWorker
from pagelens.api.server.limits import ServerLimits
from pagelens.api.server.service import Service, open_service
from pagelens.core.settings import Settings
from tests.api.files import write_pdf
from tests.api.server.browser import Browser
from tests.api.server.mixed_files import write_mixed_folder
from tests.api.server.processes import ServerProcess
from tests.generate.model_server import ModelServer, running

HARBOUR = [
    "Port of Sandvik annual report\nThis report covers the year 2024.",
    "The northern breakwater was finished in September.\nTimber grew to 52,300 tonnes in 2024.",
    "Ships with a draught of more than 8.2 metres need a pilot.\nThree accidents were recorded.",
]
TIDES = ["A limpet returns to its home scar before the tide falls.\nIts rim keeps the water in."]


@dataclass
class Server:
    """An app with its parts."""

    service: Service
    client: TestClient
    worker: IndexWorker

    def upload(self, files: dict[str, bytes], *, url: str = "/v1/documents", **options: Any) -> Any:
        """Upload files by name; return the job in the response."""
        parts = [("files", (name, data)) for name, data in files.items()]
        answer = self.client.post(url, files=parts, **options)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def job(self, job: str) -> Any:
        """Return a job."""
        return self.client.get(f"/v1/jobs/{job}").json()

    def add(self, files: dict[str, bytes], **options: Any) -> Any:
        """Upload files, index them, return the finished job."""
        job = self.upload(files, **options)
        self.worker.drain()
        return self.job(job["id"])


Started = Callable[..., Server]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """Start servers, each on a folder of its own, closed at the module's end."""
    opened: list[TestClient] = []

    def make(*, limits: ServerLimits | None = None, keyless: bool = True, roots: tuple[Path, ...] = ()) -> Server:
        root = tmp_path_factory.mktemp("collections")
        service = open_service(root, Settings(threads=1), roots=roots, with_worker=False)
        app = create_app(service, limits=limits, keyless=keyless)
        client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        client.__enter__()
        opened.append(client)
        worker = IndexWorker(JobClaims(service.database), service.collections, service.folder.uploads)
        return Server(service, client, worker)

    yield make
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture(scope="module")
def pdfs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two documents by their file names."""
    folder = tmp_path_factory.mktemp("pdfs")
    harbour = write_pdf(folder / "harbour.pdf", HARBOUR, title="Port of Sandvik")
    tides = write_pdf(folder / "tides.pdf", TIDES, title="Tide pools")
    return {"harbour.pdf": harbour.read_bytes(), "tides.pdf": tides.read_bytes()}


@pytest.fixture(scope="module")
def server(start: Started, pdfs: dict[str, bytes]) -> Server:
    """A server with two documents."""
    server = start()
    assert server.add(pdfs)["state"] == "succeeded"
    return server


@dataclass
class Live:
    """A server on a port of this machine."""

    address: str
    service: Service


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, pdfs: dict[str, bytes]) -> Iterator[Live]:
    """The same app on a real uvicorn server, with two documents and no worker."""
    service = open_service(tmp_path_factory.mktemp("live"), Settings(threads=1), with_worker=False)
    service.collections.create("default", "builtin")
    folder = tmp_path_factory.mktemp("files")
    for name, data in pdfs.items():
        (folder / name).write_bytes(data)
    files = [NewFile(name, str(folder / name)) for name in pdfs]
    service.queue.submit("index", "default", files)
    IndexWorker(JobClaims(service.database), service.collections, service.folder.uploads).drain()
    config = uvicorn.Config(create_app(service, keyless=True), host="127.0.0.1", port=0, log_config=None)
    running = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
        thread.start()
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=5)) as client:
            assert client.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        yield Live(f"http://127.0.0.1:{port}", service)
        running.should_exit = True
        thread.join()


@pytest.fixture
def empty(start: Started) -> Server:
    """A server without documents."""
    return start()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    """A language model's server, named by the environment for the servers that are started after."""
    with running() as server:
        monkeypatch.setenv("PAGELENS_LLM_MODEL", "tiny")
        monkeypatch.setenv("PAGELENS_LLM_URL", f"{server.root}/v1")
        yield server


@pytest.fixture(scope="session")
def mixed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server process with the mixed folder; a test that adds documents removes them."""
    folder = write_mixed_folder(tmp_path_factory.mktemp("mixed").resolve())
    collections = tmp_path_factory.mktemp("served") / "collections"
    server = ServerProcess(collections, "--model", "extractive", "--allow-path", str(folder))
    job = server.client.post("/v1/documents", data={"paths": str(folder)}).json()
    with server.client.stream("GET", f"/v1/jobs/{job['id']}", headers={"Accept": "text/event-stream"}) as events:
        assert '"finished":"' in events.read().decode()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    """The session's browser, in which nothing was opened."""
    chromium.renew()
    return chromium
