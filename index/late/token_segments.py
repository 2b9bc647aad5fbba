"""Segments of multi-vector lanes: the tokens of each page, their boxes, and postings for fast candidate generation.

    vectors/page/000017-3f9a1c2e/
      keys.npy              int64 (pages,) page keys
      offsets.npy           int64 (pages + 1,) page p has the tokens offsets[p] to offsets[p + 1]
      vectors.npy           uint8 (tokens, dim) about 128, or float16; where shortened, uint8 (tokens,
                            dim / 2 or dim / 4) (`pagelens.index.late.token_codes`)
      scales.npy            float32 (tokens,): a token is (vectors - 128) * scale; where shortened, float16; empty where
                            vectors are float16
      boxes.npy             uint16 (tokens, 4) x0 y0 x1 y1 in 1/65535 of the page; where shortened, uint8 (bytes,)
      box_offsets.npy       int64 (pages + 1,) only there: the bytes of page p are offsets[p] to offsets[p + 1]
      centroids.npy         float16 (centroids, dim); empty where the segment is too small for postings
      posting_offsets.npy   int64 (centroids + 1,) centroid c has the postings offsets[c] to offsets[c + 1]
      posting_blocks.npy    uint32 (postings,) blocks of pages (`pagelens.index.late.token_postings`)
      segment.json          as in `pagelens.index.segments`, with the SHA-256 of each array

Segments are written, checked and removed as `pagelens.index.segments` describes. Everything but keys and offsets is
memory-mapped. Compaction shortens vectors and compresses boxes where the owner asks (`shorten`); versions before
December 2026 cannot read such segments. Those written before 30 November 2026 have summaries of pages instead of
postings, which are no longer read; their pages are compared in full until compaction rewrites them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.spaces import Space
from pagelens.core.types import TokenMatrix
from pagelens.index.late.maxsim import Codes, quantise
from pagelens.index.late.ragged import RaggedTokens
from pagelens.index.late.token_boxes import PackedBoxes, pack_boxes
from pagelens.index.late.token_codes import Bits, encode
from pagelens.index.late.token_postings import TokenPostings, build_postings
from pagelens.index.segments import REPAIR, read_array, read_keys, read_space, write_arrays

Storage = Literal["int8", "float16"]  # of new pages

TOKENS_AT_A_TIME = 16_384  # shortened
BOX_GRID = 65_535  # steps of a box coordinate from one edge of the page to the other


@dataclass(frozen=True, slots=True, eq=False)
class TokenRows:
    """The tokens of pages as stored, with their boxes."""

    tokens: RaggedTokens
    boxes: NDArray[np.uint16] | PackedBoxes  # (n, 4), one for each row of `tokens.codes`; packed: the pages' own

    def __len__(self) -> int:
        return len(self.tokens)

    def page_range(self, start: int, stop: int) -> "TokenRows":
        """Return the pages from start to stop, as a view."""
        boxes = self.boxes.page_range(start, stop) if isinstance(self.boxes, PackedBoxes) else self.boxes
        return TokenRows(self.tokens.page_range(start, stop), boxes)

    def box_numbers(self, page: int) -> NDArray[np.uint16]:
        """Return the boxes of one page's tokens (n_tokens, 4), in 1/65535 of the page."""
        if isinstance(self.boxes, PackedBoxes):
            return self.boxes.page(page)
        return self.boxes[self.tokens.page_range(page, page + 1).used]

    def matrix(self, page: int) -> TokenMatrix:
        """Return one page's tokens and their boxes, as float32."""
        vectors = self.tokens.vectors(self.tokens.page_range(page, page + 1).used)
        return TokenMatrix(vectors, self.box_numbers(page).astype(np.float32) / np.float32(BOX_GRID))


def pack_tokens(pages: Sequence[TokenMatrix], dim: int, *, storage: Storage = "int8") -> TokenRows:
    """Convert token matrices, one a page, to int8 or float16."""
    assert all(page.vectors.shape == (len(page.boxes), dim) for page in pages), "one box a token, dim numbers a token"
    vectors = np.concatenate([np.zeros((0, dim), np.float32), *(page.vectors for page in pages)])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(page.boxes for page in pages)])
    codes: Codes
    codes, scales = quantise(vectors) if storage == "int8" else (vectors.astype(np.float16), None)
    tokens = RaggedTokens(_offsets([len(page.vectors) for page in pages]), codes, scales)
    box_codes = np.rint(np.clip(boxes, 0.0, 1.0) * BOX_GRID).astype(np.uint16)
    return TokenRows(tokens, box_codes)


