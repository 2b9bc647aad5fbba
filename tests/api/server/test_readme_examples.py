"""The Python of README.md: it stands in modules that are type-checked, and does what it says."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.api.files import write_pdf
from tests.api.server.processes import ROOT, ServerProcess

EXAMPLES = ROOT / "tests/readme_examples"
REPORT = ["Annual report 2019", "The annual turnover was 4.2 million euros in 2019."]


def run(example: str, replaced: tuple[str, str] = ("", "")) -> None:
    source = (EXAMPLES / f"{example}.py").read_text(encoding="utf-8").replace(*replaced)
    exec(compile(source, example, "exec"), {"__name__": "__main__"})


def test_every_python_block_of_the_readme_is_one_of_the_checked_modules() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    checked = {path.read_text(encoding="utf-8") for path in EXAMPLES.glob("*_example.py")}
    assert blocks and set(blocks) <= checked


def test_the_engines_example_finds_and_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pdf(tmp_path / "papers/report.pdf", REPORT)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (60, 40), "teal").save(tmp_path / "photos/pier.jpg")
    run("engine_example")
    printed = capsys.readouterr().out
    assert "report.pdf p.2 ['The annual turnover was 4.2 million euros in 2019.'" in printed
    assert "4.2 million euros" in printed.splitlines()[-1]


def test_the_clients_examples_index_find_and_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pdf(tmp_path / "report.pdf", REPORT)
    server = ServerProcess(tmp_path / "collections", "--model", "extractive")
    try:
        address = ("http://127.0.0.1:8000", server.address)
        run("client_example", address)
        assert capsys.readouterr().out.splitlines()[0] == "report.pdf 2"
        run("async_example", address)
        assert "4.2 million euros" in capsys.readouterr().out
    finally:
        server.stop()
