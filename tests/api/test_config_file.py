"""Defaults of options from `pagelens.toml`: which file wins, what a project's file may set, what is refused."""

import os
from pathlib import Path

import pytest

from pagelens.api.cli.config_file import read_config
from pagelens.api.cli.main import main


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in whose subfolder `notes` the commands run; the user's file is at user/pagelens/pagelens.toml."""
    monkeypatch.delenv("PAGELENS_COLLECTION", raising=False)
    (tmp_path / "notes").mkdir()
    (tmp_path / "user/pagelens").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.delenv("PAGELENS_CONFIG")
    monkeypatch.chdir(tmp_path / "notes")
    return tmp_path


def index_notes(project: Path) -> None:
    """Index two notes into the collection `papers`."""
    for name in ("a", "b"):
        (project / f"notes/{name}.txt").write_text(f"A limpet returns to {name}.")
    options = ["--profile", "builtin", "--workers", "0", "-c", str(project / "papers")]
    assert main(["index", str(project / "notes"), *options]) == 0


def found(capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    capsys.readouterr()
    assert main(["search", "limpet", "-l", *options]) == 0
    return [Path(line).name for line in capsys.readouterr().out.splitlines()]


def test_the_command_line_comes_before_the_project_and_the_project_before_the_user(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    index_notes(project)
    (project / "user/pagelens/pagelens.toml").write_text('collection = "nowhere"\n[search]\nk = 1\nspelling = false')
    (project / "pagelens.toml").write_text('collection = "papers"')  # beside it, whatever folder the command runs in
    assert len(found(capsys)) == 1
    assert len(found(capsys, "-k", "2")) == 2
    (project / "pagelens.toml").write_text('collection = "papers"\n[search]\nk = 2\npath = "b.*"')
    assert found(capsys) == ["b.txt"]
    assert read_config(project, {"XDG_CONFIG_HOME": str(project / "user")})["search"] == {
        "k": 2,
        "path": "b.*",
        "spelling": False,
    }
    monkeypatch.setenv("PAGELENS_COLLECTION", str(project / "elsewhere"))
    assert main(["search", "limpet"]) == 1
    assert "elsewhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[ask]\nmodel = "openai:x"', "safe in somebody else's folder, found 'model'"),
        ('[index]\nurl = "https://evil.example"', "found 'url'"),
        ('pictures = "/etc"', "found 'pictures'"),
        ("[search]\nkk = 3", "found 'kk'"),
        ("k = = 3", "expected options in TOML"),
    ],
)
def test_a_projects_file_names_no_address_no_model_and_no_place_to_write_to(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (project / "notes/pagelens.toml").write_text(text)
    assert main(["search", "limpet"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[search]\nkk = 3", "expected in pagelens.toml options of `search`"),
        ("[serach]\nk = 3", "expected tables of commands in pagelens.toml, found [serach]"),
        ("colection = 3", "found 'colection'"),
    ],
)
def test_a_mistyped_name_in_the_users_file_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (project / "user/pagelens/pagelens.toml").write_text(text)
    assert main(["search", "limpet"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_commands_of_a_group_have_tables_too(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "user/pagelens/pagelens.toml").write_text('[keys]\ncollection = "c"\n[keys.create]\nscope = "read"')
    assert main(["keys", "create"]) == 0
    assert capsys.readouterr().out.startswith("plk_")


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to another user")
def test_a_file_of_another_user_is_told_and_not_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "pagelens.toml").write_text("k = 1")
    assert read_config(project / "notes", {}) == {"k": 1}
    os.chown(project / "pagelens.toml", 12_345, -1)
    assert read_config(project / "notes", {}) == {}
    assert "belongs to another user and is not read" in capsys.readouterr().err
