"""Real server processes: started, spoken to slowly, killed."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psutil
import pytest

from pagelens.api.cli.main import main
from pagelens.api.server.auth.keys import KeyStore
from pagelens.api.server.examples import PDF
from pagelens.api.server.jobs.heartbeat import STALLED_SECONDS, Heartbeat
from pagelens.api.server.jobs.worker import GRACE_SECONDS
from pagelens.api.server.server_folder import Database, ServerFolder
from pagelens.api.server.serving import listen
from tests.api.files import made_up_pages, write_pdf
from tests.api.server.conftest import Server
from tests.api.server.processes import MAX_POLLS, ROOT, ServerProcess

T = TypeVar("T")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pagelens", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)


def test_ready_means_ready_and_then_a_search_is_served(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    try:
        assert server.wait_ready()["models"]
        answer = server.client.post("/v1/search", json={"query": "anything"})
        assert answer.status_code == 200
        (tmp_path / "default" / "collection.json").rename(tmp_path / "default" / "away.json")
        assert server.client.get("/readyz").status_code == 503
        (tmp_path / "default" / "away.json").rename(tmp_path / "default" / "collection.json")
        assert server.client.get("/readyz").status_code == 200
    finally:
        server.stop()


def test_two_servers_on_one_folder_serve_the_same_and_one_goes_on_where_the_other_was_killed(tmp_path: Path) -> None:
    pages = [f"Harbour report.\n{text}" for text in made_up_pages(5, seed=1)]
    first, second = ServerProcess(tmp_path), ServerProcess(tmp_path)
    try:
        upload(second, write_pdf(tmp_path / "harbour.pdf", pages))
        query = {"query": "harbour report", "k": 2}
        begun = first.client.post("/v1/search", json=query).json()
        assert begun["hits"] == second.client.post("/v1/search", json=query).json()["hits"]
        more = {**query, "cursor": begun["next_cursor"]}  # given by one, taken by the other
        assert second.client.post("/v1/search", json=more).json()["hits"][0]["rank"] == 3
        first.kill()
        upload(
            second, write_pdf(tmp_path / "pilots.pdf", ["Ships with a draught of more than 8.2 metres need a pilot."])
        )
        hits = second.client.post("/v1/search", json={"query": "draught of ships"}).json()["hits"]
        assert hits[0]["name"] == "pilots.pdf"
    finally:
        second.stop()


def test_an_empty_secret_is_replaced(tmp_path: Path) -> None:
    folder = ServerFolder(tmp_path)
    folder.create()
    (folder.root / "secret").touch()
    made = folder.secret
    assert len(made) == 32
    assert ServerFolder(tmp_path).secret == made


def upload(server: ServerProcess, path: Path) -> None:
    """Upload a file and wait until it is in."""
    job = server.client.post("/v1/documents", files={"files": (path.name, path.read_bytes())}).json()
    with server.client.stream("GET", f"/v1/jobs/{job['id']}", headers={"Accept": "text/event-stream"}) as output:
        assert '"state":"succeeded"' in output.read().decode()


def test_without_cache_and_micro_batching_every_search_is_executed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "--cached-results", "0", "--no-micro-batching", "--max-wait", "5")
    try:
        server.wait_ready()
        answers = [server.client.post("/v1/search", json={"query": "anything"}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        output = server.client.get("/metrics").text
        assert 'pagelens_search_cache{result="miss"} 2.0' in output
        assert 'pagelens_search_cache{result="hit"} 0.0' in output
    finally:
        server.stop()


def test_a_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run("serve", "--collections", str(tmp_path), "--keyless", "--port", port)
    assert refused.returncode == 2
    assert f"port {port} to be free" in refused.stderr and "--port" in refused.stderr


def refused(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Start a server that must not start, in this process; return the message, in one line."""
    assert main(["serve", "--port", "0", *options]) == 2
    return " ".join(capsys.readouterr().err.split())


def test_a_collection_that_is_not_there_is_not_served_unless_it_shall_be_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, "-c", str(tmp_path / "papres"), "--keyless")
    assert "expected a collection at" in message and "papres" in message and "--create" in message
    message = refused(capsys, "--collections", str(tmp_path / "nowhere"), "--keyless")
    assert "expected a folder of collections" in message and "--create" in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("sigint", "status"), [("default", -signal.SIGINT), ("ignore", 0)])
