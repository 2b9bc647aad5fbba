"""A collection as it was: earlier commits, found by number or date, and what is kept for them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import NotFound
from pagelens.core.types import Answer
from pagelens.index.catalog.undo_log import Commit, find_commit
from pagelens.index.history import read_history
from pagelens.index.layout import Layout, load
from tests.api.files import write_pdf

QUESTION = "How much timber was moved in 2024?"


@dataclass(frozen=True)
class Changed:
    """A collection that keeps its history and has changed since it was asked."""

    engine: Engine
    commit: int
    answer: Answer
    rows: dict[str, list[tuple[object, ...]]]
    files: Path


def catalog_rows(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """All rows of the catalog's own tables but the judgements."""
    with closing(sqlite3.connect(root / "catalog.sqlite")) as catalog:
        names = [name for (name,) in catalog.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        own = sorted(name for name in names if not name.startswith(("history_", "sqlite_", "state", "judgements")))
        return {name: sorted(catalog.execute(f'SELECT * FROM "{name}"'), key=repr) for name in own}


def segments(root: Path) -> set[Path]:
    return {path for path in (root / "vectors").glob("*/*") if path.is_dir()}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    files = tmp_path_factory.mktemp("files")
    write_pdf(files / "port.pdf", ["Port of Sandvik", "Timber grew to 52,300 tonnes in 2024."], title="Port")
    write_pdf(files / "tides.pdf", ["A limpet returns to its home scar before the tide falls."], title="Tides")
    Image.new("RGB", (64, 48), "navy").save(files / "dusk.jpg")
    engine = pagelens.open(tmp_path_factory.mktemp("history") / "collection", create=True, profile="builtin")
    engine.index([files])
    engine.keep_history(90)
    answer = engine.ask(QUESTION)
    assert answer.generation is not None
    rows = catalog_rows(engine.layout.root)
    write_pdf(files / "port.pdf", ["Port of Sandvik", "Timber fell to 41,000 tonnes in 2024."], title="Port, corrected")
    (files / "tides.pdf").rename(files / "shore.pdf")
    (files / "dusk.jpg").unlink()
    engine.index([files], prune=True)
    table = files / "authors.csv"
    table.write_text("file,author\nshore.pdf,Ida\n", "utf-8")
    engine.load_metadata(table)
    yield Changed(engine, answer.generation, answer, rows, files)
    engine.close()


def test_an_earlier_commit_answers_as_it_did(changed: Changed) -> None:
    past = changed.engine.as_of(str(changed.commit))
    assert past.ask(QUESTION) == changed.answer
    assert "52,300" in changed.answer.text
    assert "41,000" in changed.engine.ask(QUESTION).text


def test_every_row_of_the_catalog_is_as_it_was(changed: Changed) -> None:
    past = changed.engine.as_of(str(changed.commit))
    assert catalog_rows(past.layout.root) == changed.rows
    assert catalog_rows(changed.engine.layout.root) != changed.rows


def test_a_search_of_an_earlier_commit_has_the_same_hits_and_scores(changed: Changed) -> None:
    past, now = changed.engine.as_of(str(changed.commit)), changed.engine
    before = [(hit.ref.path, hit.score) for hit in past.search("tide").hits]
    assert any(path.endswith("tides.pdf") for path, _ in before)
    assert all(not hit.ref.path.endswith("tides.pdf") for hit in now.search("tide").hits)


def test_a_commit_is_found_by_a_date_and_a_later_one_has_later_documents(changed: Changed) -> None:
    kept = changed.engine.kept_history()
    assert kept.days == 90 and kept.size > 0 and kept.commits[0].generation <= changed.commit
    today = datetime.now(UTC).astimezone().date().isoformat()
    assert kept.find(today) == kept.commits[-1].generation
    assert "41,000" in changed.engine.as_of(today).ask(QUESTION).text


def test_the_times_of_commits_decide_which_one_a_moment_means() -> None:
    start = datetime(2026, 11, 1, 12, tzinfo=UTC)
    commits = [Commit(7, start), Commit(8, start + timedelta(days=1)), Commit(9, start + timedelta(days=3))]
    assert find_commit(commits, "8") == 8
    assert find_commit(commits, "2026-11-03T00:00:00+00:00") == 8
    assert find_commit(commits, "2026-12-24") == 9
    for wrong, message in (("3", "expected one of commits 7"), ("2026-10-01", "within commits 7"), ("x", "number or")):
        with pytest.raises(NotFound, match=message):
            find_commit(commits, wrong)
    with pytest.raises(NotFound, match="pagelens history --keep"):
        find_commit([], "1")


def test_segments_of_earlier_commits_stay_until_the_history_is_forgotten(tmp_path: Path) -> None:
    files, root = tmp_path / "files", tmp_path / "collection"
    write_pdf(files / "a.pdf", ["Alder and ash."])
    write_pdf(files / "b.pdf", ["Birch and beech."])
    with pagelens.open(root, create=True, profile="builtin") as engine:
        engine.index([files])
        engine.keep_history(90)
        before = segments(root)
        assert before
        commit = engine.kept_history().commits[-1].generation
        engine.remove(["a.pdf", "b.pdf"])
        assert before <= segments(root)
        assert engine.as_of(str(commit)).search("birch").hits[0].ref.path.endswith("b.pdf")
        engine.keep_history(None)
        assert not before & segments(root)
    assert load(Layout(root)).history_days is None
    assert read_history(Layout(root), load(Layout(root))).commits == ()
    with closing(sqlite3.connect(root / "catalog.sqlite")) as catalog:
        assert not catalog.execute("SELECT name FROM sqlite_master WHERE name LIKE 'history%'").fetchall()


def test_commits_older_than_the_days_kept_are_forgotten(tmp_path: Path) -> None:
    write_pdf(tmp_path / "files" / "a.pdf", ["Alder and ash."])
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([tmp_path / "files"])
        engine.keep_history(90)
        first = engine.kept_history().commits[0].generation
        engine.remove(["a.pdf"])
        with closing(sqlite3.connect(engine.layout.catalog)) as catalog, catalog:
            catalog.execute("UPDATE history_commits SET at = '2020-01-01T00:00:00Z'")
        engine.index([tmp_path / "files"])
        kept = engine.kept_history()
        assert kept.commits[0].generation > first  # the newest of the old ones stays: it holds on the first day kept
        with pytest.raises(NotFound):
            engine.as_of(str(first))


def test_without_a_history_nothing_is_kept(changed: Changed, tmp_path: Path) -> None:
    with pagelens.open(tmp_path / "collection", create=True, profile="builtin") as engine:
        engine.index([changed.files])
        assert engine.kept_history().size == 0
        with pytest.raises(NotFound, match="keeps its history"):
            engine.as_of("1")
