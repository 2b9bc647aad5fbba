"""Labels at rest: written with their set, counted, selected by name, removed with their documents."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.keys import page_key, page_of
from pagelens.core.labels import PageLabel, StoredLabelSet
from pagelens.core.types import Filters
from pagelens.index.catalog.label_rows import label_matches
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader
from pagelens.index.selection import select_pages
from pagelens.index.writer import CollectionWriter
from tests.contracts.test_lexical_indexes import NAMES, collection, path_of, search
from tests.index.fixtures import new_pages, write

PETS = StoredLabelSet(id="0" * 12, name="pets", model="a model", approximate=False, rules={"labels": ["dog", "cat"]})
POLICY = StoredLabelSet(id="1" * 12, name="moderation", model="a model", approximate=True, rules={})


def keys(root: Path, *pages: tuple[str, int]) -> list[int]:
    with CollectionReader(root).snapshot() as snapshot:
        documents = {Path(row.path).name: key for key, row in snapshot.documents.items()}
    return [page_key(documents[name], number) for name, number in pages]


def selected(root: Path, *labels: str) -> list[int]:
    with CollectionReader(root).snapshot() as snapshot:
        return [int(page) for page in snapshot.label_table.pages_with(labels)]


@pytest.fixture
def labelled(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Sequence[int]]:
    """Return a collection of two documents, and its pages: a dog, a dog and a cat, a cat that is flagged, nothing."""
    root = collection(getattr(request, "param", "tantivy"), tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake one", "lake two"]))
    write(root, new_pages(path_of(tmp_path, "b.pdf"), ["lake three", "lake four"]))
    pages = keys(root, ("a.pdf", 1), ("a.pdf", 2), ("b.pdf", 1), ("b.pdf", 2))
    with CollectionWriter(root) as writer:
        writer.write_labels(
            PETS, {pages[0]: [("dog", 0.9)], pages[1]: [("dog", 0.6), ("cat", 0.8)], pages[2]: [("cat", 0.7)]}
        )
        writer.write_labels(POLICY, {pages[2]: [("flagged:gore", 0.95)]})
    return root, pages


def test_labels_are_read_counted_and_selected(labelled: tuple[Path, Sequence[int]]) -> None:
    root, pages = labelled
    with CollectionReader(root).snapshot() as snapshot:
        assert snapshot.label_sets() == [POLICY, PETS]
        assert snapshot.labels_of(pages) == {
            pages[0]: [PageLabel("dog", 0.9, "pets")],
            pages[1]: [PageLabel("cat", 0.8, "pets"), PageLabel("dog", 0.6, "pets")],
            pages[2]: [PageLabel("flagged:gore", 0.95, "moderation", True), PageLabel("cat", 0.7, "pets")],
        }
        assert snapshot.label_table.counts() == {"cat": 2, "dog": 2, "flagged:gore": 1}
        assert snapshot.label_table.counts(lambda keys: np.isin(keys, pages[:2])) == {"dog": 2, "cat": 1}
    assert selected(root, "dog") == [pages[0], pages[1]]
    assert selected(root, "Dog", "CAT") == [pages[1]]
    assert selected(root, "flagged:") == selected(root, "moderation/*") == [pages[2]]
    assert selected(root, "horse") == []


@pytest.mark.parametrize("labelled", NAMES, indirect=True)
def test_a_search_with_a_label_finds_its_pages_only(labelled: tuple[Path, Sequence[int]]) -> None:
    root, _ = labelled
    with CollectionReader(root).snapshot() as snapshot:
        rows = list(snapshot.documents.values())
        chosen = select_pages(rows, Filters(labels=["cat"]), labelled=snapshot.label_table.pages_with(["cat"]))
        assert chosen is not None
        assert chosen.count(snapshot.documents) == 2
        second = select_pages(rows, Filters(labels=["cat"], first_page=2), labelled=chosen.pages)
        assert second is not None and second.count(snapshot.documents) == 1
        nothing = select_pages(rows, Filters(labels=["x"]), labelled=np.zeros(0, np.int64))
        query = np.ones(snapshot.lanes["text"].space.dim, np.float32)
        keys, _ = snapshot.vectors("text").search(query, 10, selection=chosen)
        assert sorted(page_of(keys).tolist()) == selected(root, "cat")
    assert sorted(search(root, ["lake"], selection=chosen)) == [("a.pdf", 2), ("b.pdf", 1)]
    assert sorted(search(root, ["lake"], selection=second)) == [("a.pdf", 2)]
    assert search(root, ["lake"], selection=nothing) == {}


def test_a_set_replaces_the_one_of_its_name_and_is_forgotten_by_name(labelled: tuple[Path, Sequence[int]]) -> None:
    root, pages = labelled
    newer = StoredLabelSet(id="2" * 12, name="pets", model="another", approximate=False, rules={})
    with CollectionWriter(root) as writer:
        writer.write_labels(newer, {pages[3]: [("dog", 0.5)]})
    assert selected(root, "dog") == [pages[3]]
    with CollectionWriter(root) as writer:
        assert writer.forget_labels("pets") and not writer.forget_labels("pets")
    assert selected(root, "dog") == [] and selected(root, "flagged:*") == [pages[2]]


def test_labels_go_with_their_documents_and_not_to_documents_that_are_gone(
    labelled: tuple[Path, Sequence[int]],
) -> None:
    root, pages = labelled
    with CollectionReader(root).snapshot() as snapshot:
        [second] = [key for key, row in snapshot.documents.items() if row.path.endswith("b.pdf")]
    with CollectionWriter(root) as writer:
        writer.remove_documents([second])
    with CollectionReader(root).snapshot() as snapshot:
        assert snapshot.labels_of(pages).keys() == {pages[0], pages[1]}
        assert snapshot.label_table.counts() == {"dog": 2, "cat": 1}
    with CollectionWriter(root) as writer:
        writer.write_labels(PETS, {pages[3]: [("dog", 0.9)]})
    assert selected(root, "dog") == []


def test_a_catalog_without_labels_is_read_as_it_is_and_migrated_by_the_next_writer(
    labelled: tuple[Path, Sequence[int]],
) -> None:
    root, pages = labelled
    with sqlite3.connect(Layout(root).catalog) as catalog:
        for table in ("page_labels", "label_sets", "descriptions"):  # of revisions after 0006
            catalog.execute(f"DROP TABLE {table}")
        catalog.execute("UPDATE alembic_version SET version_num = '0006'")
    with CollectionReader(root).snapshot() as snapshot:
        assert (snapshot.label_sets(), snapshot.labels_of(pages), snapshot.label_table.counts()) == ([], {}, {})
        assert len(snapshot.label_table.pages_with(["dog"])) == 0
    with CollectionWriter(root) as writer:
        writer.write_labels(PETS, {pages[0]: [("dog", 0.9)]})
    assert selected(root, "dog") == [pages[0]]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("guinea pig", True), ("GUINEA*", True), ("pets/guinea pig", True), ("guinea", False), ("other/*", False)],
)
def test_a_pattern_is_a_name_a_glob_or_a_name_within_a_set(pattern: str, matches: bool) -> None:
    assert label_matches("Guinea Pig", "Pets", pattern) is matches
