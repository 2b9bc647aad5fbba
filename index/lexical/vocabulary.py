"""The words of a collection's pages, as they are written, with the number of pages that have each; and the words that
are near to a misspelled one.

The lexical index has stems ("examin"), from which no word can be shown. A vocabulary is read from the catalog's texts
and kept beside the index, as a cache: page counts of removed documents stay until it is read anew.
"""

import json
import logging
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from pagelens.core.keys import document_of
from pagelens.index.catalog import reads
from pagelens.index.layout import write_text
from pagelens.index.lexical.lexical_index import read_texts
from pagelens.index.lexical.normalization import normalized

logger = logging.getLogger(__name__)

VERSION = 1  # of the file: raised with every change of what is a word
MIN_LENGTH, MAX_LENGTH = 3, 24  # letters of a word
MAX_STALE = 0.1  # share of counted pages that are gone, from which all pages are counted anew
MAX_READ = 2_000  # pages that a reader counts in one search, where the writer has not: 1 s (docs/LOG.md)

# Letters of scripts that are written without blanks between words make no words here.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"(?<![^\W_])[^\W\d_{_UNSPACED}]+(?![^\W_])")
_BREAK = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad]\s*\n\s*(?=[^\W\d_])")
_BITS = np.uint64(61)  # letters are told apart by their code points modulo a prime


def words_of(text: str) -> set[str]:
    """Return the different words of a page's text in small letters; words broken at line ends are whole."""
    whole_words = _BREAK.sub("", text)
    plain = whole_words.lower() if whole_words.isascii() else normalized(whole_words).lower()
    return {word for word in _WORD.findall(plain) if MIN_LENGTH <= len(word) <= MAX_LENGTH}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A word near to another one: how many edits make one of the other, and how many pages have it."""

    word: str
    distance: int
    pages: int


class Vocabulary:
    """The words of pages, and the number of pages that have each."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._counts = counts
        self._words = list(counts)
        self._lengths = np.array([len(word) for word in self._words], np.int64)
        starts = np.cumsum(self._lengths) - self._lengths
        bits = np.uint64(1) << (_code_points("".join(self._words)).astype(np.uint64) % _BITS)
        self._letters = np.bitwise_or.reduceat(bits, starts) if self._words else np.zeros(0, np.uint64)

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def neighbours(self, word: str, max_distance: int) -> list[Neighbour]:
        """Return the words that at most so many insertions, deletions, replacements or exchanges of neighbouring
        letters make of `word` (optimal string alignment), the nearest first, then those on most pages."""
        letters = np.bitwise_or.reduce(np.uint64(1) << (_code_points(word).astype(np.uint64) % _BITS))
        near = np.abs(self._lengths - len(word)) <= max_distance
        near &= np.bitwise_count(self._letters ^ letters) <= 2 * max_distance  # an edit changes two letters at most
        rows = np.flatnonzero(near)
        distances = edit_distances(word, [self._words[row] for row in rows])
        found = [
            Neighbour(self._words[row], int(distance), self._counts[self._words[row]])
            for row, distance in zip(rows, distances, strict=True)
            if 0 < distance <= max_distance
        ]
        return sorted(found, key=lambda neighbour: (neighbour.distance, -neighbour.pages, neighbour.word))


