"""The `words` lane on a Qdrant server: a process that speaks its protocol."""

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from qdrant_client import QdrantClient, models
from sqlalchemy import delete, event, update

from pagelens.core.errors import CollectionMismatch
from pagelens.core.types import QueryTokens
from pagelens.index.admin.repair import repair
from pagelens.index.catalog import tables as t
from pagelens.index.catalog.databases import open_for_reading
from pagelens.index.lane_queries import DenseQuery, LexicalQuery, MultiVectorQuery
from pagelens.index.layout import Layout, ServerRecord, create, load, write_json
from pagelens.index.lexical import qdrant_words
from pagelens.index.lexical.qdrant_sparse import WORDS
from pagelens.index.lexical.qdrant_words import WORDS_STORE
from pagelens.index.reader import CollectionReader
from pagelens.index.stores.factory import open_store
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, vector, write
from tests.index.qdrant_process import QdrantProcess
from tests.index.test_qdrant import TREES, make, path_of
from tests.index.test_token_collection import FRUIT, PAGE, texts, tokens, with_tokens


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
        hits = snapshot.words.search(["appl"], 10)
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
            words = snapshot.words.search(["appl"], 3)
        reader.close()
    for (keys, scores), expected in zip(answers[:2], alone, strict=True):
        assert (keys.tolist(), scores.tolist()) == (expected[0].tolist(), expected[1].tolist())
    assert list(zip(answers[2][0].tolist(), answers[2][1].tolist(), strict=True)) == words


def test_a_lost_collection_is_written_again_by_the_next_writer(root: Path, client: QdrantClient) -> None:
    before = found(root)
    client.delete_collection(f"{root.parent.name}-{WORDS_STORE}")
    [said] = CollectionReader(root).check()
    assert "6 pages are not at" in said and "pagelens index" in said
    write(root)
    assert found(root) == before
    assert CollectionReader(root).check(deep=True) == []


def test_points_that_nobody_named_go_and_lost_ones_come_back(root: Path, client: QdrantClient) -> None:
    name, before = f"{root.parent.name}-{WORDS_STORE}", found(root)
    kept = points(client, root)
    stranger = damaged(kept[0])
    stranger.id, stranger.payload = 99 << 20 | 1, {"document": 99, "number": 1}
    client.upsert(name, [stranger])
    assert found(root) == before
    assert any("1 pages at" in said for said in CollectionReader(root).check())
    client.delete(name, [kept[0].id, kept[1].id, kept[2].id])
    write(root)
    assert {one.id for one in points(client, root)} == {one.id for one in kept}
    assert found(root) == before


def test_damaged_rows_and_counts_are_found_by_a_deep_look_and_mended(root: Path, client: QdrantClient) -> None:
    name, before = f"{root.parent.name}-{WORDS_STORE}", found(root)
    client.upsert(name, [damaged(points(client, root)[0])])
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.terms).values(pages=t.terms.c.pages + 1))
    assert reader.check() == []
    problems = reader.check(deep=True)
    assert any("1 pages at" in said and "other terms than their text" in said for said in problems)
    assert any("are counted wrong" in said for said in problems)
    assert repair(root).forgotten == []
    assert reader.check(deep=True) == []
    assert found(root) == before


def test_a_writer_that_died_while_it_weighed_pages_anew_is_followed_by_one_that_ends_it(
    root: Path, client: QdrantClient
) -> None:
    written = points(client, root)
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.term_totals).values(settled=0))
    client.upsert(f"{root.parent.name}-{WORDS_STORE}", [damaged(one) for one in written[:2]])
    write(root)
    assert points(client, root) == written
    assert reader.check(deep=True) == []


def test_counts_of_another_layout_are_made_anew(root: Path) -> None:
    before = found(root)
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:
        connection.execute(update(t.term_totals).values(schema=1))
        connection.execute(delete(t.terms))
    write(root)
    assert found(root) == before
    assert reader.check(deep=True) == []


def test_a_collection_made_before_words_could_lie_there_keeps_its_own(tmp_path: Path, server: QdrantProcess) -> None:
    """Its manifest says nothing of words."""
    root = tmp_path / "c"
    make(root, server.url, tmp_path.name)
    manifest = load(Layout(root)).as_json()
    del manifest["qdrant"]["words"]
    write_json(Layout(root).manifest, manifest)
    write(root, with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))
    assert (root / "words").is_dir()
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(FRUIT)
        assert not snapshot.words.idf(["nothing"])["nothing"] < 0
    assert reader.check(deep=True) == []


def test_a_search_that_began_before_a_commit_finds_the_words_of_then(tmp_path: Path, server: QdrantProcess) -> None:
    root, path = tmp_path / "c", path_of(tmp_path, "a.pdf")
    make(root, server.url, tmp_path.name, grace=600)
    write(root, with_tokens(path, FRUIT))
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        expected = before.words.search(["appl"], 10)
        write(root, with_tokens(path, TREES))
        write(root)
        assert before.words.search(["appl"], 10) == expected
        assert before.words.idf(["tree"])["tree"] == pytest.approx(math.log(1 + 3.5 / 0.5))  # asked now, of then
    with reader.snapshot() as after:
        assert len(after.words) == len(TREES)
        assert {page for page, _ in after.words.search(["appl"], 10)}.isdisjoint(page for page, _ in expected)
    assert reader.check(deep=True) == []


def test_another_s_collection_under_our_name_is_a_mismatch(
    tmp_path: Path, server: QdrantProcess, client: QdrantClient
) -> None:
    create(Layout(tmp_path / "c"), profile="test", lanes=[TEXT, PAGE], server=ServerRecord(server.url, tmp_path.name))
    params = models.VectorParams(size=5, distance=models.Distance.DOT)
    client.create_collection(f"{tmp_path.name}-{WORDS_STORE}", params)
    with pytest.raises(CollectionMismatch, match="sparse vectors"), CollectionWriter(tmp_path / "c") as writer:
        writer.add(with_tokens(path_of(tmp_path, "a.pdf"), FRUIT))


def test_terms_that_two_look_up_at_once_are_known_to_both(root: Path) -> None:
    """The view of a commit is shared by all who search it."""
    layout = Layout(root)
    engine, store = open_for_reading(layout, load(layout)), open_store(layout, load(layout))
    with engine.connect() as connection:
        view = store.lexical(engine).view(connection, np.array([1, 2]), 2)
    looking, known = threading.Barrier(2), threading.Barrier(2)

    @event.listens_for(engine, "after_cursor_execute")
    def wait_for_the_other(*_: object) -> None:
        looking.wait(30)

    def ask(term: str) -> float:
        with engine.connect() as connection:
            view.load_frequencies(connection, [term])
        known.wait(30)
        return view.idf(term)

    with ThreadPoolExecutor(2) as threads:
        rare, unknown = threads.map(ask, ["appl", "nowher"])
    assert 0 < rare < unknown
    store.close()
    engine.dispose()


def test_terms_that_were_asked_for_long_ago_are_forgotten_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qdrant_words, "KNOWN", 2)
    layout = Layout(root)
    engine, store = open_for_reading(layout, load(layout)), open_store(layout, load(layout))
    with engine.connect() as connection:
        view = store.lexical(engine).view(connection, np.array([1, 2]), 2)
        for term in ("appl", "pear", "appl", "oak"):
            view.load_frequencies(connection, [term])
        assert view.idf("appl") > 0 and view.idf("oak") > 0
        with pytest.raises(KeyError):
            view.idf("pear")
    store.close()
    engine.dispose()
