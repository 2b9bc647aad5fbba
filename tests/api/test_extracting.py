"""Extraction through the engine and the command line: without a model, over all pages, of many documents."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pymupdf
import pytest

import pagelens
from pagelens.api.cli.main import main
from pagelens.api.engine.batch_extraction import BatchFile
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.core.types import Extraction
from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS
from pagelens.index.catalog.reads import DocumentRow

LINES = ["Oban Timber Ltd", "Invoice", "Invoice No.: {number}", "Date: 2025-03-12", "Total: £{total}"]


def write_invoice(path: Path, number: str, total: str) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        for row, line in enumerate(LINES):
            size = 18 if row == 0 else 10
            page.insert_text((60, 60 + 30 * row), line.format(number=number, total=total), fontsize=size)
        pdf.save(path)


def write_form(path: Path) -> None:
    with pymupdf.open() as pdf:
        page = pdf.new_page()
        for row, (name, value) in enumerate({"full_name": "Priya Nair", "remarks": ""}.items()):
            widget = pymupdf.Widget()
            widget.field_name, widget.field_type, widget.field_value = name, pymupdf.PDF_WIDGET_TYPE_TEXT, value
            widget.rect = pymupdf.Rect(100, 100 + 50 * row, 300, 130 + 50 * row)
            page.add_widget(widget)
        ticked = pymupdf.Widget()
        ticked.field_name, ticked.field_label = "member", "Member of the club"
        ticked.field_type, ticked.field_value = pymupdf.PDF_WIDGET_TYPE_CHECKBOX, True
        ticked.rect = pymupdf.Rect(100, 200, 120, 220)
        page.add_widget(ticked)
        page.insert_text((100, 60), "Registration of members")
        pdf.save(path)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("papers")
    (folder / "invoices").mkdir()
    for number, total in (("R-1", "12.00"), ("R-2", "1,250.50"), ("R-3", "7.25")):
        write_invoice(folder / "invoices" / f"{number}.pdf", number, total)
    write_form(folder / "form.pdf")
    collection = tmp_path_factory.mktemp("extracting") / "c"
    with pagelens.open(collection, create=True, profile="builtin", llm="extractive") as opened:
        assert opened.index([folder]).failed == []
        yield opened


def command(engine: Engine, *arguments: str) -> int:
    return main(["extract", *arguments, "-c", str(engine.layout.root), "--model", "extractive"])


def test_an_invoice_is_read_without_a_model(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(engine, "R-2.pdf", "--schema", "invoice") == 0
    shown = capsys.readouterr()
    data = json.loads(shown.out)
    assert (data["number"], data["date"], data["seller"], data["total"]) == (
        "R-2",
        "2025-03-12",
        "Oban Timber Ltd",
        1250.5,
    )
    assert "/total: R-2.pdf" in shown.err and "without a language model" in shown.err


def test_a_form_gives_its_own_fields_with_their_boxes(engine: Engine) -> None:
    found = engine.extract("form.pdf", "form")
    assert found.data == {
        "fields": [
            {"name": "full_name", "label": None, "value": "Priya Nair"},
            {"name": "remarks", "label": None, "value": None},
            {"name": "member", "label": "Member of the club", "value": True},
        ]
    }
    [box] = found.citations["/fields/0/value"].boxes
    assert box.x0 == pytest.approx(100 / 595, abs=0.01) and box.y0 == pytest.approx(100 / 842, abs=0.01)
    assert found.absent == ["/fields/1/value"]
    with pytest.raises(UsageError, match="found none in R-1"):
        engine.extract("R-1.pdf", "form")


def test_expected_values_are_told_apart(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = tmp_path / "values.json"
    expected.write_text(json.dumps({"number": "R-1", "total": 13, "iban": "DE1", "due_date": None}))
    assert command(engine, "R-1.pdf", "--schema", "invoice", "--expect", str(expected), "--json") == 3
    lines = json.loads(capsys.readouterr().out)
    assert [line["state"] for line in lines] == ["match", "mismatch", "missing", "match"]
    assert lines[1]["citation"]["boxes"] and lines[1]["found"] == 12.0
    expected.write_text(json.dumps({"number": "R-1"}))
    assert command(engine, "R-1.pdf", "--schema", "invoice", "--expect", str(expected)) == 0
    assert "= match" in capsys.readouterr().out


def test_a_folder_becomes_a_table(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "values.csv"
    with engine.snapshot() as snapshot:
        folder = str(Path(next(row.path for row in snapshot.documents.values() if row.path.endswith("R-1.pdf"))).parent)
    assert command(engine, folder, "--schema", "invoice", "--out", str(target)) == 0
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["number"], row["total"]) for row in rows] == [("R-1", "12.0"), ("R-2", "1250.5"), ("R-3", "7.25")]
    assert str(target) in capsys.readouterr().out
    assert command(engine, folder, "--schema", "invoice", "--out", str(target)) == 0
    assert "3 were read before" in capsys.readouterr().err


def test_an_interrupted_batch_goes_on_where_it_stopped(engine: Engine, tmp_path: Path) -> None:
    file = BatchFile(tmp_path / "values.jsonl", SHIPPED_SCHEMAS["invoice"])
    rows = engine.documents("*R-*.pdf")
    read: list[str] = []

    def extract(row: DocumentRow) -> Extraction:
        if len(read) == 2:
            raise KeyboardInterrupt
        read.append(row.path)
        return engine.extract(row.path, "invoice")

    with pytest.raises(KeyboardInterrupt):
        file.fill(rows, extract, lambda row: None)
    with file.lines.open("a") as lines:
        lines.write('{"document": "torn')  # as a kill in the middle of a write leaves it
    read.clear()
    report = file.fill(rows, extract, lambda row: None)
    assert (report.extracted, report.kept, len(read)) == (1, 2, 1)
    lines_now = [json.loads(line) for line in file.lines.read_text().splitlines()]
    assert sorted(line["data"]["number"] for line in lines_now) == ["R-1", "R-2", "R-3"]
    other = BatchFile(tmp_path / "values.jsonl", {"properties": {"a": {}}})
    assert len(other.left(rows)) == 3  # values of another schema are no values of this one


def test_a_killed_batch_keeps_every_line_it_has_told_of(engine: Engine, tmp_path: Path) -> None:
    target = tmp_path / "values.jsonl"
    code = (
        "import os, sys\n"
        "import pagelens\n"
        "from pathlib import Path\n"
        "from pagelens.api.engine.batch_extraction import BatchFile\n"
        "with pagelens.open(Path(sys.argv[1]), llm='extractive') as engine:\n"
        "    def extract(row):\n"
        "        if row.path.endswith('R-3.pdf'):\n"
        "            os.kill(os.getpid(), 9)\n"
        "        return engine.extract(row.path, 'invoice')\n"
        "    rows = engine.documents('*R-*.pdf')\n"
        "    from pagelens.generate.extraction.shipped_schemas import SHIPPED_SCHEMAS\n"
        "    BatchFile(Path(sys.argv[2]), SHIPPED_SCHEMAS['invoice']).fill(rows, extract, lambda row: None)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(engine.layout.root), str(target)], check=False)
    assert ended.returncode == -9
    file = BatchFile(target, SHIPPED_SCHEMAS["invoice"])
    assert len(file.read()) == 2 and len(file.left(engine.documents("*R-*.pdf"))) == 1


def test_rows_of_lists_are_a_table_of_their_own(tmp_path: Path) -> None:
    from pagelens.api.engine.batch_extraction import write_table

    line = {
        "document": "a.pdf",
        "data": {"number": "=1+1", "rows": [{"x": 1.5}, {"x": None}]},
        "unconfirmed": ["/number"],
    }
    files = write_table([line], tmp_path / "v.csv")
    assert [path.name for path in files] == ["v.csv", "v.rows.csv"]
    assert files[0].read_text(encoding="utf-8-sig").splitlines()[1] == "a.pdf,'=1+1,/number"
    assert files[1].read_text(encoding="utf-8-sig").splitlines()[1:] == ["a.pdf,1,1.5", "a.pdf,2,"]
    pq = pytest.importorskip("pyarrow.parquet")
    files = write_table([line], tmp_path / "v.parquet")
    assert pq.read_table(files[1]).to_pylist()[0] == {"document": "a.pdf", "row": 1.0, "x": 1.5}


def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "notes.jsonl"
    target.write_text("my notes\nmore\n")
    with pytest.raises(UsageError, match="my notes"):
        BatchFile(target, {}).read()
    with pytest.raises(UsageError, match="jsonl"):
        BatchFile(tmp_path / "values.txt", {})
