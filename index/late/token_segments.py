"""Segments of multi-vector lanes: the tokens of each page, their boxes, and postings for fast candidate generation.

    vectors/page/000017-3f9a1c2e/
      keys.npy              int64 (pages,) page keys
      offsets.npy           int64 (pages + 1,) page p has the tokens offsets[p] to offsets[p + 1]
      vectors.npy           uint8 (tokens, dim) about 128, or float16
      scales.npy            float32 (tokens,): a token is (vectors - 128) * scale; empty where vectors are float16
      boxes.npy             uint16 (tokens, 4) x0 y0 x1 y1 in 1/65535 of the page
      centroids.npy         float16 (centroids, dim); empty where the segment is too small for postings
      posting_offsets.npy   int64 (centroids + 1,) centroid c has the postings offsets[c] to offsets[c + 1]
      posting_blocks.npy    uint32 (postings,) blocks of pages (`pagelens.index.late.token_postings`)
      segment.json          as in `pagelens.index.segments`, with the SHA-256 of each array

Segments are written, checked and removed as `pagelens.index.segments` describes. Everything but keys and offsets is
memory-mapped. Segments written by versions before 30 November 2026 have summaries of pages instead of postings, which
are no longer read; their pages are compared in full until compaction rewrites them.
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
from pagelens.index.late.maxsim import Codes, dequantise, quantise
from pagelens.index.late.ragged import RaggedTokens
from pagelens.index.late.token_postings import TokenPostings, build_postings
from pagelens.index.segments import REPAIR, read_array, read_keys, write_arrays

Storage = Literal["int8", "float16"]

BOX_GRID = 65_535  # steps of a box coordinate from one edge of the page to the other


@dataclass(frozen=True, slots=True, eq=False)
class TokenRows:
    """The tokens of pages as stored, with their boxes."""

    tokens: RaggedTokens
    boxes: NDArray[np.uint16]  # (n, 4), one for each row of `tokens.codes`

    def __len__(self) -> int:
        return len(self.tokens)

    def page_range(self, start: int, stop: int) -> "TokenRows":
        """Return the pages from start to stop, as a view."""
        return TokenRows(self.tokens.page_range(start, stop), self.boxes)

    def matrix(self, page: int) -> TokenMatrix:
        """Return one page's tokens and their boxes, as float32."""
        rows = self.tokens.page_range(page, page + 1).used
        scales = None if self.tokens.scales is None else self.tokens.scales[rows]
        return TokenMatrix(
            dequantise(self.tokens.codes[rows], scales), self.boxes[rows].astype(np.float32) / np.float32(BOX_GRID)
        )


def pack_tokens(pages: Sequence[TokenMatrix], dim: int, *, storage: Storage = "int8") -> TokenRows:
    """Convert token matrices, one a page, to their stored form."""
    assert all(page.vectors.shape == (len(page.boxes), dim) for page in pages), "one box a token, dim numbers a token"
    vectors = np.concatenate([np.zeros((0, dim), np.float32), *(page.vectors for page in pages)])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(page.boxes for page in pages)])
    codes: Codes
    codes, scales = quantise(vectors) if storage == "int8" else (vectors.astype(np.float16), None)
    tokens = RaggedTokens(_offsets([len(page.vectors) for page in pages]), codes, scales)
    box_codes = np.rint(np.clip(boxes, 0.0, 1.0) * BOX_GRID).astype(np.uint16)
    return TokenRows(tokens, box_codes)


def write_token_segment(folder: Path, space: Space, keys: NDArray[np.int64], parts: Sequence[TokenRows]) -> str:
    """Write one segment into a lane's folder and return its name; `keys` (n_pages,) are those of all parts in order.

    All parts must have the same storage.
    """
    assert space.multi_vector and sum(len(part) for part in parts) == len(keys), (space, len(keys))
    arrays: dict[str, list[NDArray[Any]]] = {"keys": [keys.astype(np.int64)]}
    arrays["boxes"] = [part.boxes[part.tokens.used] for part in parts]
    arrays |= _arrays([part.tokens for part in parts])
    postings = build_postings([part.tokens for part in parts], space.dim)
    arrays["centroids"], arrays["posting_offsets"] = [postings.centroids], [postings.offsets]
    arrays["posting_blocks"] = [postings.blocks]
    return write_arrays(folder, space, len(keys), arrays)


def read_token_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], TokenRows]:
    """Return page keys (n_pages,) and the pages' tokens, memory-mapped. Raises what
    `pagelens.index.segments.read_segment` raises."""
    keys = read_keys(folder, name)
    boxes = read_array(folder, name, "boxes")
    rows = TokenRows(_read_tokens(folder, name), boxes)
    if len(keys) != len(rows.tokens) or len(boxes) != len(rows.tokens.codes):
        raise CollectionDamaged(
            f"segment {folder / name} has {len(keys)} keys for {len(rows.tokens)} pages, {len(boxes)} boxes for "
            f"{len(rows.tokens.codes)} tokens. {REPAIR}"
        )
    return keys, rows


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


def storage_of(rows: TokenRows) -> Storage:
    """Return how tokens are stored."""
    return "float16" if rows.tokens.scales is None else "int8"


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
    return RaggedTokens(offsets, codes, None if is_float else scales)


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


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
