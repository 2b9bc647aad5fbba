"""Re-embedding: what searches find before, during and after, and what an interrupted run leaves."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.errors import CollectionLocked, CollectionMismatch, UsageError
from pagelens.core.keys import page_of
from pagelens.core.spaces import Space
from pagelens.core.types import Guess, TokenMatrix
from pagelens.index.admin.reembed import CollectionReembedding
from pagelens.index.catalog.databases import open_for_reading
from pagelens.index.catalog.reads import PageRow
from pagelens.index.creation import create
from pagelens.index.layout import CatalogRecord, LaneRecord, Layout, load
from pagelens.index.reader import CollectionReader
from pagelens.index.records import DenseRows, DocumentPages, EmbeddedPages
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, make, new_pages, vector, write

NEW_TEXT = LaneRecord("text", "negated", Space(model="test/negated", revision="2", dim=8), "passages")
IMAGE = LaneRecord("image", "features", Space(model="test/features", revision="1", dim=8), "pages")
PAGE = LaneRecord("page", "tokens", Space(model="test/tokens", revision="1", dim=8, multi_vector=True), "pages")
LANES = [NEW_TEXT, IMAGE, PAGE]

FRUIT = ["apple one", "banana two", "cherry three"]
TREES = ["oak four", "pine five"]
WEEDS = ["nettle six"]


@pytest.fixture
def root(tmp_path: Path, database: CatalogRecord | None) -> Path:
    """A collection of two documents in one lane."""
    root = tmp_path / "collection"
    make(root, database)
    for name in ("a.pdf", "b.pdf", "c.pdf"):
        (tmp_path / name).write_text("any content")
    write(root, new_pages(str(tmp_path / "a.pdf"), FRUIT), new_pages(str(tmp_path / "b.pdf"), TREES))
    return root


def rows_of(pages: Sequence[PageRow], *, unrendered: Sequence[int] = ()) -> EmbeddedPages:
    """Rows that differ from the old ones: the negated vectors of the texts. `unrendered` pages have no image."""
    negated = np.array([-vector(page.text.text) for page in pages], np.float32)
    rendered = [page for page in pages if page.number not in unrendered]
    image_vectors = np.array([vector("image " + page.text.text) for page in rendered], np.float32).reshape(-1, 8)
    tokens = [TokenMatrix(row[None], np.array([[0, 0, 1, 1]], np.float32)) for row in negated]
    return EmbeddedPages(
        [page.key for page in pages],
        {
            "text": DenseRows([1] * len(pages), negated),
            "image": DenseRows([int(page in rendered) for page in pages], image_vectors),
        },
        {"page": tokens},
        problems={page.key: "no picture" for page in pages if page not in rendered},
    )


def fill(reembedding: CollectionReembedding, *, limit: int = 100, unrendered: Sequence[int] = ()) -> int:
    """Add rows page by page, a commit after each; return how many were added."""
    keys = [key for _, page_keys in reembedding.pending_pages() for key in page_keys][:limit]
    for key in keys:
        reembedding.add(rows_of(reembedding.pages([key]), unrendered=unrendered))
        reembedding.commit()
    return len(keys)


def reembed(root: Path, lanes: Sequence[LaneRecord] = LANES) -> CollectionReembedding:
    return CollectionReembedding(root, profile="other", lanes=lanes)


def old_texts(root: Path) -> list[str]:
    """Every text whose vector is the old one, as a reader that opens now has it."""
    reader = CollectionReader(root)
    assert reader.manifest.lanes == {"text": TEXT}
    with reader.snapshot() as snapshot:
        vectors = snapshot.vectors("text")
        pages = snapshot.pages([page_of(key) for key in vectors.keys.tolist()])
        for row, key in zip(vectors.matrix, vectors.keys.tolist(), strict=True):
            assert np.allclose(row, vector(pages[page_of(key)].text.text), atol=1e-3)
        assert len(pages) == snapshot.page_count
        return sorted(page.text.text for page in pages.values())


def new_texts(root: Path) -> list[str]:
    """Every text that is in all the new lanes with the rows that `rows_of` gives."""
    reader = CollectionReader(root)
    assert reader.manifest.lanes == {lane.name: lane for lane in LANES}
    assert reader.check() == []
    with reader.snapshot() as snapshot:
        vectors, image_vectors, tokens = snapshot.vectors("text"), snapshot.vectors("image"), snapshot.tokens("page")
        pages = snapshot.pages([page_of(key) for key in vectors.keys.tolist()])
        for row, key in zip(vectors.matrix, vectors.keys.tolist(), strict=True):
            assert np.allclose(row, -vector(pages[page_of(key)].text.text), atol=1e-3)
        for row, key in zip(image_vectors.matrix, image_vectors.keys.tolist(), strict=True):
            assert np.allclose(row, vector("image " + pages[page_of(key)].text.text), atol=1e-3)
        for key in tokens.keys.tolist():
            matrix = tokens.page(key)
            assert matrix is not None
            assert np.allclose(matrix.vectors, -vector(pages[key].text.text), atol=0.01)
        assert len(tokens.keys) == len(image_vectors.keys) == len(pages) == snapshot.page_count
        return sorted(page.text.text for page in pages.values())


def test_the_old_vectors_serve_until_the_switch_and_are_gone_after_it(root: Path) -> None:
    with reembed(root) as reembedding:
        assert [len(keys) for _, keys in reembedding.pending_pages()] == [3, 2]
        assert fill(reembedding) == 5
        assert reembedding.pending_pages() == []
        assert old_texts(root) == sorted(FRUIT + TREES)
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)
    stores = {path.name for path in (root / "vectors").iterdir()}
    assert stores == {lane.store for lane in LANES}
    assert not Layout(root).next_manifest.exists()
    assert load(Layout(root)).profile == "other"


def test_an_interrupted_run_continues_after_what_was_committed(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding, limit=2)
    assert old_texts(root) == sorted(FRUIT + TREES)
    with reembed(root) as reembedding:
        assert reembedding.resumed
        assert fill(reembedding) == 3
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_pages_that_were_not_committed_when_an_error_ends_a_run_are_embedded_again(root: Path) -> None:
    with pytest.raises(RuntimeError), reembed(root) as reembedding:
        reembedding.add(rows_of(reembedding.pages(reembedding.pending_pages()[0][1])))
        raise RuntimeError
    with reembed(root) as reembedding:
        assert fill(reembedding) == 5
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_documents_indexed_between_an_interrupted_run_and_the_next_are_embedded_too(root: Path, tmp_path: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding, limit=4)
    write(root, new_pages(str(tmp_path / "c.pdf"), WEEDS))
    write(root, new_pages(str(tmp_path / "b.pdf"), ["oak changed"]))  # replaces a partly embedded document
    assert old_texts(root) == sorted([*FRUIT, *WEEDS, "oak changed"])
    with reembed(root) as reembedding:
        assert reembedding.resumed
        assert fill(reembedding) == 2
        reembedding.finish()
    assert new_texts(root) == sorted([*FRUIT, *WEEDS, "oak changed"])


def test_partly_indexed_documents_are_removed_and_indexed_from_the_beginning(root: Path, tmp_path: Path) -> None:
    many = ["reed seven", "rush eight"]
    write(root, new_pages(str(tmp_path / "c.pdf"), many, until=1))
    with reembed(root) as reembedding:
        assert fill(reembedding) == 5
        reembedding.finish()
        assert reembedding.unfinished_documents == 1
    with CollectionWriter(root) as writer:
        assert writer.resume_page(new_pages("c", many).document.sha256) is None
        for first in (1, 2):
            new = new_pages(str(tmp_path / "c.pdf"), many, first=first, until=first)
            writer.add(_with_all_lanes(new))
    assert new_texts(root) == sorted(FRUIT + TREES + many)


def _with_all_lanes(new: DocumentPages) -> DocumentPages:
    pages = [
        PageRow(
            key=0,
            number=p.number,
            label=None,
            width=1,
            height=1,
            text=p.text,
            caption="",
            problem="",
            passages=(),
        )
        for p in new.pages
    ]
    rows = rows_of(pages)
    return replace(new, vectors=rows.vectors, tokens=rows.tokens)


def test_at_the_switch_partly_indexed_documents_are_gone_and_problems_are_saved(root: Path, tmp_path: Path) -> None:
    """A kill right after it must leave nothing that the next writer would continue in the new lanes."""
    write(root, new_pages(str(tmp_path / "c.pdf"), ["reed seven", "rush eight"], until=1))
    counts: list[tuple[int, int]] = []
    watched = {str(Layout(root).manifest)}

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event == "os.rename" and str(arguments[1]) in watched:
            watched.clear()  # hooks stay for good: this one sleeps from here on
            with open_for_reading(Layout(root), load(Layout(root))).connect() as connection:
                unfinished = connection.exec_driver_sql("SELECT count(*) FROM documents WHERE live = 0").scalar_one()
                problems = connection.exec_driver_sql("SELECT count(*) FROM pages WHERE problem != ''").scalar_one()
            counts.append((unfinished, problems))

    with reembed(root) as reembedding:
        fill(reembedding, unrendered=[2])
        sys.addaudithook(audit)
        reembedding.finish()
    assert counts == [(0, 2)]


def test_a_run_for_other_lanes_starts_afresh_and_drops_what_the_first_left(root: Path) -> None:
    """Both runs write to one store: rows of the first run must not count as done."""
    with reembed(root, [NEW_TEXT]) as reembedding:
        fill(reembedding, limit=3)
    with reembed(root) as reembedding:
        assert not reembedding.resumed
        assert fill(reembedding) == 5
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_a_run_for_the_lanes_that_the_collection_has_drops_an_interrupted_one(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding, limit=3)
    with CollectionReembedding(root, profile="test", lanes=[TEXT]) as reembedding:
        assert reembedding.unchanged
        assert reembedding.pending_pages() == []
        reembedding.finish()
    assert old_texts(root) == sorted(FRUIT + TREES)
    assert not Layout(root).next_manifest.exists()
    assert [path.name for path in (root / "vectors").iterdir()] == [TEXT.store]


def test_a_lane_that_keeps_its_space_is_kept_as_it_is(root: Path) -> None:
    [before] = Layout(root).vectors(TEXT.store).iterdir()
    with reembed(root, [replace(TEXT, model="same weights, another name"), IMAGE]) as reembedding:
        assert [lane.name for lane in reembedding.new] == ["image"]
        assert fill(reembedding) == 5
        reembedding.finish()
    assert list(Layout(root).vectors(TEXT.store).iterdir()) == [before]
    manifest = load(Layout(root))
    assert manifest.lanes["text"].model == "same weights, another name"
    assert CollectionReader(root).check() == []


def test_a_lane_in_the_same_space_that_covers_other_things_is_refused(root: Path) -> None:
    with (
        pytest.raises(UsageError, match=r"to cover passages.*found photos"),
        reembed(root, [replace(TEXT, covers="photos")]),
    ):
        pass
    assert old_texts(root) == sorted(FRUIT + TREES)
    assert not Layout(root).next_manifest.exists()


def test_dropping_a_lane_embeds_nothing(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding)
        reembedding.finish()
    with reembed(root, [NEW_TEXT]) as reembedding:
        assert reembedding.pending_pages() == []
        reembedding.finish()
    assert set(load(Layout(root)).lanes) == {"text"}
    assert [path.name for path in (root / "vectors").iterdir()] == [NEW_TEXT.store]
    assert CollectionReader(root).check() == []


def test_a_page_that_could_not_be_rendered_gets_its_problem_with_the_switch(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding, unrendered=[2])
        with CollectionReader(root).snapshot() as snapshot:
            assert snapshot.unread_pages() == []
        reembedding.finish()
    reader = CollectionReader(root)
    assert reader.check() == []
    with reader.snapshot() as snapshot:
        assert [(number, why) for _, number, why in snapshot.unread_pages()] == [(2, "no picture")] * 2
        assert len(snapshot.vectors("image").keys) == 3


def test_documents_without_images_may_be_requeued_by_the_next_run(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding, limit=3, unrendered=[2])
    with reembed(root) as reembedding:
        [row] = reembedding.documents_without_images()
        assert Path(row.path).name == "a.pdf"
        reembedding.requeue([row.key])
        assert reembedding.documents_without_images() == []
        assert fill(reembedding) == 5
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_guesses_are_kept_with_their_pages(root: Path) -> None:
    with reembed(root) as reembedding:
        [(_, keys), *_] = reembedding.pending_pages()
        rows = rows_of(reembedding.pages(keys[:1]))
        reembedding.add(replace(rows, guesses={keys[0]: [Guess("pear", 0.5)]}))
        reembedding.commit()
        [page] = reembedding.pages(keys[:1])
    assert page.guesses == (Guess("pear", 0.5),)


def test_a_reader_that_is_open_across_the_switch_says_to_open_it_again(root: Path) -> None:
    reader = CollectionReader(root)
    with reader.snapshot() as before:
        with reembed(root) as reembedding:
            fill(reembedding)
            reembedding.finish()
        assert len(before.vectors("text").keys) == 5  # what is open stays whole
    with pytest.raises(CollectionMismatch, match=r"profile 'test'.*found 'other'.*Open it again"), reader.snapshot():
        pass


def test_a_reader_that_opened_just_before_the_switch_says_so_too(root: Path) -> None:
    reader = CollectionReader(root)
    with reembed(root) as reembedding:
        fill(reembedding)
        reembedding.finish()
    with pytest.raises(CollectionMismatch), reader.snapshot():
        pass


def test_a_reader_goes_on_when_only_names_changed(root: Path) -> None:
    reader = CollectionReader(root)
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    with reembed(root, [replace(TEXT, model="another name")]) as reembedding:
        reembedding.finish()
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    assert reader.manifest.profile == "other"


def test_a_writer_that_waited_for_re_embedding_writes_for_the_new_lanes(root: Path, tmp_path: Path) -> None:
    writer = CollectionWriter(root)
    with reembed(root) as reembedding:
        with pytest.raises(CollectionLocked), writer:
            pass
        fill(reembedding)
        reembedding.finish()
    with writer:
        assert set(writer.manifest.lanes) == {"text", "image", "page"}


def test_old_vectors_that_a_kill_left_after_the_switch_are_removed_by_the_next_writer(root: Path) -> None:
    with reembed(root) as reembedding:
        fill(reembedding)
    layout = Layout(root)
    layout.next_manifest.replace(layout.manifest)  # the switch, and not an instant more
    assert new_texts(root) == sorted(FRUIT + TREES)
    reader = CollectionReader(root)
    with CollectionWriter(root):
        pass
    assert {path.name for path in (root / "vectors").iterdir()} == {lane.store for lane in LANES}
    with reader.snapshot() as snapshot:
        assert snapshot.page_count == 5
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_an_unreadable_next_manifest_is_ignored(root: Path) -> None:
    Layout(root).next_manifest.write_text("{", "utf-8")
    write(root)
    assert old_texts(root) == sorted(FRUIT + TREES)
    with reembed(root) as reembedding:
        assert not reembedding.resumed
        fill(reembedding)
        reembedding.finish()
    assert new_texts(root) == sorted(FRUIT + TREES)


def test_the_next_manifest_is_what_the_manifest_will_be(root: Path) -> None:
    before = json.loads(Layout(root).manifest.read_text("utf-8"))
    with reembed(root) as reembedding:
        planned = json.loads(Layout(root).next_manifest.read_text("utf-8"))
        assert planned["created"] == before["created"]
        fill(reembedding)
        reembedding.finish()
    assert json.loads(Layout(root).manifest.read_text("utf-8")) == planned


def test_re_embedding_an_empty_collection_changes_its_manifest_only(tmp_path: Path) -> None:
    create(Layout(tmp_path / "empty"), profile="test", lanes=[TEXT])
    with reembed(tmp_path / "empty") as reembedding:
        assert reembedding.pending_pages() == []
        reembedding.finish()
    assert new_texts(tmp_path / "empty") == []
