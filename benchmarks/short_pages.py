"""The `words` lane over millions of short pages: time and size of its index, and of a query, as it grows.

    python -m benchmarks.short_pages --collection C [--pages 100000 1000000 10000000] [--words 20]

A page is 20 words in a row from a random place of the development pages (the collection C), of which every third is
replaced by a random word, drawn as often as it occurs there: phrases stay, as captions, cells and chat lines have them,
and no two pages are the same. Terms are as frequent as in C, so the postings of every query term grow at the full rate;
real collections gain rarer words as they grow, which makes queries cheaper and the index larger than here.

The index alone is measured, without catalog: analysis of the text and tantivy, in commits of 5,000 pages; it merges
its segments by itself, in threads that the CPU time of the process includes. Queries are the development questions, 200
best pages each, as the retriever asks.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.development_set import questions, require_data
from pagelens.core.keys import page_key
from pagelens.index.lexical.analysis import analyze
from pagelens.index.lexical.tantivy_index import TantivyIndex
from pagelens.index.reader import CollectionReader
from pagelens.retrieve.term_weights import TermWeights

COMMIT = 5_000  # pages
PAGES_PER_DOCUMENT = 100
REPLACED = 3  # one word in so many
DEPTH = 200


def main() -> None:
    """Print a row for each size."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True)
    parser.add_argument("--pages", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--words", type=int, default=20)
    arguments = parser.parse_args()
    words = _words(arguments.collection)
    print("| pages | CPU ms a page, text and index | bytes a page | tantivy segments | query CPU-ms p50 / p95 |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        folder, done, spent = Path(scratch), 0, 0.0
        index = TantivyIndex(folder)
        for count in arguments.pages:
            for first in range(done, count, COMMIT):
                pages = list(_pages(words, first, min(COMMIT, count - first), arguments.words))
                start = time.process_time()
                index.add(pages)
                index.commit()
                spent += time.process_time() - start
            done = count
            start = time.process_time()
            index.close()
            spent += time.process_time() - start
            _print_row(index, folder, count, spent)
        shutil.rmtree(folder, ignore_errors=True)


def _words(collection: Path) -> list[str]:
    reader = CollectionReader(collection)
    with reader.snapshot() as snapshot:
        keys = [
            page_key(key, number)
            for key, row in snapshot.documents.items()
            for number in range(1, row.document.page_count + 1)
        ]
        words = " ".join(page.text.text for page in snapshot.pages(keys).values()).split()
    reader.close()
    return words


def _pages(words: Sequence[str], first: int, count: int, length: int) -> Iterator[tuple[int, str]]:
    rng = np.random.default_rng(first)
    places = rng.integers(0, len(words) - length, count).tolist()
    others = rng.integers(0, len(words), (count, length // REPLACED)).tolist()
    for number, (place, drawn) in enumerate(zip(places, others, strict=True), first):
        page = list(words[place : place + length])
        page[1 : REPLACED * len(drawn) : REPLACED] = [words[other] for other in drawn]
        yield page_key(1 + number // PAGES_PER_DOCUMENT, 1 + number % PAGES_PER_DOCUMENT), " ".join(page)


def _print_row(index: TantivyIndex, folder: Path, count: int, spent: float) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    [meta] = [file for file in files if file.name == "meta.json"]
    segments = json.loads(meta.read_text("utf-8"))["segments"]
    searcher, weights, times = index.searcher(), TermWeights(analyze), []
    for text in [question.text for question in questions()]:
        terms = weights.searched_terms(text)
        start = time.process_time()
        searcher.search(terms, DEPTH, weights=weights.weights(text, terms))
        times.append(time.process_time() - start)
    p50, p95 = 1e3 * np.quantile(times, [0.5, 0.95])
    size = sum(file.stat().st_size for file in files)
    print(f"| {count:,} | {1e3 * spent / count:.3f} | {size / count:.0f} | {len(segments)} | {p50:.1f} / {p95:.1f} |")


if __name__ == "__main__":
    main()
