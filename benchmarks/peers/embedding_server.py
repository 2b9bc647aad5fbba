# mypy: disable-error-code="no-any-return"
"""An OpenAI-compatible server of MiniLM's embeddings on loopback, for systems that take embeddings from a server.

    python -m benchmarks.peers.embedding_server PORT

GET /cpu answers with the CPU-seconds that it has spent.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from sentence_transformers import SentenceTransformer

from benchmarks.peers.harness import minilm


class Handler(BaseHTTPRequestHandler):
    """POST /v1/embeddings and GET /cpu. Clients keep connections open: each has a thread, one of them encodes."""

    model: Any = None
    encoding = Lock()
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the CPU-seconds of this process."""
        self._reply(time.process_time())

    def do_POST(self) -> None:
        """Answer with the vectors of `input`."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        with self.encoding:
            vectors = self.model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()
        data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 0, "total_tokens": 0}
        self._reply({"object": "list", "model": body["model"], "data": data, "usage": usage})

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def _reply(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    Handler.model = SentenceTransformer(minilm(), device="cpu")
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print("ready", flush=True)
    server.serve_forever()
