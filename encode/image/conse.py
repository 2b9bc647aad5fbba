"""The image encoder that works straight from the install: ConSE over EfficientNet-Lite, no torch, no hub.

ConSE (Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings", 2013) puts a picture where the
names of what a classifier believes to see stand in a text encoder's space, each weighted by its belief. Here two small
classifiers look, all 1,000 probabilities count, softened by a temperature of 2, and the mean of all classes is taken off,
which the published form does not do; what each of these steps is worth stands in docs/models/builtin-image.md.

It knows the 1,000 kinds of things that ImageNet names: no actions, colours, places, people or text. It always finds
something; nothing in its scores says that there is nothing to be found.
"""

import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from pagelens.core.protocols import TextEncoder
from pagelens.core.settings import Settings
from pagelens.core.spaces import Space
from pagelens.core.types import Guess, ImageArray
from pagelens.encode.batching import unit_rows, usable_cores
from pagelens.encode.image.efficientnet import CLASSES, FEATURES, LITE0, LITE2, EfficientNetLite
from pagelens.encode.weights import wheel_file

log = logging.getLogger(__name__)

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
class ImageFeatures:
    """What one look at some pictures gives."""

    vectors: NDArray[np.float32]  # (n_pictures, dim), unit: to be compared with text queries
    features: NDArray[np.float32]  # (n_pictures, 1280), unit: to be compared with other pictures' features
    probabilities: NDArray[np.float32]  # (n_pictures, 1000), each row sums to 1

    def guesses(self, k: int = 3) -> list[list[Guess]]:
        """Return for each picture the `k` classes most believed in, best first."""
        return [top_labels(row, k) for row in self.probabilities]


def check_wheels(*, site: Path | None = None) -> Path:
    """Return where the weights are, with every pinned file checked. Raises WeightsError."""
    return [wheel_file(*variant.pin, site=site) for variant in (LITE0, LITE2)][-1]


@cache
def image_classes() -> tuple[ImageClass, ...]:
    """Return the 1,000 classes in the order of the network's scores."""
    lines = _CLASSES.read_text("utf-8").splitlines()
    classes = tuple(ImageClass(*line.split("\t")) for line in lines)
    assert len(classes) == CLASSES, len(classes)
    return classes


@dataclass(frozen=True, slots=True)
class ConSEModels:
    """What pictures are looked at with, and where each class stands in the text encoder's space."""

    networks: Sequence[EfficientNetLite]  # the last one's features are kept
    class_vectors: NDArray[np.float32]  # (1000, dim)


class ConSEImageEncoder:
    """Pictures and texts to vectors of the builtin text encoder's space, moved by a constant.

    Implements `pagelens.core.protocols.ImageEncoder`; `outputs` and `see` are its own. A text's vector is the text
    encoder's own, so one query vector serves the text and the image lane. Safe to share between threads.
    """

    def __init__(self, text: TextEncoder, load_models: Callable[[], ConSEModels]) -> None:
        """`load_models` is called when the first picture comes: a query in words needs no network."""
        self._text = text
        self._load_models = load_models
        self._lock = Lock()
        self._models: ConSEModels | None = None
        weights = "+".join(variant.pin[3][:12] for variant in (LITE0, LITE2))
        options = f"T={TEMPERATURE:g}; centred; classes={_texts_hash()}; text={text.space.fingerprint}"
        self._space = Space(MODEL, revision=weights, dim=text.space.dim, options=options)

    @classmethod
    def load(
        cls, settings: Settings, text: TextEncoder, *, cache: Path, site: Path | None = None
    ) -> "ConSEImageEncoder":
        """Return the encoder; networks and class vectors are loaded with the first picture, and may raise WeightsError.

        `cache` is a folder for the classes' vectors. What it lacks is encoded and kept there: about
        4 CPU-s, once.
        """
        workers = settings.threads or usable_cores()

        def load_models() -> ConSEModels:
            networks = [EfficientNetLite.load(variant, workers=workers, site=site) for variant in (LITE0, LITE2)]
            return ConSEModels(networks, load_class_vectors(text, cache))

        return cls(text, load_models)

    @property
    def space(self) -> Space:
        """The space of every vector returned; not the text encoder's, though a query's vector is the same in both."""
        return self._space

    def encode_images(self, pictures: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_pictures, 384), each row of length 1."""
        return self.encode_features(pictures).vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, 384), each row of length 1: what the text encoder makes of the texts."""
        return self._text.encode_queries(texts)

    @property
    def feature_encoder(self) -> "PooledFeatureEncoder":
        """The encoder of the pooled features alone, for image queries."""
        return PooledFeatureEncoder(self)

    def encode_features(self, pictures: Sequence[ImageArray]) -> ImageFeatures:
        """Return vectors, features and probabilities of each picture from one look, in the order given."""
        models = self._loaded_models()
        outputs = [network.predict(pictures) for network in models.networks]
        scores = np.mean([output.scores for output in outputs], axis=0)
        centred = models.class_vectors - models.class_vectors.mean(axis=0)
        vectors = unit_rows(softmax(scores / TEMPERATURE) @ centred)
        return ImageFeatures(vectors, unit_rows(outputs[-1].features), softmax(scores))

    def pooled_features(self, pictures: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_pictures, 1280), each row of length 1: what `see` finds too, at two thirds of the cost."""
        return unit_rows(self._loaded_models().networks[-1].predict(pictures).features)

    def _loaded_models(self) -> ConSEModels:
        with self._lock:
            self._models = self._models or self._load_models()
            return self._models


class PooledFeatureEncoder:
    """Pictures to the network's pooled features: near where pictures look alike, whatever they show.

    Implements `pagelens.core.protocols.PixelEncoder`.
    """

    def __init__(self, encoder: ConSEImageEncoder) -> None:
        self._encoder = encoder
        self._space = Space(f"{LITE2.name} features", revision=LITE2.pin[3], dim=FEATURES)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def encode_images(self, pictures: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_pictures, 1280), each row of length 1."""
        return self._encoder.pooled_features(pictures)


def top_labels(probabilities: NDArray[np.float32], k: int) -> list[Guess]:
    """Return the `k` classes most believed in, by name, best first. `probabilities` is (1000,)."""
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [Guess(image_classes()[row].name, float(probabilities[row])) for row in best]


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scores (n, 1000) as probabilities, each row summing to 1."""
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
