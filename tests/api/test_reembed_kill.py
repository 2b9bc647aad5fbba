"""Reembedding is killed (SIGKILL) at many instants and resumed: each time the collection is wholly the old or the
new one, and in the end equals a collection made with the new models from the start."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from pagelens.core.keys import page_key, page_of
from pagelens.index.catalog.tables import documents
from pagelens.index.catalog.transactions import open_sqlite, transaction
from pagelens.index.creation import create
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader
from tests.api.files import made_up_pages, write_pdf
from tests.api.reembedding_child import NEW, OLD, lanes_of
from tests.dying_process import Child, started

SIZES = (3, 20, 1, 12)  # pages of each document; a commit holds 8
HALF = 40  # pages of one of which indexing had read 32 when it was killed
EVERYWHERE, AT_THE_END = 8, 14  # instants at which reembedding is killed: spread over it, and those around the switch

Contents = dict[tuple[str, int], dict[str, list[bytes]]]


def contents(root: Path) -> tuple[str, Contents]:
    """The profile, and every page by file name and number with the bytes of its rows in each lane, nothing amiss."""
    reader = CollectionReader(root)
    assert reader.check() == []
    found: Contents = {}
    with reader.snapshot() as snapshot:
        names: dict[int, dict[str, list[bytes]]] = {}
        for key, row in snapshot.documents.items():
            for number in range(1, row.document.page_count + 1):
                found[Path(row.path).name, number] = names[page_key(key, number)] = {}
        for name, lane in reader.manifest.lanes.items():
            if lane.space.multi_vector:
                tokens = snapshot.tokens(name)
                pages = [(key, tokens.page(key)) for key in tokens.keys.tolist()]
                rows = [(key, page.vectors) for key, page in pages if page is not None]
            else:
                vectors = snapshot.vectors(name)
                order = np.argsort(vectors.keys)
                rows = [(page_of(int(vectors.keys[at])), np.asarray(vectors.matrix[at])) for at in order.tolist()]
            for key, row_of in rows:
                names[key].setdefault(name, []).append(row_of.tobytes())
    reader.close()
    return reader.manifest.profile, found


@dataclass
class Prepared:
    """A collection before reembedding, what it holds, what it must hold after it, and after that is indexed once more;
    and how many instants a reembedding has."""

    child: Child
    files: Path
    old: Path
    before: Contents
    after: Contents
    indexed: Contents
    instants: int


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("reembedding")
    files, old, fresh, peace = (folder / name for name in ("files", "old", "fresh", "peace"))
    for index, size in enumerate(SIZES):
        write_pdf(files / f"document-{index}.pdf", made_up_pages(size, index), title=f"Document number {index}")
    create(Layout(old), profile="old", lanes=lanes_of(OLD))
    create(Layout(fresh), profile="new", lanes=lanes_of(NEW))
    with started("tests.api.reembedding_child", files) as child:
        assert child("index", old)[0] == child("index", fresh)[0] == 0
        after = contents(fresh)[1]
        write_pdf(files / "half.pdf", made_up_pages(HALF, 9), title="Half read")
        read_half(child, old)
        shutil.copytree(old, peace)
        code, instants = child("reembed", peace)
        assert code == 0
        assert contents(peace) == ("new", after)
        assert child("index", fresh)[0] == child("index", peace)[0] == 0
        assert contents(peace) == contents(fresh)
        yield Prepared(child, files, old, contents(old)[1], after, contents(fresh)[1], instants)


def read_half(child: Child, collection: Path) -> None:
    """Kill indexing between two commits of a document."""
    for fatal in range(10, 100, 3):
        assert child("index", collection, fatal=fatal)[0] == -9
        with transaction(open_sqlite(Layout(collection).catalog)) as connection:
            if connection.execute(select(documents.c.pages_in).where(documents.c.live == 0)).scalars().all():
                return


@pytest.mark.parametrize("step", [pytest.param(2, id="half"), pytest.param(1, id="all", marks=pytest.mark.slow)])
def test_killed_at_any_instant_it_is_the_old_or_the_new_collection_and_the_next_run_ends_it(
    prepared: Prepared, tmp_path: Path, step: int
) -> None:
    spread = [1 + n * prepared.instants // EVERYWHERE for n in range(EVERYWHERE)]
    end = range(prepared.instants - AT_THE_END, prepared.instants + 1)
    switched = {}
    for fatal in sorted({*spread, *end})[::step]:
        collection = tmp_path / str(fatal)
        shutil.copytree(prepared.old, collection)
        if prepared.child("reembed", collection, fatal=fatal)[0] == 0:  # a thing or two fewer were done than in peace
            continue
        profile, found = contents(collection)
        switched[fatal] = profile == "new"
        assert found == (prepared.after if switched[fatal] else prepared.before), fatal
        if not switched[fatal]:
            assert prepared.child("reembed", collection)[0] == 0
            assert contents(collection) == ("new", prepared.after), fatal
        assert prepared.child("index", collection)[0] == 0
        assert contents(collection) == ("new", prepared.indexed), fatal
        assert not Layout(collection).next_manifest.exists()
        assert {path.name for path in (collection / "vectors").iterdir()} == {lane.store for lane in lanes_of(NEW)}
        shutil.rmtree(collection)
    assert set(switched.values()) == {True, False}, "the instants around the switch were not among these"
    assert len(switched) > (EVERYWHERE + AT_THE_END // 2) // step
    assert list(switched.values()) == sorted(switched.values())


@pytest.mark.slow
def test_killed_again_and_again_with_indexing_in_between_it_ends_where_a_fresh_collection_does(
    prepared: Prepared, tmp_path: Path
) -> None:
    collection, fresh = tmp_path / "killed", tmp_path / "fresh"
    shutil.copytree(prepared.old, collection)
    generator = random.Random(20261122)
    for kill in range(5):
        assert prepared.child("reembed", collection, fatal=generator.randint(8, prepared.instants // 3))[0] == -9
        write_pdf(prepared.files / f"later-{kill}.pdf", made_up_pages(kill + 2, 20 + kill), title=f"Later {kill}")
        assert prepared.child("index", collection)[0] == 0
        assert contents(collection)[0] == "old"
    assert prepared.child("reembed", collection)[0] == 0
    create(Layout(fresh), profile="new", lanes=lanes_of(NEW))
    assert prepared.child("index", fresh)[0] == 0
    assert contents(collection) == contents(fresh)