def test_a_server_in_a_terminal_prints_a_link_and_lines_for_people(tmp_path: Path, sigint: str, status: int) -> None:
    """Both in the foreground and as a background job of a shell, which ignores SIGINT, it ends while models load."""
    served = ["--collections", str(tmp_path), "--keyless", "--port", "0", "--log", "text"]
    command = ["env", f"--{sigint}-signal=INT", sys.executable, "-m", "pagelens", "serve", *served]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        lines = iter(process.stderr.readline, "")
        address = next(match[1] for line in lines if (match := re.search(r"PageLens is at (http://\S+/) ", line)))
        assert httpx2.get(f"{address}v1/models").status_code == 200
        answered = next(line for line in lines if "/v1/models" in line)
    finally:
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert (process.wait(60), "Interrupted" in rest) == (status, False), rest  # -SIGABRT before
    assert re.fullmatch(r"\d\d:\d\d:\d\d  GET /v1/models 200, [\d.]+ ms\n", answered)
    assert not any(line.startswith("{") for line in rest.splitlines())


def test_another_address_than_loopback_needs_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, "--collections", str(tmp_path), "--host", "0.0.0.0")
    assert "pagelens keys create --scope read --collections" in message


def test_without_keys_a_server_starts_only_where_that_is_asked_for_and_none_was_ever_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--collections", str(tmp_path))
    message = refused(capsys, *where)
    assert "--keyless" in message and "pagelens keys create" in message
    assert "loopback" in refused(capsys, *where, "--keyless", "--host", "0.0.0.0")
    keys = KeyStore(Database(ServerFolder(tmp_path).database))
    keys.revoke(keys.create("read").split("_")[1])
    assert "expected at least one valid key" in refused(capsys, *where)
    assert "keys were created" in refused(capsys, *where, "--keyless")


def test_keys_are_made_listed_and_revoked_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def keys(*arguments: str) -> tuple[int, str]:
        code = main(["keys", *arguments, "--collections", str(tmp_path)])
        return code, capsys.readouterr().out

    key = keys("create", "--scope", "read", "--only", "minutes", "--name", "Ada")[1].strip()
    assert key.startswith("plk_")
    [listed] = json.loads(keys("list", "--json")[1])
    assert (listed["scope"], listed["collections"], listed["revoked"]) == ("read", ["minutes"], None)
    assert key.split("_", 2)[2] not in keys("list")[1]
    assert keys("revoke", listed["id"])[0] == 0
    assert json.loads(keys("list", "--json")[1])[0]["revoked"]
    assert keys("revoke", listed["id"])[0] == 1
    assert keys("create", "--scope", "everything")[0] == 2


def test_revoking_prints_the_id_only_even_where_a_whole_key_was_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def keys(*arguments: str) -> tuple[int, str]:
        code = main(["keys", *arguments, "--collections", str(tmp_path)])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    key = keys("create", "--scope", "read")[1].strip()
    _, key_id, secret = key.split("_", 2)
    assert keys("revoke", key) == (0, f"revoked {key_id}\n")
    assert keys("revoke", key)[0] == 1  # already revoked
    for pasted in (key, secret, f"x{key}"):
        code, printed = keys("revoke", pasted)
        assert code != 0
        assert secret not in printed