def shorten(rows: TokenRows, bits: Bits) -> TokenRows:
    """Return pages with short codes and packed boxes; `TOKENS_AT_A_TIME` are held in memory as float32."""
    used = rows.tokens.used
    chunks = range(used.start, used.stop, TOKENS_AT_A_TIME)
    coded = [
        encode(rows.tokens.vectors(slice(start, min(start + TOKENS_AT_A_TIME, used.stop))), bits) for start in chunks
    ]
    codes = np.concatenate([np.zeros((0, rows.tokens.dim * bits // 8), np.uint8), *(codes for codes, _ in coded)])
    scales = np.concatenate([np.zeros(0, np.float16), *(scales for _, scales in coded)])
    tokens = RaggedTokens(rows.tokens.offsets - used.start, codes, scales, bits)
    return TokenRows(tokens, pack_boxes(map(rows.box_numbers, range(len(rows)))))


def write_token_segment(folder: Path, space: Space, keys: NDArray[np.int64], parts: Sequence[TokenRows]) -> str:
    """Write one segment into a lane's folder and return its name; `keys` (n_pages,) are those of all parts in order.

    All parts must have the same storage.
    """
    assert space.multi_vector and sum(len(part) for part in parts) == len(keys), (space, len(keys))
    arrays: dict[str, list[NDArray[Any]]] = {"keys": [keys.astype(np.int64)]}
    arrays |= _arrays([part.tokens for part in parts])
    arrays |= _box_arrays(parts)
    postings = build_postings([part.tokens for part in parts], space.dim)
    arrays["centroids"], arrays["posting_offsets"] = [postings.centroids], [postings.offsets]
    arrays["posting_blocks"] = [postings.blocks]
    return write_arrays(folder, space, len(keys), arrays)


def read_token_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], TokenRows]:
    """Return page keys (n_pages,) and the pages' tokens, memory-mapped. Raises what
    `pagelens.index.segments.read_segment` raises."""
    keys = read_keys(folder, name)
    tokens, boxes = _read_tokens(folder, name), read_array(folder, name, "boxes")
    short = tokens.rotated
    offsets = read_array(folder, name, "box_offsets" if short else "offsets", mapped=False)
    if len(keys) != len(tokens) or len(boxes) != offsets[-1] or len(offsets) != len(tokens) + 1:
        raise CollectionDamaged(
            f"segment {folder / name} has {len(keys)} keys for {len(tokens)} pages, boxes of {len(boxes)} "
            f"{'bytes' if short else 'tokens'} for {offsets[-1]}. {REPAIR}"
        )
    return keys, TokenRows(tokens, PackedBoxes(offsets, boxes) if short else boxes)


def read_postings(folder: Path, name: str) -> TokenPostings | None:
    """Return the postings of a segment; None where it has none. Raises what `pagelens.index.segments.read_segment`
    raises."""
    if not (folder / name / "centroids.npy").is_file():
        return None
    centroids, blocks = read_array(folder, name, "centroids", mapped=False), read_array(folder, name, "posting_blocks")
    offsets = read_array(folder, name, "posting_offsets", mapped=False)
    if len(offsets) != len(centroids) + 1 or offsets[0] or (np.diff(offsets) < 0).any() or offsets[-1] != len(blocks):
        raise CollectionDamaged(
            f"segment {folder / name} has {len(centroids)} centroids and {len(blocks)} postings for {len(offsets)} "
            f"offsets up to {offsets[-1]}. {REPAIR}"
        )
    return TokenPostings(centroids, offsets, blocks) if len(centroids) else None


def storage_of(rows: TokenRows) -> str:
    """Return how tokens are stored; a segment has one storage."""
    return rows.tokens.storage


def _read_tokens(folder: Path, name: str) -> RaggedTokens:
    offsets = read_array(folder, name, "offsets", mapped=False)
    codes, scales = read_array(folder, name, "vectors"), read_array(folder, name, "scales")
    is_float = codes.dtype == np.float16
    if (
        (np.diff(offsets) < 0).any()
        or offsets[0]
        or offsets[-1] != len(codes)
        or (len(scales) != len(codes)) != is_float
    ):
        raise CollectionDamaged(
            f"segment {folder / name}: offsets end at {offsets[-1]}, there are {len(codes)} tokens "
            f"with {len(scales)} scales. {REPAIR}"
        )
    bits = 8 if is_float else 8 * codes.shape[1] // read_space(folder, name).dim
    return RaggedTokens(offsets, codes, None if is_float else scales, bits)


def _arrays(parts: Sequence[RaggedTokens]) -> dict[str, list[NDArray[Any]]]:
    """Return the arrays of several parts by file name, each as a list of pieces."""
    used = [part.used for part in parts]
    no_scales = np.zeros(0, np.float32)
    return {
        "offsets": [_offsets(np.concatenate([np.diff(part.offsets) for part in parts]))],
        "vectors": [part.codes[rows] for part, rows in zip(parts, used, strict=True)],
        "scales": [
            no_scales if part.scales is None else part.scales[rows] for part, rows in zip(parts, used, strict=True)
        ],
    }


def _box_arrays(parts: Sequence[TokenRows]) -> dict[str, list[NDArray[Any]]]:
    if not any(part.tokens.rotated for part in parts):
        return {"boxes": [part.boxes[part.tokens.used] for part in parts if not isinstance(part.boxes, PackedBoxes)]}
    packed = [
        part.boxes if isinstance(part.boxes, PackedBoxes) else pack_boxes(map(part.box_numbers, range(len(part))))
        for part in parts
    ]
    lengths = np.concatenate([np.diff(boxes.offsets) for boxes in packed])
    return {"boxes": [boxes.used for boxes in packed], "box_offsets": [_offsets(lengths)]}


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
