"""A collection that grows to many pages: time, memory and recall of searches over all builtin lanes, and of each alone.

    python -m benchmarks.growing_collection --collection C --folder GROWN [--pages N ...] [--queries 200] [--noise 0.6]

The collection is real: catalog, `words` lane, passages, vectors and tokens, written in commits of 1,024 pages through
`CollectionWriter`, compacted as any other, kept in `--folder` and grown from size to size. Its documents are those of C
(the development documents) and copies of them, no two alike. Of a copy

- a third of the words are replaced by other words of the same length, drawn as often as they occur, each page anew:
  else a query's words would score every copy alike, and `words` would have ties for hits. The same length keeps spans
  and boxes valid.
- every vector, of passages and of tokens, is moved by a random vector `--noise` (0.6) times as long as itself and
  brought to unit length again, each anew: copies resemble their page as pages of one series of reports do. This is no
  easier than a real collection: a query's best pages have as many near rivals as there are copies. Words are not
  encoded again, which would take ten times as long as all else; that the lanes disagree about a copy's words changes
  no lane's cost.

With `--noise 0` copies are equal to their pages in every word and vector: as many documents that were indexed several
times over.

Not simulated: new subjects. Terms are as frequent as in C, so lists of postings in `words` grow with the collection at
the full rate, where a real collection's rarer words do not.

Searches are measured in a process of their own for each size, opened after the collection was written: CPU time, one
thread, each query once after three others. "Fused" is `Retriever.search` with references and floor, without spelling,
10 hits; "search" is `Engine.search` with spelling, evidence and snippets. Recall is that of the fused 10 best and of
the lanes' 10 and 200 best against exact lanes: `text` by `ExactIndex`, `page` by an integer scan of all tokens, then
exact scores.
"""

import argparse
import re
import subprocess
import sys
import time
from bisect import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import pagelens
from benchmarks.development_set import questions, require_data
from pagelens.api.engine.encoding_queue import stored_tables
from pagelens.core.types import Document, Page, Passage, Query, QueryTokens, TokenMatrix
from pagelens.index.creation import create
from pagelens.index.dense.exact_index import ExactIndex
from pagelens.index.late.exact_maxsim import rescore
from pagelens.index.late.fast_maxsim import rescoring_depth, top_rows
from pagelens.index.late.integer_scan import onnx_products
from pagelens.index.late.ragged import ChunkedTokens
from pagelens.index.layout import Layout, load
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.records import DenseRows, DocumentPages
from pagelens.index.stores.local_store import LocalDenseView
from pagelens.index.stores.page_tokens import PageTokens
from pagelens.index.writer import CollectionWriter

FLUSH_PAGES = 1_024
REPLACED = 1 / 3  # of a copy's words
DEPTHS = (10, 200)
WORD = re.compile(r"[^\W\d_]{3,}")
ROW = "| {pages:,} | {what} | {cpu_p50:.1f} / {cpu_p95:.1f} | {wall_p50:.0f} / {wall_p95:.0f} | {recall} |"
Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Original:
    """A document whose copies are written."""

    document: Document
    pages: Sequence[Page]
    passages: Sequence[Sequence[Passage]]
    vectors: dict[str, DenseRows]  # dense lane -> rows of all pages
    tokens: Sequence[TokenMatrix]


