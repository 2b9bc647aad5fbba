"""A multi-vector lane beside a dense one: written, read, replaced, compacted, checked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pagelens.core.keys import document_of, number_of, page_key
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.creation import create
from pagelens.index.late.token_pooling import pool_tokens, pooled_space
from pagelens.index.layout import LaneRecord, Layout
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.records import DocumentPages
from pagelens.index.segments import check_segment
from pagelens.index.stores.compaction import MAX_SMALL_SEGMENTS
from pagelens.index.stores.page_tokens import PageTokens
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT, new_pages, vector

TOKENS = Space(model="test/tokens", revision="1", dim=8, multi_vector=True)
PAGE = LaneRecord("page", "tokens", TOKENS, "pages")
FRUIT = ["apple one red", "banana two", "cherry three ripe and dark"]
TREES = ["oak four", "pine five tall"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    return root


def tokens(text: str) -> TokenMatrix:
    """One token a word; none for an empty page."""
    words = [] if text.startswith("empty") else text.split(" ")
    boxes = np.array([(i / 10, 0.1, (i + 1) / 10, 0.2) for i in range(len(words))], np.float32).reshape(-1, 4)
    return TokenMatrix(np.array([vector(word) for word in words], np.float32).reshape(-1, 8), boxes)


def with_tokens(path: str, texts: list[str], **options: int) -> DocumentPages:
    new = new_pages(path, texts, **options)  # type: ignore[arg-type]
    return replace(new, tokens={"page": [tokens(page.text.text) for page in new.pages]})


def write(root: Path, *documents: DocumentPages) -> None:
    with CollectionWriter(root) as writer:
        for document in documents:
            writer.add(document)


def texts(snapshot: Snapshot) -> list[str]:
    """Every live page's text, each found by its own words in the multi-vector lane."""
    lane = snapshot.tokens("page")
    pages = snapshot.pages(lane.keys.tolist())
    assert snapshot.page_count == len(lane.keys) == len(pages)
    for key in lane.keys.tolist():
        text, matrix = pages[key].text.text, lane.page(key)
        assert matrix is not None
        assert number_of(key) == pages[key].number
        expected = tokens(text)
        assert matrix.vectors.shape == expected.vectors.shape
        assert np.allclose(matrix.vectors, expected.vectors, atol=0.01)
        assert np.allclose(matrix.boxes, expected.boxes, atol=1e-4)
        if len(expected.vectors):
            keys, scores = lane.search(QueryTokens(expected.vectors, text.split(" ")), 1)
            assert keys.tolist() == [key]
            assert scores[0] == pytest.approx(len(expected.vectors), rel=0.02)
    return sorted(page.text.text for page in pages.values())


def segments(root: Path) -> list[Path]:
    return [path for path in Layout(root).vectors(PAGE.store).iterdir() if path.is_dir()]


def test_pages_and_their_tokens_are_read_back_and_found(root: Path) -> None:
    write(root, with_tokens("/a.pdf", FRUIT), with_tokens("/b.pdf", ["empty page", *TREES]))
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted([*FRUIT, "empty page", *TREES])
        assert len(snapshot.vectors("text").keys) == 6
        assert snapshot.tokens("page").page(page_key(99, 1)) is None
    assert CollectionReader(root).check() == []


def test_tokens_are_invisible_until_the_last_page_is_in_and_go_with_their_document(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_text("any content")
    path, reader = str(tmp_path / "a.pdf"), CollectionReader(root)
    write(root, with_tokens("/b.pdf", TREES), with_tokens(path, FRUIT, until=2))
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)
    write(root, with_tokens(path, FRUIT, first=3))
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted([*FRUIT, *TREES])
    with reader.snapshot() as before:
        write(root, with_tokens("/b.pdf", ["elm six"]))
        assert texts(before) == sorted([*FRUIT, *TREES])
    with reader.snapshot() as snapshot:
        assert texts(snapshot) == sorted([*FRUIT, "elm six"])
        live = snapshot.tokens("page").keys
        assert np.isin(document_of(live), snapshot.live).all()


