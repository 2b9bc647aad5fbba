"""What the builtin text encoders share: a BERT on onnxruntime that gives texts and their tokens vectors.

A query is encoded once for all lanes of a search, concurrent queries run as one batch, and batches run in parallel.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from pagelens.core.caching import LRUCache
from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.spaces import Space
from pagelens.core.types import TokenVectors
from pagelens.encode.batching import encodable, in_batches, stacked, unit_rows

# Padded tokens per batch. At 400, 512, 768, 1,024 and 2,048 MiniLM encodes 40, 40, 39, 38 and 34 passages of 160 tokens
# per CPU-second.
TOKEN_BUDGET = 512
CACHED_QUERIES = 32  # shared by the lanes of a search and by concurrent searches

T = TypeVar("T")
Hidden = NDArray[np.float32]  # (n_texts, n_tokens, dim)
Mask = NDArray[np.int64]  # (n_texts, n_tokens)


class OnnxTextEncoder(ABC):
    """Mean pooling over a BERT's last hidden states, and these states as vectors of the tokens.

    Implements `pagelens.core.protocols.TextEncoder`; the methods that return tokens are additional. Safe to share
    between threads.
    """

    query_prefix = ""
    passage_prefix = ""
    token_budget = TOKEN_BUDGET

    def __init__(self, space: Space, *, workers: int, micro_batching: bool) -> None:
        """`workers` batches run in parallel; with `micro_batching`, concurrent single queries run as one batch."""
        self._space = space
        self._workers = workers
        self._query_cache: LRUCache[tuple[NDArray[np.float32], TokenVectors]] = LRUCache(CACHED_QUERIES)
        self._micro_batcher = MicroBatcher[str, tuple[NDArray[np.float32], TokenVectors]]() if micro_batching else None

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def for_indexing(self) -> "OnnxTextEncoder":
        """Return an encoder of the same space for the passages of documents: a faster one, where there is one."""
        return self

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """The number of tokens read of a text, without special tokens and without the prefix."""

    @property
    @abstractmethod
    def _counter(self) -> Tokenizer:
        """A tokenizer that never truncates."""

    @abstractmethod
    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        """Return the tokens of texts with their prefix, special ones among them, at most as many as the model reads."""

    @abstractmethod
    def _hidden(self, ids: NDArray[np.int64], mask: Mask) -> Hidden:
        """Return the last hidden states for token ids (n_texts, n_tokens); padding has the id 0."""

    def _adjusted(self, vectors: NDArray[np.float32], _prefix: str) -> NDArray[np.float32]:
        """Return the vectors of texts that have a prefix, both (n_texts, dim), from the means of their tokens."""
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1."""
        if len(texts) == 1:
            return self._query(texts[0])[0].copy()
        return self._vectors(texts, self.query_prefix)

    def encode_query_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the tokens of queries; those of a query that another lane encoded recently come from a cache."""
        if len(texts) == 1:
            return [self._query(texts[0])[1]]
        return self._token_vectors(texts, self.query_prefix)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, dim), each row of length 1, in the order given."""
        return self._vectors(texts, self.passage_prefix)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the last layer's unit vectors of each passage's tokens, without special tokens, and the tokens' spans.

        At most `max_tokens` per text; a text without words has (0, dim). For late interaction (Khattab and Zaharia,
        "ColBERT", 2020) over a model that was not trained for it.
        """
        return self._token_vectors(texts, self.passage_prefix)

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenVectors]]:
        """Return the results of `encode_passages` and `encode_tokens` at the cost of one of them."""
        return self._vectors_and_tokens(texts, self.passage_prefix)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's number of tokens, without special tokens and prefix, and without a limit."""
        return _lengths(self._counter.encode_batch_fast(encodable(texts), add_special_tokens=False))

    def _query(self, text: str) -> tuple[NDArray[np.float32], TokenVectors]:
        return self._query_cache.get(text, lambda: self._fresh_query(text))

    def _fresh_query(self, text: str) -> tuple[NDArray[np.float32], TokenVectors]:
        if self._micro_batcher is not None:
            return self._micro_batcher(text, self._queries)
        [query] = self._queries([text])
        return query

    def _queries(self, texts: Sequence[str]) -> list[tuple[NDArray[np.float32], TokenVectors]]:
        """Return vector (1, dim) and tokens of each text; the tokens are read-only, because the cache shares them."""
        vectors, tokens = self._vectors_and_tokens(texts, self.query_prefix)
        for text_tokens in tokens:
            text_tokens.vectors.flags.writeable = text_tokens.spans.flags.writeable = False
        return [(vectors[row : row + 1], text_tokens) for row, text_tokens in enumerate(tokens)]

    def mean_vectors(self, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        """Return the means of the tokens of texts with a prefix, (n_texts, dim), each row of length 1."""
        return stacked(self._each(texts, prefix, lambda hidden, mask, *_: _means(hidden, mask)), self._space.dim)

    def _vectors(self, texts: Sequence[str], prefix: str) -> NDArray[np.float32]:
        return self._adjusted(self.mean_vectors(texts, prefix), prefix)

    def _token_vectors(self, texts: Sequence[str], prefix: str) -> list[TokenVectors]:
        return self._each(
            texts, prefix, lambda hidden, _, encodings, read: _tokens(hidden, encodings, read, len(prefix))
        )

    def _vectors_and_tokens(self, texts: Sequence[str], prefix: str) -> tuple[NDArray[np.float32], list[TokenVectors]]:
        def both(
            hidden: Hidden, mask: Mask, encodings: list[Encoding], read: list[str]
        ) -> list[tuple[NDArray[np.float32], TokenVectors]]:
            return list(zip(_means(hidden, mask), _tokens(hidden, encodings, read, len(prefix)), strict=True))

        pairs = self._each(texts, prefix, both)
        means = stacked([mean for mean, _ in pairs], self._space.dim)
        return self._adjusted(means, prefix), [tokens for _, tokens in pairs]

    def _each(
        self, texts: Sequence[str], prefix: str, pool: Callable[[Hidden, Mask, list[Encoding], list[str]], Sequence[T]]
    ) -> list[T]:
        """Return the result of `pool` for each text, in the order given.

        `pool` takes the hidden states, mask, encodings and texts (with their prefix) of a batch and returns one result
        per text.
        """
        read = encodable([prefix + text for text in texts])
        encodings = self._encodings(read)

        def run(batch: list[int]) -> Sequence[T]:
            batch_encodings = [encodings[index] for index in batch]
            return pool(*self._forward(batch_encodings), batch_encodings, [read[index] for index in batch])

        return in_batches(_lengths(encodings), run, budget=self.token_budget, workers=self._workers)

    def _forward(self, encodings: Sequence[Encoding]) -> tuple[Hidden, Mask]:
        """Return the last hidden states (n_texts, n_tokens, dim) and the attention mask (n_texts, n_tokens)."""
        ids = np.zeros((len(encodings), max(_lengths(encodings))), np.int64)
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = encoding.ids
            mask[row, : len(encoding)] = 1
        return self._hidden(ids, mask), mask


def _lengths(encodings: Sequence[Encoding]) -> list[int]:
    return [len(encoding) for encoding in encodings]


def _means(hidden: Hidden, mask: Mask) -> list[NDArray[np.float32]]:
    """Return the mean over real tokens as unit rows; dividing the sum by their number is left out, as length is 1."""
    return list(unit_rows(np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))))


def _tokens(
    hidden: Hidden, encodings: Sequence[Encoding], texts: Sequence[str], prefix_length: int
) -> list[TokenVectors]:
    return [
        _tokens_of(row, encoding, text, prefix_length)
        for row, encoding, text in zip(hidden, encodings, texts, strict=True)
    ]


def _tokens_of(hidden: NDArray[np.float32], encoding: Encoding, text: str, prefix_length: int) -> TokenVectors:
    """Return the tokens of one text from its hidden states (n_padded, dim), without special tokens and prefix.

    SentencePiece's tokens begin with the blank before them, which their spans leave out; so do tokens of blanks alone.
    """
    offsets = encoding.offsets
    spans = np.asarray(offsets, np.int32).reshape(-1, 2)
    for row, (start, end) in enumerate(offsets):
        while start < end and text[start].isspace():
            start += 1
            spans[row, 0] = start
    keep = np.flatnonzero(
        (np.asarray(encoding.special_tokens_mask) == 0) & (spans[:, 0] >= prefix_length) & (spans[:, 0] < spans[:, 1])
    )
    return TokenVectors(unit_rows(hidden[keep]), spans[keep] - np.int32(prefix_length))