def main() -> None:
    """Grow the collection, and print rows for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pages", type=int, nargs="+", default=[1_024, 4_096, 16_384, 65_536])
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--noise", type=float, default=0.6)
    parser.add_argument("--no-recall", action="store_true", help="times only")
    parser.add_argument("--measure-only", action="store_true", help="of the collection as it is; for internal use too")
    arguments = parser.parse_args()
    require_data()
    if arguments.measure_only:
        _measure(arguments.folder, arguments.queries, recall=not arguments.no_recall)
        return
    originals = read_originals(arguments.collection)
    if not arguments.folder.exists():
        manifest = load(Layout(arguments.collection))
        create(Layout(arguments.folder), profile=manifest.profile, lanes=list(manifest.lanes.values()))
    print("| pages | what | CPU-ms p50 / p95 | wall ms p50 / p95 | recall |\n|---|---|---|---|---|", flush=True)
    for count in arguments.pages:
        seconds = grow(arguments.folder, originals, count, arguments.noise)
        print(f"grown to {count:,} pages: {seconds:.0f} CPU-s; {_sizes(arguments.folder)}", flush=True)
        command = [sys.executable, "-m", __spec__.name, "--measure-only", "--collection", str(arguments.collection)]
        command += ["--folder", str(arguments.folder), "--queries", str(arguments.queries)]
        subprocess.run([*command, *(["--no-recall"] if arguments.no_recall else [])], check=True)


def read_originals(collection: Path) -> list[Original]:
    """Return the documents of a collection with their texts, passages, vectors and tokens."""
    reader, found = CollectionReader(collection), []
    with reader.snapshot() as snapshot:
        for key, row in snapshot.documents.items():
            keys = [key << 20 | number for number in range(1, row.document.page_count + 1)]
            rows = snapshot.pages(keys)
            tokens = [snapshot.tokens("page").page(page) for page in keys]
            vectors = {
                name: _rows_of(keys, snapshot.vectors(name).parts_of([key]), lane.space.dim)
                for name, lane in snapshot.lanes.items()
                if not lane.space.multi_vector
            }
            pages = [
                Page(number=p.number, label=p.label, width=p.width, height=p.height, text=p.text, caption=p.caption)
                for p in rows.values()
            ]
            passages = [page.passages for page in rows.values()]
            found.append(
                Original(
                    document=row.document,
                    pages=pages,
                    passages=passages,
                    vectors=vectors,
                    tokens=[page for page in tokens if page is not None],
                )
            )
    reader.close()
    return found


def _rows_of(pages: Sequence[int], parts: Any, dim: int) -> DenseRows:
    counts = dict.fromkeys(pages, 0)
    for keys, rows in parts:
        counts |= dict(zip(keys, rows.counts, strict=True))
    vectors = [rows.vectors for _, rows in parts]
    return DenseRows(list(counts.values()), np.concatenate([np.zeros((0, dim), np.float32), *vectors]))


def grow(folder: Path, originals: Sequence[Original], count: int, noise: float) -> float:
    """Write copies until the collection has `count` pages or a document more; return CPU seconds."""
    reader = CollectionReader(folder)
    with reader.snapshot() as snapshot:
        pages, number = snapshot.page_count, len(snapshot.live)
    reader.close()
    words = _WordsByLength(originals)
    start = time.process_time()
    if pages < count:
        with CollectionWriter(folder, flush_pages=FLUSH_PAGES) as writer:
            while pages < count:
                original = originals[number % len(originals)]
                copy = _copy(original, number, words, noise if number >= len(originals) else 0.0)
                writer.add(copy)
                pages, number = pages + len(copy.pages), number + 1
    return time.process_time() - start


class _WordsByLength:
    """The words of pages by length, with their frequencies."""

    def __init__(self, originals: Sequence[Original]) -> None:
        counts = Counter(WORD.findall(" ".join(page.text.text for o in originals for page in o.pages)))
        by_length: dict[int, list[str]] = {}
        for word in counts:
            by_length.setdefault(len(word), []).append(word)
        self._words = {n: (words, [*accumulate(counts[word] for word in words)]) for n, words in by_length.items()}

    def replace_some(self, text: str, rng: np.random.Generator) -> str:
        """Return a text of the same length in which a third of the words are others."""
        numbers = iter(rng.random(2 * len(text) + 2).tolist())

        def other(match: "re.Match[str]") -> str:
            if next(numbers) >= REPLACED or len(match[0]) not in self._words:
                return match[0]
            words, ends = self._words[len(match[0])]
            return words[bisect(ends, next(numbers) * ends[-1])]

        return WORD.sub(other, text)


def _copy(original: Original, number: int, words: _WordsByLength, noise: float) -> DocumentPages:
    rng = np.random.default_rng(number)

    def moved(vectors: Vectors) -> Vectors:
        added = rng.standard_normal(vectors.shape, dtype=np.float32)
        added *= np.float32(noise / max(1, vectors.shape[1]) ** 0.5)
        added += vectors
        added /= np.linalg.norm(added, axis=1, keepdims=True)
        return added

    pages, document = original.pages, replace(original.document, sha256=f"{number:064x}")
    tokens, vectors = original.tokens, original.vectors
    if noise:
        pages = [replace(page, text=replace(page.text, text=words.replace_some(page.text.text, rng))) for page in pages]
        vectors = {name: replace(rows, vectors=moved(rows.vectors)) for name, rows in vectors.items()}
        tokens = [
            replace(matrix, vectors=moved(matrix.vectors)) if len(matrix.vectors) else matrix for matrix in tokens
        ]
    return DocumentPages(
        document=document,
        path=f"/series {number}/{document.title or 'document'}.pdf",
        pages=pages,
        passages=original.passages,
        vectors=vectors,
        tokens={"page": tokens},
        tables=stored_tables(pages),
        last=True,
    )


def _sizes(folder: Path) -> str:
    parts = {"words": 0, "catalog": 0}
    for file in folder.rglob("*"):
        if file.is_file():
            top = file.relative_to(folder).parts
            name = (
                top[1].rpartition("-")[0] or top[1]
                if top[0] == "vectors"
                else "words"
                if top[0] == "words"
                else "catalog"
            )
            parts[name] = parts.get(name, 0) + file.stat().st_size
    segments = {path.name: len(list(path.iterdir())) for path in (folder / "vectors").iterdir()}
    return f"MB { ({name: size >> 20 for name, size in parts.items()}) }, segments {segments}"


def _measure(folder: Path, count: int, *, recall: bool) -> None:
    """Print the rows of one size, in this process."""
    texts = [question.text for question in questions()]
    texts = texts[:: max(1, len(texts) // count)][:count]
    began, wall = time.process_time(), time.perf_counter()
    with pagelens.open(folder) as engine:
        opened = time.process_time() - began, time.perf_counter() - wall
        engine.search(texts[0], k=10)
        first = time.process_time() - began, time.perf_counter() - wall
        anonymous, mapped = _memory("RssAnon"), _memory("RssFile")
        retriever, reader = engine.retriever, engine._reader
        with reader.snapshot() as snapshot:
            pages = snapshot.page_count
            print(
                f"opened {1e3 * opened[0]:.0f} CPU-ms ({1e3 * opened[1]:.0f} wall), first search {1e3 * first[0]:.0f} "
                f"({1e3 * first[1]:.0f}); then own memory {anonymous:.0f} MB, mapped {mapped:.0f} MB"
            )
            found: dict[str, list[list[int]]] = {}
            for what, lanes in {"fused": None, **{name: [name] for name in retriever.lane_names}}.items():
                times, found[what] = [], []
                for text in [*texts[:3], *texts]:
                    began, wall = time.process_time(), time.perf_counter()
                    result = retriever.search(snapshot, Query(text, spelling=False), k=10, lanes=lanes)
                    times.append((time.process_time() - began, time.perf_counter() - wall))
                    found[what].append([hit.page for hit in result.hits])
                _print(pages, what, times[3:], "")
            times = []
            for text in texts:
                began, wall = time.process_time(), time.perf_counter()
                engine.search(text, k=10)
                times.append((time.process_time() - began, time.perf_counter() - wall))
            _print(pages, "search", times, "")
            print(f"own memory {_memory('RssAnon'):.0f} MB, mapped {_memory('RssFile'):.0f} MB", flush=True)
            if recall:
                _print_recall(snapshot, retriever, texts, found["fused"])


def _print(pages: int, what: str, times: Sequence[tuple[float, float]], recall: str) -> None:
    (cpu_p50, wall_p50), (cpu_p95, wall_p95) = 1e3 * np.quantile(times, [0.5, 0.95], axis=0)
    row = ROW.format(
        pages=pages, what=what, cpu_p50=cpu_p50, cpu_p95=cpu_p95, wall_p50=wall_p50, wall_p95=wall_p95, recall=recall
    )
    print(row, flush=True)


def _print_recall(snapshot: Snapshot, retriever: Any, texts: Sequence[str], fused: Sequence[Sequence[int]]) -> None:
    tokens, vectors = snapshot.tokens("page"), snapshot.vectors("text")
    assert isinstance(tokens, PageTokens) and isinstance(vectors, LocalDenseView)
    exact_page = _ExactPages(tokens, [retriever._lanes["page"].query_tokens(text) for text in texts])
    for depth in DEPTHS:
        shared = []
        for query in exact_page.queries:
            expected, _ = exact_page.search(query, depth)
            rows, _ = tokens.index.search(query, depth)
            shared.append(len(np.intersect1d(rows, expected)) / max(1, len(expected)))
        print(f"page, the {depth} best: recall {np.mean(shared):.4f}", flush=True)
        shared = []
        for text in texts:
            query_vector = retriever._lanes["text"].prepare(Query(text), depth, None).vector
            expected, _ = ExactIndex(vectors.matrix).search(query_vector, depth)
            rows, _ = vectors.index.search(query_vector, depth)
            shared.append(len(np.intersect1d(rows, expected)) / len(expected))
        print(f"text, the {depth} best passages: recall {np.mean(shared):.4f}", flush=True)
    view = snapshot._view
    lanes = snapshot.lanes
    view._tokens[lanes["page"].store] = replace(tokens, index=exact_page)
    view._vectors[lanes["text"].store] = replace(vectors, index=ExactIndex(vectors.matrix))
    shared = []
    for text, found in zip(texts, fused[3:], strict=True):
        expected_pages = [hit.page for hit in retriever.search(snapshot, Query(text, spelling=False), k=10).hits]
        shared.append(len({*found} & {*expected_pages}) / max(1, len(expected_pages)))
    print(f"fused, the 10 best: recall {np.mean(shared):.4f}", flush=True)


class _ExactPages:
    """Implements `MultiVectorIndex` for queries known beforehand: all tokens are scanned once for all of them."""

    name = "exact"

    def __init__(self, tokens: PageTokens, queries: Sequence[QueryTokens]) -> None:
        self._tokens = ChunkedTokens([part.tokens for part in tokens.parts], tokens.parts[0].tokens.dim)
        self.queries = queries
        rows = np.flatnonzero(self._tokens.lengths > 0)
        depth = rescoring_depth(max(DEPTHS))
        best = top_rows(self._tokens, queries, rows, [depth] * len(queries), threads=1)
        self._best = {query.vectors.tobytes(): rows for query, rows in zip(queries, best, strict=True)}

    def __len__(self) -> int:
        return len(self._tokens)

    def search(
        self, query: QueryTokens, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `MultiVectorIndex.search`; without filters."""
        assert allowed is None, "no filters"
        return rescore(self._tokens, query, self._best[query.vectors.tobytes()], k, products=onnx_products())


def _memory(kind: str) -> float:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{kind}:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
