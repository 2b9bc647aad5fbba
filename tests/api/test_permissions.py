"""Permissions that are taken away while files are indexed: what cannot be read or written says so, the rest stays."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pagelens
from pagelens.api.engine.engine import Engine
from pagelens.core.errors import CollectionReadOnly
from pagelens.ingest.files.digest import digest
from tests.api.files import write_pdf
from tests.ingest.test_walk import somebody_without_rights

pytestmark = pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs users")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """A collection that anybody may write to, with one document, and three further files beside it."""
    with tempfile.TemporaryDirectory() as name:  # not tmp_path: its parents are closed to others
        root = Path(name)
        write_pdf(root / "first.pdf", ["A limpet returns."])
        for letter in "abc":
            write_pdf(root / "files" / f"{letter}.pdf", [f"The {letter}nchovy swims."])
        with pagelens.open(root / "collection", create=True, profile="builtin") as engine:
            engine.index(root / "first.pdf", workers=0)
            for path in (root, *root.rglob("*")):
                path.chmod(0o777)
            yield engine
            for path in (root, *root.rglob("*")):
                path.chmod(0o777)


def at(name: str, change: Callable[[], object]) -> Callable[[Path], str]:
    """Return a digest function that makes a change when it has hashed the file of that name."""

    def changing(path: Path) -> str:
        hashed = digest(path)
        if path.name == name:
            change()
        return hashed

    return changing


def found(engine: Engine) -> set[str]:
    with engine.snapshot() as snapshot:
        return {Path(row.path).name for row in snapshot.documents.values()}


def test_a_file_that_may_not_be_read_any_more_costs_itself(engine: Engine) -> None:
    files = engine.layout.root.parent / "files"
    with somebody_without_rights():
        report = engine.index(files, workers=0, digest=at("b.pdf", lambda: take_away(files / "b.pdf")))
    assert [(Path(failed.path).name, failed.code) for failed in report.failed] == [("b.pdf", "denied")]
    assert found(engine) == {"first.pdf", "a.pdf", "c.pdf"}
    (files / "b.pdf").chmod(0o644)
    assert engine.index(files, workers=0).documents == 1  # it is tried again without being asked to
    assert found(engine) == {"first.pdf", "a.pdf", "b.pdf", "c.pdf"}


def test_a_folder_of_the_collection_that_may_not_be_written_any_more_ends_the_run_and_loses_nothing(
    engine: Engine,
) -> None:
    root = engine.layout.root
    vectors = [root / "vectors", *(root / "vectors").iterdir()]

    def close_vectors() -> None:
        for folder in vectors:
            take_away(folder, 0o555)

    with somebody_without_rights(), pytest.raises(CollectionReadOnly, match="make it writable"):
        engine.index(root.parent / "files", workers=0, digest=at("b.pdf", close_vectors))
    assert "first.pdf" in found(engine)
    assert [Path(hit.ref.path).name for hit in engine.search("limpet returns", k=1).hits] == ["first.pdf"]
    for folder in vectors:
        folder.chmod(0o777)
    assert engine.index(root.parent / "files", workers=0).failed == []
    assert found(engine) == {"first.pdf", "a.pdf", "b.pdf", "c.pdf"}


def take_away(path: Path, mode: int = 0) -> None:
    """Change a mode as the owner, in the middle of a run as somebody else."""
    user = os.geteuid()
    os.seteuid(os.getuid())
    path.chmod(mode)
    os.seteuid(user)
