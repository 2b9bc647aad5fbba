"""Labels of photos by words: precision and recall of 30 classes on the development photos, and what labelling costs.

    python -m benchmarks.labels [--clip NAME] [--recall 0.5]

A photo has a class if one of its five captions holds the word or its plural; captions leave things out, so precision is
a lower bound. Thresholds are fitted to four fifths of the photos and measured on the last fifth, in turn. Beside them:
labelling every photo ("always yes"), the average precision of random scores ("chance"), and two probabilities that are
not the ones in use: of the word without templates, and the cosine alone. `--clip` measures an image encoder of that
name or folder instead of the builtin one. Last: photos and vectors a second on this machine.
"""

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.development_set import DATA
from pagelens.api.engine.embedding import IMAGE_SIDE
from pagelens.core.labels import LabelCriterion
from pagelens.core.protocols import LabelEncoder
from pagelens.core.settings import Settings
from pagelens.core.types import ImageArray
from pagelens.encode.batching import usable_cores
from pagelens.encode.image.zero_shot import NEUTRAL, ZeroShotClassifier, class_probabilities, class_vectors, mean_unit
from pagelens.encode.loading import (
    BUILTIN,
    load_builtin_image_encoder,
    load_builtin_text_encoder,
    load_image_encoder,
)
from pagelens.evals.datasets.judged_photos import read_judged_photos
from pagelens.evals.measures.label_thresholds import LabelQuality, average_precision, label_quality, photo_folds
from pagelens.index.lexical.folding import fold

PHOTOS = DATA / "photos-dev"
WORDS = (
    "dog", "man", "woman", "boy", "girl", "child", "water", "grass", "field", "ball",
    "street", "beach", "snow", "ocean", "bike", "hat", "rock", "mountain", "skateboard", "car",
    "tree", "soccer", "football", "wave", "pool", "bird", "horse", "motorcycle", "swing", "boat",
)  # fmt: skip
"""Nouns of the captions, by the number of photos: from the most frequent one to those with some ten photos."""

CHANCE_RUNS = 20
VECTORS = 100_000  # labelled to measure the throughput
BATCH = 64  # photos in memory at once


def main() -> None:
    """Print the table and the throughput."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", help="an image encoder by name or folder; the builtin one if left out")
    parser.add_argument("--recall", type=float, help="fit the highest threshold with this recall, not the best F1")
    options = parser.parse_args()
    if not PHOTOS.is_dir():
        sys.exit(f"expected the development photos at {PHOTOS.resolve()}, found none: nothing measured")
    rules = [LabelCriterion(name=word, positive=(word,)) for word in WORDS]
    judged = read_judged_photos(PHOTOS / "captions.jsonl", rules)
    names = sorted(judged)
    encoder = _encoder(options.clip)
    vectors, seconds = _encoded(encoder, names)
    truth = np.array([[fold(rule.name) in judged[name] for rule in rules] for name in names])
    values = ZeroShotClassifier(encoder, rules).probabilities(vectors).values
    _print_qualities(_qualities(rules, values, truth, names, options.recall), truth)
    print("\n| probability | mean AP |\n|---|---|")
    for form, scores in _forms(encoder, rules, vectors, values).items():
        print(f"| {form} | {100 * _mean_ap(scores, truth):.1f} |")
    _print_throughput(encoder, rules, len(names) / seconds)


def _encoder(name: str | None) -> LabelEncoder:
    settings = Settings.from_environment(os.environ)
    if name is not None:
        return load_image_encoder(name, settings)
    return load_builtin_image_encoder(settings, load_builtin_text_encoder(BUILTIN, settings))


def _encoded(encoder: LabelEncoder, names: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    """Return the vectors of photos, and the seconds that their encoding took (without reading the files)."""
    rows, seconds = [], 0.0
    for start in range(0, len(names), BATCH):
        images = [_photo(name) for name in names[start : start + BATCH]]
        began = time.perf_counter()
        rows.append(encoder.encode_images(images))
        seconds += time.perf_counter() - began
    return np.concatenate(rows), seconds


def _photo(name: str) -> ImageArray:
    with Image.open(PHOTOS / "photos" / name) as image:
        picture = image.convert("RGB")
    picture.thumbnail((IMAGE_SIDE, IMAGE_SIDE))
    return np.asarray(picture)


def _qualities(
    rules: Sequence[LabelCriterion],
    values: NDArray[np.float32],
    truth: NDArray[np.bool_],
    names: Sequence[str],
    recall: float | None,
) -> list[LabelQuality]:
    folds = photo_folds(names)
    return [
        label_quality(rule.name, values[:, column], truth[:, column], folds, recall=recall)
        for column, rule in enumerate(rules)
    ]


def _print_qualities(qualities: Sequence[LabelQuality], truth: NDArray[np.bool_]) -> None:
    random = np.random.default_rng(0)
    print(f"{qualities[0].photos} photos, {len(qualities)} words; percent, cross-validated\n")
    print("| word | photos | precision | recall | F1 | AP | always yes: precision | F1 | chance: AP |")
    print("|---|---|---|---|---|---|---|---|---|")
    rows = []
    for column, one in enumerate(qualities):
        runs = [
            average_precision(random.random(one.photos).astype(np.float32), truth[:, column])
            for _ in range(CHANCE_RUNS)
        ]
        always = 2 * one.always_yes / (one.always_yes + 1)
        shares = [one.precision, one.recall, one.f1, one.average_precision, one.always_yes, always]
        rows.append([*shares, float(np.mean(runs))])
        print(f"| {one.label} | {one.positives} | {' | '.join(f'{100 * share:.1f}' for share in rows[-1])} |")
    print(f"| mean | | {' | '.join(f'{100 * share:.1f}' for share in np.mean(rows, axis=0))} |")


def _forms(
    encoder: LabelEncoder, rules: Sequence[LabelCriterion], vectors: NDArray[np.float32], values: NDArray[np.float32]
) -> Mapping[str, NDArray[np.float32]]:
    plain = class_vectors(encoder, rules, ["{}"])
    neutral = mean_unit(encoder.encode_queries(NEUTRAL))
    ensemble = class_vectors(encoder, rules)
    forms = {"as shipped: templates, softmax": values, "templates, cosine": vectors @ ensemble.T}
    forms["the word alone, softmax"] = class_probabilities(vectors, plain, neutral, encoder.logit_scale)
    forms["the word alone, cosine"] = vectors @ plain.T
    for factor in (0.25, 0.5, 2.0, 4.0):
        scale = factor * encoder.logit_scale
        forms[f"templates, softmax at scale {scale:g}"] = class_probabilities(vectors, ensemble, neutral, scale)
    return forms


def _mean_ap(scores: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    return float(np.mean([average_precision(scores[:, n], truth[:, n]) for n in range(truth.shape[1])]))


def _print_throughput(encoder: LabelEncoder, rules: Sequence[LabelCriterion], photos_per_second: float) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(VECTORS, encoder.space.dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    began = time.perf_counter()
    classifier = ZeroShotClassifier(encoder, rules)
    prepared = time.perf_counter()
    classifier.probabilities(vectors).assigned()
    done = time.perf_counter()
    print(f"\n{encoder.space.model} on {usable_cores()} cores: {photos_per_second:.1f} photos a second encoded;")
    print(f"descriptions of {len(rules)} labels encoded in {prepared - began:.2f} s;")
    print(f"{VECTORS / (done - prepared):,.0f} stored vectors a second labelled with {len(rules)} labels")


if __name__ == "__main__":
    main()
