"""The `page` lane over many pages: size, time, memory and recall of its index as a collection grows.

    python -m benchmarks.many_pages --collection C [--pages N ...] [--bits 8|4|2] [--folder FOLDER]

The pages are those of a collection's `page` lane (the development documents) and copies of them: every token of a copy
is moved by a random vector 0.6 as long as itself, so copies resemble their page as pages of one series of reports do,
and are harder to tell apart than foreign pages. Segments are written as compaction writes them, 4,096 pages each; fewer
pages than that are searched without postings, as a small collection is.

The queries are every fourth development question. Recall is against MaxSim in float32 over the vectors before they are
stored. CPU time, one thread. The memory is this process's own; pages of mapped files are counted apart, because the
system takes them back when it needs them. Opening is measured with files in the system's cache.
"""

import argparse
import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.development_set import questions, require_data
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import QueryTokens
from pagelens.encode.loading import load_builtin_text_encoder
from pagelens.encode.page.late_words import BuiltinPageEncoder
from pagelens.index.late.fast_maxsim import FastMaxSim
from pagelens.index.late.maxsim import PageWindows, quantise
from pagelens.index.late.multi_vector_index import MultiVectorIndex
from pagelens.index.late.postings_maxsim import PostingsMaxSim
from pagelens.index.late.ragged import ChunkedTokens, RaggedTokens
from pagelens.index.late.token_codes import Bits
from pagelens.index.late.token_postings import IndexedSegment
from pagelens.index.late.token_segments import (
    TokenRows,
    read_postings,
    read_token_segment,
    shorten,
    write_token_segment,
)
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader

SEGMENT_PAGES = 4_096
NOISE = 0.6  # length of what is added to a copy's unit vectors
DEPTHS = (10, 200)
EXACT_PAGES = 64  # scored at a time
EVERY = 4  # questions for one that is a query
SPACE = Space(model="copies", revision="1", dim=128, multi_vector=True)
SHORT: dict[int, Bits] = {2: 2, 4: 4}

Page = tuple[NDArray[np.float32], NDArray[np.float32]]  # vectors (n_tokens, dim), boxes (n_tokens, 4)


def main() -> None:
    """Print two rows for each number of pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--pages", type=int, nargs="+", default=[1_024, 4_096, 16_384, 65_536])
    parser.add_argument("--bits", type=int, choices=[8, *SHORT], default=8, help="of a stored number")
    parser.add_argument("--folder", type=Path, help="where segments are kept and found again")
    arguments = parser.parse_args()
    require_data()
    pages = _read_pages(arguments.collection)
    encoder = BuiltinPageEncoder(load_builtin_text_encoder("builtin", Settings()), analyze)
    queries = encoder.encode_queries([question.text for question in questions()[::EVERY]])
    columns = ["pages", "build ms a page", "MB", "bytes a page", "open ms", "own memory MB", "mapped MB"]
    columns += ["depth", "p50 / p95 ms", "recall"]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    with tempfile.TemporaryDirectory() as temporary:
        segments = _Segments(arguments.folder or Path(temporary), arguments.bits, pages, queries)
        for count in arguments.pages:
            _measure(segments, queries, count)


class _Segments:
    """Segments of simulated pages, and exact scores of the queries on them."""

    def __init__(self, folder: Path, bits: int, pages: Sequence[Page], queries: Sequence[QueryTokens]) -> None:
        self._folder, self._bits, self._pages, self._queries = folder, bits, pages, queries

    def write(self, number: int) -> float:
        """Write a segment unless it is there; return the CPU seconds that its pages took."""
        folder = self._folder / str(number)
        if (folder / "truth.npy").is_file():
            return 0.0
        copies = list(self._copies(number))
        vectors = np.concatenate([vectors for vectors, _ in copies])
        lengths = [len(vectors) for vectors, _ in copies]
        boxes = np.concatenate([np.rint(boxes * 65_535) for _, boxes in copies]).astype(np.uint16)
        truth = _exact_scores(self._queries, [vectors for vectors, _ in copies])
        start = time.process_time()
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = TokenRows(RaggedTokens(offsets, *quantise(vectors)), boxes)
        if self._bits in SHORT:
            rows = shorten(rows, SHORT[self._bits])
        write_token_segment(folder, SPACE, np.arange(len(copies)), [rows])
        seconds = time.process_time() - start
        np.save(folder / "truth.npy", truth)
        return seconds

    def read(self, number: int) -> tuple[Path, str, NDArray[np.float32]]:
        """Return a segment's folder and name, and exact scores (n_queries, n_pages)."""
        folder = self._folder / str(number)
        [name] = [path.name for path in folder.iterdir() if path.is_dir()]
        return folder, name, np.load(folder / "truth.npy")

    def _copies(self, number: int) -> Iterator[Page]:
        """Yield the pages of a segment; of the first round through all pages each is as it is."""
        rng = np.random.default_rng(number)
        for position in range(number * SEGMENT_PAGES, (number + 1) * SEGMENT_PAGES):
            vectors, boxes = self._pages[position % len(self._pages)]
            if position >= len(self._pages):
                noise = rng.standard_normal(vectors.shape, dtype=np.float32) * np.float32(NOISE / SPACE.dim**0.5)
                vectors = vectors + noise
                vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            yield vectors, boxes


