"""Indexing is killed (SIGKILL) at 30 instants and started again; the end equals indexing in peace, and readers that
look all the while never see half a document."""

import random
import shutil
import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from pagelens.api.engine import wiring
from pagelens.api.engine.models import CollectionModels
from pagelens.api.engine.profiles import choose_profile
from pagelens.core.keys import document_of, number_of, page_of
from pagelens.core.settings import Settings
from pagelens.core.types import Query
from pagelens.index.layout import Layout, Manifest, load
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.retrieve.search import Retriever
from tests.api.files import made_up_pages, write_pdf
from tests.dying_process import Child, started

ROUNDS, KILLS_A_ROUND = 6, 5
QUICK = 1  # rounds in every run of the tests
QUERIES = ("limpet tide", "how much timber", "page 3 crank arm", "qabaac", "pilot draught storms")
SIZES = (3, 1, 30, 7, 12, 14, 5)  # pages of each document; those above `indexing_child.WINDOW` take several commits


def write_files(folder: Path, *, changed: bool) -> None:
    for index, size in enumerate(SIZES):
        seed = index + 50 if changed and index in (1, 2) else index
        write_pdf(folder / f"document-{index}.pdf", made_up_pages(size, seed), title=f"Document number {index}")


@dataclass
class Watcher:
    """A reader in a thread: every snapshot must hold whole documents only, each an old or a new version."""

    root: Path
    allowed: set[tuple[str, str]]  # file name, SHA-256
    reads: int = 0
    wrongs: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> None:
        reader = CollectionReader(self.root)
        while not self.stop.wait(0.05):
            with reader.snapshot() as snapshot:
                self.wrongs.extend(half_documents(snapshot, self.allowed))
            self.reads += 1


def half_documents(snapshot: Snapshot, allowed: set[tuple[str, str]]) -> list[str]:
    wrongs = []
    vectors = snapshot.vectors("text")
    held = document_of(page_of(vectors.keys))  # of each row
    for key, row in snapshot.documents.items():
        numbers = range(1, row.document.page_count + 1)
        pages = snapshot.pages([(key << 20) | number for number in numbers])
        passages = sum(len(page.passages) for page in pages.values())
        if len(pages) != row.document.page_count or int((held == key).sum()) != passages:
            wrongs.append(f"{row.path}: {len(pages)} of {row.document.page_count} pages, {passages} passages")
        if (Path(row.path).name, row.document.sha256) not in allowed:
            wrongs.append(f"{row.path}: a version that never was")
    visual, tokens = page_of(snapshot.vectors("visual").keys), snapshot.tokens("page").keys
    for lane, keys in (("visual", visual), ("page", tokens)):
        if len(keys) != snapshot.page_count:
            wrongs.append(f"{lane}: {len(keys)} of {snapshot.page_count} pages")
    owners = {*held.tolist(), *document_of(visual).tolist(), *document_of(tokens).tolist()}
    if owners - set(snapshot.documents):
        wrongs.append("vectors of a document that is not live")
    return wrongs


def contents(snapshot: Snapshot) -> dict[tuple[str, int], tuple[str, list[bytes]]]:
    """Every live page by file name and number: its text and the bytes of its vectors."""
    rows: dict[int, list[bytes]] = {}
    for lane in ("text", "visual"):
        vectors = snapshot.vectors(lane)
        order = sorted(zip(vectors.keys.tolist(), np.asarray(vectors.matrix), strict=True), key=lambda one: one[0])
        for key, row in order:
            rows.setdefault(page_of(key), []).append(row.tobytes())
    tokens = snapshot.tokens("page")
    for page in tokens.keys.tolist():
        matrix = tokens.page(page)
        assert matrix is not None
        rows[page].append(matrix.vectors.tobytes())
    found = {}
    for key, row in snapshot.documents.items():
        for page in snapshot.pages([(key << 20) | n for n in range(1, row.document.page_count + 1)]).values():
            found[Path(row.path).name, page.number] = (page.text.text, rows[page.key])
    return found


