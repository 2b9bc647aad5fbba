"""`pagelens eval extract`: measures of extraction over a collection."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import UsageError
from pagelens.evals.cli.commands import app
from pagelens.evals.datasets.extraction_set import read_extraction_set
from tests.api.test_extracting import write_invoice


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("values")
    for number, total in (("R-1", "12.00"), ("R-2", "80.50")):
        write_invoice(folder / f"{number}.pdf", number, total)
    with pagelens.open(folder / "c", create=True, profile="builtin", llm="extractive") as opened:
        assert opened.index(sorted(folder.glob("*.pdf")), workers=0).documents == 2
        yield opened


def line(number: str, total: float | None, kind: str) -> str:
    values = {"number": number, "total": total, "iban": None}
    document = {"document": f"{number}.pdf", "schema": "invoice", "values": values, "groups": {"kind": kind}}
    return json.dumps(document) + "\n"


def test_known_values_are_measured_by_group(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "values.jsonl"
    file.write_text(line("R-1", 12, "good") + line("R-2", 99, "bad") + line("gone", 1, "bad"))
    arguments = ["extract", str(file), "-c", str(engine.layout.root), "--model", "extractive", "--by", "kind"]
    assert app([*arguments, "--json"], standalone_mode=False) == 0
    output = json.loads(capsys.readouterr().out)
    good, bad = output["measures"]["kind: good"], output["measures"]["kind: bad"]
    assert good["field accuracy"]["value"] == 1.0 and bad["field accuracy"]["value"] == pytest.approx(3 / 6)
    assert output["measures"]["all"]["null precision"]["value"] == pytest.approx(3 / 5)
    assert [one["path"] for one in output["failed"]] == ["gone.pdf"]
    assert app([*arguments, "--errors"], standalone_mode=False) == 0
    shown = capsys.readouterr().out
    assert "R-2.pdf /total: mismatch, expected 99, found 80.5" in shown and "kind: bad (2 documents)" in shown


def test_faults_of_a_data_set_are_told_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "values.jsonl"
    file.write_text('{"document": "a.pdf"}\n{"document": "a.pdf", "schema": "bill", "values": {}}\n')
    with pytest.raises(UsageError, match=r"(?s)values.jsonl:1.*values.jsonl:2.*bill"):
        read_extraction_set(file)
