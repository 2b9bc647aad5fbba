"""Photo search with the builtin encoders: text to photo and photo to photo, on the development photos.

    python -m benchmarks.photos

Text to photo: the queries are the five captions of each of 1,000 photos. Photo to caption: the queries are the photos.
Photo to photo: the queries are damaged copies of the photos. Photo less photo: the queries are a photo and one to be
unlike. Photo and words: a part of a photo and a caption. Prints the tables of docs/models/builtin-image.md.
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
from pagelens.encode.image.conse import (
    TEMPERATURE,
    ConSEImageEncoder,
    ImageFeatures,
    image_classes,
    load_class_vectors,
    softmax,
)
from pagelens.encode.image.efficientnet import LITE0, LITE2, EfficientNetLite
from pagelens.encode.text.minilm import BuiltinTextEncoder
from pagelens.retrieve.fusion import K
from pagelens.retrieve.lanes import UNLIKE_WEIGHT, compose

PHOTOS = DATA / "photos-dev"
RANKS = (1, 5, 10)
HEAD = "R@1 | R@5 | R@10"
SEED = 0
UNLIKE_MEANING = 0.3  # the cosine of two photos' captions below which they show different things


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

    print(f"\n| photo to any of its five captions | {HEAD} |\n|---|" + "---|" * len(RANKS))
    to_captions = best_of_captions(output.vectors @ queries.T, targets)
    _print_row("ConSE as shipped", *to_captions)

    meanings = np.zeros((len(pictures), queries.shape[1]), np.float32)
    np.add.at(meanings, targets, queries)
    _print_unlike(output.features, unit_rows(meanings))
    _print_text_shares(encoder, pictures, output, queries[::5])

    print(f"\n| photo to photo, by features | {HEAD} |\n|---|" + "---|" * len(RANKS))
    for name, damage in damages().items():
        copies = encoder.feature_encoder.encode_images([damage(picture) for picture in pictures])
        _print_row(name, copies @ output.features.T, np.arange(len(pictures)))


def best_of_captions(
    similarity: NDArray[np.float32], owners: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return similarities and targets for `recall`: the target of a photo (row) is the best of its own captions."""
    own = np.where(owners[None, :] == np.arange(len(similarity))[:, None], similarity, -np.inf)
    return similarity, own.argmax(axis=1)


def _print_unlike(features: NDArray[np.float32], meanings: NDArray[np.float32]) -> None:
    """Print what subtracting a photo does to the 10 nearest others, by the cosine of their captions' mean vectors.

    The photo to be unlike is that of the 10 nearest whose captions are least alike, where the cosine is below 0.3.
    """
    near, meaning = features @ features.T, meanings @ meanings.T
    nearest = np.argsort(-near, axis=1)[:, 1:11]
    unlike = np.take_along_axis(nearest, np.take_along_axis(meaning, nearest, 1).argmin(1)[:, None], 1)[:, 0]
    pairs = [(row, other) for row, other in enumerate(unlike) if meaning[row, other] < UNLIKE_MEANING]
    print(f"\n| weight of the photo to be unlike ({len(pairs)} pairs) | cosine with the photo | with the other |")
    print("|---|---|---|")
    for weight in (0.0, 0.25, UNLIKE_WEIGHT, 0.75, 1.0):
        alike = []
        for row, other in pairs:
            scores = features @ (features[row] - weight * features[other])
            scores[[row, other]] = -np.inf
            best = np.argsort(-scores)[:10]
            alike.append((meaning[row, best].mean(), meaning[other, best].mean()))
        like, less = np.mean(alike, axis=0)
        print(f"| {weight:g} | {like:.3f} | {less:.3f} |", flush=True)


def _print_text_shares(
    encoder: ConSEImageEncoder, pictures: Sequence[ImageArray], output: ImageFeatures, captions: NDArray[np.float32]
) -> None:
    """Print how often a quarter of a photo and its first caption find it, by the share of the words.

    Fused as in a search of photos without texts: the `image` lane has words and picture in one vector, the `visual`
    lane the picture.
    """
    parts = encoder.encode_features([_quarter(picture) for picture in pictures])
    by_features = parts.features @ output.features.T
    print(f"\n| share of the words | {HEAD} |\n|---|" + "---|" * len(RANKS))
    for share in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0):
        words = compose_rows(captions, parts.vectors, share) @ output.vectors.T
        fused = scaled_shares(words) * 4 + scaled_shares(by_features) * 8 * (1 - share)
        _print_row(f"{share:g}", fused, np.arange(len(pictures)))


def compose_rows(texts: NDArray[np.float32], images: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Return `retrieve.lanes.compose` of each pair of rows."""
    return np.stack([compose(text, image, weight=share) for text, image in zip(texts, images, strict=True)])


def scaled_shares(similarity: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what each photo gets of a ranking in the fusion, scaled by its score, for each query (row)."""
    ranks = (-similarity).argsort(axis=1).argsort(axis=1) + 1
    low, high = similarity.min(axis=1, keepdims=True), similarity.max(axis=1, keepdims=True)
    return np.asarray((similarity - low) / (high - low) / (K + ranks), np.float32)


def _quarter(picture: ImageArray) -> ImageArray:
    """Return the middle quarter of a picture's area."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[height // 4 : height * 3 // 4, width // 4 : width * 3 // 4])


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
