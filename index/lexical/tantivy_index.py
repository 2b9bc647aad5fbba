"""The lexical index of the `words` lane: BM25 over pages, on tantivy.

A page is indexed twice over: its terms, and each pair of neighbouring terms, so that pages that say the query's words
together win over pages that merely have them. It is a cache of the catalog: a page key never changes its text, so the
index is in step exactly when it holds the catalog's page keys; `words.json` remembers the generation for which that
was so. This module knows page keys and texts, not where they come from.
"""

import json
import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from pagelens.core.keys import document_of, number_of
from pagelens.index.layout import write_json
from pagelens.index.selection import Selection

HEAP = 50_000_000  # bytes the writer may use before it writes a segment out; one thread
SCHEMA = 2  # changes with the analyzer or the fields; an index of another number is not looked at

# Function words and question words: they ask, they do not describe. Left out of pages and queries alike.
STOPWORDS = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
    was will with what which who whom whose when where why how do does did done has have had can could would should
    might shall must am were been being i me my you your we our us he she him her his its them those from than so too
    very also about
""".split()

# Scripts written without blanks between words are cut into single characters (pairs then make the words);
# letters are split from digits ("FY2018" is "fy 2018").
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_TOKEN = rf"[{_UNSPACED}]|[[\p{{L}}\p{{M}}]--[{_UNSPACED}]]+|\p{{N}}+"


def _analyzer() -> tantivy.TextAnalyzer:
    keep = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(_TOKEN))
    for one in (keep.remove_long(80), keep.lowercase(), keep.ascii_fold(), keep.custom_stopword(STOPWORDS)):
        builder = builder.filter(one)
    return builder.filter(tantivy.Filter.stemmer("english")).build()


_ANALYZER = _analyzer()


def analyze(text: str) -> list[str]:
    """Return the index terms of a text in order: lower case, accents folded, stemmed, function words left out."""
    return list(_ANALYZER.analyze(text))


def pairs(terms: Sequence[str]) -> list[str]:
    """Return each two neighbouring different terms as one."""
    return [f"{first}_{second}" for first, second in pairwise(terms) if first != second]


class WordsIndex:
    """The index in a folder: page keys and their analyzed text."""

    def __init__(self, folder: Path) -> None:
        """Open the index, or make an empty one where there is none."""
        folder = folder / f"v{SCHEMA}"
        folder.mkdir(parents=True, exist_ok=True)
        self._note = folder / "words.json"
        self._schema = _schema()
        self._index = tantivy.Index(self._schema, str(folder), reuse=True)
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
            terms = analyze(text)
            document.add_text("terms", " ".join(terms))
            document.add_text("pairs", " ".join(pairs(terms)))
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
        return int(self.tantivy.doc_freq("terms", term))

    def idf(self, term: str) -> float:
        """Return the inverse document frequency of an analyzed term: ln(1 + (N - n + .5) / (n + .5))."""
        count = self.document_frequency(term)
        return math.log(1 + (len(self) - count + 0.5) / (count + 0.5))

    def search(
        self, terms: Sequence[str], limit: int, *, selection: Selection | None = None, with_pairs: bool = True
    ) -> list[tuple[int, float]]:
        """Return the best pages as (key, score), best first, ties by key.

        `terms` are analyzed terms in the query's order. A page that holds any of them is found; `with_pairs` adds the
        score of neighbouring ones.
        """
        if not terms or limit <= 0 or not len(self):
            return []
        query = self._query(terms, pairs(terms) if with_pairs else [], selection)
        found = self.tantivy.search(query, limit=limit, count=False).hits
        keys = self.tantivy.fast_field_values("page", [address for _, address in found])
        hits = [(int(key), float(score)) for key, (score, _) in zip(keys, found, strict=True) if key is not None]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def _query(self, terms: Sequence[str], pairs: Sequence[str], selection: Selection | None) -> tantivy.Query:
        query, schema, should = tantivy.Query, self._schema, tantivy.Occur.Should
        each = [query.term_query(schema, "terms", term, "freq") for term in dict.fromkeys(terms)]
        each += [query.term_query(schema, "pairs", pair, "freq") for pair in dict.fromkeys(pairs)]
        scored = query.boolean_query([(should, one) for one in each])
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
    for name in ("terms", "pairs"):  # analyzed by us, so that pages and queries cannot differ
        builder.add_text_field(name, stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("every", stored=False, tokenizer_name="raw", index_option="basic")  # see `tombstones`
    return builder.build()
