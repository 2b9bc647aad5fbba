"""The builtin image encoder: ConSE over EfficientNet-Lite; needs no torch and no download.

ConSE (Norouzi et al., "Zero-shot learning by convex combination of semantic embeddings", 2013) represents an image as
the mean of the text vectors of a classifier's class names, weighted by their probabilities. This version averages the
scores of two small classifiers, uses all 1,000 probabilities at a temperature of 2, and subtracts the mean of all
class vectors. The last step is not in the paper; docs/models/builtin-image.md has measurements of each step.

Its knowledge is limited to ImageNet's 1,000 kinds of things: no actions, colours, places, people or text. It always
ranks some images first, and its scores do not show whether any of them fits.
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
from pagelens.encode.batching import check_templates, unit_rows, usable_cores
from pagelens.encode.image.efficientnet import CLASSES, FEATURES, LITE0, LITE2, EfficientNetLite
from pagelens.encode.weights import wheel_file

log = logging.getLogger(__name__)

LOGIT_SCALE = 10.0  # of cosines with texts; measured, see docs/LOG.md
MODEL = "ConSE over EfficientNet-Lite0 + Lite2"
TEMPERATURE = 2.0
PROMPTS = ("a photo of a {name}", "a photo of a {name}: {definition}")

_CLASSES_FILE = Path(__file__).with_name("imagenet_classes.tsv")


@dataclass(frozen=True, slots=True)
class ImageClass:
    """One of ImageNet's classes: its WordNet id, its common name, and WordNet's definition."""

    synset: str
    name: str
    definition: str


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """What one forward pass returns for a sequence of images."""

    vectors: NDArray[np.float32]  # (n_images, dim), unit rows: to be compared with text queries
    features: NDArray[np.float32]  # (n_images, 1280), unit rows: to be compared with features of other images
    probabilities: NDArray[np.float32]  # (n_images, 1000), each row sums to 1

    def guesses(self, k: int = 3) -> list[list[Guess]]:
        """Return the `k` most probable classes of each image, best first."""
        return [top_labels(row, k) for row in self.probabilities]


def check_wheels(*, site: Path | None = None) -> Path:
    """Return the path of the weights after checking every pinned file. Raises WeightsError."""
    return [wheel_file(*variant.pin, site=site) for variant in (LITE0, LITE2)][-1]


@cache
def image_classes() -> tuple[ImageClass, ...]:
    """Return the 1,000 classes in the order of the network's scores."""
    lines = _CLASSES_FILE.read_text("utf-8").splitlines()
    classes = tuple(ImageClass(*line.split("\t")) for line in lines)
    assert len(classes) == CLASSES, len(classes)
    return classes


@dataclass(frozen=True, slots=True)
class ConSEModels:
    """The classifiers, and the vector of each class in the text encoder's space."""

    networks: Sequence[EfficientNetLite]  # `ImageFeatures.features` come from the last one
    class_vectors: NDArray[np.float32]  # (1000, dim)


