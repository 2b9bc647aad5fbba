"""The tantivy index of the `words` lane: BM25 over pages.

A page is indexed by its terms and by its bigrams, so that pages with the query's words next to each other rank above
pages that only contain them. `words.json` records the last generation of the catalog with which the index was in sync.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from pagelens.core.keys import document_of, number_of
from pagelens.index.layout import write_json
from pagelens.index.lexical.analysis import ANALYSIS_VERSION, analyze, bigrams
from pagelens.index.selection import Selection

HEAP = 50_000_000  # bytes the writer may use before it writes a segment; one thread


class TantivyIndex:
    """An index in a folder: page keys and the terms of the pages."""

    def __init__(self, folder: Path) -> None:
        """Open the index, or create an empty one."""
        folder = folder / f"v{ANALYSIS_VERSION}"
        folder.mkdir(parents=True, exist_ok=True)
        self._status = folder / "words.json"
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, str(folder), reuse=True)
        self._writer: tantivy.IndexWriter | None = None

    @property
    def generation(self) -> int:
        """The last generation of the catalog that the index was in sync with; -1 if none."""
        return int(self._read_status().get("generation", -1))

    def mark_synced(self, generation: int) -> None:
        """Record that the index is in sync with a generation of the catalog."""
        write_json(self._status, {"generation": generation})

    def add(self, pages: Iterable[tuple[int, str]]) -> None:
        """Add pages (key, text), visible after `commit`. Each key may be added once."""
        writer = self._open_writer()
        for page, text in pages:
            document = tantivy.Document(every="page")
            document.add_unsigned("page", page)
            document.add_unsigned("document", document_of(page))
            document.add_unsigned("number", number_of(page))
            terms = analyze(text)
            document.add_text("terms", " ".join(terms))
            document.add_text("bigrams", " ".join(bigrams(terms)))
            writer.add_document(document)

    def remove(self, pages: Iterable[int]) -> None:
        """Remove pages by key, effective after `commit`."""
        # By query: `delete_documents_by_term` makes a signed term of an int, which an unsigned field never contains.
        if keys := list(pages):
            self._open_writer().delete_documents_by_query(tantivy.Query.term_set_query(self._schema, "page", keys))

    def remove_documents(self, documents: Iterable[int]) -> None:
        """Remove all pages of documents by key, effective after `commit`."""
        if keys := list(documents):
            query = tantivy.Query.term_set_query(self._schema, "document", keys)
            self._open_writer().delete_documents_by_query(query)

    def clear(self) -> None:
        """Remove all pages, effective after `commit`."""
        self._open_writer().delete_all_documents()

    def commit(self) -> None:
        """Make all additions and removals durable and visible at once."""
        if self._writer is not None:
            self._writer.commit()
            self._index.reload()

    def close(self) -> None:
        """Close the writer; searchers stay usable."""
        if self._writer is not None:
            self._writer.wait_merging_threads()  # consumes it
            self._writer = None

    def page_keys(self) -> NDArray[np.int64]:
        """Return the sorted keys of all pages in the index."""
        searcher = self.searcher().tantivy
        if not searcher.num_docs:
            return np.zeros(0, np.int64)
        hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
        keys = searcher.fast_field_values("page", [address for _, address in hits])
        return np.sort(np.array(keys, np.int64))

    def tombstones(self) -> int:
        """Return how many removed pages still count in the term statistics."""
        searcher = self.searcher().tantivy
        return int(searcher.doc_freq("every", "page")) - int(searcher.num_docs)

    def searcher(self) -> "TantivySearcher":
        """Return a searcher over the last commit, unaffected by later changes."""
        self._index.reload()
        return TantivySearcher(self._index.searcher(), self._schema)

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=HEAP, num_threads=1)
        return self._writer

    def _read_status(self) -> dict[str, int]:
        try:
            status = json.loads(self._status.read_text("utf-8"))
            return status if isinstance(status, dict) else {}
        except (OSError, ValueError):
            return {}


class TantivySearcher:
    """BM25 search (k1 = 1.2, b = 0.75, as in tantivy) over one commit of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        self.tantivy = searcher
        self._schema = schema

    def __len__(self) -> int:
        return int(self.tantivy.num_docs)

    def idf(self, term: str) -> float:
        """Return the inverse document frequency of an analyzed term: ln(1 + (N - n + .5) / (n + .5))."""
        count = int(self.tantivy.doc_freq("terms", term))
        return math.log(1 + (len(self) - count + 0.5) / (count + 0.5))

    def search(
        self, terms: Sequence[str], limit: int, *, selection: Selection | None = None
    ) -> list[tuple[int, float]]:
        """Return the best pages as (key, score), best first, ties by key.

        `terms` are analyzed terms in the query's order. Pages with any of them are found; bigrams add to the score.
        """
        if not terms or limit <= 0 or not len(self):
            return []
        query = self._query(terms, selection)
        results = self.tantivy.search(query, limit=limit, count=False).hits
        keys = self.tantivy.fast_field_values("page", [address for _, address in results])
        hits = [(int(key), float(score)) for key, (score, _) in zip(keys, results, strict=True) if key is not None]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def _query(self, terms: Sequence[str], selection: Selection | None) -> tantivy.Query:
        query, schema, should = tantivy.Query, self._schema, tantivy.Occur.Should
        clauses = [query.term_query(schema, "terms", term, "freq") for term in dict.fromkeys(terms)]
        clauses += [query.term_query(schema, "bigrams", pair, "freq") for pair in dict.fromkeys(bigrams(terms))]
        scored = query.boolean_query([(should, clause) for clause in clauses])
        must = [(tantivy.Occur.Must, scored)]
        if selection is not None and selection.documents is not None:
            documents = query.term_set_query(schema, "document", selection.documents.tolist())
            must.append((tantivy.Occur.Must, query.const_score_query(documents, 0.0)))
        if selection is not None and selection.limits_numbers:
            numbers = query.range_query(
                schema, "number", tantivy.FieldType.Unsigned, selection.first_page, selection.last_page
            )
            must.append((tantivy.Occur.Must, query.const_score_query(numbers, 0.0)))
        return query.boolean_query(must)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("page", "document", "number"):
        builder.add_unsigned_field(name, stored=False, indexed=True, fast=name == "page")
    for name in ("terms", "bigrams"):  # analyzed by `analyze` already
        builder.add_text_field(name, stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("every", stored=False, tokenizer_name="raw", index_option="basic")  # see `tombstones`
    return builder.build()
