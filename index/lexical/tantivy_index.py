"""The tantivy index of the `words` lane: BM25 over pages.

A page is indexed by its terms and by its bigrams, so that pages with the query's words next to each other rank above
pages that only contain them. `words.json` records the last generation of the catalog with which the index was in sync.
"""

import json
import math
import os
import shutil
import struct
import tempfile
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from pagelens.core.errors import CollectionDamaged
from pagelens.core.keys import document_of, number_of
from pagelens.index.lane_queries import NO_WEIGHTS
from pagelens.index.layout import NO_ROOM, disk_full, write_json
from pagelens.index.lexical.analysis import ANALYSIS_VERSION, analyze_page, bigrams
from pagelens.index.selection import Selection

HEAP = 50_000_000  # bytes the writer may use before it writes a segment; one thread
ATTEMPTS = 3  # to read the files of one commit, where a writer replaces it at the same moment
FOOTER_MAGIC = 1337  # the last four bytes of each of tantivy's files


class TantivyIndex:
    """An index in a folder, or in memory: page keys and the terms of the pages.

    Every method raises CollectionDamaged where the files are not those that were written, and DiskFull.
    """

    def __init__(self, folder: Path | None) -> None:
        """Open the index, or create an empty one; None: in memory. An index in a folder that cannot be written to,
        where tantivy cannot lock it, is opened from a temporary copy."""
        self._folder = folder = folder and folder / f"v{ANALYSIS_VERSION}"
        self._schema = _schema()
        self._writer: tantivy.IndexWriter | None = None
        self._verified: set[str] = set()  # names of files, which never change
        with _errors_translated(folder):
            if folder is None:
                self._index = tantivy.Index(self._schema)
                return
            if folder.exists() and not os.access(folder, os.W_OK):
                copy = Path(tempfile.mkdtemp(prefix="pagelens-words-"))
                weakref.finalize(self, shutil.rmtree, copy, ignore_errors=True)
                self._folder = folder = Path(shutil.copytree(folder, copy / folder.name))
            folder.mkdir(parents=True, exist_ok=True)
            self._index = tantivy.Index(self._schema, str(folder), reuse=True)

    @property
    def generation(self) -> int:
        """The last generation of the catalog that the index was in sync with; -1 if none."""
        found = self._read_status().get("generation")
        return found if isinstance(found, int) else -1

    def verify(self, *, limit: int | None = None) -> None:
        """Raise CollectionDamaged unless each file of the last commit has the CRC-32 in its footer, and the pages are
        as many as the commit says. `limit`: bytes to be read, the smallest files first; None: all."""
        if self._folder is None:
            return
        for attempt in range(ATTEMPTS):
            with _errors_translated(self._folder):
                try:
                    self._verify_commit(self._folder, limit)
                    return
                except FileNotFoundError:  # a writer has just replaced the commit, or a file is gone
                    if attempt == ATTEMPTS - 1:
                        raise

    def _verify_commit(self, folder: Path, limit: int | None) -> None:
        meta = (folder / "meta.json").read_bytes()
        segments = json.loads(meta)["segments"]
        names = {segment["segment_id"].replace("-", "") for segment in segments}
        files = sorted(file for file in folder.iterdir() if file.name.partition(".")[0] in names)
        for file in sorted(files, key=lambda file: file.stat().st_size):
            size = file.stat().st_size
            if limit is not None and (limit := limit - size) < 0:
                break
            if file.name not in self._verified:
                _verify_footer(file)
                self._verified.add(file.name)
        searcher = self.searcher().tantivy
        expected, found = sum(segment["max_doc"] for segment in segments), searcher.doc_freq("every", "page")
        if (folder / "meta.json").read_bytes() != meta:
            raise FileNotFoundError(f"{folder / 'meta.json'} was replaced meanwhile")
        if expected != found or searcher.num_docs > found:
            raise ValueError(f"expected {expected} pages as meta.json says, found {found}")

    def mark_synced(self, generation: int) -> None:
        """Record that the index is in sync with a generation of the catalog."""
        if self._folder is not None:
            write_json(self._folder / "words.json", {"generation": generation})

    def add(self, pages: Iterable[tuple[int, str]]) -> None:
        """Add pages (key, text), visible after `commit`. Each key may be added once."""
        with _errors_translated(self._folder):
            writer = self._open_writer()
            for page, text in pages:
                document = tantivy.Document(every="page")
                document.add_unsigned("page", page)
                document.add_unsigned("document", document_of(page))
                document.add_unsigned("number", number_of(page))
                terms = analyze_page(text)
                document.add_text("terms", " ".join(terms))
                document.add_text("bigrams", " ".join(bigrams(terms)))
                writer.add_document(document)

    def remove(self, pages: Iterable[int]) -> None:
        """Remove pages by key, effective after `commit`."""
        # By query: `delete_documents_by_term` makes a signed term of an int, which an unsigned field never contains.
        if keys := list(pages):
            self._remove(tantivy.Query.term_set_query(self._schema, "page", keys))

    def remove_documents(self, documents: Iterable[int]) -> None:
        """Remove all pages of documents by key, effective after `commit`."""
        if keys := list(documents):
            self._remove(tantivy.Query.term_set_query(self._schema, "document", keys))

    def _remove(self, query: tantivy.Query) -> None:
        with _errors_translated(self._folder):
            self._open_writer().delete_documents_by_query(query)

    def clear(self) -> None:
        """Remove all pages, effective after `commit`."""
        with _errors_translated(self._folder):
            self._open_writer().delete_all_documents()

    def commit(self) -> None:
        """Make all additions and removals durable and visible at once."""
        if self._writer is not None:
            with _errors_translated(self._folder):
                self._writer.commit()
                self._index.reload()

    def close(self) -> None:
        """Close the writer; searchers stay usable."""
        writer, self._writer = self._writer, None
        if writer is not None:
            with _errors_translated(self._folder):
                writer.wait_merging_threads()  # consumes it

    def page_keys(self) -> NDArray[np.int64]:
        """Return the sorted keys of all pages in the index."""
        searcher = self.searcher().tantivy
        if not searcher.num_docs:
            return np.zeros(0, np.int64)
        with _errors_translated(self._folder):
            hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
            keys = searcher.fast_field_values("page", [address for _, address in hits])
        return np.sort(np.array(keys, np.int64))

    def tombstones(self) -> int:
        """Return how many removed pages still count in the term statistics."""
        searcher = self.searcher().tantivy
        with _errors_translated(self._folder):
            return int(searcher.doc_freq("every", "page")) - int(searcher.num_docs)

    def searcher(self) -> "TantivySearcher":
        """Return a searcher over the last commit, unaffected by later changes."""
        with _errors_translated(self._folder):
            self._index.reload()
            return TantivySearcher(self._index.searcher(), self._schema, self._folder)

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self._index.writer(heap_size=HEAP, num_threads=1)
        return self._writer

    def _read_status(self) -> dict[str, object]:
        try:
            status = json.loads((self._folder / "words.json").read_text("utf-8")) if self._folder else {}
            return status if isinstance(status, dict) else {}
        except (OSError, ValueError):
            return {}


