"""Many vectors a page at rest: ragged token matrices in append-only segments.

    vectors/page/000017-3f9a1c2e/
      keys.npy              int64 (pages,) page keys
      offsets.npy           int64 (pages + 1,) page p has the tokens offsets[p] to offsets[p + 1]
      vectors.npy           uint8 (tokens, dim) about 128, or float16
      scales.npy            float32 (tokens,): a token is (vectors - 128) * scale; empty where vectors are float16
      boxes.npy             uint16 (tokens, 4) x0 y0 x1 y1 in 1/65535 of the page
      summary_offsets.npy, summary_vectors.npy, summary_scales.npy
                            a tenth of the tokens (`pagelens.index.late.token_summaries`), always integers
      segment.json          as in `pagelens.index.segments`, with the SHA-256 of each array

Written, synced, renamed in, checked and swept as `pagelens.index.segments` says. Everything but keys and offsets is
memory-mapped. Knows no catalog and no scores.
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
from pagelens.index.late.token_summaries import summarise
from pagelens.index.segments import REPAIR, read_array, read_keys, write_arrays

Storage = Literal["int8", "float16"]

GRID = 65_535


@dataclass(frozen=True, slots=True, eq=False)
class TokenRows:
    """Some pages' tokens as they lie at rest, with what belongs to them."""

    tokens: RaggedTokens
    boxes: NDArray[np.uint16]  # (n, 4), row by row those of `tokens.codes`
    summaries: RaggedTokens

    def __len__(self) -> int:
        return len(self.tokens)

    def slice(self, start: int, stop: int) -> "TokenRows":
        """Return the pages from start to stop, as a view."""
        return TokenRows(self.tokens.slice(start, stop), self.boxes, self.summaries.slice(start, stop))

    def matrix(self, page: int) -> TokenMatrix:
        """Return one page's tokens and where on it they look, as float32."""
        rows = self.tokens.slice(page, page + 1).used
        scales = None if self.tokens.scales is None else self.tokens.scales[rows]
        return TokenMatrix(
            dequantise(self.tokens.codes[rows], scales), self.boxes[rows].astype(np.float32) / np.float32(GRID)
        )


def pack_tokens(pages: Sequence[TokenMatrix], dim: int, *, storage: Storage = "int8") -> TokenRows:
    """Turn token matrices, one a page, into what is stored, and make their summaries (about a millisecond each)."""
    assert all(page.vectors.shape == (len(page.boxes), dim) for page in pages), "one box a token, dim numbers each"
    vectors = np.concatenate([np.zeros((0, dim), np.float32), *(page.vectors for page in pages)])
    boxes = np.concatenate([np.zeros((0, 4), np.float32), *(page.boxes for page in pages)])
    summaries = [summarise(page.vectors) for page in pages]
    short = np.concatenate([np.zeros((0, dim), np.float32), *summaries])
    codes: Codes
    codes, scales = quantise(vectors) if storage == "int8" else (vectors.astype(np.float16), None)
    return TokenRows(
        RaggedTokens(_offsets([len(page.vectors) for page in pages]), codes, scales),
        np.rint(np.clip(boxes, 0.0, 1.0) * GRID).astype(np.uint16),
        RaggedTokens(_offsets([len(summary) for summary in summaries]), *quantise(short)),
    )


def with_summaries(rows: TokenRows) -> TokenRows:
    """Return pages with summaries made from their tokens as they lie at rest."""
    made = [summarise(rows.matrix(page).vectors) for page in range(len(rows))]
    short = np.concatenate([np.zeros((0, rows.tokens.codes.shape[1]), np.float32), *made])
    return TokenRows(rows.tokens, rows.boxes, RaggedTokens(_offsets([len(one) for one in made]), *quantise(short)))


def write_token_segment(folder: Path, space: Space, keys: NDArray[np.int64], parts: Sequence[TokenRows]) -> str:
    """Write one segment into a lane's folder and return its name; `keys` (pages,) go over all parts in order.

    Parts are stored alike: all integers or all half precision.
    """
    assert space.multi_vector and sum(len(part) for part in parts) == len(keys), (space, len(keys))
    arrays: dict[str, list[NDArray[Any]]] = {"keys": [keys.astype(np.int64)]}
    arrays["boxes"] = [part.boxes[part.tokens.used] for part in parts]
    arrays |= _arrays([part.tokens for part in parts], "")
    arrays |= _arrays([part.summaries for part in parts], "summary_")
    return write_arrays(folder, space, len(keys), arrays)


def read_token_segment(folder: Path, name: str) -> tuple[NDArray[np.int64], TokenRows]:
    """Return page keys (pages,) and the pages' tokens, memory-mapped. Raises like `pagelens.index.segments.read_segment`."""
    keys = read_keys(folder, name)
    boxes = read_array(folder, name, "boxes")
    rows = TokenRows(_read_ragged(folder, name, ""), boxes, _read_ragged(folder, name, "summary_"))
    if not len(keys) == len(rows.tokens) == len(rows.summaries) or len(boxes) != len(rows.tokens.codes):
        raise CollectionDamaged(
            f"segment {folder / name} has {len(keys)} keys for {len(rows.tokens)} pages and {len(rows.summaries)} "
            f"summaries, {len(boxes)} boxes for {len(rows.tokens.codes)} tokens. {REPAIR}"
        )
    return keys, rows


def storage_of(rows: TokenRows) -> Storage:
    """Return how some pages' tokens are stored."""
    return "float16" if rows.tokens.scales is None else "int8"


def _read_ragged(folder: Path, name: str, prefix: str) -> RaggedTokens:
    offsets = read_array(folder, name, f"{prefix}offsets", mapped=False)
    codes, scales = read_array(folder, name, f"{prefix}vectors"), read_array(folder, name, f"{prefix}scales")
    whole = codes.dtype == np.float16
    if (np.diff(offsets) < 0).any() or offsets[0] or offsets[-1] != len(codes) or (len(scales) != len(codes)) != whole:
        raise CollectionDamaged(
            f"segment {folder / name}: {prefix}offsets end at {offsets[-1]}, there are {len(codes)} tokens "
            f"with {len(scales)} scales. {REPAIR}"
        )
    return RaggedTokens(offsets, codes, None if whole else scales)


def _arrays(parts: Sequence[RaggedTokens], prefix: str) -> dict[str, list[NDArray[Any]]]:
    """Return the arrays of several parts as pieces by name."""
    used = [part.used for part in parts]
    none = np.zeros(0, np.float32)
    return {
        f"{prefix}offsets": [_offsets(np.concatenate([np.diff(part.offsets) for part in parts]))],
        f"{prefix}vectors": [part.codes[rows] for part, rows in zip(parts, used, strict=True)],
        f"{prefix}scales": [
            none if part.scales is None else part.scales[rows] for part, rows in zip(parts, used, strict=True)
        ],
    }


def _offsets(lengths: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])
