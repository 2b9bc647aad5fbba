"""The builtin dependency parser for English: spaCy's en_core_web_sm 3.8.0 in plain numpy; needs no spaCy, no download.

Four hashed features of each word and two flags are embedded and mixed by four convolutions of width 3 (Honnibal's
tok2vec); a linear layer on that gives the part of speech, and an arc-eager parser the head and the relation. Tags are
those of the Penn Treebank, relations those of ClearNLP. `benchmarks.build_dependency_parser` writes the weights from
the model's own files, in half precision (1.6 million numbers, 3 MB); governors, relations and tags agree with spaCy's.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pagelens.core.types import ParsedWord
from pagelens.encode.text.arc_eager import ParserState, unmoved
from pagelens.encode.weights import package_file

WEIGHTS = Path(__file__).with_name("dependency_parser.npz")
WEIGHTS_SHA256 = "db893b099f52238a73f9d1fd61880539f188ec727fc4e55a85f82c0326b0a5ab"
LAYERS = 4  # convolutions
FEATURES = 6  # norm, first letter, last three letters, shape, blank behind, is a blank
_PAD = 4  # zero rows on each side of a text, as spaCy pads its batches
_SEEDS = range(8, 8 + FEATURES)
_MASK = 2**64 - 1
_NORMS = {"n't": "not", "n’t": "not", "'ll": "will", "'re": "are", "'ve": "have", "'m": "am", "ca": "can", "wo": "will"}

Rows = NDArray[np.float32]


class BuiltinDependencyParser:
    """Parses English words into a tree. `weights` are the arrays of `dependency_parser.npz`."""

    def __init__(self, weights: dict[str, NDArray[np.generic]]) -> None:
        names = json.loads(bytes(weights["names"].tobytes()).decode())
        self._tags: Sequence[str] = names["tags"]
        self._actions: Sequence[tuple[int, str]] = [(action, label) for action, label in names["actions"]]
        keys: list[int] = weights["norm_keys"].tolist()
        self._norms: dict[int, str] = dict(zip(keys, names["norms"], strict=True))
        self._kinds = np.array([action for action, _ in self._actions])
        self._w: dict[str, Rows] = {
            name: np.asarray(rows, np.float32) for name, rows in weights.items() if name not in ("names", "norm_keys")
        }

    @classmethod
    def load(cls, *, sha256: str = WEIGHTS_SHA256) -> "BuiltinDependencyParser":
        """Load the weights that come with the package. Raises WeightsError if they have another digest."""
        package_file(WEIGHTS, sha256)
        with np.load(WEIGHTS, allow_pickle=False) as file:
            return cls(dict(file))

    def parse(self, words: Sequence[str], blank_behind: Sequence[bool]) -> list[ParsedWord]:
        """Return each word's tag, head and relation. `blank_behind`: whether a blank follows the word in the text."""
        if not words:
            return []
        vectors = self._vectors(words, blank_behind)  # (n_words, 96)
        tags = np.argmax(vectors @ self._w["tagger_w"].T + self._w["tagger_b"], axis=1)
        governors, labels = self._arcs(vectors)
        return [
            ParsedWord(tag=self._tags[tag], head=head, relation=label)
            for tag, head, label in zip(tags.tolist(), governors, labels, strict=True)
        ]

    def _vectors(self, words: Sequence[str], blank_behind: Sequence[bool]) -> Rows:
        """Return a vector of each word in its context, (n_words, 96)."""
        features = (self._features(word, blank) for word, blank in zip(words, blank_behind, strict=True))
        keys = np.array(list(features), np.uint64)  # (n_words, 6)
        embedded = []
        for at, seed in enumerate(_SEEDS):
            table = self._w[f"embed_{at}"]  # (n_rows, 96)
            embedded.append(table[_hash_rows(keys[:, at], seed) % len(table)].sum(axis=1))
        rows = np.pad(self._maxout("mix", np.concatenate(embedded, axis=1)), ((_PAD, _PAD), (0, 0)))
        for layer in range(LAYERS):
            around = np.pad(rows, ((1, 1), (0, 0)))
            window = np.concatenate([around[:-2], around[1:-1], around[2:]], axis=1)  # (n_rows, 3 * 96)
            rows = rows + self._maxout(f"layer_{layer}", window)
        return rows[_PAD:-_PAD]

    def _features(self, word: str, blank_behind: bool) -> tuple[int, ...]:
        norm = self._norms.get(hash_text(word)) or _NORMS.get(word.lower(), word.lower())
        return (*(hash_text(text) for text in (norm, word[:1], word[-3:], _shape(word))), int(blank_behind), 0)

    def _maxout(self, name: str, rows: Rows) -> Rows:
        """Return the greatest of three linear maps of each output, normalised over the outputs."""
        weights, bias = self._w[f"{name}_w"], self._w[f"{name}_b"]  # (96, 3, n_in), (96, 3)
        mapped = rows @ weights.reshape(-1, weights.shape[-1]).T + bias.reshape(-1)
        best = mapped.reshape(len(rows), *bias.shape).max(axis=2)
        centred = best - best.mean(axis=1, keepdims=True)
        scale = (best.var(axis=1, keepdims=True) + 1e-8) ** -0.5
        return np.asarray(centred * scale * self._w[f"{name}_gain"] + self._w[f"{name}_shift"], np.float32)

    def _arcs(self, vectors: Rows) -> tuple[list[int], list[str]]:
        w = self._w
        lower, bias = w["lower_w"], w["lower_b"]  # (8, 64, 2, 64), (64, 2)
        inputs = vectors @ w["parser_w"].T + w["parser_b"]  # (n_words, 64)
        by_place = (inputs @ lower.reshape(-1, lower.shape[-1]).T).reshape(len(vectors), *lower.shape[:3])
        by_place = np.concatenate([by_place, w["lower_pad"]])  # the last row is that of no word
        places = np.arange(lower.shape[0])
        state = ParserState(len(vectors))
        while not state.final:
            hidden = (by_place[state.context(), places].sum(axis=0) + bias).max(axis=1)  # (64,)
            scores = w["upper_w"] @ hidden + w["upper_b"]
            scores[~state.valid()[self._kinds]] = -np.inf
            state.apply(*self._actions[int(np.argmax(scores))])
        return unmoved(state.governors, state.labels)


