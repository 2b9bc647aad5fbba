"""Descriptions at rest: searchable by their words, apart from the document's own, gone with the document."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.descriptions import Description
from pagelens.core.keys import document_of, page_key, page_of
from pagelens.core.labels import StoredLabelSet
from pagelens.core.types import Passage
from pagelens.index.admin.description_writes import DescriptionWriter
from pagelens.index.catalog.reads import DocumentRow
from pagelens.index.lane_queries import DenseQuery
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.writer import CollectionWriter
from tests.contracts.test_lexical_indexes import NAMES, collection, path_of
from tests.index.fixtures import new_pages, search_words, vector, write

DOG = Description(
    caption="A dog in the snow.",
    alt_text="dog in snow",
    picture_text="BEWARE",
    objects=("dog", "fence"),
    language="en",
    model="a model",
    prompt=1,
    at="2026-11-29T10:00:00+00:00",
)


def encode(row: DocumentRow, descriptions: Sequence[Description]) -> NDArray[np.float32]:
    assert row.path
    return np.array([vector(description.words) for description in descriptions], np.float32).reshape(-1, 8)


def found(snapshot: Snapshot, word: str) -> list[int]:
    return [page for page, _ in search_words(snapshot, analyze(word), 10)]


def nearest(snapshot: Snapshot, text: str) -> tuple[int, float]:
    """Return the page of the nearest passage to a text, and how similar it is."""
    keys, scores = snapshot.search([DenseQuery("text", vector(text), 1, None)])[0]
    return int(page_of(int(keys[0]))), float(scores[0])


def key_of(root: Path, name: str) -> int:
    with CollectionReader(root).snapshot() as snapshot:
        return next(key for key, row in snapshot.documents.items() if Path(row.path).name == name)


def describe(root: Path, page: tuple[str, int], description: Description) -> None:
    with DescriptionWriter(root, encode) as writer:
        writer.store(page_key(key_of(root, page[0]), page[1]), description)


def problems(root: Path) -> list[str]:
    return list(CollectionReader(root).check(deep=True))


@pytest.fixture(params=NAMES)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    root = collection(request.param, tmp_path / "c")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake one", "lake two"]))
    write(root, new_pages(path_of(tmp_path, "b.pdf"), ["lake three", "lake four"]))
    return root


def test_a_page_is_found_by_the_words_of_its_description_and_its_text_stays_its_own(root: Path) -> None:
    describe(root, ("a.pdf", 2), DOG)
    key = page_key(key_of(root, "a.pdf"), 2)
    with CollectionReader(root).snapshot() as snapshot:
        assert found(snapshot, "snow") == found(snapshot, "beware") == found(snapshot, "fence") == [key]
        page = snapshot.pages([key])[key]
        assert (page.text.text, page.caption, page.description) == ("lake two", "", DOG)
        assert page.passages == (Passage(0, 0, 8), Passage(1, 0, 0))
        page_found, similarity = nearest(snapshot, DOG.words)
        assert page_found == key and similarity == pytest.approx(1.0, abs=1e-3)
        assert snapshot.page_count == 4
    assert problems(root) == []


def test_another_description_takes_the_place_of_the_first(root: Path) -> None:
    describe(root, ("a.pdf", 2), DOG)
    cat = replace(DOG, caption="A cat on a wall.", alt_text="cat", picture_text="", objects=(), model="another")
    describe(root, ("a.pdf", 2), cat)
    key = page_key(key_of(root, "a.pdf"), 2)
    with CollectionReader(root).snapshot() as snapshot:
        assert found(snapshot, "snow") == []
        assert found(snapshot, "wall") == [key]
        assert snapshot.descriptions() == {key: cat}
        assert snapshot.pages([key])[key].passages == (Passage(0, 0, 8), Passage(1, 0, 0))
        page_found, similarity = nearest(snapshot, cat.words)
        assert page_found == key and similarity == pytest.approx(1.0, abs=1e-3)
        assert nearest(snapshot, DOG.words)[1] < 0.99
    assert problems(root) == []


def test_what_a_killed_run_had_stored_is_applied_by_the_next(root: Path) -> None:
    with pytest.raises(RuntimeError), DescriptionWriter(root, encode) as writer:
        writer.store(page_key(key_of(root, "b.pdf"), 1), DOG)
        raise RuntimeError
    with CollectionReader(root).snapshot() as snapshot:
        assert found(snapshot, "snow") == []
        assert list(snapshot.descriptions().values()) == [DOG]
    with DescriptionWriter(root, encode):
        pass
    with CollectionReader(root).snapshot() as snapshot:
        assert found(snapshot, "snow") == [page_key(key_of(root, "b.pdf"), 1)]


def test_a_description_goes_with_its_document(root: Path) -> None:
    describe(root, ("a.pdf", 1), DOG)
    with CollectionWriter(root) as writer:
        writer.remove_documents([key_of(root, "a.pdf")])
    with CollectionReader(root).snapshot() as snapshot:
        assert snapshot.descriptions() == {}
        assert found(snapshot, "snow") == []
    assert problems(root) == []


def test_a_description_and_labels_stay_where_the_same_bytes_are_read_anew(root: Path, tmp_path: Path) -> None:
    describe(root, ("a.pdf", 1), DOG)
    pets = StoredLabelSet(id="0" * 12, name="pets", model="m", approximate=False, rules={})
    with CollectionWriter(root) as writer:
        writer.write_labels(pets, {page_key(key_of(root, "a.pdf"), 1): [("dog", 0.9)]})
    before = key_of(root, "a.pdf")
    write(root, new_pages(path_of(tmp_path, "a.pdf"), ["lake one", "lake two"], title="another title"))
    key = page_key(key_of(root, "a.pdf"), 1)
    assert document_of(key) != before
    with DescriptionWriter(root, encode):
        pass  # the new captions lack the words until they are applied
    key = page_key(key_of(root, "a.pdf"), 1)
    with CollectionReader(root).snapshot() as snapshot:
        assert snapshot.descriptions() == {key: DOG}
        assert found(snapshot, "snow") == [key]
        assert [label.label for label in snapshot.labels_of([key])[key]] == ["dog"]
    assert problems(root) == []


def test_other_documents_keep_their_keys_and_vectors(root: Path) -> None:
    other = key_of(root, "b.pdf")
    describe(root, ("a.pdf", 1), DOG)
    assert key_of(root, "b.pdf") == other
    with CollectionReader(root).snapshot() as snapshot:
        for text in ("lake one", "lake two", "lake three", "lake four"):
            assert nearest(snapshot, text)[1] == pytest.approx(1.0, abs=1e-3)
