"""Indexing with words first is killed (SIGKILL) at many instants of both passes and started again: whole documents are
there all the while, and the end equals indexing all lanes at once."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.keys import page_of
from pagelens.index.creation import create
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader
from tests.api.files import made_up_pages, write_pdf
from tests.api.reembedding_child import NEW, lanes_of
from tests.api.test_reembed_kill import Contents, contents
from tests.dying_process import Child, started

SIZES = (3, 20, 1, 12)  # pages of each document; a commit holds 8
KILLS = 16


@dataclass
class Prepared:
    """A collection before it is indexed with words first, what it must hold after it, and how many instants that has:
    one document is new, one has changed since it was indexed, two are as they were."""

    child: Child
    old: Path
    after: Contents
    instants: int


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("words-first")
    files, old, fresh, peace = (folder / name for name in ("files", "old", "fresh", "peace"))
    for root in (old, fresh):
        create(Layout(root), profile="new", lanes=lanes_of(NEW))
    for index, size in enumerate(SIZES):
        write_pdf(files / f"document-{index}.pdf", made_up_pages(size, index), title=f"Document number {index}")
    with started("tests.api.reembedding_child", files) as child:
        (files / "document-1.pdf").rename(folder / "new.pdf")
        assert child("index", old)[0] == 0
        (folder / "new.pdf").rename(files / "document-1.pdf")
        write_pdf(files / "document-3.pdf", made_up_pages(SIZES[3], 33), title="Document number 3")
        assert child("index", fresh)[0] == 0
        shutil.copytree(old, peace)
        code, instants = child("words", peace)
        assert code == 0
        assert contents(peace) == contents(fresh)
        yield Prepared(child, old, contents(fresh)[1], instants)


def state(root: Path) -> tuple[int, float]:
    """The number of pages, and the share of them that the `text` lane has. Nothing is amiss: each page is in a lane, or
    noted as missing in it, and never both."""
    reader = CollectionReader(root)
    assert reader.check(deep=True) == []
    with reader.snapshot() as snapshot:
        whole = {
            key << 20 | n for key, row in snapshot.documents.items() for n in range(1, row.document.page_count + 1)
        }
        for name, lane in snapshot.lanes.items():
            keys = snapshot.tokens(name).keys if lane.space.multi_vector else page_of(snapshot.vectors(name).keys)
            lacking = set(snapshot.unembedded(name).tolist())
            assert lacking.isdisjoint(keys.tolist())
            assert lacking | set(np.unique(keys).tolist()) == whole
        found = snapshot.page_count, snapshot.coverage()["text"]
    reader.close()
    return found


def test_killed_at_any_instant_of_both_passes_the_next_run_ends_it(prepared: Prepared, tmp_path: Path) -> None:
    seen = set()
    for fatal in (1 + n * prepared.instants // KILLS for n in range(KILLS)):
        collection = tmp_path / str(fatal)
        shutil.copytree(prepared.old, collection)
        if prepared.child("words", collection, fatal=fatal)[0] == 0:  # a thing or two fewer were done than in peace
            continue
        seen.add(state(collection))
        again = "index" if fatal % 2 else "words"  # either order goes on from either
        assert prepared.child(again, collection)[0] == 0
        assert contents(collection) == ("new", prepared.after), fatal
    assert any(pages == sum(SIZES) and 0 < share < 1 for pages, share in seen), "no kill in the second pass"
    assert any(pages < sum(SIZES) for pages, _ in seen), "no kill in the first pass"


def test_killed_again_and_again_it_ends_where_peace_ends(prepared: Prepared, tmp_path: Path) -> None:
    collection = tmp_path / "killed"
    shutil.copytree(prepared.old, collection)
    for fatal in (prepared.instants // 3, prepared.instants // 4, prepared.instants // 6, prepared.instants // 8):
        prepared.child("words", collection, fatal=fatal)
        state(collection)
    assert prepared.child("words", collection)[0] == 0
    assert contents(collection) == ("new", prepared.after)
