"""Makes an environment for each system, has it rank the development questions, scores all, and prints the table.

    python -m benchmarks.peers [--folder F] [--collection C] [--only NAME ...]

Environments and rankings stay in the folder and are not made again. Systems run one after another, each in a process
with one thread for its model. `uncertain`: the 95% interval of nDCG@5 over documents. A Python 3.12 is looked for
where a system needs one. CPU-ms are of a search over the whole set, with the encoding of the question.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.development_set import SET, require_data
from pagelens.evals.cli.commands import app

ROOT = Path(__file__).parents[2]
REQUIREMENTS = Path(__file__).with_name("requirements")
COLUMNS = ("R@1", "R@5", "nDCG@5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A system: its script, the Python it needs, and whether it takes embeddings from a server."""

    script: str
    python: str = "python3.11"
    embedding_server: bool = False


PEERS = {
    "bm25s": Peer(script="bm25s_pages"),
    "langchain": Peer(script="langchain_systems"),
    "llamaindex": Peer(script="llamaindex_systems"),
    "txtai": Peer(script="txtai_hybrid"),
    "haiku": Peer(script="haiku_hybrid", python="python3.12", embedding_server=True),
}
SERVER_ENVIRONMENT = "langchain"  # has sentence-transformers and MiniLM


def main() -> None:
    """Measure the systems and print the table."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("eval-runs/peers"))
    parser.add_argument("--collection", type=Path, help="PageLens's; one in the folder if left out")
    parser.add_argument("--only", nargs="+", choices=list(PEERS), default=list(PEERS))
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    collection = (arguments.collection or folder / "collection").resolve()
    if not (folder / "pagelens.costs.json").exists():
        _run(Path(sys.executable), "pagelens_systems", folder / "pagelens.jsonl", ["--collection", str(collection)])
    failed = {}
    for name in arguments.only:
        try:
            _measure(name, folder)
        except (OSError, subprocess.CalledProcessError) as exc:
            failed[name] = str(exc)
    _score(folder)
    _print_table(folder, failed)


def _measure(name: str, folder: Path) -> None:
    """Have a system rank the questions, unless it did."""
    peer, out = PEERS[name], folder / f"{name}.jsonl"
    if out.with_suffix(".costs.json").exists():
        return
    python = environment(name, folder)
    with ExitStack() as stack:
        variables = {}
        if peer.embedding_server:
            server = stack.enter_context(_embedding_server(environment(SERVER_ENVIRONMENT, folder)))
            variables["EMBEDDING_SERVER"] = server
        _run(python, peer.script, out, [], variables)


def environment(name: str, folder: Path) -> Path:
    """Return the Python of a system's environment; it is made where it is missing or half made."""
    home = folder / "environments" / name
    python, done = home / "bin" / "python", home / "installed"
    if not done.exists():
        interpreter = shutil.which(PEERS[name].python)
        if interpreter is None:
            raise OSError(f"expected {PEERS[name].python} for {name}, found none on this machine")
        subprocess.run([interpreter, "-m", "venv", "--clear", str(home)], check=True)
        requirements = str(REQUIREMENTS / f"{name}.txt")
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        done.touch()
    return python


def _run(python: Path, script: str, out: Path, options: list[str], variables: Mapping[str, str] | None = None) -> None:
    """Run a system's script in its environment, without a network for models and reports."""
    offline = {"HF_HUB_OFFLINE": "1", "LOGFIRE_SEND_TO_LOGFIRE": "false"}
    one_thread = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    command = [str(python), "-m", f"benchmarks.peers.{script}", "--out", str(out)]
    command += ["--documents", str(SET / "documents"), "--questions", str(SET / "queries.jsonl"), *options]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, **offline, **one_thread, **(variables or {})})


@contextmanager
def _embedding_server(python: Path) -> Iterator[str]:
    """Run the server of MiniLM's embeddings; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "benchmarks.peers.embedding_server", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}) as run:
        try:
            assert run.stdout is not None
            if not run.stdout.readline():
                raise OSError("expected the server of embeddings to start, found that it ended")
            yield f"http://127.0.0.1:{port}"
        finally:
            run.terminate()


def _score(folder: Path) -> None:
    """Put all rankings into the report of one run."""
    for path in sorted(folder.glob("*.costs.json")):
        rankings = path.with_name(path.name.replace(".costs.json", ".jsonl"))
        arguments = ["score", str(rankings), str(SET), "--out", str(folder / "run"), "--json"]
        with (folder / "scores.log").open("w") as log, _stdout_to(log):
            app(arguments, standalone_mode=False)


@contextmanager
def _stdout_to(file: Any) -> Iterator[None]:
    before, sys.stdout = sys.stdout, file
    try:
        yield
    finally:
        sys.stdout = before


def _print_table(folder: Path, failed: Mapping[str, str]) -> None:
    """Print a row for each system, the best over the whole set last, and why some are missing."""
    found = json.loads((folder / "run" / "scores.json").read_text("utf-8"))["systems"]
    costs: dict[str, dict[str, float]] = {}
    for path in folder.glob("*.costs.json"):
        sizes = {"mb": _megabytes(folder / "environments" / path.name.partition(".")[0])}
        costs |= {system: cost | sizes for system, cost in json.loads(path.read_text("utf-8")).items()}
    rows = {(row["system"], row["scope"]): row["measures"] for row in found}
    systems = sorted(costs, key=lambda system: rows[system, "whole"]["nDCG@5"]["mean"])
    head = " | ".join(COLUMNS)
    print(f"| system | within: {head} | uncertain | whole: {head} | uncertain | CPU-ms p50 | p95 | index CPU-s | MB |")
    print("|---|" + "---|" * (2 * len(COLUMNS) + 6))
    for system in systems:
        cells = []
        for scope in ("within", "whole"):
            measures = rows[system, scope]
            cells += [f"{100 * measures[column]['mean']:.1f}" for column in COLUMNS]
            interval = measures["nDCG@5"]
            cells.append(f"{100 * interval['low']:.1f} to {100 * interval['high']:.1f}")
        cost = costs[system]
        index = f"{cost['index_seconds']:.0f}" if "index_seconds" in cost else ""
        cells += [f"{cost['p50']:.1f}", f"{cost['p95']:.1f}", index, f"{cost['mb']:.0f}" if cost["mb"] else ""]
        print(f"| {system} | " + " | ".join(cells) + " |")
    for name, reason in failed.items():
        print(f"not measured: {name}: {reason}")


def _megabytes(folder: Path) -> float:
    """Return the size of an environment's packages, 0 if it has none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


if __name__ == "__main__":
    main()
