"""Qdrant's wire protocol in a real server process: bodies validated by the client's own models, run on its local mode.

    python -m tests.index.qdrant_server

Requests are lines of JSON: {"start": options} forks a server and prints its pid and port, {"wait": pid, "seconds": n}
prints whether it ended in that time, {"kill": pid} kills it and waits until it is gone. The servers end with standard
input. What a server cannot show is Qdrant's own engine: its optimisers, its quantisation, its graph. Options:
`die_after`: ends the process without a word in the middle of the n-th upsert, when half of its points are written;
`kill_after`: kills the process named in `pid_file` when the n-th upsert is written, before it is answered;
`busy`: answers the first n requests for points with 503;
`together`: answers the first n searches when all of them have come, and fails them if they do not.
"""

import itertools
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from qdrant_client import QdrantClient, models

PATIENCE = 10.0  # seconds for searches that must come together

warnings.filterwarnings("ignore", message="Payload indexes have no effect|Local mode performs exact")


def make_app(
    client: QdrantClient,
    *,
    key: str = "",
    version: str = "1.17.0",
    die_after: int = 0,
    busy: int = 0,
    kill_after: int = 0,
    pid_file: str = "",
    together: int = 0,
) -> Any:
    app = FastAPI()
    upserts, requests = itertools.count(1), itertools.count(1)
    options_by_collection: dict[str, dict[str, int]] = {}
    queries, barrier = itertools.count(1), threading.Barrier(together or 1)

    @app.middleware("http")
    async def guard(request: Request, following: Any) -> Any:
        if key and request.headers.get("api-key") != key:
            return JSONResponse({"status": {"error": "Invalid API key or JWT"}}, 401)
        if "/points" in request.url.path and next(requests) <= busy:
            return JSONResponse({"status": {"error": "busy"}}, 503)
        return await following(request)

    @app.exception_handler(ValueError)
    async def refuse(_: Request, error: ValueError) -> JSONResponse:
        return JSONResponse({"status": {"error": str(error)}}, 404 if "not found" in str(error) else 400)

    def reply(result: Any) -> dict[str, Any]:
        if hasattr(result, "model_dump"):
            result = result.model_dump(mode="json", exclude_none=True)
        return {"result": result, "status": "ok", "time": 0.0}

    @app.get("/")
    def about() -> dict[str, Any]:
        return {"title": "qdrant - test", "version": version}

    @app.get("/collections")
    def collections() -> dict[str, Any]:
        return reply(client.get_collections())

    @app.get("/collections/{name}/exists")
    def exists(name: str) -> dict[str, Any]:
        return reply({"exists": client.collection_exists(name)})

    @app.get("/collections/{name}")
    def look(name: str) -> dict[str, Any]:
        found = client.get_collection(name)
        for option, value in options_by_collection.get(name, {}).items():  # local mode has one shard and no replicas
            setattr(found.config.params, option, value)
        return reply(found)

    @app.put("/collections/{name}")
    def create(name: str, body: models.CreateCollection) -> dict[str, Any]:
        options = {"shard_number": body.shard_number, "replication_factor": body.replication_factor}
        options_by_collection[name] = {option: value for option, value in options.items() if value is not None}
        return reply(client.create_collection(name, body.vectors, sparse_vectors_config=body.sparse_vectors))

    @app.delete("/collections/{name}")
    def drop(name: str) -> dict[str, Any]:
        return reply(client.delete_collection(name))

    @app.put("/collections/{name}/index")
    def index(name: str, body: models.CreateFieldIndex) -> dict[str, Any]:
        return reply(client.create_payload_index(name, body.field_name, body.field_schema))

    @app.put("/collections/{name}/points")
    def upsert(name: str, body: models.PointsList | models.PointsBatch) -> dict[str, Any]:
        points = body.points if isinstance(body, models.PointsList) else body.batch
        number = next(upserts)
        if number == die_after:
            assert isinstance(points, list)
            client.upsert(name, points[: len(points) // 2])
            os._exit(9)
        done = client.upsert(name, points)
        if number == kill_after:
            os.kill(int(Path(pid_file).read_text()), signal.SIGKILL)
        return reply(done)

    @app.post("/collections/{name}/points/payload")
    def set_payload(name: str, body: models.SetPayload) -> dict[str, Any]:
        return reply(client.set_payload(name, body.payload, body.filter or body.points or []))

    @app.post("/collections/{name}/points/delete")
    def delete(name: str, body: models.FilterSelector | models.PointIdsList) -> dict[str, Any]:
        return reply(client.delete(name, body))

    @app.post("/collections/{name}/points/query")
    def query(name: str, body: models.QueryRequest) -> dict[str, Any]:
        if next(queries) <= together:
            barrier.wait(timeout=PATIENCE)
        return reply(client.query_batch_points(name, [body])[0])

    @app.post("/collections/{name}/points/query/batch")
    def query_batch(name: str, body: models.QueryRequestBatch) -> dict[str, Any]:
        answers = client.query_batch_points(name, body.searches)
        return reply([answer.model_dump(mode="json", exclude_none=True) for answer in answers])

    @app.post("/collections/{name}/points/scroll")
    def scroll(name: str, body: models.ScrollRequest) -> dict[str, Any]:
        points, following = client.scroll(
            name,
            body.filter,
            body.limit or 10,
            None,
            body.offset,
            body.with_payload or False,
            body.with_vector or False,
        )
        return reply(models.ScrollResult(points=points, next_page_offset=following))

    @app.post("/collections/{name}/points")
    def retrieve(name: str, body: models.PointRequest) -> dict[str, Any]:
        found = client.retrieve(name, body.ids, body.with_payload or False, body.with_vector or False)
        return reply([record.model_dump(mode="json", exclude_none=True) for record in found])

    @app.post("/collections/{name}/facet")
    def facet(name: str, body: models.FacetRequest) -> dict[str, Any]:
        return reply(client.facet(name, body.key, body.filter, body.limit or 10, bool(body.exact)))

    @app.post("/collections/{name}/points/count")
    def count(name: str, body: models.CountRequest) -> dict[str, Any]:
        return reply(client.count(name, body.filter))

    return app


def run_server(folder: str, port: int, ready: int, **options: Any) -> None:
    """Serve; the port is written to the file descriptor `ready` once whoever reads it may connect."""
    place: dict[str, Any] = {"path": folder} if folder else {"location": ":memory:"}
    client = QdrantClient(**place, force_disable_check_same_thread=True)
    app = make_app(client, **options)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()
    os.write(ready, str(listening.getsockname()[1]).encode())
    os.close(ready)
    uvicorn.Server(uvicorn.Config(app, log_level="error", limit_concurrency=None)).run(sockets=[listening])


def start(options: dict[str, Any]) -> tuple[int, int]:
    """Fork a server; return its pid and its port."""
    reading, ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.close(0)
        os.dup2(2, 1)
        try:
            run_server(ready=ready, **options)
        except BaseException:  # noqa: BLE001 - printed; the port is missing then
            traceback.print_exc()
        os._exit(1)
    os.close(ready)
    with os.fdopen(reading) as port:
        return child, int(port.read())


def has_ended(child: int, seconds: float) -> bool:
    """Wait until a server has ended."""
    end = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def main() -> None:
    running = set()
    for line in sys.stdin:
        reply: Any = None
        match json.loads(line):
            case {"start": options}:
                reply = start(options)
                running.add(reply[0])
            case {"wait": child, "seconds": seconds}:
                reply = has_ended(child, seconds)
                if reply:
                    running.discard(child)
            case {"kill": child} if child in running:
                kill(child)
                running.discard(child)
        print(json.dumps(reply), flush=True)
    for child in running:
        kill(child)


def kill(child: int) -> None:
    """Kill a server and wait until it is gone."""
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