class TantivySearcher:
    """BM25 search (k1 = 1.2, b = 0.75, as in tantivy) over one commit of the index."""

    def __init__(self, searcher: tantivy.Searcher, schema: tantivy.Schema, folder: Path | None) -> None:
        self.tantivy = searcher
        self._schema, self._folder = schema, folder

    def __len__(self) -> int:
        return int(self.tantivy.num_docs)

    def idf(self, term: str) -> float:
        """Return the inverse document frequency of an analyzed term: ln(1 + (N - n + .5) / (n + .5))."""
        with _errors_translated(self._folder):
            count = int(self.tantivy.doc_freq("terms", term))
        return math.log(1 + (len(self) - count + 0.5) / (count + 0.5))

    def search(
        self,
        terms: Sequence[str],
        limit: int,
        *,
        selection: Selection | None = None,
        weights: Mapping[str, float] = NO_WEIGHTS,
    ) -> list[tuple[int, float]]:
        """Return the best pages as (key, score), best first, ties by key.

        `terms` are analyzed terms in the query's order. Pages with any of them are found; bigrams add to the score.
        `weights` are those of terms that do not weigh 1.
        """
        if not terms or limit <= 0 or not len(self):
            return []
        query = self._query(terms, selection, weights)
        with _errors_translated(self._folder):
            results = self.tantivy.search(query, limit=limit, count=False).hits
            keys = self.tantivy.fast_field_values("page", [address for _, address in results])
        hits = [(int(key), float(score)) for key, (score, _) in zip(keys, results, strict=True) if key is not None]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def _query(self, terms: Sequence[str], selection: Selection | None, weights: Mapping[str, float]) -> tantivy.Query:
        query, schema, should = tantivy.Query, self._schema, tantivy.Occur.Should
        clauses = [
            query.boost_query(query.term_query(schema, "terms", term, "freq"), weights.get(term, 1.0))
            for term in dict.fromkeys(terms)
        ]
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
        if selection is not None and selection.pages is not None:
            pages = query.term_set_query(schema, "page", selection.pages.tolist())
            must.append((tantivy.Occur.Must, query.const_score_query(pages, 0.0)))
        if selection is not None and selection.left_out is not None:
            must.append((tantivy.Occur.MustNot, query.term_set_query(schema, "page", selection.left_out.tolist())))
        return query.boolean_query(must)


@contextmanager
def _errors_translated(folder: Path | None) -> Iterator[None]:
    """Raise DiskFull or CollectionDamaged for tantivy's errors: ValueError, and pyo3's PanicException, which derives
    from BaseException and cannot be imported."""
    try:
        yield
    except BaseException as exc:
        if not isinstance(exc, ValueError | OSError) and type(exc).__name__ != "PanicException":
            raise
        problem = " ".join(str(exc).split())
        if any(f"os error {code})" in problem or getattr(exc, "errno", None) == code for code in NO_ROOM):
            raise disk_full(str(folder), problem) from exc
        raise CollectionDamaged(
            f"expected the lexical index in {folder} as it was written, found: {problem}. It is built again from the "
            "catalog: pagelens doctor --repair"
        ) from exc


def _verify_footer(file: Path) -> None:
    """Raise ValueError unless a file has the CRC-32 that tantivy has written: JSON, its length, a magic number."""
    data = file.read_bytes()
    length, magic = struct.unpack("<II", data[-8:]) if len(data) >= 8 else (0, 0)
    if magic != FOOTER_MAGIC or length > len(data) - 8:
        raise ValueError(f"{file.name} has no footer")
    expected = json.loads(data[-8 - length : -8])["crc"]
    if (found := zlib.crc32(memoryview(data)[: -8 - length])) != expected:
        raise ValueError(f"{file.name}: expected CRC-32 {expected}, found {found}")


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in ("page", "document", "number"):
        builder.add_unsigned_field(name, stored=False, indexed=True, fast=name == "page")
    for name in ("terms", "bigrams"):  # analyzed by `analyze_page` already
        builder.add_text_field(name, stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_text_field("every", stored=False, tokenizer_name="raw", index_option="basic")  # see `tombstones`
    return builder.build()
