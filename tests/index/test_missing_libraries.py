"""A store whose library is not installed is an error of one line that names the extra to install."""

import sys
from pathlib import Path

import pytest

from pagelens.core.errors import StoreError
from pagelens.index.catalog.databases import create_catalog
from pagelens.index.creation import create
from pagelens.index.layout import CatalogRecord, Layout, ServerRecord, load
from pagelens.index.stores.store_factory import open_store, require_free
from tests.index.fixtures import TEXT

SERVER = ServerRecord("http://127.0.0.1:1", "x")


@pytest.fixture
def without_qdrant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("pagelens.index.stores.qdrant")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "qdrant_client", None)


@pytest.mark.usefixtures("without_qdrant")
def test_qdrant_without_its_client_names_the_extra(tmp_path: Path) -> None:
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT], server=SERVER)
    for open_it in (
        lambda: open_store(Layout(tmp_path / "c"), load(Layout(tmp_path / "c"))),
        lambda: check_free(tmp_path),
    ):
        with pytest.raises(StoreError, match=r"^expected .*qdrant-client.*pip install 'pagelens\[qdrant\]'$"):
            open_it()


def check_free(folder: Path) -> None:
    require_free(Layout(folder / "c"), SERVER)


def test_postgresql_without_its_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"^expected .*psycopg.*pip install 'pagelens\[postgres\]'$"):
        create_catalog(CatalogRecord("postgresql+psycopg://pagelens@127.0.0.1:1/postgres", "x"))