def edit_distances(word: str, others: Sequence[str]) -> NDArray[np.int64]:
    """Return the distances (n,) of a word from n others by optimal string alignment, all at once."""
    lengths = np.array([len(other) for other in others], np.int64)
    width = int(lengths.max(initial=0))
    codes = _code_points("".join(other.ljust(width, "\0") for other in others)).reshape(len(others), width)
    rows = [np.tile(np.arange(width + 1), (len(others), 1))]  # of the table, one for each prefix of `word`
    for i, letter in enumerate(map(ord, word), 1):
        row, above = np.empty_like(rows[0]), rows[-1]
        row[:, 0] = i
        for j in range(1, width + 1):
            replaced = above[:, j - 1] + (codes[:, j - 1] != letter)
            row[:, j] = np.minimum(replaced, np.minimum(above[:, j], row[:, j - 1]) + 1)
            if i > 1 and j > 1:
                exchanged = (codes[:, j - 1] == ord(word[i - 2])) & (codes[:, j - 2] == letter)
                row[:, j] = np.where(exchanged, np.minimum(row[:, j], rows[-2][:, j - 2] + 1), row[:, j])
        rows.append(row)
    distances: NDArray[np.int64] = rows[-1][np.arange(len(others)), lengths]
    return distances


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


@dataclass(frozen=True, slots=True)
class CountedPages:
    """The words of pages with their counts, and which pages were counted: how many, up to which document."""

    counts: Counter[str]
    pages: int = 0
    last_document: int = -1

    @classmethod
    def parse(cls, text: str) -> "CountedPages":
        """Return what `text` writes. Raises ValueError for another text."""
        head, _, body = text.partition("\n")
        facts = json.loads(head)
        rows = (line.split("\t") for line in body.splitlines())
        counts = Counter({word: int(count) for word, count in rows})
        if not isinstance(facts, dict) or (facts["version"], facts["words"]) != (VERSION, len(counts)):
            raise ValueError(f"expected version {VERSION} and its number of words, found {head[:80]!r}, {len(counts)}")
        return cls(counts, int(facts["pages"]), int(facts["last_document"]))

    def text(self) -> str:
        """Return the content of a vocabulary file: a line of JSON, then a word and its pages a line."""
        facts = {
            "version": VERSION,
            "words": len(self.counts),
            "pages": self.pages,
            "last_document": self.last_document,
        }
        return "\n".join([json.dumps(facts), *(f"{word}\t{count}" for word, count in sorted(self.counts.items()))])


class VocabularyCache:
    """The vocabulary of a collection: counted by the writer, kept in a file, completed in memory by readers."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._counted: CountedPages | None = None
        self._current: tuple[int, Vocabulary] = (-1, Vocabulary({}))  # generation
        self._lock = threading.Lock()

    def write(self, connection: Connection) -> None:
        """Count the pages that the catalog has and the file does not, and write the file. Only for the writer."""
        counted = _completed(connection, before := self._read())
        if counted is not before:
            write_text(self._file, counted.text())

    def read(self, connection: Connection) -> Vocabulary:
        """Return the vocabulary of the commit that `connection` reads; without pages that the writer has not counted
        where they are more than MAX_READ."""
        generation = reads.generation(connection)
        with self._lock:
            if self._current[0] != generation:
                self._counted = counted = _completed(connection, self._counted or self._read(), limit=MAX_READ)
                self._current = (generation, Vocabulary(counted.counts))
            return self._current[1]

    def _read(self) -> CountedPages:
        try:
            return CountedPages.parse(self._file.read_text("utf-8"))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError) as exc:
            logger.warning("the vocabulary is counted again: %s: %s", self._file, exc)
        return CountedPages(Counter())


def _completed(connection: Connection, counted: CountedPages, *, limit: int | None = None) -> CountedPages:
    """Return the counts with those of the documents that came later; all anew where too many pages are gone."""
    keys = reads.page_keys(connection)
    new = keys[document_of(keys) > counted.last_document]
    if abs(counted.pages + len(new) - len(keys)) > MAX_STALE * len(keys):
        counted, new = CountedPages(Counter()), keys
    if not len(new):
        return counted
    if limit is not None and len(new) > limit:
        logger.info("spelling: %d pages are not counted yet. Run: pagelens index", len(new))
        return counted
    counts = counted.counts.copy()
    for _, text, caption in read_texts(connection, new):
        counts.update(words_of(f"{text}\n{caption}"))
    return CountedPages(counts, counted.pages + len(new), int(document_of(new).max()))
