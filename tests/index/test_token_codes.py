"""Short codes of tokens and packed boxes: by hand, against theory, through segments, compaction and Qdrant's text."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged, UsageError
from pagelens.core.types import QueryTokens, TokenMatrix
from pagelens.index.creation import create
from pagelens.index.late.maxsim import dequantise
from pagelens.index.late.token_boxes import pack_boxes
from pagelens.index.late.token_codes import Bits, decode, encode, rotate, rotate_back
from pagelens.index.late.token_segments import (
    TokenRows,
    pack_tokens,
    read_token_segment,
    shorten,
    storage_of,
    write_token_segment,
)
from pagelens.index.layout import Layout
from pagelens.index.reader import CollectionReader
from pagelens.index.segments import check_segment
from pagelens.index.stores import compaction
from pagelens.index.stores.page_tokens import PageTokens
from pagelens.index.stores.qdrant.points import pack_page, unpack_page
from pagelens.index.writer import CollectionWriter
from tests.index.fixtures import TEXT
from tests.index.test_maxsim import SPACE, matrix, unit_rows
from tests.index.test_token_collection import FRUIT, PAGE, TREES, segments, tokens, with_tokens, write

BITS: tuple[Bits, ...] = (2, 4)


def rows_of(*pages: TokenMatrix) -> TokenRows:
    return pack_tokens(pages, pages[0].vectors.shape[1])


def test_a_byte_holds_neighbouring_numbers_the_first_one_highest() -> None:
    assert decode(np.array([[0b00_01_10_11]], np.uint8), 2).tolist() == [[32, 96, 160, 224]]
    assert decode(np.array([[0x0F, 0x87]], np.uint8), 4).tolist() == [[8, 248, 136, 120]]
    many = np.random.default_rng(0).integers(0, 256, (3_000, 4), np.uint8)  # more than are decoded at a time
    assert (decode(many, 4)[:, ::2] == (many & 240) + 8).all() and (decode(many, 4)[:, 1::2] == (many << 4) + 8).all()


@pytest.mark.parametrize(("bits", "lost"), [(2, 0.1188), (4, 0.01154)])
def test_codes_lose_what_evenly_spaced_levels_lose_of_normal_numbers(bits: Bits, lost: float) -> None:
    """Max, "Quantizing for minimum distortion", 1960, table II. Numbers of a unit vector of 128 are nearly normal."""
    vectors = unit_rows(2_000, 128, 1)
    codes, scales = encode(vectors, bits)
    read = rotate_back(dequantise(decode(codes, bits), scales.astype(np.float32)))
    assert np.sum((read - vectors) ** 2, axis=1).mean() == pytest.approx(lost, rel=0.05)
    assert np.allclose(np.linalg.norm(read, axis=1), 1, atol=1e-3)
    assert codes.nbytes == 2_000 * 128 * bits // 8


@pytest.mark.parametrize("dim", [8, 128, 320])
def test_a_rotation_changes_no_similarity_and_spreads_a_single_number_over_all_dimensions(dim: int) -> None:
    vectors = unit_rows(50, dim, 2)
    assert np.allclose(rotate(vectors) @ rotate(vectors).T, vectors @ vectors.T, atol=1e-5)
    assert np.allclose(rotate_back(rotate(vectors)), vectors, atol=1e-5)
    assert np.abs(rotate(np.eye(dim, dtype=np.float32))).max() < 2 / dim**0.5


def test_a_token_has_the_same_code_whatever_stands_beside_it() -> None:
    vectors = unit_rows(500, 128, 3)
    together = encode(vectors, 4)[0]
    assert all((encode(vectors[row : row + 1], 4)[0] == together[row]).all() for row in range(500))


def test_packed_boxes_come_back_to_the_last_bit() -> None:
    rng = np.random.default_rng(4)
    pages: list[NDArray[np.uint16]] = [
        rng.integers(0, 65_536, (count, 4), np.uint16)
        for count in (0, 1, 300)  # corners in any order
    ]
    packed = pack_boxes(pages)
    assert all((packed.page(number) == page).all() for number, page in enumerate(pages))
    assert (packed.page_range(1, 3).page(1) == pages[2]).all()
    line = np.array([[x, 900, x + 400, 1_100] for x in range(0, 60_000, 500)], np.uint16)
    assert len(pack_boxes([line]).data) < line.nbytes / 8
    with pytest.raises(CollectionDamaged, match="expected the boxes of a page's tokens"):
        replace(packed, data=packed.data[::-1].copy()).page(2)


@pytest.mark.parametrize("bits", BITS)
def test_short_tokens_and_boxes_come_back_from_a_segment_and_are_copied_without_a_bit_changed(
    tmp_path: Path, bits: Bits
) -> None:
    pages = [matrix(5, 1), matrix(0, 2), matrix(17, 3), matrix(1, 4)]
    short = shorten(rows_of(*pages).page_range(1, 4), bits)
    name = write_token_segment(tmp_path, SPACE, np.array([12, 13, 14]), [short])
    keys, rows = read_token_segment(tmp_path, name)
    assert keys.tolist() == [12, 13, 14] and storage_of(rows) == f"{bits} bits"
    for page, written in enumerate(pages[1:]):
        assert (rows.matrix(page).vectors == short.matrix(page).vectors).all()
        assert np.allclose(rows.matrix(page).boxes, written.boxes, atol=1 / 65_535)
        assert np.sum((rows.matrix(page).vectors - written.vectors) ** 2) <= 0.4 / bits * len(written.vectors)
    again = write_token_segment(tmp_path, SPACE, np.array([14, 12]), [rows.page_range(2, 3), rows.page_range(0, 1)])
    _, copied = read_token_segment(tmp_path, again)
    assert (copied.matrix(0).vectors == short.matrix(2).vectors).all()
    assert (copied.matrix(0).boxes == short.matrix(2).boxes).all()
    assert check_segment(tmp_path, again) is None


@pytest.mark.parametrize("part", ["vectors", "scales", "boxes", "box_offsets", "offsets", "keys"])
def test_damage_to_an_array_of_a_short_segment_is_found(tmp_path: Path, part: str) -> None:
    name = write_token_segment(tmp_path, SPACE, np.array([1, 2]), [shorten(rows_of(matrix(4, 0), matrix(3, 1)), 4)])
    file = tmp_path / name / f"{part}.npy"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert f"{part}.npy: expected SHA-256" in str(check_segment(tmp_path, name))
    file.write_bytes(whole[:-3])
    with pytest.raises(CollectionDamaged, match="changed after it was written"):
        read_token_segment(tmp_path, name)
    file.unlink()
    with pytest.raises(FileNotFoundError):
        read_token_segment(tmp_path, name)


@pytest.mark.parametrize("bits", BITS)
def test_a_short_page_comes_back_from_qdrant_s_text_and_goes_to_a_segment(tmp_path: Path, bits: Bits) -> None:
    short = shorten(rows_of(matrix(4, 0), matrix(3, 1)), bits)
    back = unpack_page(pack_page(short, 1), 8)
    assert storage_of(back) == f"{bits} bits"
    name = write_token_segment(tmp_path, SPACE, np.array([2]), [back])
    _, rows = read_token_segment(tmp_path, name)
    for found in (back.matrix(0), rows.matrix(0)):
        assert (found.vectors == short.matrix(1).vectors).all() and (found.boxes == short.matrix(1).boxes).all()
    with pytest.raises(ValueError, match="expected the tokens of a page"):
        unpack_page(pack_page(short, 1)[4:], 8)


def test_compaction_shortens_many_pages_once_and_what_is_removed_stays_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    assert compaction.SHORTENED_PAGES == 1_024
    monkeypatch.setattr(compaction, "SHORTENED_PAGES", 20)
    monkeypatch.setenv("PAGELENS_TOKEN_BITS", "4")
    monkeypatch.setattr(compaction, "MAX_SMALL_SEGMENTS", 1)

    def stored() -> set[str]:
        return {storage_of(read_token_segment(folder.parent, folder.name)[1]) for folder in segments(root)}

    write(root, with_tokens("/a.pdf", FRUIT))
    write(root, with_tokens("/b.pdf", TREES))
    assert stored() == {"int8"}  # too few to be shortened
    write(root, with_tokens("/c.pdf", [f"page {'x' * count}" for count in range(1, 20)]))
    assert stored() == {"4 bits"}
    before = {path: path.read_bytes() for path in segments(root)[0].glob("*.npy")}
    write(root, with_tokens("/d.pdf", [*FRUIT, "plum"]))  # few, and join the short ones
    assert stored() == {"4 bits"} and not any(path.exists() for path in before)
    with CollectionWriter(root) as writer:
        writer.remove_paths(["/b.pdf"])
    with CollectionReader(root).snapshot() as snapshot:
        lane = snapshot.tokens("page")
        assert isinstance(lane, PageTokens) and len(lane) == 26
        query = QueryTokens(tokens(FRUIT[2]).vectors, FRUIT[2].split(" "))
        [first, second, *_], [best, equal, other, *_] = lane.search(query, 3)
        assert best == equal > other  # the same page in two documents, coded at different times
        for key in (first, second):
            matrix_of_page = lane.page(int(key))
            assert matrix_of_page is not None
            assert np.allclose(matrix_of_page.vectors, tokens(FRUIT[2]).vectors, atol=0.2)
            assert np.allclose(matrix_of_page.boxes, tokens(FRUIT[2]).boxes, atol=1e-4)
    assert CollectionReader(root).check() == []
    monkeypatch.delenv("PAGELENS_TOKEN_BITS")
    write(root, with_tokens("/e.pdf", ["elm six"]))
    write(root, with_tokens("/f.pdf", ["ash seven"]))
    assert stored() == {"int8", "4 bits"}  # what is shortened stays, what is new is not


def test_a_number_of_bits_that_there_is_not_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "collection"
    create(Layout(root), profile="test", lanes=[TEXT, PAGE])
    for given, expected in (("", None), ("8", None), (" 4 ", 4), ("2", 2)):
        assert compaction.read_token_bits({"PAGELENS_TOKEN_BITS": given}) == expected
    monkeypatch.setenv("PAGELENS_TOKEN_BITS", "3")
    with pytest.raises(UsageError, match="expected PAGELENS_TOKEN_BITS to be 8, 4 or 2, found '3'"):
        CollectionReader(root)
    with pytest.raises(UsageError, match="found '3'"):
        create(Layout(tmp_path / "new"), profile="test", lanes=[TEXT, PAGE])
    assert not (tmp_path / "new").exists()
