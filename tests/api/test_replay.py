"""Replay: a bundle's question asked again of the collection as it was, over the commands and HTTP."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.api.engine.evidence.bundle import QuestionOptions, make_bundle, read_bundle, to_json
from pagelens.api.engine.evidence.filters_json import filters_from_json, filters_to_json
from pagelens.api.engine.evidence.replay import replay
from pagelens.core.errors import UsageError
from pagelens.core.types import Filters
from tests.api.files import write_pdf

QUESTION = "How much timber was moved in 2024?"


@pytest.fixture(scope="module")
def bundle_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The collection, and a bundle of an answer since which the cited document was replaced."""
    files, folder = tmp_path_factory.mktemp("files"), tmp_path_factory.mktemp("replay")
    root, bundle = folder / "collection", folder / "bundle.json"
    write_pdf(files / "port.pdf", ["Port of Sandvik", "Timber grew to 52,300 tonnes in 2024."], title="Port")
    with pagelens.open(root, create=True, profile="builtin") as engine:
        engine.index([files])
    assert main(["history", "-c", str(root), "--keep", "90"]) == 0
    assert main(["ask", QUESTION, "-c", str(root), "--bundle", str(bundle), "--path", "*port.pdf"]) == 0
    write_pdf(files / "port.pdf", ["Port of Sandvik", "Timber fell to 41,000 tonnes in 2024."], title="Port")
    with pagelens.open(root) as engine:
        engine.index([files])
    return root, bundle


@pytest.fixture
def engine(bundle_file: tuple[Path, Path]) -> Iterator[Engine]:
    with pagelens.open(bundle_file[0]) as engine:
        yield engine


def test_a_bundle_is_replayed_from_its_commit(
    bundle_file: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root, bundle = bundle_file
    capsys.readouterr()
    assert main(["replay", str(bundle), "-c", str(root)]) == 0
    assert "the same pages and evidence" in capsys.readouterr().out


def test_the_command_ask_answers_as_of_a_commit(
    bundle_file: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root, bundle = bundle_file
    commit = str(read_bundle(bundle)["collection"]["commit"])
    assert main(["ask", QUESTION, "-c", str(root), "--as-of", commit]) == 0
    assert "52,300" in capsys.readouterr().out
    assert main(["search", "timber", "-c", str(root), "--as-of", commit, "--json"]) == 0
    assert "52,300" in json.dumps(json.loads(capsys.readouterr().out))
    assert main(["search", "timber", "-c", str(root), "--as-of", "1999-01-01"]) != 0


def test_the_cost_of_the_history_is_told_by_status(
    bundle_file: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "-c", str(bundle_file[0])]) == 0
    assert "History of 90 days" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["page", "word", "box"])
def test_a_replay_tells_a_bundle_that_was_changed(bundle_file: tuple[Path, Path], engine: Engine, change: str) -> None:
    bundle = read_bundle(bundle_file[1])
    if change == "page":
        bundle["context"][0]["page"] += 1
    elif change == "word":
        bundle["citations"][0]["quote"] = bundle["citations"][0]["quote"].replace("52", "53")
    else:
        bundle["citations"][0]["words"][0]["box"][0] += 0.000001
    found = replay(engine, bundle)
    assert not found.holds and len(found.differences) == 1


def test_a_bundle_that_does_not_say_how_it_was_asked_is_refused(bundle_file: tuple[Path, Path], engine: Engine) -> None:
    bundle: dict[str, Any] = {**read_bundle(bundle_file[1])}
    del bundle["options"]
    with pytest.raises(UsageError, match="cannot be replayed"):
        replay(engine, bundle)
    other = {**read_bundle(bundle_file[1]), "collection": {**bundle["collection"], "created": "2020-01-01"}}
    with pytest.raises(UsageError, match="the collection of the bundle"):
        replay(engine, other)


def test_a_list_of_documents_is_replayed_too(engine: Engine, tmp_path: Path) -> None:
    options = QuestionOptions(k=6, filters=Filters(), spelling=True, depth="normal", across=True)
    answer = engine.ask("How many documents mention timber?", across=True)
    file = tmp_path / "bundle.json"
    file.write_text(to_json(make_bundle(engine, answer, options=options)), "utf-8")
    assert replay(engine, read_bundle(file)).holds


def test_a_file_that_is_gone_since_changes_notes_and_no_evidence(
    bundle_file: tuple[Path, Path], engine: Engine
) -> None:
    with engine.snapshot() as snapshot:
        (row,) = snapshot.documents.values()
    file, data = Path(row.path), Path(row.path).read_bytes()
    file.unlink()
    try:
        found = replay(engine, read_bundle(bundle_file[1]))
    finally:
        file.write_bytes(data)
    assert found.holds, found.differences


def test_filters_are_written_and_read_back() -> None:
    filters = Filters(
        paths=("*.pdf",),
        since=datetime(2024, 5, 6),
        metadata={"price": ("10..50", ">20")},
        none_of=(Filters(kinds=("photo",)),),
    )
    written = filters_to_json(filters)
    assert json.loads(json.dumps(written)) == written
    assert filters_to_json(filters_from_json(written)) == written
    assert filters_from_json(written).none_of == filters.none_of
