"""The `words` lane on a Qdrant server: a process that speaks its protocol."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from qdrant_client import QdrantClient, models
from sqlalchemy import delete, update

from pagelens.core.errors import CollectionMismatch
from pagelens.core.types import QueryTokens
from pagelens.index.admin.repair import repair
from pagelens.index.catalog import tables as t
from pagelens.index.creation import create
from pagelens.index.lane_queries import DenseQuery, LexicalQuery, MultiVectorQuery
from pagelens.index.layout import Layout, ServerRecord
from pagelens.index.reader import CollectionReader
from pagelens.index.stores.qdrant.qdrant_lexical_index import WORDS_STORE
from pagelens.index.stores.qdrant.sparse_collection import WORDS
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, search_words, vector, write
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_qdrant import TREES, make, path_of
from tests.index.test_token_collection import FRUIT, PAGE, tokens, with_tokens


@pytest.fixture(scope="module")
def server() -> Iterator[QdrantProcess]:
    with QdrantProcess() as process:
        yield process


@pytest.fixture
def client(server: QdrantProcess) -> Iterator[QdrantClient]:
    client = QdrantClient(url=server.url, check_compatibility=False)
    yield client
    client.close()


@pytest.fixture
def root(tmp_path: Path, server: QdrantProcess) -> Path:
    """Fruit and trees, with their words on the server."""
    make(tmp_path / "c", server.url, tmp_path.name)
    write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    write(tmp_path / "c", with_tokens(path_of(tmp_path, "b.pdf"), TREES))
    return tmp_path / "c"


def found(root: Path) -> dict[str, float]:
    """Pages that say "apple", by their texts."""
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        hits = search_words(snapshot, ["appl"], 10)
        pages = snapshot.pages([page for page, _ in hits])
    reader.close()
    return {pages[page].text.text: score for page, score in hits}


def points(client: QdrantClient, root: Path) -> list[models.Record]:
    return client.scroll(f"{root.parent.name}-{WORDS_STORE}", limit=100, with_vectors=True)[0]


def damaged(record: models.Record) -> models.PointStruct:
    sparse = models.SparseVector(indices=[1], values=[9.0])
    return models.PointStruct(id=record.id, vector={WORDS: sparse}, payload=record.payload)


def test_another_machine_needs_no_lexical_index(root: Path, client: QdrantClient) -> None:
    assert not (root / "words").exists()
    assert len(points(client, root)) == len(FRUIT) + len(TREES)
    assert all("apple" in text for text in found(root))
    assert len(found(root)) == sum("apple" in text for text in FRUIT + TREES)


def test_lanes_are_searched_in_parallel(tmp_path: Path) -> None:
    """The server answers none of the three searches before it has all of them."""
    with QdrantProcess(together=3) as process:
        make(tmp_path / "c", process.url, "together")
        write(tmp_path / "c", with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
        reader = CollectionReader(tmp_path / "c")
        query = QueryTokens(tokens(FRUIT[0]).vectors, FRUIT[0].split())
        with reader.snapshot() as snapshot:
            answers = snapshot.search(
                [
                    DenseQuery("text", vector(FRUIT[0]), 3, None),
                    MultiVectorQuery("page", query, 3, None),
                    LexicalQuery(("appl",), 3, None),
                ]
            )
            alone = snapshot.vectors("text").search(vector(FRUIT[0]), 3), snapshot.tokens("page").search(query, 3)
            words = search_words(snapshot, ["appl"], 3)
        reader.close()
    for (keys, scores), expected in zip(answers[:2], alone, strict=True):
        assert (keys.tolist(), scores.tolist()) == (expected[0].tolist(), expected[1].tolist())
    assert list(zip(answers[2][0].tolist(), answers[2][1].tolist(), strict=True)) == words


def test_a_lost_collection_is_written_again_by_the_next_writer(root: Path, client: QdrantClient) -> None:
    before = found(root)
    client.delete_collection(f"{root.parent.name}-{WORDS_STORE}")
    [message] = CollectionReader(root).check()
    assert "6 pages are not at" in message and "pagelens index" in message
    write(root)
    assert found(root) == before
    assert CollectionReader(root).check(deep=True) == []


def test_unknown_points_are_deleted_and_missing_ones_written_again(root: Path, client: QdrantClient) -> None:
    name, before = f"{root.parent.name}-{WORDS_STORE}", found(root)
    kept = points(client, root)
    unknown = damaged(kept[0])
    unknown.id, unknown.payload = 99 << 20 | 1, {"document": 99, "number": 1}
    client.upsert(name, [unknown])
    assert found(root) == before
    assert any("1 pages at" in message for message in CollectionReader(root).check())
    client.delete(name, [kept[0].id, kept[1].id, kept[2].id])
    write(root)
    assert {one.id for one in points(client, root)} == {one.id for one in kept}
    assert found(root) == before


def test_damaged_vectors_and_frequencies_are_found_by_a_deep_check_and_repaired(
    root: Path, client: QdrantClient
) -> None:
    name, before = f"{root.parent.name}-{WORDS_STORE}", found(root)
    client.upsert(name, [damaged(points(client, root)[0])])
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.document_frequencies).values(pages=t.document_frequencies.c.pages + 1))
    assert reader.check() == []
    problems = reader.check(deep=True)
    assert any("1 pages at" in message and "other terms than their text" in message for message in problems)
    assert any("frequencies of" in message for message in problems)
    assert repair(root).removed_paths == []
    assert reader.check(deep=True) == []
    assert found(root) == before


def test_a_writer_killed_while_it_rewrote_page_vectors_is_followed_by_one_that_finishes(
    root: Path, client: QdrantClient
) -> None:
    written = points(client, root)
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.term_totals).values(uniform=0))
    client.upsert(f"{root.parent.name}-{WORDS_STORE}", [damaged(one) for one in written[:2]])
    write(root)
    assert points(client, root) == written
    assert reader.check(deep=True) == []


def test_frequencies_of_another_layout_are_counted_again(root: Path) -> None:
    before = found(root)
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.term_totals).values(schema=1))
        connection.execute(delete(t.document_frequencies))
    write(root)
    assert found(root) == before
    assert reader.check(deep=True) == []


def test_a_search_that_began_before_a_commit_finds_the_words_of_its_own_commit(
    tmp_path: Path, server: QdrantProcess
) -> None:
    root, path = tmp_path / "c", path_of(tmp_path, "a.pdf")
    make(root, server.url, tmp_path.name, grace=600)
    write(root, with_tokens(path, FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        expected = search_words(before, ["appl"], 10)
        write(root, with_tokens(path, TREES))
        write(root)
        assert search_words(before, ["appl"], 10) == expected
        assert before.idf(["tree"])["tree"] == pytest.approx(math.log(1 + 3.5 / 0.5))  # asked now, of then
    with reader.snapshot() as after:
        assert len(after.words) == len(TREES)
        assert {page for page, _ in search_words(after, ["appl"], 10)}.isdisjoint(page for page, _ in expected)
    assert reader.check(deep=True) == []


def test_another_s_collection_under_our_name_is_a_mismatch(
    tmp_path: Path, server: QdrantProcess, client: QdrantClient
) -> None:
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT, PAGE], server=ServerRecord(server.url, tmp_path.name))
    params = models.VectorParams(size=5, distance=models.Distance.DOT)
    client.create_collection(f"{tmp_path.name}-{WORDS_STORE}", params)
    with pytest.raises(CollectionMismatch, match="sparse vectors"), CollectionWriter(tmp_path / "c") as writer:
        writer.add(with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