class ConSEImageEncoder:
    """Encodes images in the builtin text encoder's space, shifted by a constant.

    Implements `pagelens.core.protocols.LabelEncoder`; `encode_features` and `feature_encoder` are additional. A text is
    encoded by the text encoder itself, so one query vector serves the text and the image lane. Safe to share between
    threads.
    """

    def __init__(
        self, text: TextEncoder, load_models: Callable[[], ConSEModels], *, templates: Sequence[str] = ("{}",)
    ) -> None:
        """`load_models` is called for the first image: text queries do not need the networks. Each text query is put
        into every template, and the vectors are averaged."""
        self._text = text
        self._load_models = load_models
        self._templates = tuple(templates)
        self._lock = Lock()
        self._models: ConSEModels | None = None
        weights = "+".join(variant.pin[3][:12] for variant in (LITE0, LITE2))
        options = f"T={TEMPERATURE:g}; centred; classes={_texts_hash()}; text={text.space.fingerprint}"
        self._space = Space(model=MODEL, revision=weights, dim=text.space.dim, options=options)

    @classmethod
    def load(
        cls, settings: Settings, text: TextEncoder, *, cache: Path, site: Path | None = None
    ) -> "ConSEImageEncoder":
        """Return the encoder. Networks and class vectors are loaded with the first image, which may raise WeightsError.

        `cache` is a folder for the class vectors. They are computed once, in about 4 CPU-seconds, and stored there.
        """
        workers = settings.threads or usable_cores()

        def load_models() -> ConSEModels:
            networks = [EfficientNetLite.load(variant, workers=workers, site=site) for variant in (LITE0, LITE2)]
            return ConSEModels(networks, load_class_vectors(text, cache))

        return cls(text, load_models)

    @property
    def space(self) -> Space:
        """The space of every vector returned; not the text encoder's, although query vectors are the same in both."""
        return self._space

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, 384), each row of length 1."""
        return self.encode_features(images).vectors

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, 384), each row of length 1: the text encoder's query vectors."""
        if self._templates == ("{}",):
            return self._text.encode_queries(texts)
        prompts = [template.replace("{}", text) for text in texts for template in self._templates]
        rows = self._text.encode_queries(prompts)
        return unit_rows(rows.reshape(len(texts), len(self._templates), -1).mean(axis=1)) if len(texts) else rows

    @property
    def logit_scale(self) -> float:
        """A measured scale: the text encoder was not trained on images, and has none."""
        return LOGIT_SCALE

    def with_templates(self, templates: Sequence[str]) -> "ConSEImageEncoder":
        """Return an encoder with the same models that averages each text query over templates. Raises UsageError."""
        check_templates(templates)
        return ConSEImageEncoder(self._text, self._loaded_models, templates=templates)

    @property
    def feature_encoder(self) -> "PooledFeatureEncoder":
        """The encoder of the pooled features alone, for image queries."""
        return PooledFeatureEncoder(self)

    def encode_features(self, images: Sequence[ImageArray]) -> ImageFeatures:
        """Return vectors, features and class probabilities of each image from one forward pass, in the order given."""
        models = self._loaded_models()
        outputs = [network.predict(images) for network in models.networks]
        scores = np.mean([output.scores for output in outputs], axis=0)
        centred = models.class_vectors - models.class_vectors.mean(axis=0)
        vectors = unit_rows(softmax(scores / TEMPERATURE) @ centred)
        return ImageFeatures(vectors, unit_rows(outputs[-1].features), softmax(scores))

    def pooled_features(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, 1280), unit rows: `encode_features(images).features` at two thirds of the cost."""
        return unit_rows(self._loaded_models().networks[-1].predict(images).features)

    def _loaded_models(self) -> ConSEModels:
        with self._lock:
            self._models = self._models or self._load_models()
            return self._models


class PooledFeatureEncoder:
    """Encodes images as the network's pooled features, which are close for images that look alike.

    Implements `pagelens.core.protocols.PixelEncoder`.
    """

    def __init__(self, encoder: ConSEImageEncoder) -> None:
        self._encoder = encoder
        self._space = Space(model=f"{LITE2.name} features", revision=LITE2.pin[3], dim=FEATURES)

    @property
    def space(self) -> Space:
        """The space of every vector returned."""
        return self._space

    def encode_images(self, images: Sequence[ImageArray]) -> NDArray[np.float32]:
        """Return (n_images, 1280), each row of length 1."""
        return self._encoder.pooled_features(images)


def top_labels(probabilities: NDArray[np.float32], k: int) -> list[Guess]:
    """Return the names of the `k` most probable classes, best first. `probabilities` is (1000,)."""
    best = np.argsort(-probabilities, kind="stable")[:k]
    return [Guess(image_classes()[row].name, float(probabilities[row])) for row in best]


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of scores (n, 1000); each row sums to 1."""
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def class_vectors(text: TextEncoder) -> NDArray[np.float32]:
    """Return (1000, dim), unit rows: each class in a text encoder's space, the mean over `PROMPTS`."""
    total = np.zeros((CLASSES, text.space.dim), np.float32)
    for texts in _prompts():
        total += text.encode_passages(texts)
    return unit_rows(total)


def load_class_vectors(text: TextEncoder, cache: Path) -> NDArray[np.float32]:
    """Return `class_vectors` from the folder `cache`; compute and store them if they are not there.

    The file's name has a hash of the class texts and the fingerprint of the space. If the folder cannot be written to,
    the vectors are computed again next time.
    """
    path = cache / f"conse-{_texts_hash()}-{text.space.fingerprint}.npy"
    try:
        cached = np.load(path, allow_pickle=False)
        if cached.shape == (CLASSES, text.space.dim) and cached.dtype == np.float32:
            return np.asarray(cached, np.float32)
    except (OSError, ValueError, EOFError):  # absent or truncated: computed again
        pass
    vectors = class_vectors(text)
    try:
        _write(path, vectors)
    except OSError as exc:
        log.info("class vectors not stored in %s: %s", cache, exc)
    return vectors


def _write(path: Path, vectors: NDArray[np.float32]) -> None:
    """Write the file atomically: other processes may read it, or write the same, at this moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as stream:
        np.save(stream, vectors)
    Path(stream.name).replace(path)


def _prompts() -> list[list[str]]:
    """Return the 1,000 texts of each prompt."""
    return [[p.format(name=c.name, definition=c.definition) for c in image_classes()] for p in PROMPTS]


def _texts_hash() -> str:
    """Return 12 hex digits that change if any class's text does."""
    return hashlib.sha256("\n".join(text for texts in _prompts() for text in texts).encode()).hexdigest()[:12]