def test_a_search_from_the_shell_loads_no_web_framework(tmp_path: Path) -> None:
    write_pdf(tmp_path / "a.pdf", ["A limpet returns."])
    code = (
        "import sys; from pagelens.api.cli.main import main\n"
        f"main(['index', '{tmp_path}/a.pdf', '-c', '{tmp_path}/c', '--profile', 'builtin', '--ocr', 'never'])\n"
        f"main(['search', 'limpet', '-c', '{tmp_path}/c'])\n"
        "print(sorted({'fastapi', 'starlette', 'uvicorn', 'prometheus_client', 'mcp', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "limpet" in done.stdout
    assert done.stdout.strip().endswith("[]")


@pytest.fixture(scope="module")
def slow_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that gives a body half a second."""
    code = (
        "import sys; from pathlib import Path; from pagelens.core.settings import Settings\n"
        "from pagelens.api.server.limits import ServerLimits; from pagelens.api.server.serving import run_server\n"
        "from pagelens.api.server.service import open_service\n"
        "service = open_service(Path(sys.argv[1]), Settings(threads=1), with_worker=False)\n"
        "limits = ServerLimits(body_idle_timeout=0.5, header_timeout=0.5)\n"
        "run_server(service, host='127.0.0.1', port=0, keyless=True, limits=limits)"
    )
    root = str(tmp_path_factory.mktemp("slow"))
    process = subprocess.Popen([sys.executable, "-c", code, root], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    port = next(json.loads(line)["port"] for line in process.stderr if '"serving"' in line)
    threading.Thread(target=process.stderr.read, daemon=True).start()
    yield port
    process.terminate()
    process.wait(30)


@pytest.mark.parametrize(
    "head",
    [
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\n\r\n{",
        b"POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n3\r\n--x\r\n",
    ],
)
def test_a_body_that_stops_is_answered_with_408_and_others_are_served_meanwhile(slow_server: int, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", slow_server), timeout=30) as line:
        line.sendall(head)
        assert httpx2.get(f"http://127.0.0.1:{slow_server}/healthz").status_code == 200
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"urn:pagelens:problem:body-too-slow" in answer


@pytest.mark.parametrize("begun", [b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_headers_that_are_not_completed_are_answered_with_408(slow_server: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", slow_server), timeout=30) as line:
        line.sendall(begun)
        dripping = threading.Thread(target=drip, args=(line,))
        if begun:
            dripping.start()
        answer = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"urn:pagelens:problem:headers-too-slow" in answer
    assert httpx2.get(f"http://127.0.0.1:{slow_server}/healthz").status_code == 200


def drip(line: socket.socket) -> None:
    """Send a head without end, a letter at a time: each of them must not set the time back."""
    try:
        while True:
            line.sendall(b"x")
            threading.Event().wait(0.05)
    except OSError:
        return


def test_the_header_timeout_does_not_limit_a_reused_connection(slow_server: int) -> None:
    with httpx2.Client() as client:
        for _ in range(4):
            assert client.get(f"http://127.0.0.1:{slow_server}/healthz").status_code == 200
            threading.Event().wait(0.2)


def test_a_body_of_ten_gigabytes_is_refused_by_its_headers(slow_server: int) -> None:
    with socket.create_connection(("127.0.0.1", slow_server), timeout=30) as line:
        line.sendall(
            b"POST /v1/documents HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            b"Content-Length: 10737418240\r\n\r\n"
        )
        assert line.recv(65_536).startswith(b"HTTP/1.1 413")


def test_a_worker_that_dies_is_started_again_and_the_job_goes_on(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path)
    try:
        server.wait_for("worker started")
        job = server.client.post("/v1/documents", files=[("files", ("a.pdf", PDF))]).json()["id"]
        worker = server.worker()
        assert worker is not None
        worker.kill()
        server.wait_for("worker started")
        assert ended(server, job)["state"] == "succeeded"
    finally:
        server.stop()
    assert not worker.is_running()


def ended(server: ServerProcess, job: str) -> Any:
    for _ in range(MAX_POLLS):
        found = server.client.get(f"/v1/jobs/{job}").json()
        if found["state"] in ("succeeded", "failed", "cancelled"):
            return found
        threading.Event().wait(0.05)
    raise AssertionError(found)


class Uploader(threading.Thread):
    """Uploads files one after another until the server is gone; keeps what was accepted."""

    def __init__(self, address: str, files: dict[str, bytes]) -> None:
        super().__init__()
        self._address, self._files = address, files
        self.accepted: dict[str, str] = {}  # file name -> job

    def run(self) -> None:
        with httpx2.Client(base_url=self._address, timeout=30.0) as client:
            for name, data in self._files.items():
                try:
                    answer = client.post("/v1/documents", files=[("files", (name, data))])
                except httpx2.HTTPError:
                    return
                assert answer.status_code == 202, answer.text
                self.accepted[name] = answer.json()["id"]


def kill_rounds(tmp_path: Path, rounds: int) -> None:
    """Kill the server or its worker at some instant of an upload, again and again; then run it undisturbed."""
    generator = random.Random(20261121)
    collections, accepted, round_files = tmp_path / "collections", {}, {}
    for number in range(rounds):
        files = {
            f"round-{number}-{n}.pdf": write_pdf(
                tmp_path / "made" / f"{number}-{n}.pdf", made_up_pages(generator.choice((1, 3, 9)), number * 8 + n)
            ).read_bytes()
            for n in range(4)
        }
        files[f"round-{number}-broken.pdf"] = b"%PDF-1.4 cut " + str(number).encode()
        round_files.update(files)
        server = ServerProcess(collections)
        worker = server.worker() if number % 2 else None
        uploader = Uploader(server.address, files)
        uploader.start()
        threading.Event().wait(generator.uniform(0.05, 1.6))  # the instant
        if worker is not None:
            worker.kill()
            uploader.join()
        server.kill()
        uploader.join()
        accepted.update(uploader.accepted)
    server = ServerProcess(collections)
    try:
        assert accepted, "no upload was accepted: kill later"
        results = {name: ended(server, job)["results"] for name, job in accepted.items()}
        documents = server.client.get("/v1/documents", params={"limit": 500}).json()["documents"]
    finally:
        server.stop()
    for name, found in results.items():
        [one] = found
        assert one["name"] == name
        if "broken" in name:
            assert one["state"] == "failed" and one["reason"]
        else:
            assert one["state"] == "indexed", one
    counted = Counter(one["name"] for one in documents)
    assert set(counted.values()) <= {1}, "indexed twice"
    assert {name for name in accepted if "broken" not in name} <= set(counted)
    assert set(counted) <= set(round_files)
    check = run("doctor", "-c", str(collections / "default"))
    assert check.returncode == 0, check.stdout


def test_killed_during_uploads_every_accepted_file_ends_indexed_or_failed_with_a_reason(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 1)
    assert not [one for one in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(one.info["cmdline"] or [])]


@pytest.mark.slow
def test_killed_twenty_times_during_uploads_nothing_accepted_is_lost_or_doubled(tmp_path: Path) -> None:
    kill_rounds(tmp_path, 20)


def test_a_worker_that_holds_the_lock_and_makes_no_step_is_told_by_readyz(empty: Server) -> None:
    heartbeat = Heartbeat(empty.service.folder.worker_heartbeat)
    heartbeat.start()
    assert empty.client.get("/readyz").json()["problem"] in ("", "starting")
    long_ago = time.time() - STALLED_SECONDS - 10
    os.utime(empty.service.folder.worker_heartbeat, (long_ago, long_ago))
    answer = empty.client.get("/readyz").json()
    assert not answer["worker"]
    assert heartbeat.problem().startswith(f"the indexing process {os.getpid()} holds the worker lock")
    empty.worker.run_step()  # another process's heartbeat is not touched by it
    assert heartbeat.problem()
    heartbeat.beat()
    assert heartbeat.problem() == ""
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    empty.service.folder.worker_heartbeat.write_bytes(ended.stdout)
    os.utime(empty.service.folder.worker_heartbeat, (long_ago, long_ago))
    assert heartbeat.problem() == ""  # it holds no lock any more


def test_the_worker_and_its_readers_end_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "collections")
    pages = made_up_pages(400, seed=3)
    file = write_pdf(tmp_path / "long.pdf", pages)
    server.client.post("/v1/documents", files={"files": (file.name, file.read_bytes())})
    worker = wait_until(server.worker)
    [reader, *_] = wait_until(worker.children)
    assert os.getpgid(worker.pid) == worker.pid != os.getpgid(server.process.pid)
    server.kill()
    gone, alive = psutil.wait_procs([worker, reader], timeout=GRACE_SECONDS + 30)
    assert len(gone) == 2 and not alive


def wait_until(value: Callable[[], T | None]) -> T:
    """Return the first value that is not empty."""
    for _ in range(MAX_POLLS):
        if found := value():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("nothing came")


def test_a_worker_whose_interpreter_is_stuck_ends_by_itself(tmp_path: Path) -> None:
    code = (
        "import ctypes, threading; from pagelens.api.server.jobs import worker\n"
        "worker.WATCH_SECONDS, worker.STUCK_SECONDS = 0.05, 1.0\n"
        "threading.Thread(target=worker._end_with_server, daemon=True).start()\n"
        "threading.Event().wait(0.5)\n"
        "print('stuck', flush=True)\n"
        "ctypes.PyDLL(None).sleep(600)"  # holds the interpreter's lock
    )
    stuck = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert stuck.stdout is not None and stuck.stderr is not None and stuck.stdin is not None
    assert stuck.wait(120) == 1
    assert stuck.stdout.read() == b"stuck\n" and b"Timeout" in stuck.stderr.read()


def test_two_processes_share_a_port_and_one_that_dies_is_replaced(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path, "--processes", "2", "--cached-results", "0")
    try:
        server.wait_ready()
        text = "Ships with a draught of more than 8.2 metres need a pilot."
        upload(server, write_pdf(tmp_path / "pilots.pdf", [text]))
        server.wait_for("a further process serves")
        [further] = further_processes(server)
        server.process.send_signal(signal.SIGSTOP)  # so that the other one alone answers what comes to it
        found = next(filter(None, (search_once(server) for _ in range(MAX_POLLS))))
        server.process.send_signal(signal.SIGCONT)
        assert [hit["name"] for hit in found["hits"]] == ["pilots.pdf"]
        known = [search_once(server, timeout=60) for _ in range(20)]
        assert all(one["hits"] == found["hits"] for one in known)
        assert searches(server) >= 21.0  # those of both processes, whichever tells
        port = server.address.rpartition(":")[2]
        refused = run("serve", "--collections", str(tmp_path), "--keyless", "--port", port, "--processes", "2")
        assert f"port {port} to be free" in refused.stderr  # a server that knows nothing of this one
        further.kill()
        server.wait_for("a further process serves")
        [replaced] = further_processes(server)
        assert replaced.pid != further.pid
        server.kill()
        replaced.wait(timeout=60)  # it ends with the first one
    finally:
        server.stop()
    stopped = ServerProcess(tmp_path, "--processes", "2")
    stopped.wait_for("a further process serves")
    [further] = further_processes(stopped)
    [metrics] = [value for key, value in further.environ().items() if key == "PROMETHEUS_MULTIPROC_DIR"]
    stopped.stop()
    assert not further.is_running() and not Path(metrics).exists()


def further_processes(server: ServerProcess) -> list[psutil.Process]:
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "--port-of-first" in child.cmdline()]


def search_once(server: ServerProcess, *, timeout: float = 1.0) -> Any:
    """Return the answer to a search over a connection of its own; None if there is none in time."""
    with suppress(httpx2.TimeoutException):
        query = {"query": "draught of ships"}
        return httpx2.post(f"{server.address}/v1/search", json=query, timeout=timeout).raise_for_status().json()
    return None


def searches(server: ServerProcess) -> float:
    """Return how many searches the server's metrics count."""
    name = 'pagelens_requests_total{method="POST",route="/v1/search",status="200"}'
    [line] = [line for line in server.client.get("/metrics").text.splitlines() if line.startswith(name)]
    return float(line.rpartition(" ")[2])


def test_a_server_that_is_warm_leaves_what_is_loaded_out_of_garbage_collection(tmp_path: Path) -> None:
    code = (
        "import gc, sys; from pathlib import Path; from pagelens.core.settings import Settings\n"
        "from pagelens.api.server.serving import spare_garbage_collection\n"
        "from pagelens.api.server.service import open_service\n"
        "service = open_service(Path(sys.argv[1]), Settings(threads=1), with_worker=False)\n"
        "service.on_warm = spare_garbage_collection; service.start(); service._warm_up.join()\n"
        "kept, cycle = gc.get_freeze_count(), []; cycle.append(cycle); del cycle\n"
        "print(service.readiness.warmed, kept > 10_000, gc.get_threshold()[0] == 10_000, gc.collect() > 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "root")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "True True True True"


def test_answers_are_sent_without_waiting_for_acknowledgements() -> None:
    with listen("127.0.0.1", 0, first=True) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
