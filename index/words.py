"""The lexical index of the `words` lane: BM25 over pages, on tantivy.

It is a cache of the catalog. A page key never changes its text, so the index is in step exactly when it holds the
catalog's page keys; `words.json` remembers the generation for which that was so. This module knows page keys and
texts, not where they come from.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from core.keys import document_of, number_of
from index.layout import write_json
from index.selection import Selection

HEAP = 50_000_000  # bytes the writer may use before it writes a segment out; one thread
SCHEMA = 1  # changes with the analyzer or the fields; an index of another number is not looked at

# Scripts written without blanks between words are cut into single characters; letters are split from digits
# ("FY2018" is "fy 2018").
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}]--[{_UNSPACED}]]+|\p{{N}}+"


def _analyzer() -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_TOKEN))
    for one in (tantivy.Filter.remove_long(80), tantivy.Filter.lowercase(), tantivy.Filter.ascii_fold()):
        builder = builder.filter(one)
    return builder.filter(tantivy.Filter.stemmer("english")).build()


_ANALYZER = _analyzer()


def analyze(text: str) -> list[str]:
    """Return the index terms of a text in order: lower case, accents folded, stemmed, letters split from digits."""
    return list(_ANALYZER.analyze(text))


class WordsIndex:
    """The index in a folder: page keys and their analyzed text."""

    def __init__(self, folder: Path) -> None:
        """Open the index, or make an empty one where there is none."""
        folder = folder / f"v{SCHEMA}"
        folder.mkdir(parents=True, exist_ok=True)
        self._note = folder / "words.json"
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, str(folder), reuse=True)
        self._index.register_tokenizer("pagelens", _ANALYZER)
        self._writer: tantivy.IndexWriter | None = None

    @property
    def generation(self) -> int:
        """The catalog's generation this index was last in step with; -1 if it never was."""
        return int(self._read_note().get("generation", -1))

    def mark(self, generation: int) -> None:
        """Remember that the index is in step with a generation of the catalog."""
        write_json(self._note, {"generation": generation})

    def add(self, pages: Iterable[tuple[int, str]]) -> None:
        """Add pages (key, text). A key may be added once; visible after `commit`."""
        writer = self._open_writer()
        for page, text in pages:
            document = tantivy.Document(every="page")
            document.add_unsigned("page", page)
            document.add_unsigned("document", document_of(page))
            document.add_unsigned("number", number_of(page))
            document.add_text("text", text)
            writer.add_document(document)

    def remove(self, pages: Iterable[int]) -> None:
        """Remove pages by key; gone after `commit`."""
        # By query: `delete_documents_by_term` takes an int for a signed term and finds nothing in an unsigned field.
        if keys := list(pages):
            self._open_writer().delete_documents_by_query(tantivy.Query.term_set_query(self._schema, "page", keys))

    def remove_documents(self, documents: Iterable[int]) -> None:
        """Remove every page of some documents by key; gone after `commit`."""
        if keys := list(documents):
            query = tantivy.Query.term_set_query(self._schema, "document", keys)
            self._open_writer().delete_documents_by_query(query)

    def clear(self) -> None:
        """Remove every page; gone after `commit`."""
        self._open_writer().delete_all_documents()

    def commit(self) -> None:
        """Make what was added and removed durable and visible, all at once."""
        if self._writer is not None:
            self._writer.commit()
            self._index.reload()

    def close(self) -> None:
        """Give up the writer; readers are not disturbed."""
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
        """Return how many removed pages still weigh on term statistics."""
        searcher = self.searcher().tantivy
        return int(searcher.doc_freq("every", "page")) - int(searcher.num_docs)

    def searcher(self) -> "WordsSearcher":
        """Return a searcher over the last commit, which stays as it is while the index goes on."""
        self._index.reload()
        return WordsSearcher(self._index.searcher(), self._schema)

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=HEAP, num_threads=1)
        return self._writer

    def _read_note(self) -> dict[str, int]:
        try:
            noted = json.loads(self._note.read_text("utf-8"))
            return noted if isinstance(noted, dict) else {}
        except (OSError, ValueError):
            return {}


class WordsSearcher:
    """BM25 (k1 = 1.2, b = 0.75, tantivy's) over one commit of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema) -> None:
        self.tantivy = searcher
        self._schema = schema

    def __len__(self) -> int:
        return int(self.tantivy.num_docs)

    def document_frequency(self, term: str) -> int:
        """Return how many pages hold an analyzed term."""
        return int(self.tantivy.doc_freq("text", term))

    def search(
        self, terms: Mapping[str, float], limit: int, *, selection: Selection | None = None
    ) -> list[tuple[int, float]]:
        """Return the best pages as (key, score), best first, ties by key.

        `terms` are analyzed terms with their weights; a page that holds any of them is found.
        """
        if not terms or limit <= 0 or not len(self):
            return []
        found = self.tantivy.search(self._query(terms, selection), limit=limit, count=False).hits
        keys = self.tantivy.fast_field_values("page", [address for _, address in found])
        hits = [(int(key), float(score)) for key, (score, _) in zip(keys, found, strict=True)]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def _query(self, terms: Mapping[str, float], selection: Selection | None) -> tantivy.Query:
        query, schema, should = tantivy.Query, self._schema, tantivy.Occur.Should
        scored = query.boolean_query(
            [
                (should, query.boost_query(query.term_query(schema, "text", term), weight))
                for term, weight in terms.items()
            ]
        )
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
    builder.add_text_field("text", stored=False, tokenizer_name="pagelens", index_option="position")
    builder.add_text_field("every", stored=False, tokenizer_name="raw", index_option="basic")  # see `tombstones`
    return builder.build()