def _shape(word: str) -> str:
    """Return "Xxxxx" for "Xerxes", "dddd" for "2019": at most four equal signs in a row."""
    if len(word) >= 100:
        return "LONG"
    signs = ["X" if c.isalpha() and c.isupper() else "x" if c.isalpha() else "d" if c.isdigit() else c for c in word]
    return "".join(sign for at, sign in enumerate(signs) if at < 4 or signs[at - 4 : at] != [sign] * 4)


@lru_cache(maxsize=65_536)
def hash_text(text: str) -> int:
    """Return MurmurHash64A with the seed 1, under which spaCy knows its words."""
    data = text.encode()
    if not data:
        return 0
    factor, result = 0xC6A4A7935BD1E995, (1 ^ (len(data) * 0xC6A4A7935BD1E995)) & _MASK
    whole = len(data) // 8 * 8
    for at in range(0, whole, 8):
        block = int.from_bytes(data[at : at + 8], "little") * factor & _MASK
        block = (block ^ (block >> 47)) * factor & _MASK
        result = (result ^ block) * factor & _MASK
    if whole < len(data):
        result = (result ^ int.from_bytes(data[whole:], "little")) * factor & _MASK
    result = (result ^ (result >> 47)) * factor & _MASK
    return result ^ (result >> 47)


def _hash_rows(keys: NDArray[np.uint64], seed: int) -> NDArray[np.int64]:
    """Return four rows of an embedding for each key, (n_keys, 4), by MurmurHash3 (x86, 128 bits) as thinc has it."""
    with np.errstate(over="ignore"):
        first = keys * np.uint64(0x87C37B91114253D5)
        first = (first << np.uint64(31)) | (first >> np.uint64(33))
        first = first * np.uint64(0x4CF5AD432745937F) ^ np.uint64(seed) ^ np.uint64(8)
        second = np.full_like(first, seed ^ 8)
        first = first + second
        second = second + first
        first, second = _mixed(first), _mixed(second)
        first = first + second
        second = second + first
    low, bits = np.uint64(0xFFFFFFFF), np.uint64(32)
    return np.stack([first & low, first >> bits, second & low, second >> bits], axis=1).astype(np.int64)


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        keys = (keys ^ (keys >> np.uint64(33))) * np.uint64(factor)
    return keys ^ (keys >> np.uint64(33))
