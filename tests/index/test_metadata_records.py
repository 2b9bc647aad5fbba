"""Records of metadata tables in the catalog, on SQLite and on PostgreSQL: kept with their paths, and with them gone."""

from pathlib import Path

from pagelens.core.metadata_fields import Field
from pagelens.core.types import Filters
from pagelens.index.layout import CatalogRecord, Layout
from pagelens.index.reader import CollectionReader
from pagelens.index.searched_metadata import update_searched_texts
from pagelens.index.selection import select_pages
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import make, new_pages, search_words, write

FIELDS = {"note": Field("text", searched=True), "price": Field("number")}


def load(root: Path, records: dict[str, dict[str, object]]) -> None:
    with CollectionWriter(root) as writer:
        writer.write_metadata(FIELDS, records)  # type: ignore[arg-type]


def found(root: Path, term: str) -> list[int]:
    with CollectionReader(root).snapshot() as snapshot:
        return [key for key, _ in search_words(snapshot, [term], 5)]


def test_a_searched_text_moves_the_document_to_a_new_key_with_all_its_vectors(
    tmp_path: Path, database: CatalogRecord | None
) -> None:
    root = tmp_path / "collection"
    make(root, database)
    write(root, new_pages("a.pdf", ["alpha one", "alpha two"]), new_pages("b.pdf", ["beta"]))
    load(root, {"a.pdf": {"note": "zirconium", "price": 5}})
    reader = CollectionReader(root)

    def state() -> tuple[list[int], list[list[float]]]:
        with reader.snapshot() as snapshot:
            keys = sorted(snapshot.documents)
            parts = snapshot.vectors("text").parts_of(keys)
            return keys, sorted(row for _, rows in parts for row in rows.vectors.tolist())

    keys, vectors = state()
    assert found(root, "zirconium") == []
    with reader.snapshot() as snapshot:
        assert update_searched_texts(Layout(root), snapshot) == 1
    moved, same = state()
    assert (len(set(keys) & set(moved)), same) == (1, vectors)  # b.pdf keeps its key
    [page] = found(root, "zirconium")
    assert len(found(root, "alpha")) == 2
    with reader.snapshot() as snapshot:
        assert snapshot.pages([page])[page].number == 1
        assert update_searched_texts(Layout(root), snapshot) == 0  # nothing has changed since
        selection = select_pages(
            list(snapshot.documents.values()), Filters(metadata={"price": "<=5"}), fields=snapshot.fields
        )
        assert selection is not None
        assert selection.count(snapshot.documents) == 2
    assert reader.check(deep=True) == []


def test_records_stay_when_a_file_changes_and_go_with_its_path(tmp_path: Path, database: CatalogRecord | None) -> None:
    root = tmp_path / "collection"
    make(root, database)
    write(root, new_pages("a.pdf", ["alpha"]), new_pages("b.pdf", ["beta"]))
    load(root, {"a.pdf": {"price": 5}, "b.pdf": {"price": 7}})
    write(root, new_pages("a.pdf", ["alpha changed"]))
    with CollectionWriter(root) as writer:
        assert writer.read_metadata() == (FIELDS, {"a.pdf": {"price": 5}, "b.pdf": {"price": 7}})
        writer.record_failure("a.pdf", "0" * 64, "damaged", "cut off")
        assert set(writer.read_metadata()[1]) == {"a.pdf", "b.pdf"}  # it may be repaired
        writer.remove_paths(["a.pdf"])
        assert set(writer.read_metadata()[1]) == {"b.pdf"}
    load(root, {"b.pdf": {}})
    with CollectionReader(root).snapshot() as snapshot:
        assert [row.records for row in snapshot.documents.values()] == [()]