def _read_pages(collection: Path) -> list[Page]:
    with CollectionReader(collection).snapshot() as snapshot:
        lane = snapshot.tokens("page")
        matrices = [lane.page(key) for key in lane.keys.tolist()]
    return [(matrix.vectors, matrix.boxes) for matrix in matrices if matrix is not None and len(matrix.vectors)]


def _exact_scores(queries: Sequence[QueryTokens], pages: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return MaxSim in float32 by the queries' windows, (n_queries, n_pages); the queries are taken together."""
    together = np.concatenate([query.vectors for query in queries])
    ends = np.cumsum([len(query.vectors) for query in queries])[:-1]
    scores = []
    for start in range(0, len(pages), EXACT_PAGES):
        some = pages[start : start + EXACT_PAGES]
        lengths, vectors = np.array([len(page) for page in some]), np.concatenate(some)
        windows = PageWindows.of(np.cumsum(lengths) - lengths, len(vectors), queries[0].window)
        best = windows.max_similarities(together @ vectors.T)
        scores.append(np.stack([windows.scores(part, None) for part in np.split(best, ends)]))
    return np.concatenate(scores, axis=1)


def _measure(segments: _Segments, queries: Sequence[QueryTokens], count: int) -> None:
    numbers = range(max(1, count // SEGMENT_PAGES))
    written = [seconds for number in numbers if (seconds := segments.write(number))]
    build = sum(written) / (SEGMENT_PAGES * max(1, len(written)))
    stored = [segments.read(number) for number in numbers]
    truth = np.concatenate([scores for _, _, scores in stored], axis=1)[:, :count]
    gc.collect()
    before = _memory("RssAnon")
    start = time.process_time()
    index = _open([(folder, name) for folder, name, _ in stored], count)
    opening = time.process_time() - start
    size = sum(file.stat().st_size for folder, name, _ in stored for file in (folder / name).iterdir())
    size = size * count // (len(numbers) * SEGMENT_PAGES)
    index.search(queries[0], DEPTHS[0])
    for depth in DEPTHS:
        costs, shared = [], []
        for query, scores in zip(queries, truth, strict=True):
            start = time.process_time()
            rows, _ = index.search(query, depth)
            costs.append(time.process_time() - start)
            shared.append(len(np.intersect1d(rows, np.argsort(-scores, kind="stable")[:depth])) / depth)
        p50, p95 = 1e3 * np.quantile(costs, [0.5, 0.95])
        print(
            f"| {count:,} | {1e3 * build:.1f} | {size / 2**20:,.0f} | {size / count:,.0f} | {1e3 * opening:.0f}"
            f" | {_memory('RssAnon') - before:.0f} | {_memory('RssFile'):.0f} | {depth} | {p50:.1f} / {p95:.1f}"
            f" | {np.mean(shared):.4f} |",
            flush=True,
        )


def _open(stored: Sequence[tuple[Path, str]], count: int) -> MultiVectorIndex:
    """Return the index over the first `count` pages, as `pagelens.index.stores.page_tokens` opens it."""
    parts = [read_token_segment(folder, name)[1].tokens for folder, name in stored]
    if count < SEGMENT_PAGES:
        return FastMaxSim(ChunkedTokens([parts[0].page_range(0, count)], SPACE.dim), threads=1, micro_batching=False)
    postings = [read_postings(folder, name) for folder, name in stored]
    indexed = [
        IndexedSegment(part, found, np.arange(number * SEGMENT_PAGES, (number + 1) * SEGMENT_PAGES))
        for number, (part, found) in enumerate(zip(parts, postings, strict=True))
        if found is not None
    ]
    return PostingsMaxSim(ChunkedTokens(parts, SPACE.dim), indexed, threads=1)


def _memory(kind: str) -> float:
    """Return a figure of this process's memory in MB, by its name in /proc/self/status."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{kind}:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
