"""A hub on the loopback interface that serves one repository over the hub's own wire format and remembers requests."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class ServedRepository:
    """One repository: its files, and what was asked for."""

    name: str
    files: Mapping[str, bytes]
    endpoint: str = ""
    requests: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Return status, body and headers for a path."""
        self.requests.append(path)
        resolve = f"/{self.name}/resolve/{COMMIT}/"
        if path.startswith(f"/api/models/{self.name}/revision/"):
            return 200, json.dumps({"id": self.name, "sha": COMMIT, "siblings": []}).encode(), {}
        if path.startswith(f"/api/models/{self.name}/tree/{COMMIT}"):
            tree = [
                {"type": "file", "path": file, "size": len(body), "oid": hashlib.sha1(body).hexdigest()}
                for file, body in self.files.items()
            ]
            return 200, json.dumps(tree).encode(), {}
        if path.startswith(resolve) and path.removeprefix(resolve) in self.files:
            body = self.files[path.removeprefix(resolve)]
            return 200, body, {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return 404, b"{}", {"X-Error-Code": "RepoNotFound"}


@contextmanager
def served(name: str, files: Mapping[str, bytes]) -> Iterator[ServedRepository]:
    """Serve a repository while the block runs."""
    repository = ServedRepository(name, files)

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            status, body, headers = repository.answer(self.path)
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    repository.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield repository
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
