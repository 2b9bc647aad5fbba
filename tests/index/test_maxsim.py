"""MaxSim and token segments: worked by hand, against plain integer arithmetic, and through files."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.late.integer_scan import integer_scan, onnx_products
from pagelens.index.late.maxsim import (
    QUERY_LEVELS,
    ExactScorer,
    PageWindows,
    dequantise,
    quantise,
    score_page,
)
from pagelens.index.late.ragged import ChunkedTokens, TokenBatch
from pagelens.index.late.token_pooling import pool_factor, pool_tokens, pooled_space
from pagelens.index.late.token_postings import build_postings
from pagelens.index.late.token_segments import (
    Storage,
    TokenRows,
    pack_tokens,
    read_postings,
    read_token_segment,
    storage_of,
    write_token_segment,
)
from pagelens.index.segments import check_segment, read_segment, remove_segments, write_segment

SPACE = Space(model="test/tokens", revision="1", dim=8, multi_vector=True)


def unit_rows(count: int, dim: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def matrix(count: int, seed: int, dim: int = 8) -> TokenMatrix:
    corners = np.sort(np.random.default_rng(seed).random((count, 2, 2)), axis=1)  # x0 y0 before x1 y1
    return TokenMatrix(unit_rows(count, dim, seed), corners.reshape(count, 4).astype(np.float32))


def test_a_score_worked_by_hand() -> None:
    """Query (1, 0), (0, 1); page (0.6, 0.8), (-1, 0): maxima 0.6 and 0.8."""
    page = np.array([[0.6, 0.8], [-1, 0]], np.float32)
    plain = QueryTokens(np.eye(2, dtype=np.float32), ["a", "b"])
    weighted = QueryTokens(plain.vectors, ["a", "b"], np.array([2, 0.5], np.float32))
    assert score_page(plain, page) == pytest.approx(1.4)
    assert score_page(weighted, page) == pytest.approx(2 * 0.6 + 0.5 * 0.8)
    assert score_page(plain, page[:0]) == -np.inf


@settings(deadline=None, max_examples=50)
@given(count=st.integers(0, 40), dim=st.integers(1, 40), seed=st.integers(0, 10_000), size=st.floats(1e-6, 1e6))
def test_quantised_vectors_come_back_within_half_a_step_of_their_row(
    count: int, dim: int, seed: int, size: float
) -> None:
    vectors = np.asarray(unit_rows(count, dim, seed) * np.float32(size), np.float32)
    codes, scales = quantise(vectors)
    assert codes.dtype == np.uint8
    assert (np.abs(dequantise(codes, scales) - vectors) <= scales[:, None] * 0.501).all()
    assert np.allclose(np.abs(dequantise(codes, scales)).max(axis=1, initial=0), np.abs(vectors).max(axis=1, initial=0))


def test_a_row_of_zeros_stays_one() -> None:
    codes, scales = quantise(np.zeros((2, 4), np.float32))
    assert not dequantise(codes, scales).any()


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    count=st.integers(1, 40),
    dim=st.integers(1, 130),
    seed=st.integers(0, 9_999),
)
def test_the_integer_scan_is_the_integer_arithmetic_it_claims_to_be(
    lengths: list[int], count: int, dim: int, seed: int
) -> None:
    query = unit_rows(count, dim, seed)
    codes, scales = quantise(unit_rows(sum(lengths), dim, seed + 1))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    units = np.abs(query).max(axis=1) / QUERY_LEVELS
    levels = np.rint(query / units[:, None]).astype(np.int64)
    sums = (levels @ (codes.astype(np.int64) - 128).T) * scales.astype(np.float64) * units[:, None]
    expected = [sums[:, a : a + n].max(axis=1) for a, n in zip(starts, lengths, strict=True)]
    found = integer_scan(query)(
        TokenBatch(slice(0, len(lengths)), starts, codes, scales), PageWindows.of(starts, len(codes), 0)
    )
    assert np.allclose(found, np.array(expected).T, rtol=1e-5, atol=1e-6)


def test_the_largest_integers_there_are_do_not_saturate() -> None:
    query = np.ones((20, 128), np.float32)
    codes = np.full((64, 128), 255, np.uint8)
    scales = np.full(64, 1 / 127, np.float32)
    found = integer_scan(query)(
        TokenBatch(slice(0, 1), np.zeros(1, np.int64), codes, scales), PageWindows.of(np.zeros(1, np.int64), 64, 0)
    )
    assert np.allclose(found, 128.0)


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    count=st.integers(1, 12),
    dim=st.sampled_from([1, 7, 64, 128, 320]),
    seed=st.integers(0, 9_999),
    window=st.sampled_from([0, 8, 24]),
)
def test_a_page_scores_the_same_to_the_last_bit_alone_among_others_and_by_either_library(
    lengths: list[int], count: int, dim: int, seed: int, window: int
) -> None:
    query = QueryTokens(unit_rows(count, dim, seed), ["word"] * count, window=window)
    pages = [quantise(unit_rows(length, dim, seed + place)) for place, length in enumerate(lengths)]
    codes, scales = (np.concatenate(some) for some in zip(*pages, strict=True))
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    alone = [score_page(query, *page) for page in pages]
    assert ExactScorer(query).scores(codes, scales, starts).tolist() == alone
    assert ExactScorer(query, onnx_products()).scores(codes, scales, starts).tolist() == alone
    size = max(1, window // 2)
    for page, score in zip(pages, alone, strict=True):
        similar = query.vectors.astype(np.float64) @ dequantise(*page).astype(np.float64).T
        windows = [similar[:, at : at + 2 * size] for at in range(0, similar.shape[1], size)] if window else [similar]
        assert score == pytest.approx(max(one.max(axis=1).sum() for one in windows), rel=2e-6, abs=2e-6)


@settings(deadline=None, max_examples=100)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    rows=st.integers(1, 5),
    window=st.sampled_from([0, 1, 2, 3, 4, 10, 24, 34]),
    seed=st.integers(0, 9_999),
)
def test_the_best_of_each_block_of_a_page_is_the_greatest_number_there(
    lengths: list[int], rows: int, window: int, seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=(rows, sum(lengths))).astype(np.float32)
    size = max(1, window // 2) if window else 60
    expected, start = [], 0
    for length in lengths:
        block_starts = range(start, start + length, size)
        expected += [values[:, at : min(at + size, start + length)].max(axis=1) for at in block_starts]
        start += length
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    assert (PageWindows.of(starts, sum(lengths), window).max_similarities(values) == np.array(expected).T).all()


def test_blocks_hold_every_page_asked_for_once_whatever_lies_between_them() -> None:
    lengths = [3, 0, 5, 1, 30, 2, 2, 0, 4, 9, 1, 1]
    stored = [matrix(length, seed) for seed, length in enumerate(lengths)]
    parts = [pack_tokens(stored[:4], 8), pack_tokens(stored[4:7], 8, storage="float16"), pack_tokens(stored[7:], 8)]
    tokens = ChunkedTokens([part.tokens for part in parts], 8)
    for rows in ([0, 2, 3, 4, 5, 6, 8, 9, 10, 11], [0, 3, 5, 6, 11], [2], [4, 9]):
        requested = np.array(rows)
        for size in (1, 6, 10_000):
            read: list[NDArray[np.float32]] = []
            for block in tokens.batches(requested, tokens=size):
                ends = [*block.starts[1:].tolist(), len(block.codes)]
                assert len(block.codes) <= size or len(ends) == 1
                vectors = dequantise(block.codes, block.scales)
                read += [vectors[a:b] for a, b in zip(block.starts.tolist(), ends, strict=True)]
            assert len(read) == len(rows)
            assert all((vectors == tokens.vectors(row)).all() for vectors, row in zip(read, rows, strict=True))


@pytest.mark.parametrize(("storage", "step"), [("int8", 1 / 127), ("float16", 1e-3)])
def test_tokens_and_boxes_come_back_from_a_segment(tmp_path: Path, storage: Storage, step: float) -> None:
    pages = [matrix(5, 1), matrix(0, 2), matrix(17, 3), matrix(1, 4)]
    keys = np.array([11, 12, 13, 14], np.int64)
    name = write_token_segment(tmp_path, SPACE, keys, [pack_tokens(pages, 8, storage=storage)])
    found, rows = read_token_segment(tmp_path, name)
    assert found.tolist() == keys.tolist()
    assert storage_of(rows) == storage
    for page, written in enumerate(pages):
        assert np.allclose(rows.matrix(page).vectors, written.vectors, atol=step)
        assert np.allclose(rows.matrix(page).boxes, written.boxes, atol=1 / 65_535)
    assert check_segment(tmp_path, name) is None
    about = json.loads((tmp_path / name / "segment.json").read_text("utf-8"))
    assert about["rows"] == 4 and Space.from_json(about["space"]) == SPACE


def test_pages_of_several_segments_are_copied_to_a_new_one_without_a_bit_changed(tmp_path: Path) -> None:
    """As compaction does."""
    first, second = [matrix(6, 1), matrix(2, 2), matrix(0, 3)], [matrix(9, 4), matrix(3, 5)]
    one = write_token_segment(tmp_path, SPACE, np.array([1, 2, 3]), [pack_tokens(first, 8)])
    two = write_token_segment(tmp_path, SPACE, np.array([4, 5]), [pack_tokens(second, 8)])
    (_, a), (_, b) = read_token_segment(tmp_path, one), read_token_segment(tmp_path, two)
    merged = write_token_segment(tmp_path, SPACE, np.array([2, 3, 5]), [a.page_range(1, 3), b.page_range(1, 2)])
    keys, rows = read_token_segment(tmp_path, merged)
    assert keys.tolist() == [2, 3, 5]
    for page, (part, row) in enumerate([(a, 1), (a, 2), (b, 1)]):
        assert (rows.matrix(page).vectors == part.matrix(row).vectors).all()
        assert (rows.matrix(page).boxes == part.matrix(row).boxes).all()
    assert remove_segments(tmp_path, keep={merged}) == sorted([one, two])


def test_a_large_segment_has_the_postings_of_its_tokens_and_a_small_one_none(tmp_path: Path) -> None:
    parts = [pack_tokens([matrix(500, seed) for seed in range(50)], 8) for _ in range(2)]
    large = write_token_segment(tmp_path, SPACE, np.arange(100), parts)
    small = write_token_segment(tmp_path, SPACE, np.arange(50), parts[:1])
    found, expected = read_postings(tmp_path, large), build_postings([part.tokens for part in parts], 8)
    assert found is not None and read_postings(tmp_path, small) is None
    assert (found.blocks == expected.blocks).all() and (found.offsets == expected.offsets).all()
    assert (found.centroids == expected.centroids).all() and len(found.centroids) == 894
    for part in ("centroids", "posting_offsets", "posting_blocks"):  # as in segments of earlier versions
        (tmp_path / large / f"{part}.npy").unlink()
    assert read_postings(tmp_path, large) is None


def test_a_segment_whose_postings_do_not_fit_together_is_damaged(tmp_path: Path) -> None:
    name = write_token_segment(tmp_path, SPACE, np.array([1]), [pack_tokens([matrix(4, 0)], 8)])
    np.save(tmp_path / name / "posting_offsets.npy", np.array([0, 3], np.int64))
    with pytest.raises(CollectionDamaged, match="0 centroids and 0 postings for 2 offsets up to 3"):
        read_postings(tmp_path, name)


def test_a_segment_of_pages_without_tokens_is_a_segment(tmp_path: Path) -> None:
    name = write_token_segment(tmp_path, SPACE, np.array([7]), [pack_tokens([matrix(0, 0)], 8)])
    keys, rows = read_token_segment(tmp_path, name)
    assert keys.tolist() == [7]
    assert rows.matrix(0).vectors.shape == (0, 8)


@pytest.mark.parametrize("part", ["vectors", "scales", "boxes", "posting_offsets", "offsets"])
def test_a_flipped_byte_in_any_array_is_found(tmp_path: Path, part: str) -> None:
    name = write_token_segment(tmp_path, SPACE, np.array([1]), [pack_tokens([matrix(4, 0)], 8)])
    file = tmp_path / name / f"{part}.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert f"{part}.npy: expected SHA-256" in str(check_segment(tmp_path, name))


def test_a_segment_with_a_truncated_or_foreign_array_is_damaged(tmp_path: Path) -> None:
    name = write_token_segment(tmp_path, SPACE, np.array([1, 2]), [pack_tokens([matrix(4, 0), matrix(3, 1)], 8)])
    other = write_token_segment(tmp_path, SPACE, np.array([1]), [pack_tokens([matrix(9, 0)], 8)])
    for part in ("offsets", "boxes", "scales"):
        file = tmp_path / name / f"{part}.npy"
        whole = file.read_bytes()
        for content in (whole[:-3], (tmp_path / other / f"{part}.npy").read_bytes(), b""):
            file.write_bytes(content)
            with pytest.raises(CollectionDamaged, match=r"index (its documents|them) again"):
                read_token_segment(tmp_path, name)
        file.write_bytes(whole)
    read_token_segment(tmp_path, name)
    (tmp_path / name / "boxes.npy").unlink()
    with pytest.raises(FileNotFoundError):
        read_token_segment(tmp_path, name)


def test_one_vector_segments_are_written_in_the_same_way(tmp_path: Path) -> None:
    space = Space(model="test/one", revision="1", dim=8)
    vectors = unit_rows(3, 8, 0)
    keys, found = read_segment(tmp_path, write_segment(tmp_path, space, np.array([5, 6, 7]), vectors))
    assert keys.tolist() == [5, 6, 7]
    assert (found == vectors.astype(np.float16)).all()


def test_a_pooled_token_keeps_the_box_of_the_token_nearest_to_it() -> None:
    page = matrix(40, 6)
    pooled = pool_tokens(page, 4)
    for vector, box in zip(pooled.vectors, pooled.boxes, strict=True):
        [source] = [row for row in range(40) if (page.boxes[row] == box).all()]
        assert vector @ page.vectors[source] > 0.3
    alone = TokenMatrix(page.vectors[:1], page.boxes[:1])
    assert pool_tokens(alone, 3) is alone
    assert pool_tokens(page, 1) is page


def test_pooling_stands_in_the_space_and_is_read_back_from_it() -> None:
    for options in ("", "pixels=768"):
        space = Space(model="m", revision="1", dim=8, multi_vector=True, options=options)
        assert pool_factor(space) == 1
        assert pooled_space(space, 1) == space
        assert pool_factor(pooled_space(space, 3)) == 3
        assert pooled_space(space, 3).fingerprint != space.fingerprint


def test_rows_know_how_many_pages_they_are() -> None:
    rows: TokenRows = pack_tokens([matrix(2, 0), matrix(3, 1), matrix(0, 2)], 8)
    assert len(rows) == 3
    assert len(rows.page_range(1, 3)) == 2
    assert (rows.page_range(1, 3).matrix(0).vectors == rows.matrix(1).vectors).all()
