"""The commands of a collection on Qdrant, as people type them, against a real server process."""

import json
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from pagelens.api.cli.exit_codes import ExitCode
from pagelens.api.cli.main import main
from tests.api.conftest import write_files
from tests.index.postgres_process import PostgresProcess
from tests.index.qdrant_process import QdrantProcess

QUERIES = ("when was the breakwater finished", "limpet home scar", "annual report 2024")


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def answers(collection: Path, capsys: pytest.CaptureFixture[str]) -> list[list[tuple[str, object]]]:
    found = []
    for query in QUERIES:
        assert run("search", query, "-c", collection, "--json") == ExitCode.DONE
        hits = json.loads(capsys.readouterr().out)["hits"]
        found.append([(str(hit["ref"]), hit["evidence"]) for hit in hits])
    return found


def test_the_same_commands_give_the_same_answers_there_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_files(tmp_path / "files")
    plain, there, copy, back = (tmp_path / name for name in ("plain", "there", "copy", "back"))
    with QdrantProcess() as server:
        on_server = ("--store", "qdrant", "--url", server.url)
        assert run("index", files, "-c", plain, "--profile", "builtin", "--ocr", "never") == ExitCode.DONE
        assert run("index", files, "-c", there, "--profile", "builtin", "--ocr", "never", *on_server) == ExitCode.DONE
        assert run("index", files, "-c", there, *on_server) == ExitCode.USAGE  # only when it is made
        assert run("copy", "-c", plain, "--to", copy, *on_server) == ExitCode.DONE
        assert run("copy", "-c", copy, "--to", back) == ExitCode.DONE
        capsys.readouterr()
        expected = answers(plain, capsys)
        assert [answers(root, capsys) for root in (there, copy, back)] == [expected] * 3
        assert run("doctor", "--deep", "--repair", "-c", there) == ExitCode.DONE
        assert f"Qdrant at {server.url}" in capsys.readouterr().out.replace("\n", "")
    assert run("status", "-c", there) == ExitCode.DONE  # the catalog is here
    capsys.readouterr()
    assert answers(back, capsys) == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--url", "http://localhost:6333"], "with --store qdrant only"),
        (["--store", "qdrant", "--url", "localhost:6333"], "expected --url like"),
        (["--store", "qdrant", "--url", "http://key@localhost:6333"], "set PAGELENS_QDRANT_KEY"),
        (["--store", "qdrant", "--prefix", "a b"], "expected --prefix of letters"),
        (["--store", "qdrant", "--shards", "2"], "with the --url of a Qdrant cluster"),
        (["--prefix", "a"], "with --store qdrant or --catalog"),
        (["--catalog", "mysql://u@h/d"], "expected --catalog like postgresql+psycopg://"),
        (["--catalog", "postgresql://h"], "expected --catalog like postgresql+psycopg://"),
        (["--catalog", "postgresql://u:secret@h/d"], "set PGPASSWORD"),
        (["--catalog", "postgresql://h/d?user=u&password=secret"], "set PGPASSWORD"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    (tmp_path / "a.pdf").write_text("never read")
    assert run("index", tmp_path / "a.pdf", "-c", tmp_path / "c", "--profile", "builtin", *options) == ExitCode.USAGE
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "c").exists()


def test_a_database_that_is_not_there_is_said_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pdf").write_text("never read")
    address = "postgresql://u@127.0.0.1:1/d"
    assert run("index", tmp_path / "a.pdf", "-c", tmp_path / "c", "--profile", "builtin", "--catalog", address) == 1
    assert "expected the catalog's database at" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "c" / "collection.json").exists()


def test_a_catalog_on_postgresql_gives_the_same_answers_there_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], postgres: PostgresProcess
) -> None:
    files = write_files(tmp_path / "files")
    plain, there, back = (tmp_path / name for name in ("plain", "there", "back"))
    address = f"postgresql://pagelens@127.0.0.1:{postgres.port}/postgres"
    assert run("index", files, "-c", plain, "--profile", "builtin", "--ocr", "never") == ExitCode.DONE
    with QdrantProcess() as server:
        on_servers = ("--store", "qdrant", "--url", server.url, "--catalog", address)
        assert run("copy", "-c", plain, "--to", there, *on_servers) == ExitCode.DONE
        assert run("index", files, "-c", there) == ExitCode.DONE  # nothing to do
        assert run("copy", "-c", there, "--to", back) == ExitCode.DONE
        assert not (there / "catalog.sqlite").exists()
        capsys.readouterr()
        expected = answers(plain, capsys)
        assert [answers(root, capsys) for root in (there, back)] == [expected] * 2
        assert run("doctor", "--deep", "--repair", "-c", there) == ExitCode.DONE
        assert "PostgreSQL" in capsys.readouterr().out


def test_a_deleted_collection_is_gone_here_and_there_and_its_documents_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files, there, data = write_files(tmp_path / "files"), tmp_path / "there", tmp_path / "qdrant"
    delete = ("delete", "-c", there, "--yes")
    with QdrantProcess(folder=data) as server:
        options = ("--profile", "builtin", "--ocr", "never", "--store", "qdrant", "--url", server.url)
        assert run("index", files, "-c", there, *options) == ExitCode.DONE
    assert run(*delete) == 1
    assert "expected Qdrant at" in capsys.readouterr().err
    assert run("status", "-c", there) == ExitCode.DONE  # nothing was removed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "qdrant", "there"]
    with QdrantProcess(folder=data, port=server.port) as again:
        assert run(*delete) == ExitCode.DONE
        client = QdrantClient(url=again.url, check_compatibility=False)
        assert client.get_collections().collections == []
        client.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["files", "qdrant"]
    assert any(files.iterdir())
    assert run(*delete) == 1
    assert "found none" in capsys.readouterr().err


def test_a_snapshot_of_a_collection_on_qdrant_answers_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_files(tmp_path / "files")
    there, file, back = tmp_path / "there", tmp_path / "there.tar", tmp_path / "back"
    with QdrantProcess() as server:
        on_server = ("--store", "qdrant", "--url", server.url)
        assert run("index", files, "-c", there, "--profile", "builtin", "--ocr", "never", *on_server) == ExitCode.DONE
        capsys.readouterr()
        expected = answers(there, capsys)
        assert run("snapshot", there, file) == ExitCode.DONE
    assert run("restore", file, back) == ExitCode.DONE
    assert run("restore", file, back) == ExitCode.USAGE
    capsys.readouterr()
    assert answers(back, capsys) == expected
