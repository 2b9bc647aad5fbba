"""The engine with the builtin models works where no optional library is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.files import write_pdf

OPTIONAL = (
    "torch",
    "transformers",
    "sentence_transformers",
    "open_clip",
    "colpali_engine",
    "openai",
    "anthropic",
    "qdrant_client",
    "psycopg",
    "ray",
    "s3fs",
)
HIDE = """
import json, sys

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)  # find_distributions, for importlib.metadata

    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in HIDDEN else self.finder.find_spec(name, path, target)

HIDDEN = set(json.loads(sys.argv[1]))
sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
"""
USE = """
import pagelens

root, files = sys.argv[2:4]
with pagelens.open(root, create=True, profile="builtin") as engine:
    report = engine.index(files, workers=0)
    hits = engine.search("when does the ferry sail").hits
    answer = engine.ask("When does the ferry sail?")
print(json.dumps([report.documents, [hit.ref.number for hit in hits], answer.text]))
"""
LOAD = """
import pagelens
from pagelens.api.engine.language_models import load_language_model
from pagelens.ingest.workers.ray_cluster import connect

try:
    if sys.argv[2] == "ray":
        with connect(sys.argv[3]):
            pass
    elif sys.argv[2] == "llm":
        load_language_model(sys.argv[3])
    else:
        pagelens.open(sys.argv[4], create=True, profile=sys.argv[3])
except pagelens.PageLensError as exc:
    print(exc)
"""


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", HIDE + script, json.dumps(OPTIONAL), *arguments]
    result = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_files_are_indexed_searched_and_asked_about_without_them(tmp_path: Path) -> None:
    write_pdf(tmp_path / "ferry.pdf", ["The crane is new.", "The ferry sails at nine in the morning."])
    documents, pages, answer = json.loads(run(USE, str(tmp_path / "c"), str(tmp_path / "ferry.pdf")))
    assert (documents, pages[0]) == (1, 2)
    assert "nine in the morning" in answer


@pytest.mark.parametrize(
    ("kind", "model", "extra"),
    [
        ("llm", "openai:some-model", "pagelens[llm]"),
        ("llm", "anthropic:some-model", "pagelens[llm]"),
        ("llm", "local:FOLDER", "pagelens[models]"),
        ("text", "BAAI/bge-small-en-v1.5", "pagelens[models]"),
        ("ray", "local", "pagelens[ray]"),
    ],
)
def test_what_needs_one_says_in_one_line_which_extra_brings_it(
    kind: str, model: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGELENS_LLM_KEY", "none")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (tmp_path / "config.json").write_text("{}")  # a checkpoint
    message = run(LOAD, kind, model.replace("FOLDER", str(tmp_path)), str(tmp_path / "c"))
    assert message.count("\n") == 1
    assert f"pip install '{extra}'" in message
