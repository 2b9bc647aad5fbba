"""What reading and correcting a query costs in the `words` lane, at many pages.

    python -m benchmarks.query_cost [--collection C] [--pages 20000]

Pages are made from the development pages: each is one of theirs with its lines in another order. Printed for the
development questions: CPU-ms of the lane alone, of `parse_query`, of a search without and with spelling; then of
the questions with two misspelled words, of a phrase, an excluded word, and alternatives.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.development_set import questions, require_data
from benchmarks.typos import edit_rarest
from pagelens.core.spaces import Space
from pagelens.core.types import Document, Filters, Page, PageText, Query
from pagelens.index.creation import create
from pagelens.index.layout import LaneRecord, Layout
from pagelens.index.lexical.analysis import analyze
from pagelens.index.reader import CollectionReader, Snapshot
from pagelens.index.records import DenseRows, DocumentPages
from pagelens.index.writer import CollectionWriter
from pagelens.retrieve.lanes import WordsLane
from pagelens.retrieve.query_language import narrowed, parse_query
from pagelens.retrieve.search import Retriever

PAGES_PER_DOCUMENT = 50
NO_FILTERS = Filters()
SPACE = Space(model="none", revision="1", dim=4)
SYNTAX = (
    '"annual report"',
    '"percentage of people"',
    "report -annual",
    "report -the",
    "timber OR coal report",
    "kind:pdf report",
)


def main() -> None:
    """Make the pages, index their words, and print the costs."""
    require_data()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", type=Path, required=True, help="holds the development documents")
    parser.add_argument("--pages", type=int, default=20_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "collection"
        create(Layout(root), profile="none", lanes=[LaneRecord("text", "none", SPACE, "passages")])
        began = time.process_time()
        with CollectionWriter(root, flush_pages=2_000) as writer:
            for document in _documents(_texts(arguments.collection), arguments.pages):
                writer.add(document)
        print(f"{arguments.pages} pages indexed in {time.process_time() - began:.0f} CPU-s")
        reader = CollectionReader(root)
        with reader.snapshot() as snapshot:
            _measure(snapshot)
        reader.close()


def _texts(collection: Path) -> list[str]:
    reader = CollectionReader(collection)
    with reader.snapshot() as snapshot:
        keys = [key << 20 | n for key, row in snapshot.documents.items() for n in range(1, row.document.page_count + 1)]
        texts = [page.text.text for page in snapshot.pages(keys).values()]
    reader.close()
    return texts


def _documents(texts: Sequence[str], count: int) -> Iterator[DocumentPages]:
    source = random.Random(0)
    for first in range(0, count, PAGES_PER_DOCUMENT):
        pages = []
        for number in range(1, PAGES_PER_DOCUMENT + 1):
            lines = source.choice(texts).split("\n")
            source.shuffle(lines)
            text = PageText(text="\n".join(lines), spans=np.zeros((0, 2), np.int32), boxes=np.zeros((0, 4), np.float32))
            pages.append(Page(number=number, label=None, width=1.0, height=1.0, text=text))
        name = f"document {first}"
        yield DocumentPages(
            document=Document(sha256=f"{first:064x}", kind="pdf", title=name, page_count=len(pages), size=1),
            path=f"/{name}.pdf",
            pages=pages,
            passages=[[] for _ in pages],
            vectors={"text": DenseRows([0] * len(pages), np.zeros((0, SPACE.dim), np.float32))},
            last=True,
        )


def _measure(snapshot: Snapshot) -> None:
    lane = WordsLane(analyze)
    retriever = Retriever([lane], analyze)
    clean = [q.text for q in questions()]
    edited = [edit_rarest(snapshot, text, random.Random(text)) for text in clean]

    def search_lane(text: str) -> None:
        query = lane.prepare(Query(text), 200, None)
        if query is not None:
            snapshot.search([query])

    def search(text: str, *, spelling: bool) -> None:
        understood = parse_query(text)
        query = Query(understood.text, conditions=understood.conditions, spelling=spelling)
        retriever.search(snapshot, query, k=10, filters=narrowed(NO_FILTERS, understood))

    began = time.process_time()
    words = len(snapshot.vocabulary)
    print(f"vocabulary of {words} words read in {time.process_time() - began:.2f} CPU-s")
    _print_row("questions: the lane's search alone", search_lane, clean)
    _print_row("questions: read (parse_query)", parse_query, clean)
    _print_row("questions: whole search, without spelling", lambda text: search(text, spelling=False), clean)
    _print_row("questions: whole search", lambda text: search(text, spelling=True), clean)
    _print_row("two misspelled words: whole search", lambda text: search(text, spelling=True), edited)
    for text in SYNTAX:
        _print_row(text, lambda text: search(text, spelling=True), [text] * 20)


def _print_row(name: str, work: Callable[[str], object], texts: Sequence[str]) -> None:
    """Print the mean and the 95th percentile of the CPU time, each text after a first run that fills caches."""
    spent = []
    for text in texts:
        work(text)
        began = time.process_time()
        work(text)
        spent.append(1_000 * (time.process_time() - began))
    mean, (half, most) = np.mean(spent), np.quantile(spent, (0.5, 0.95))
    print(f"{name:45} mean {mean:7.2f}  p50 {half:7.2f}  p95 {most:7.2f} CPU-ms", flush=True)


if __name__ == "__main__":
    main()
