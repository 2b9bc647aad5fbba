"""A catalog that is a file: what can be wrong with one, and where it lies."""

from pathlib import Path

import pytest

from pagelens.core.errors import CollectionDamaged, CollectionReadOnly
from pagelens.index.catalog import reads, writes
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.reader import CollectionReader
from tests.index.fixtures import make, new_pages, write
from tests.index.test_collection import FRUIT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "collection"
    make(root)
    return root


@pytest.fixture
def pdf(tmp_path: Path) -> str:
    path = tmp_path / "a.pdf"
    path.write_text("any content")
    return str(path)


def test_a_catalog_that_is_no_database_is_damaged_not_a_traceback(root: Path) -> None:
    (root / "catalog.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(CollectionDamaged, match=r"catalog\.sqlite"):
        CollectionReader(root)


def test_a_catalog_on_a_read_only_disk_is_read_and_not_changed(root: Path, pdf: str) -> None:
    write(root, new_pages(pdf, FRUIT))
    before = (root / "catalog.sqlite").read_bytes()
    engine = open_sqlite(root / "catalog.sqlite", writable=False)
    with transaction(engine) as connection:
        assert len(reads.page_keys(connection)) == 3
    with pytest.raises(CollectionReadOnly, match="readonly"), transaction(engine) as connection:
        writes.advance_generation(connection)
    engine.dispose()
    assert (root / "catalog.sqlite").read_bytes() == before