@pytest.mark.parametrize("mixed", [False, True])
def test_many_small_segments_are_compacted_and_no_token_is_lost(root: Path, mixed: bool) -> None:
    expected_texts = [f"page {'x' * (i + 1)}" for i in range(MAX_SMALL_SEGMENTS + 3)]
    reader = CollectionReader(root)
    for index, text in enumerate(expected_texts):
        with CollectionWriter(root, storage="float16" if mixed and index % 2 else "int8") as writer:
            writer.add(with_tokens(f"/{index}.pdf", [text]))
        with reader.snapshot() as snapshot:
            assert texts(snapshot) == sorted(expected_texts[: index + 1])
    assert len(segments(root)) <= MAX_SMALL_SEGMENTS
    assert all(check_segment(folder.parent, folder.name) is None for folder in segments(root))
    assert reader.check() == []


def test_a_document_removed_from_the_middle_of_a_segment_is_skipped(root: Path) -> None:
    write(root, with_tokens("/a.pdf", FRUIT), with_tokens("/b.pdf", ["elm six"]), with_tokens("/c.pdf", TREES))
    [before] = segments(root)
    with CollectionWriter(root) as writer:
        writer.remove_paths(["/b.pdf"])
    assert segments(root) == [before]  # too few dead rows to be rewritten
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted([*FRUIT, *TREES])
        lane = snapshot.tokens("page")
        assert isinstance(lane, PageTokens)
        assert len(lane.parts) == 2


def test_a_segment_that_is_mostly_dead_is_rewritten(root: Path) -> None:
    write(root, with_tokens("/a.pdf", FRUIT), with_tokens("/b.pdf", TREES))
    [before] = segments(root)
    with CollectionWriter(root) as writer:
        writer.remove_paths(["/a.pdf"])
    [after] = segments(root)
    assert after != before
    with CollectionReader(root).snapshot() as snapshot:
        assert texts(snapshot) == sorted(TREES)


def test_unknown_segments_are_removed(root: Path) -> None:
    write(root, with_tokens("/a.pdf", FRUIT))
    stray = Layout(root).vectors(PAGE.store) / "000099-deadbeef"
    stray.mkdir()
    write(root)
    assert not stray.exists()


@pytest.mark.parametrize("part", ["vectors", "keys", "posting_offsets", "boxes"])
def test_a_lost_array_is_named_by_the_check(root: Path, part: str) -> None:
    write(root, with_tokens("/a.pdf", FRUIT))
    [segment] = segments(root)
    (segment / f"{part}.npy").unlink()
    assert any(segment.name in problem for problem in CollectionReader(root).check())


def test_a_document_with_too_few_pages_in_the_lane_is_named_by_the_check(root: Path) -> None:
    write(root, with_tokens("/a.pdf", FRUIT), with_tokens("/b.pdf", TREES))
    reader = CollectionReader(root)
    with reader._engine.begin() as connection:  # what no writer does
        connection.exec_driver_sql(
            "UPDATE runs SET rows = rows - 1 WHERE segment IN (SELECT id FROM segments WHERE store LIKE 'page-%')"
        )
    assert any("expected 3 pages, found 2" in problem for problem in reader.check())


def test_tokens_are_pooled_where_the_space_says_so(tmp_path: Path) -> None:
    root = tmp_path / "pooled"
    create(Layout(root), profile="test", lanes=[TEXT, LaneRecord("page", "tokens", pooled_space(TOKENS, 2), "pages")])
    write(root, with_tokens("/a.pdf", FRUIT))
    with CollectionReader(root).snapshot() as snapshot:
        lane = snapshot.tokens("page")
        stored = [matrix for key in lane.keys.tolist() if (matrix := lane.page(key)) is not None]
    assert [len(matrix.vectors) for matrix in stored] == [1, 1, 2]
    for matrix, text in zip(stored, FRUIT, strict=True):
        assert np.allclose(matrix.vectors, pool_tokens(tokens(text), 2).vectors, atol=0.01)