def rankings(snapshot: Snapshot, manifest: Manifest) -> list[tuple[tuple[str, int], float]]:
    models = CollectionModels(choose_profile("builtin", Settings()).models, analyze, Settings())
    retriever = Retriever(models.lanes(manifest)[0], analyze)
    return [
        ((Path(snapshot.documents[document_of(hit.page)].path).name, number_of(hit.page)), hit.score)
        for query in QUERIES
        for hit in retriever.search(snapshot, Query(query), k=20).hits
    ]


@dataclass(frozen=True)
class Prepared:
    """A process that indexes the files, a collection of their older versions, a copy of it indexed in peace, how many
    instants that has, and every version of a file."""

    child: Child
    old: Path
    peace: Path
    instants: int
    versions: set[tuple[str, str]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("kill")
    files, old, peace = folder / "files", folder / "old", folder / "peace"
    wiring.create_collection(old, choose_profile("builtin", Settings()), Settings())
    write_files(files, changed=False)
    with started("tests.api.indexing_child", files) as child:
        assert child("index", old)[0] == 0
        with CollectionReader(old).snapshot() as snapshot:
            versions = {(Path(row.path).name, row.document.sha256) for row in snapshot.documents.values()}
        write_files(files, changed=True)
        shutil.copytree(old, peace)
        code, instants = child("index", peace)
        assert code == 0
        with CollectionReader(peace).snapshot() as snapshot:
            versions |= {(Path(row.path).name, row.document.sha256) for row in snapshot.documents.values()}
        yield Prepared(child, old, peace, instants, versions)


@pytest.mark.parametrize(
    "round_number", [*range(QUICK), *(pytest.param(more, marks=pytest.mark.slow) for more in range(QUICK, ROUNDS))]
)
def test_killed_again_and_again_it_ends_where_peace_ends(prepared: Prepared, tmp_path: Path, round_number: int) -> None:
    child, collection = prepared.child, tmp_path / "killed"
    shutil.copytree(prepared.old, collection)
    watcher = Watcher(collection, prepared.versions)
    thread = threading.Thread(target=watcher)
    thread.start()
    generator = random.Random(20261121 + round_number)
    try:
        for kill in range(KILLS_A_ROUND):
            left = max(
                2, prepared.instants * (KILLS_A_ROUND - kill) // KILLS_A_ROUND
            )  # each kill leaves less to be done
            while child("index", collection, fatal=generator.randint(1, left))[0] != -9:
                left = max(2, left // 2)
        assert child("index", collection)[0] == 0
    finally:
        watcher.stop.set()
        thread.join()
    assert watcher.wrongs == []
    assert watcher.reads > KILLS_A_ROUND
    assert CollectionReader(collection).check() == []
    with CollectionReader(collection).snapshot() as after, CollectionReader(prepared.peace).snapshot() as quiet:
        assert contents(after) == contents(quiet)
        manifest = load(Layout(collection))
        found, expected = rankings(after, manifest), rankings(quiet, manifest)
    assert [page for page, _ in found] == [page for page, _ in expected]
    # BM25 adds float32 numbers segment by segment, and the segments differ
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], rel=1e-5)


@pytest.mark.slow
def test_a_kill_between_segment_and_catalog_leaves_the_commit_before_and_a_stray_that_goes(
    prepared: Prepared, tmp_path: Path
) -> None:
    """The instant after a segment's folder is renamed into its place, before the catalog names it."""
    child, old = prepared.child, prepared.old

    def killed(fatal: int) -> tuple[Path, set[str]]:
        """Return a collection whose writer was killed at an instant, and the segments that are new in it."""
        collection = tmp_path / str(fatal)
        if not collection.exists():
            shutil.copytree(old, collection)
            child("index", collection, fatal=fatal)
        [before], [after] = (list((root / "vectors").glob("text-*")) for root in (old, collection))
        return collection, {path.name for path in after.iterdir() if not path.name.startswith(".")} - {
            path.name for path in before.iterdir()
        }

    first = 1 + bisect_left(range(1, prepared.instants), True, key=lambda fatal: bool(killed(fatal)[1]))
    collection, new = killed(first)
    assert new
    reader = CollectionReader(collection)
    with reader.snapshot() as snapshot, CollectionReader(old).snapshot() as untouched:
        assert contents(snapshot) == contents(untouched), "the catalog names the segment already"
    assert child("index", collection)[0] == 0
    assert CollectionReader(collection).check() == []
