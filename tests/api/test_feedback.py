"""What users do with hits: kept in the catalog beside the one writer, exported as qrels, removed."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import pagelens
from pagelens.api.cli.feedback_command import CLICKED, DOWN, UP, grade
from pagelens.api.cli.main import main
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import NotFound, UsageError
from pagelens.core.judgements import Judgement, Verdict
from pagelens.core.types import PageRef
from pagelens.evals.datasets.folder import read_folder
from pagelens.index import judgement_log
from pagelens.index.layout import writer_lock


@pytest.fixture
def own(engine: Engine, tmp_path: Path) -> Iterator[Engine]:
    """A copy of the collection, to be written to."""
    shutil.copytree(engine.layout.root, tmp_path / "own")
    with pagelens.open(tmp_path / "own") as own:
        yield own


def judged(engine: Engine, file: str, number: int, verdict: Verdict, query: str = "timber 2024") -> Judgement:
    with engine.snapshot() as snapshot:
        [sha] = [row.document.sha256 for row in snapshot.documents.values() if row.path.endswith(file)]
    return Judgement(query=query, document=sha, number=number, verdict=verdict, rank=number)


def test_a_judgement_is_kept_with_its_time_and_without_who_it_was(own: Engine) -> None:
    first, second = judged(own, "harbour.pdf", 2, "up"), judged(own, "tides.pdf", 1, "click")
    own.judge(first)
    own.judge(second)
    kept = own.judgements()
    assert [(one.query, one.document, one.number, one.verdict, one.rank) for one in kept] == [
        (one.query, one.document, one.number, one.verdict, one.rank) for one in (first, second)
    ]
    assert all(one.at.endswith("+00:00") for one in kept)
    columns = sqlite3.connect(own.layout.catalog).execute("PRAGMA table_info(judgements)").fetchall()
    assert [name for _, name, *_ in columns] == [
        *("id", "query", "sha256", "number", "verdict", "rank", "at", "why", "answer", "key")
    ]


def test_judging_changes_no_commit_and_waits_for_no_writer(own: Engine) -> None:
    with own.snapshot() as snapshot:
        before = snapshot.generation
    with writer_lock(own.layout):
        own.judge(judged(own, "harbour.pdf", 2, "up"))
    with own.snapshot() as snapshot:
        assert snapshot.generation == before
    assert len(own.judgements()) == 1


def test_a_page_that_is_not_there_cannot_be_judged(own: Engine) -> None:
    one = judged(own, "harbour.pdf", 99, "up")
    with pytest.raises(NotFound):
        own.judge(one)
    with pytest.raises(NotFound):
        own.judge(Judgement(query="x", document="0" * 64, number=1, verdict="up"))
    assert not own.judgements()


def test_a_catalog_of_an_older_version_gets_the_table_with_the_first_judgement(own: Engine) -> None:
    root = own.layout.root
    own.close()
    with sqlite3.connect(root / "catalog.sqlite") as catalog:
        catalog.execute("DROP TABLE judgements")
        catalog.execute("UPDATE alembic_version SET version_num = '0008'")
    catalog.close()
    with pagelens.open(root) as older:
        assert older.judgements() == []
        older.judge(judged(older, "harbour.pdf", 2, "up"))
        assert len(older.judgements()) == 1
        assert older.search("timber").hits


def test_the_number_of_judgements_has_a_limit(own: Engine) -> None:
    assert judgement_log.MAX_JUDGEMENTS == 200_000
    one = judged(own, "harbour.pdf", 2, "click")
    own.judge(one)
    own.judge(one)
    with pytest.raises(UsageError, match=r"expected fewer than 2 judgements .* feedback forget"):
        judgement_log.append(own.layout, one, limit=2)
    judgement_log.append(own.layout, one, limit=3)
    assert own.forget_judgements() == 3


def verdicts(*given: tuple[str, int, Verdict]) -> list[Judgement]:
    return [Judgement(query=query, document="d", number=number, verdict=verdict) for query, number, verdict in given]


def test_thumbs_are_graded_by_their_majority_and_clicks_only_if_asked_for() -> None:
    given = verdicts(
        ("Timber", 1, "up"), ("timber ", 1, "up"), ("timber", 1, "down"), ("timber", 2, "down"), ("timber", 3, "click"),
        ("timber", 4, "up"), ("timber", 4, "down"), ("timber", 2, "click"), ("coal", 1, "click"),
    )  # fmt: skip
    assert grade(given, clicks=False) == {"Timber": {("d", 1): UP, ("d", 2): DOWN, ("d", 4): DOWN}}
    assert grade(given, clicks=True) == {
        "Timber": {("d", 1): UP, ("d", 2): DOWN, ("d", 3): CLICKED, ("d", 4): DOWN},
        "coal": {("d", 1): CLICKED},
    }
    assert UP > CLICKED > DOWN == 0


def test_the_export_is_a_data_set_that_eval_reads(
    own: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file, number, verdict in (("harbour.pdf", 2, "up"), ("tides.pdf", 1, "down"), ("tides.pdf", 2, "click")):
        own.judge(judged(own, file, number, verdict))  # type: ignore[arg-type]
    root, out = str(own.layout.root), tmp_path / "set"
    assert main(["feedback", "export", str(out), "-c", root]) == 0
    assert "pagelens eval tune" in capsys.readouterr().out
    data = read_folder(out)
    [question] = data.questions
    assert question.text == "timber 2024"
    assert data.qrels == {question.qid: {PageRef("reports/harbour.pdf", 2): UP, PageRef("guides/tides.pdf", 1): DOWN}}
    assert main(["feedback", "export", str(out), "-c", root]) == 2  # nothing is written over
    assert main(["feedback", "export", str(tmp_path / "clicks"), "--clicks", "-c", root]) == 0
    assert read_folder(tmp_path / "clicks").qrels[question.qid][PageRef("guides/tides.pdf", 2)] == CLICKED
    assert main(["feedback", "forget", "-c", root]) == 0
    assert "3 judgements removed" in capsys.readouterr().out
    assert main(["feedback", "export", str(tmp_path / "none"), "-c", root]) == 3
    assert not (tmp_path / "none").exists()


def test_thumbs_are_listed_and_exported_with_their_reasons_and_answers_too(
    own: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = str(own.layout.root), tmp_path / "set"
    assert main(["feedback", "list", "-c", root]) == 3
    own.judge(Judgement(query="Why?", answer="Because.\nSo [1].", verdict="down", why="no reason given"))
    assert main(["feedback", "export", str(tmp_path / "answers"), "-c", root]) == 0
    assert [path.name for path in (tmp_path / "answers").iterdir()] == ["thumbs.jsonl"]
    own.judge(replace(judged(own, "harbour.pdf", 2, "up"), why="the table [red]says[/red] it"))
    own.judge(judged(own, "tides.pdf", 1, "click"))
    capsys.readouterr()
    assert main(["feedback", "list", "-c", root]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "down “Why?” answer “Because. So [1].”: no reason given",
        "up “timber 2024” harbour.pdf p.2: the table [red]says[/red] it",
    ]
    assert main(["feedback", "export", str(out), "-c", root]) == 0
    rows = [json.loads(line) for line in (out / "thumbs.jsonl").read_text("utf-8").splitlines()]
    assert [row.pop("at")[:2] for row in rows] == ["20", "20"]
    assert rows == [
        {"question": "Why?", "answer": "Because.\nSo [1].", "verdict": "down", "why": "no reason given"},
        {
            "question": "timber 2024",
            "page": "harbour.pdf#2",
            "verdict": "up",
            "why": "the table [red]says[/red] it",
        },
    ]
    assert [question.text for question in read_folder(out).questions] == ["timber 2024"]


def test_pages_whose_file_is_gone_are_left_out_and_counted(
    own: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own.judge(judged(own, "harbour.pdf", 2, "up"))
    own.judge(judged(own, "tides.pdf", 1, "up"))
    own.remove("tides.pdf")
    assert main(["feedback", "export", str(tmp_path / "set"), "-c", str(own.layout.root)]) == 0
    assert "1 page left out" in capsys.readouterr().err
    rows = (tmp_path / "set" / "qrels.tsv").read_text().splitlines()
    assert len(rows) == 1 and "harbour.pdf#2" in rows[0]
    assert json.loads((tmp_path / "set" / "dataset.json").read_text())["files"] == ["harbour.pdf"]
