"""Photo search with the builtin encoders: text to photo and photo to photo, on the development photos.

    python -m benchmarks.photos

Text to photo: the queries are the five captions of each of 1,000 photos. Photo to photo: the queries are damaged copies
of the photos. Prints the tables of docs/models/builtin-image.md.
"""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.development_set import DATA
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray
from pagelens.encode.batching import unit_rows
from pagelens.encode.image.conse import TEMPERATURE, ConSEImageEncoder, image_classes, load_class_vectors, softmax
from pagelens.encode.image.efficientnet import LITE0, LITE2, EfficientNetLite
from pagelens.encode.text.minilm import BuiltinTextEncoder

PHOTOS = DATA / "photos-dev"
RANKS = (1, 5, 10)
HEAD = "R@1 | R@5 | R@10"
SEED = 0


def main() -> None:
    """Print both tables, and what a photo costs."""
    if not PHOTOS.is_dir():
        sys.exit(f"expected the development photos at {PHOTOS.resolve()}, found none: nothing measured")
    rows = [json.loads(line) for line in (PHOTOS / "captions.jsonl").read_text("utf-8").splitlines()]
    pictures = [np.asarray(Image.open(PHOTOS / "photos" / row["photo"]).convert("RGB")) for row in rows]
    text = BuiltinTextEncoder.load(Settings(threads=1))
    scores = {net.name: EfficientNetLite.load(net).predict(pictures).scores for net in (LITE0, LITE2)}
    encoder = ConSEImageEncoder.load(Settings(threads=1), text, cache=Settings.from_environment(os.environ).cache)
    start = time.process_time()
    output = encoder.encode_features(pictures)
    cost = (time.process_time() - start) / len(pictures)

    captions = [(number, caption) for number, row in enumerate(rows) for caption in row["captions"]]
    targets = np.array([number for number, _ in captions])
    queries = encoder.encode_queries([caption for _, caption in captions])
    print(f"{len(pictures)} photos, {len(captions)} captions; {1000 * cost:.1f} CPU-ms a photo\n")
    print(f"| text to photo | {HEAD} |\n|---|" + "---|" * len(RANKS))
    print(f"| chance | {' | '.join(f'{100 * rank / len(pictures):.1f}' for rank in RANKS)} |")
    for name, vectors in _other_forms(text, scores).items():
        _print_row(name, queries @ vectors.T, targets)
    _print_row("ConSE as shipped: both networks", queries @ output.vectors.T, targets)
    _print_row(
        "a class's name, to any photo predicted to be of it",
        *_class_names(encoder, output.probabilities, output.vectors),
    )

    print(f"\n| photo to photo, by features | {HEAD} |\n|---|" + "---|" * len(RANKS))
    for name, damage in damages().items():
        copies = encoder.feature_encoder.encode_images([damage(picture) for picture in pictures])
        _print_row(name, copies @ output.features.T, np.arange(len(pictures)))


def _other_forms(text: BuiltinTextEncoder, scores: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return the photos' vectors (n_photos, 384) by the name of their row, from the published form up to each step."""
    prompted = text.encode_passages([f"a photo of a {image_class.name}" for image_class in image_classes()])
    defined = load_class_vectors(text, Settings.from_environment(os.environ).cache)
    forms: dict[str, NDArray[np.float32]] = {}
    for name, class_scores in scores.items():
        probabilities = softmax(class_scores)
        lowest = np.argsort(-probabilities, axis=1)[:, 10:]
        first = probabilities.copy()
        np.put_along_axis(first, lowest, 0, axis=1)
        soft = softmax(class_scores / TEMPERATURE)
        forms[f"ConSE as published (first 10 classes, temperature 1), {name}"] = unit_rows(first @ prompted)
        tuned = soft @ (prompted - prompted.mean(axis=0))
        forms[f"all classes, temperature {TEMPERATURE:g}, mean removed, {name}"] = unit_rows(tuned)
        forms[f"... and WordNet's definitions, {name}"] = unit_rows(soft @ (defined - defined.mean(axis=0)))
    return forms


def _class_names(
    encoder: ConSEImageEncoder, probabilities: NDArray[np.float32], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return similarities and targets for the names of classes that some photo is believed most to be of.

    The target of a name is the photo of its class that comes first, so a row says how often any does.
    """
    best = probabilities.argmax(axis=1)
    classes = np.unique(best)
    similarity = encoder.encode_queries([image_classes()[row].name for row in classes]) @ vectors.T
    own = np.where(best[None, :] == classes[:, None], similarity, -np.inf)
    return similarity, own.argmax(axis=1)


def damages() -> dict[str, Callable[[ImageArray], ImageArray]]:
    """Return ways to make a copy that is not the photo, by name."""
    random = np.random.default_rng(SEED)

    def half_crop(picture: ImageArray) -> ImageArray:
        """Half of the area, anywhere in the picture."""
        height, width = (int(size * 0.5**0.5) for size in picture.shape[:2])
        y, x = random.integers(picture.shape[0] - height), random.integers(picture.shape[1] - width)
        return np.ascontiguousarray(picture[y : y + height, x : x + width])

    return {
        "JPEG at quality 15": lambda picture: jpeg(picture, quality=15),
        "half of the area, cut out anywhere": half_crop,
        "half of the area, then JPEG at quality 15": lambda picture: jpeg(half_crop(picture), quality=15),
        "mirrored": lambda picture: np.ascontiguousarray(picture[:, ::-1]),
        "shrunk to a quarter of its width": shrunk,
    }


def jpeg(picture: ImageArray, *, quality: int) -> ImageArray:
    """Return a picture as JPEG leaves it."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def shrunk(picture: ImageArray) -> ImageArray:
    """Return a picture at a quarter of its width and height."""
    height, width = picture.shape[:2]
    return np.asarray(Image.fromarray(picture).resize((width // 4, height // 4), Image.Resampling.LANCZOS))


def _print_row(name: str, similarity: NDArray[np.float32], targets: NDArray[np.int64]) -> None:
    print(f"| {name} | {' | '.join(f'{value:.1f}' for value in recall(similarity, targets))} |", flush=True)


def recall(similarity: NDArray[np.float32], targets: NDArray[np.int64], ranks: Sequence[int] = RANKS) -> list[float]:
    """Return, in percent, how often the row's wanted column is among its first `ranks`; ties count for it."""
    own = similarity[np.arange(len(targets)), targets]
    better = (similarity > own[:, None]).sum(axis=1)
    return [100 * float(np.mean(better < rank)) for rank in ranks]


if __name__ == "__main__":
    main()
