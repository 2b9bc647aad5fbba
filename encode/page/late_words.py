"""The builtin `page` lane's encoder: late interaction over the words of a page, with the text encoder's own tokens.

Khattab and Zaharia, "ColBERT" (2020), over a model that was not trained for it: all-MiniLM-L6-v2's last layer, one
vector for each piece of a word, cut to 128 dimensions. A page longer than the model reads is cut into windows between
words. Punctuation and words without an index term (stop words) help the model to understand and are then left out,
which nearly halves the storage; what that costs stands in docs/LOG.md.

Rows stand in reading order, and queries ask for a window: untrained MaxSim finds more when a page stands by its best
24 rows than by all of them, since on a long page every word is somewhere. Knows no index and no weights.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import Analyzer
from pagelens.core.spaces import Space
from pagelens.core.types import PageText, QueryTokens, TokenMatrix, TokenVectors
from pagelens.encode.page.token_basis import DIM, basis_name, projected
from pagelens.encode.text.minilm import BuiltinTextEncoder

WINDOW = 24  # rows; of 8 to 96 tried the best, by a little
CACHED_WORDS = 100_000  # whether a word has a term is asked once; a book has fewer different words


class BuiltinPageEncoder:
    """Page texts and queries to many unit vectors of 128 dimensions.

    Implements `pagelens.core.protocols.PageTextEncoder`. Safe to share between threads.
    """

    def __init__(self, text: BuiltinTextEncoder, analyze: Analyzer) -> None:
        """Take the text encoder whose tokens are used, and the analyzer that says which words have terms."""
        self._text = text
        self._has_term = lru_cache(CACHED_WORDS)(lambda word: bool(analyze(word)))
        options = f"tokens of {text.space.fingerprint}; window={text.max_tokens}; basis={basis_name()}; terms only"
        self._space = Space(f"{text.space.model} tokens", text.space.revision, DIM, multi_vector=True, options=options)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def encode_texts(self, texts: Sequence[PageText]) -> list[TokenMatrix]:
        """Return the tokens of each page in reading order; a token's box is its word's. A page without words has none.

        A single word of more than 254 pieces is read so far.
        """
        windows = [_windows(page, self._text) for page in texts]
        cut = [page.text[start:end] for page, spans in zip(texts, windows, strict=True) for start, end in spans]
        tokens = iter(self._text.encode_tokens(cut))
        return [
            self._matrix(page, [(start, next(tokens)) for start, _ in spans])
            for page, spans in zip(texts, windows, strict=True)
        ]

    def from_passages(self, page: PageText, passages: Sequence[tuple[int, int, TokenVectors]]) -> TokenMatrix:
        """Return the tokens of one page from those of its passages: (start, end, tokens), spans within the page's text.

        Where neighbours overlap, each gives the half that it sees more around. The vectors are of the same space.
        """
        kept = []
        for place, (start, end, tokens) in enumerate(passages):
            first = (start + passages[place - 1][1]) // 2 if place and passages[place - 1][1] > start else start
            following = passages[place + 1][0] if place + 1 < len(passages) else end
            last = (following + end) // 2 if following < end else end
            inside = (tokens.spans[:, 0] >= first) & (tokens.spans[:, 0] < last)
            kept.append((0, TokenVectors(tokens.vectors[inside], tokens.spans[inside])))
        return self._matrix(page, kept)

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the tokens of each query, those of words without a term left out unless the query has no others."""
        return [
            self._query(text, tokens) for text, tokens in zip(texts, self._text.encode_query_tokens(texts), strict=True)
        ]

    def _matrix(self, page: PageText, windows: Sequence[tuple[int, TokenVectors]]) -> TokenMatrix:
        if not windows:
            return TokenMatrix(np.zeros((0, DIM), np.float32), np.zeros((0, 4), np.float32))
        vectors = np.concatenate([tokens.vectors for _, tokens in windows])
        spans = np.concatenate([tokens.spans + start for start, tokens in windows])
        # Every token lies in the last word that begins at or before it: windows are cut between words.
        words = np.searchsorted(page.spans[:, 0], spans[:, 0], side="right") - 1
        keep = self._kept(page.text, spans, page.spans[words])
        return TokenMatrix(projected(vectors[keep]), np.asarray(page.boxes[words[keep]], np.float32))

    def _query(self, text: str, tokens: TokenVectors) -> QueryTokens:
        ends = np.array([(start, start + len(word)) for start, word in _words(text)], np.int32).reshape(-1, 2)
        words = np.searchsorted(ends[:, 0], tokens.spans[:, 0], side="right") - 1
        keep = self._kept(text, tokens.spans, ends[words])
        if not keep.any():
            keep = np.ones(len(words), bool)
        said = [_bare(text[start:end]) for start, end in ends[words[keep]]]
        return QueryTokens(projected(tokens.vectors[keep]), said, window=WINDOW)

    def _kept(self, text: str, spans: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return for each token whether it has a letter or digit and its word has a term. Both arguments (n, 2)."""
        pairs = zip(spans.tolist(), words.tolist(), strict=True)
        kept = [_has_sign(text[a:b]) and self._has_term(text[start:end]) for (a, b), (start, end) in pairs]
        return np.array(kept, bool)


def _windows(page: PageText, text: BuiltinTextEncoder) -> list[tuple[int, int]]:
    """Return spans of the page's text, cut between words, each as many whole words as the model reads at once."""
    spans = page.spans.tolist()
    counts = text.count_tokens([page.text[start:end] for start, end in spans])
    windows: list[tuple[int, int]] = []
    room = 0
    for (start, end), count in zip(spans, counts, strict=True):
        if windows and count <= room:
            windows[-1] = (windows[-1][0], end)
        else:
            windows.append((start, end))
            room = text.max_tokens
        room -= count
    return windows


def _words(text: str) -> list[tuple[int, str]]:
    """Return the words between blanks, each with its place."""
    found: list[tuple[int, str]] = []
    position = 0
    for word in text.split():
        start = text.index(word, position)
        found.append((start, word))
        position = start + len(word)
    return found


def _has_sign(piece: str) -> bool:
    return any(character.isalnum() for character in piece)


def _bare(word: str) -> str:
    """Return a word without the punctuation around it; a word of nothing else as it stands."""
    signs = [position for position, character in enumerate(word) if character.isalnum()]
    return word[signs[0] : signs[-1] + 1] if signs else word
