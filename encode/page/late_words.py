"""The builtin `page` lane's encoder: late interaction over the words of a page, with the text encoder's token vectors.

ColBERT (Khattab and Zaharia, 2020) over a model that was not trained for it: the last layer of a builtin text encoder,
one vector per word piece, reduced to 128 dimensions. A page longer than the model's input is split into windows between
words. Punctuation and words without an index term (stop words) are encoded as context and then left out, which nearly
halves the storage; docs/LOG.md has measurements of the loss.

Rows are in reading order, and queries ask for a window: with an untrained model, MaxSim over a page's best 24
neighbouring rows finds more than MaxSim over all of them, because a long page has every word somewhere.

Queries are encoded without the function words of their own language too: a page in another language has nothing that
answers to them, and they drew questions to pages of lists and numbers (docs/LOG.md).
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pagelens.core.function_words import UNSPACED, detect_language, is_function_word
from pagelens.core.protocols import Analyzer
from pagelens.core.spaces import Space
from pagelens.core.types import PageText, QueryTokens, TokenMatrix, TokenVectors
from pagelens.core.word_breaks import join_with_offsets
from pagelens.encode.page.token_basis import BASES, DIM
from pagelens.encode.text.onnx_text_encoder import OnnxTextEncoder

WINDOW = 24  # rows; slightly better than the other values from 8 to 96
CACHED_WORDS = 100_000  # more than a book has different words
MAX_INFLECTION = 2  # hiragana of a Japanese token that is a particle or an ending

_HIRAGANA = re.compile("[\u3041-\u309f]+")


class BuiltinPageEncoder:
    """Encodes page texts and queries as many unit vectors of 128 dimensions.

    Implements `pagelens.core.protocols.PageTextEncoder`. Safe to share between threads.
    """

    def __init__(self, text: OnnxTextEncoder, analyze: Analyzer) -> None:
        """Use the tokens of `text`; words for which `analyze` returns no index term are left out."""
        self._text = text
        self._basis = BASES[text.space.model]
        self._has_term = lru_cache(CACHED_WORDS)(lambda word: bool(analyze(word)))
        options = f"tokens of {text.space.fingerprint}; window={text.max_tokens}; basis={self._basis.name}; terms only"
        self._space = Space(
            model=f"{text.space.model} tokens",
            revision=text.space.revision,
            dim=DIM,
            multi_vector=True,
            options=options,
        )

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def encode_texts(self, texts: Sequence[PageText]) -> list[TokenMatrix]:
        """Return the tokens of each page in reading order; a token's box is its word's. A page without words has none.

        Of a single word longer than 254 pieces only the first 254 are encoded.
        """
        windows = [_windows(page, self._text) for page in texts]
        read = [
            join_with_offsets(page.text, start, end)
            for page, spans in zip(texts, windows, strict=True)
            for start, end in spans
        ]
        tokens = self._text.encode_tokens([window.text for window in read])
        placed = iter([window.on_page(found) for found, window in zip(tokens, read, strict=True)])
        return [self._matrix(page, [next(placed) for _ in spans]) for page, spans in zip(texts, windows, strict=True)]

    def from_passages(self, page: PageText, passages: Sequence[tuple[int, int, TokenVectors]]) -> TokenMatrix:
        """Return the tokens of one page from those of its passages: (start, end, tokens), spans in the page's text.

        Of an overlap of two passages, each contributes the half that is farther from its end and has more context. The
        vectors belong to the same space as those of `encode_texts`.
        """
        kept = []
        for index, (start, end, tokens) in enumerate(passages):
            first = (start + passages[index - 1][1]) // 2 if index and passages[index - 1][1] > start else start
            following = passages[index + 1][0] if index + 1 < len(passages) else end
            last = (following + end) // 2 if following < end else end
            inside = (tokens.spans[:, 0] >= first) & (tokens.spans[:, 0] < last)
            kept.append(TokenVectors(tokens.vectors[inside], tokens.spans[inside]))
        return self._matrix(page, kept)

    def encode_queries(self, texts: Sequence[str]) -> list[QueryTokens]:
        """Return the tokens of each query, without function words and words that lack an index term unless it has no
        others."""
        return [
            self._query(text, tokens) for text, tokens in zip(texts, self._text.encode_query_tokens(texts), strict=True)
        ]

    def _matrix(self, page: PageText, windows: Sequence[TokenVectors]) -> TokenMatrix:
        if not windows:
            return TokenMatrix(np.zeros((0, DIM), np.float32), np.zeros((0, 4), np.float32))
        vectors = np.concatenate([tokens.vectors for tokens in windows])
        spans = np.concatenate([tokens.spans for tokens in windows])
        # Every token belongs to the last word that starts at or before it: windows are split between words.
        words = np.searchsorted(page.spans[:, 0], spans[:, 0], side="right") - 1
        keep = self._kept(page.text, spans, page.spans[words])
        return TokenMatrix(self._basis.project(vectors[keep]), np.asarray(page.boxes[words[keep]], np.float32))

    def _query(self, text: str, tokens: TokenVectors) -> QueryTokens:
        ends = np.array([(start, start + len(word)) for start, word in _words(text)], np.int32).reshape(-1, 2)
        words = np.searchsorted(ends[:, 0], tokens.spans[:, 0], side="right") - 1
        keep = self._kept(text, tokens.spans, ends[words]) & _describing(text, tokens.spans, ends[words])
        if not keep.any():
            keep = np.ones(len(words), bool)
        query_words = [_bare(text[start:end]) for start, end in ends[words[keep]]]
        return QueryTokens(self._basis.project(tokens.vectors[keep]), query_words, window=WINDOW)

    def _kept(self, text: str, spans: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return (n,): whether each token has a letter or digit and its word a term. Both arguments are (n, 2)."""
        pairs = zip(spans.tolist(), words.tolist(), strict=True)
        kept = [_has_alphanumeric(text[a:b]) and self._has_term(text[start:end]) for (a, b), (start, end) in pairs]
        return np.array(kept, bool)


def _windows(page: PageText, text: OnnxTextEncoder) -> list[tuple[int, int]]:
    """Return spans of the page's text, each with as many whole words as the model reads at once."""
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
    """Return the words between blanks, each with its start."""
    words: list[tuple[int, str]] = []
    position = 0
    for word in text.split():
        start = text.index(word, position)
        words.append((start, word))
        position = start + len(word)
    return words


def _describing(text: str, spans: NDArray[np.int32], words: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return (n,): whether each token is of no function word of the query's language. Both arguments are (n, 2).

    Where words are not separated by blanks, the tokens themselves are looked up. English is left to the analyzer.
    """
    language = detect_language(text)
    if language in (None, "en"):
        return np.ones(len(spans), bool)
    units = spans if language in UNSPACED else words
    return np.array([_describes(text[start:end], language) for start, end in units.tolist()], bool)


def _describes(word: str, language: str) -> bool:
    is_inflection = language == "ja" and len(word) <= MAX_INFLECTION and _HIRAGANA.fullmatch(word) is not None
    return not is_inflection and not is_function_word(_bare(word).lower(), language)


def _has_alphanumeric(piece: str) -> bool:
    return any(character.isalnum() for character in piece)


def _bare(word: str) -> str:
    """Return a word without the punctuation around it; a word of punctuation only is returned unchanged."""
    positions = [position for position, character in enumerate(word) if character.isalnum()]
    return word[positions[0] : positions[-1] + 1] if positions else word
